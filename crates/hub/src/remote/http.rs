//! Requests to a hub and to the storage it redirects to.
//!
//! Redirects are followed by hand, because security depends on which host gets which request:
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

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ureq::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, LINK, LOCATION, RANGE, RETRY_AFTER};
use ureq::http::{HeaderMap, Response, Uri};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, BodyReader, Proxy};

use super::checksum::Checksum;
use super::options::{RemoteOptions, Token};
use super::retry::Failure;
use super::status::{self, Sent};
use crate::{Error, ErrorKind};

const MAX_REDIRECTS: usize = 6;
/// Enough for the listing of a repository of some ten thousand files.
const MAX_ANSWER: u64 = 32 << 20;

/// Sends requests to one endpoint.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    endpoint: Uri,
    token: Option<Token>,
    timeout: Duration,
}

/// A request for a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileRequest<'a> {
    /// Path and query below the endpoint, percent-encoded.
    pub(crate) path: &'a str,
    /// Checksum from the endpoint's listing, if it has one.
    pub(crate) checksum: Option<&'a Checksum>,
    /// Bytes received before.
    pub(crate) offset: u64,
}

/// The response to a request for a short text.
pub(crate) struct TextAnswer {
    pub(crate) body: Vec<u8>,
    /// The header `Link`, which leads to the next page of a list.
    pub(crate) link: Option<String>,
}

/// The response to a request for a file.
pub(crate) struct FileAnswer {
    /// Checksum in the endpoint's headers.
    pub(crate) checksum: Option<Checksum>,
    /// Length of the whole file, if stated.
    pub(crate) size: Option<u64>,
    /// The file's commit, as stated by the endpoint.
    pub(crate) commit: Option<String>,
    /// Where the body begins: the requested offset, or 0 from a server that ignores ranges.
    pub(crate) offset: u64,
    pub(crate) body: BodyReader<'static>,
}

impl Client {
    pub(crate) fn new(options: &RemoteOptions) -> Result<Self, Error> {
        let address = options.endpoint.trim_end_matches('/');
        let bad = || {
            Error::malformed(format!(
                "invalid address of the hub: expected https://HOST, found {address:?}"
            ))
        };
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
            // A compressed response would not have the stated length and checksum.
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

    /// The endpoint's host, for error texts.
    pub(crate) fn host(&self) -> &str {
        host_of(&self.endpoint)
    }

    /// Gets a short text, such as the listing of a repository.
    pub(crate) fn text(&self, path: &str) -> Result<TextAnswer, Failure> {
        let request = FileRequest {
            path,
            checksum: None,
            offset: 0,
        };
        let (answer, _) = self.follow(&request, Purpose::Text)?;
        let link = text(answer.headers(), LINK.as_str()).map(str::to_owned);
        let mut body = Vec::new();
        let limited = answer
            .into_body()
            .into_reader()
            .take(MAX_ANSWER + 1)
            .read_to_end(&mut body);
        limited.map_err(|e| self.cut(e))?;
        if body.len() as u64 > MAX_ANSWER {
            let text = format!(
                "{}: the response is too large: expected at most {MAX_ANSWER} bytes",
                self.host()
            );
            return Err(Error::new(ErrorKind::Untrusted, text).into());
        }
        Ok(TextAnswer { body, link })
    }

    /// Begins the download of a file.
    pub(crate) fn file(&self, request: &FileRequest<'_>) -> Result<FileAnswer, Failure> {
        let (answer, stated) = self.follow(request, Purpose::File)?;
        let headers = answer.headers();
        let (offset, length) = if answer.status() == 206 {
            let range = text(headers, CONTENT_RANGE.as_str()).and_then(content_range);
            let (first, length) = range.ok_or_else(|| self.untrusted("a partial response without a range"))?;
            if first != request.offset {
                return Err(self.untrusted("a range that was not requested").into());
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
                "{}: the headers state two sizes of the file, {stated} and {length} bytes",
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
                // The requested range begins at or after the end: the partial file is longer than the hub's.
                416 if request.offset > 0 => return Err(Failure::Stale),
                _ => {
                    let (host, headers) = (host_of(&uri), answer.headers());
                    let after = retry_after(headers);
                    if !is_own {
                        return Err(status::of_storage(host, status, after));
                    }
                    let sent = if self.token.is_some() {
                        Sent::Token
                    } else {
                        Sent::NoToken
                    };
                    return Err(status::failure(host, sent, status, headers, after));
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
                    .untrusted(&format!("a redirect to the unencrypted address {next}"))
                    .into());
            }
            uri = next;
        }
        Err(self.untrusted(&format!("more than {MAX_REDIRECTS} redirects")).into())
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
            // A short response has a total timeout; `download` watches the progress of files.
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

    /// The failure of reading a response's body.
    pub(crate) fn cut(&self, e: std::io::Error) -> Failure {
        let text = format!("{}: the connection was interrupted", self.host());
        Failure::passing(Error::new(ErrorKind::Network, text).caused_by(e))
    }

    pub(crate) fn untrusted(&self, what: &str) -> Error {
        let text = format!("unexpected response from {}: {what}; it was discarded", self.host());
        Error::new(ErrorKind::Untrusted, text)
    }

    fn at(&self, path: &str) -> Result<Uri, Error> {
        let address = format!("{}{path}", self.endpoint.to_string().trim_end_matches('/'));
        address
            .parse()
            .map_err(|_| Error::malformed(format!("invalid address {address:?}")))
    }
}

/// The kind of response, which determines allowed redirects and timeouts.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    Text,
    File,
}

/// What the endpoint's headers state about a file; headers of other hosts are ignored.
#[derive(Debug, Default)]
struct Stated {
    checksum: Option<Checksum>,
    size: Option<u64>,
    commit: Option<String>,
}

impl Stated {
    /// Adds what is not known yet. Earlier responses of a redirect take precedence.
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

/// The failure of a request without a response.
fn failure(host: &str, e: ureq::Error) -> Failure {
    let (text, is_passing) = match &e {
        // Errors of rustls are of this kind.
        ureq::Error::Io(io) if io.kind() == std::io::ErrorKind::InvalidData => {
            let text = format!("no secure connection to {host} (for a proxy's own certificates, set SSL_CERT_FILE)");
            (text, false)
        }
        ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => {
            let text = format!("cannot reach {host} (to use earlier downloads, add --offline or set HF_HUB_OFFLINE=1)");
            (text, true)
        }
        _ => (format!("unexpected response from {host}"), false),
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

/// Seconds; the other form, a date, is ignored.
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

/// The target of the redirect `location` from `base`. Addresses with a login are rejected, and so are relative paths, which no hub
/// uses.
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

/// All but unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// As [`ENCODED`], without the slash.
const ENCODED_IN_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// Percent-encodes one segment of a path, including its slashes.
pub(crate) fn encode_segment(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// Percent-encodes a path, without its slashes.
pub(crate) fn encode_path(text: &str) -> String {
    utf8_percent_encode(text, ENCODED_IN_PATH).to_string()
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

/// Whether requests are encrypted or stay on this machine.
fn is_private(endpoint: &Uri) -> bool {
    let host = endpoint.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    endpoint.scheme_str() == Some("https") || is_loopback
}

fn proxy(options: &RemoteOptions) -> Result<Option<Proxy>, Error> {
    let Some(address) = &options.proxy else {
        return Ok(None);
    };
    // The address may contain a password, so it is not shown.
    let bad = |e: ureq::Error| Error::malformed("invalid address of the proxy").caused_by(e);
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
    let bytes = std::fs::read(file).map_err(|e| Error::io("cannot read the certificates", e, file))?;
    let found: Vec<Certificate<'static>> = parse_pem(&bytes)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if found.is_empty() {
        return Err(Error::malformed("expected certificates in PEM format, found none").in_file(file));
    }
    Ok(RootCerts::new_with_certs(&found))
}
