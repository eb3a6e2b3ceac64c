//! Requests to a hub and to the storage it names.
//!
//! Redirects are followed by hand, because who may be asked what is the whole of the security here:
//!
//! | redirect from | to | followed | token |
//! |---|---|---|---|
//! | the endpoint | the endpoint | always | sent |
//! | the endpoint | another host | only for a file whose SHA-256 the endpoint itself states | not sent |
//! | another host | itself | always | not sent |
//! | another host | a third | never | – |
//! | `https` | `http` | never | – |
//!
//! "The endpoint" is scheme, host and port. The token goes there only through TLS, or where it stays on this machine.

use std::io::Read;
use std::time::Duration;

use ureq::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, LOCATION, RANGE, RETRY_AFTER};
use ureq::http::{HeaderMap, Response, Uri};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, BodyReader, Proxy};

use super::cache::io_error;
use super::checksum::Checksum;
use super::retry::Failure;
use super::status::{self, Sent};
use super::{RemoteOptions, Token};
use crate::{Error, ErrorKind};

const MAX_REDIRECTS: usize = 6;
/// What a hub says about a repository of some ten thousand files.
const MAX_ANSWER: u64 = 32 << 20;

/// Sends requests to one endpoint.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    endpoint: Uri,
    token: Option<Token>,
    timeout: Duration,
}

/// What is asked for, and what is known about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileRequest<'a> {
    /// Path and query below the endpoint, percent-encoded.
    pub(crate) path: &'a str,
    /// What the endpoint has said about the file's content, if it has.
    pub(crate) checksum: Option<&'a Checksum>,
    /// Bytes that are here already.
    pub(crate) offset: u64,
}

/// A file on its way.
pub(crate) struct FileAnswer {
    /// What the endpoint says about the content with this answer.
    pub(crate) checksum: Option<Checksum>,
    /// Length of the whole file, if it was said.
    pub(crate) size: Option<u64>,
    /// The commit the endpoint has taken the file from.
    pub(crate) commit: Option<String>,
    /// Where the body begins: the offset asked for, or 0 from a server that sends the whole file nevertheless.
    pub(crate) offset: u64,
    pub(crate) body: BodyReader<'static>,
}

impl Client {
    pub(crate) fn new(options: &RemoteOptions) -> Result<Self, Error> {
        let address = options.endpoint.trim_end_matches('/');
        let bad = || Error::malformed(format!("the hub's address {address:?} is not of the form https://HOST"));
        let endpoint: Uri = address.parse().map_err(|_| bad())?;
        if !matches!(endpoint.scheme_str(), Some("http" | "https"))
            || endpoint.query().is_some()
            || has_login(&endpoint)
        {
            return Err(bad());
        }
        let proxy = proxy(options)?;
        let roots = match &options.certificates {
            Some(file) => certificates(file)?,
            None => RootCerts::WebPki,
        };
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("ranktune/", env!("CARGO_PKG_VERSION")))
            // A compressed answer would not have the length and the checksum that the hub states.
            .accept_encoding("identity")
            .timeout_connect(Some(options.timeout))
            .timeout_resolve(Some(options.timeout))
            .timeout_send_request(Some(options.timeout))
            .timeout_recv_response(Some(options.timeout))
            .timeout_per_read(Some(options.timeout))
            .max_idle_connections_per_host(options.jobs.max(1))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .proxy(proxy)
            .build()
            .new_agent();
        let token = options.token.clone().filter(|_| is_private(&endpoint));
        Ok(Self {
            agent,
            endpoint,
            token,
            timeout: options.timeout,
        })
    }

    /// The endpoint, as in error texts.
    pub(crate) fn host(&self) -> &str {
        host_of(&self.endpoint)
    }

    /// A short text, such as the description of a repository.
    pub(crate) fn text(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let request = FileRequest {
            path,
            checksum: None,
            offset: 0,
        };
        let (answer, _) = self.follow(&request, Purpose::Text)?;
        let mut text = Vec::new();
        let limited = answer
            .into_body()
            .into_reader()
            .take(MAX_ANSWER + 1)
            .read_to_end(&mut text);
        limited.map_err(|e| self.cut(&e))?;
        if text.len() as u64 > MAX_ANSWER {
            let text = format!("{}: an answer of more than {MAX_ANSWER} bytes is not read", self.host());
            return Err(Error::new(ErrorKind::Untrusted, text).into());
        }
        Ok(text)
    }

    /// The beginning of a file's download.
    pub(crate) fn file(&self, request: &FileRequest<'_>) -> Result<FileAnswer, Failure> {
        let (answer, stated) = self.follow(request, Purpose::File)?;
        let headers = answer.headers();
        let (offset, length) = if answer.status() == 206 {
            let range = text(headers, CONTENT_RANGE.as_str()).and_then(content_range);
            let (first, length) = range.ok_or_else(|| self.untrusted("a partial answer without a range"))?;
            if first != request.offset {
                return Err(self.untrusted("a range that was not asked for").into());
            }
            (first, length)
        } else {
            (
                0,
                text(headers, CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok()),
            )
        };
        if let (Some(stated), Some(length)) = (stated.size, length)
            && stated != length
        {
            let text = format!(
                "{}: the file has {stated} bytes by one header and {length} by another",
                self.host()
            );
            return Err(Error::new(ErrorKind::Untrusted, text).into());
        }
        Ok(FileAnswer {
            checksum: stated.checksum,
            size: stated.size.or(length),
            commit: stated.commit,
            offset,
            body: answer.into_body().into_reader(),
        })
    }

    fn follow(&self, request: &FileRequest<'_>, purpose: Purpose) -> Result<(Response<Body>, Stated), Failure> {
        let mut uri = self.at(request.path)?;
        let mut stated = Stated::default();
        for _ in 0..MAX_REDIRECTS {
            let is_own = same_host(&uri, &self.endpoint);
            let answer = self.get(&uri, request.offset, purpose)?;
            let status = answer.status().as_u16();
            if is_own {
                stated.read(answer.headers());
            }
            match status {
                200 | 206 => return Ok((answer, stated)),
                301 | 302 | 303 | 307 | 308 => {}
                // What is asked for begins at or after the end: the partial file is longer than the hub's.
                416 if request.offset > 0 => return Err(Failure::Stale),
                _ => {
                    let (host, headers) = (host_of(&uri), answer.headers());
                    let after = retry_after(headers);
                    return Err(match (is_own, &self.token) {
                        (true, Some(_)) => status::failure(host, Sent::Token, status, headers, after),
                        (true, None) => status::failure(host, Sent::NoToken, status, headers, after),
                        (false, _) => status::of_storage(host, status, after),
                    });
                }
            }
            let location = text(answer.headers(), LOCATION.as_str()).unwrap_or_default();
            let next = resolve(&uri, location).ok_or_else(|| self.untrusted(&format!("a redirect to {location:?}")))?;
            let is_verified = request
                .checksum
                .or(stated.checksum.as_ref())
                .is_some_and(Checksum::is_sha256);
            let may_leave = is_own && is_verified && matches!(purpose, Purpose::File);
            if !same_host(&next, &uri) && !same_host(&next, &self.endpoint) && !may_leave {
                return Err(self
                    .untrusted(&format!("a redirect to another host, {}", host_of(&next)))
                    .into());
            }
            if uri.scheme_str() == Some("https") && next.scheme_str() != Some("https") {
                return Err(self
                    .untrusted(&format!("a redirect without encryption, to {next}"))
                    .into());
            }
            uri = next;
        }
        Err(self.untrusted("more redirects than any hub has").into())
    }

    fn get(&self, uri: &Uri, offset: u64, purpose: Purpose) -> Result<Response<Body>, Failure> {
        let mut request = self.agent.get(uri);
        if offset > 0 {
            request = request.header(RANGE, format!("bytes={offset}-"));
        }
        if let Some(token) = self.token.as_ref().filter(|_| same_host(uri, &self.endpoint)) {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.reveal()));
        }
        let sent = match purpose {
            // Short answers come whole or not at all; files have their own watch, see `download`.
            Purpose::Text => request
                .config()
                .timeout_global(Some(self.timeout.saturating_mul(3)))
                .build()
                .call(),
            Purpose::File => request.call(),
        };
        sent.map_err(|e| {
            let host = host_of(uri);
            failure(host, e)
        })
    }

    /// The failure of reading an answer's body.
    pub(crate) fn cut(&self, e: &std::io::Error) -> Failure {
        let text = format!("{}: the connection broke off: {e}", self.host());
        Failure::passing(Error::new(ErrorKind::Network, text))
    }

    pub(crate) fn untrusted(&self, what: &str) -> Error {
        let text = format!("{} answered with {what}; nothing of it was used", self.host());
        Error::new(ErrorKind::Untrusted, text)
    }

    fn at(&self, path: &str) -> Result<Uri, Error> {
        let address = format!("{}{path}", self.endpoint.to_string().trim_end_matches('/'));
        address
            .parse()
            .map_err(|_| Error::malformed(format!("{address:?} is not an address")))
    }
}

/// What an answer is wanted for, which decides about redirects and time.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    Text,
    File,
}

/// What the endpoint's headers say about a file; other hosts have no say.
#[derive(Debug, Default)]
struct Stated {
    checksum: Option<Checksum>,
    size: Option<u64>,
    commit: Option<String>,
}

impl Stated {
    /// Takes what is new; the first answer is the nearest to the hub's own books.
    fn read(&mut self, headers: &HeaderMap) {
        let number = |name| text(headers, name).and_then(|number| number.parse().ok());
        let checksum = |name| text(headers, name).and_then(Checksum::from_etag);
        let known = self.checksum.take();
        self.checksum = known
            .or_else(|| checksum("x-linked-etag"))
            .or_else(|| checksum(ETAG.as_str()));
        self.size = self.size.or_else(|| number("x-linked-size"));
        self.commit = self
            .commit
            .take()
            .or_else(|| text(headers, "x-repo-commit").map(str::to_owned));
    }
}

/// The failure of a request that got no answer.
fn failure(host: &str, e: ureq::Error) -> Failure {
    let (text, is_passing) = match &e {
        // rustls puts its refusals into errors of this kind.
        ureq::Error::Io(io) if io.kind() == std::io::ErrorKind::InvalidData => {
            let advice = "certificates of a proxy's own can be named in SSL_CERT_FILE";
            (format!("no secure connection to {host}: {e}; {advice}"), false)
        }
        ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => {
            let advice = "what was downloaded before is used with --offline (or HF_HUB_OFFLINE)";
            (format!("cannot reach {host}: {e}; {advice}"), true)
        }
        _ => (format!("{host} does not answer as a hub does: {e}"), false),
    };
    let error = Error::new(ErrorKind::Network, text).caused_by(e);
    if is_passing {
        Failure::passing(error)
    } else {
        Failure::Final(error)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// Seconds; a date is not worth a calendar here.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    text(headers, RETRY_AFTER.as_str())?
        .parse()
        .ok()
        .map(Duration::from_secs)
}

/// First byte and length of `bytes 5-9/10`; a length of `*` is none.
fn content_range(range: &str) -> Option<(u64, Option<u64>)> {
    let (range, length) = range.strip_prefix("bytes ")?.split_once('/')?;
    let first = range.split_once('-')?.0.trim().parse().ok()?;
    match length {
        "*" => Some((first, None)),
        length => Some((first, Some(length.parse().ok()?))),
    }
}

/// Where `location` leads from `base`. Addresses with a login are refused, and so are relative ones that no hub uses.
fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    let address = if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        location.to_owned()
    };
    let uri: Uri = address.split('#').next()?.parse().ok()?;
    (matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && !has_login(&uri)).then_some(uri)
}

fn host_of(uri: &Uri) -> &str {
    uri.authority().map_or("", |authority| authority.as_str())
}

fn has_login(uri: &Uri) -> bool {
    uri.authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
}

fn same_host(a: &Uri, b: &Uri) -> bool {
    let port = |uri: &Uri| {
        uri.port_u16()
            .or(Some(if uri.scheme_str() == Some("https") { 443 } else { 80 }))
    };
    let host = |uri: &Uri| uri.host().map(str::to_ascii_lowercase);
    a.scheme_str() == b.scheme_str() && host(a) == host(b) && port(a) == port(b)
}

/// Whether nobody on the way can read what is sent.
fn is_private(endpoint: &Uri) -> bool {
    let host = endpoint.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    endpoint.scheme_str() == Some("https") || is_loopback
}

fn proxy(options: &RemoteOptions) -> Result<Option<Proxy>, Error> {
    let Some(address) = &options.proxy else {
        return Ok(None);
    };
    // The address may hold a password, so it is not shown.
    let bad = |e| Error::malformed(format!("the proxy's address cannot be used: {e}"));
    let plain = Proxy::new(address).map_err(bad)?;
    let mut proxy = Proxy::builder(plain.protocol()).host(plain.host()).port(plain.port());
    if let (Some(name), Some(password)) = (plain.username(), plain.password()) {
        proxy = proxy.username(name).password(password);
    }
    for host in options
        .no_proxy
        .iter()
        .map(String::as_str)
        .chain(["localhost", "127.0.0.1", "::1"])
    {
        proxy = proxy.no_proxy(host);
    }
    proxy.build().map(Some).map_err(bad)
}

fn certificates(file: &std::path::Path) -> Result<RootCerts, Error> {
    let bytes = std::fs::read(file).map_err(|e| io_error("cannot read the certificates", e, file))?;
    let found: Vec<Certificate<'static>> = parse_pem(&bytes)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if found.is_empty() {
        return Err(Error::malformed("no certificate in PEM form").in_file(file));
    }
    Ok(RootCerts::new_with_certs(&found))
}
