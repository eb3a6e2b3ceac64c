//! Settings of downloads: the hub, the cache, the login, and limits on time and size.
//!
//! The environment is read in one place, [`RemoteOptions::from_env`], with the variables and rules of Python's `huggingface_hub`, so
//! that both share one cache and one login. `RemoteOptions::default()` only reads the home folder. The one duration among the
//! variables is a whole number of seconds there, so it is parsed as one.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ranktune_core::Interrupt;

use crate::{Error, WeightPrecision};

/// Whether the network may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Connection {
    /// Missing files are downloaded, and branches are looked up.
    #[default]
    Online,
    /// Only the cache is used.
    Offline,
}

/// An access token, hidden in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token without surrounding white space; `None` if it is empty or not valid in an HTTP header.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        is_plain.then(|| Self(text.to_owned()))
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Settings of a [`Remote`](crate::remote::Remote).
#[derive(Clone, Debug)]
pub struct RemoteOptions {
    /// The hub's address. Default: `https://huggingface.co`.
    pub endpoint: String,
    /// The folder that holds `models--ORGANISATION--NAME`. Default: `~/.cache/huggingface/hub`.
    pub cache_dir: PathBuf,
    /// Sent to the endpoint only, over TLS or to this machine. Default: none.
    pub token: Option<Token>,
    /// Default: [`Connection::Online`].
    pub connection: Connection,
    /// Default: [`WeightPrecision::Float32`].
    pub precision: WeightPrecision,
    /// Files downloaded at a time. Default: 4 (the hub's own client uses 8, and is rate-limited more often).
    pub jobs: usize,
    /// Longest silence of a server, and longest time to connect. Default: 10 s, as in `huggingface_hub`.
    pub timeout: Duration,
    /// Attempts in a row after one that received less than 64 KiB. Default: 5, as in `huggingface_hub`.
    pub retries: u32,
    /// Pause before the first retry; it doubles up to 16 s. Default: 0.5 s.
    pub backoff: Duration,
    /// Size limit for a file, regardless of what the server announces or sends. Default: 64 GiB.
    pub max_file_bytes: u64,
    /// Address of an HTTP proxy. Default: none.
    pub proxy: Option<String>,
    /// Hosts that bypass the proxy, as in `NO_PROXY`; this machine always does. Default: none.
    pub no_proxy: Vec<String>,
    /// A file of certificates (PEM) to trust instead of Mozilla's. Default: none.
    pub certificates: Option<PathBuf>,
    /// Once raised, downloads stop at the next safe point; received bytes are kept. Default: never raised.
    pub interrupt: Interrupt,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self {
            endpoint: "https://huggingface.co".to_owned(),
            cache_dir: std::env::home_dir().unwrap_or_default().join(".cache/huggingface/hub"),
            token: None,
            connection: Connection::default(),
            precision: WeightPrecision::default(),
            jobs: 4,
            timeout: Duration::from_secs(10),
            retries: 5,
            backoff: Duration::from_millis(500),
            max_file_bytes: 64 << 30,
            proxy: None,
            no_proxy: Vec::new(),
            certificates: None,
            interrupt: Interrupt::default(),
        }
    }
}

impl RemoteOptions {
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupt.is_raised()
    }

    /// The defaults, changed by the environment: `HF_ENDPOINT`, `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`, `HF_TOKEN`,
    /// `HF_TOKEN_PATH`, `HF_HUB_DISABLE_IMPLICIT_TOKEN`, `HF_HUB_OFFLINE`, `HF_HUB_DOWNLOAD_TIMEOUT`, `HTTPS_PROXY`,
    /// `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, and `SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE`.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed): a variable or the token file has an invalid value.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(&|name| std::env::var_os(name))
    }

    /// [`RemoteOptions::from_env`], with the environment as a function.
    ///
    /// # Errors
    /// As [`RemoteOptions::from_env`].
    pub fn from_variables(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, Error> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let first = |names: &[&str]| names.iter().find_map(|name| set(name));
        let text = |names: &[&'static str]| -> Result<Option<(&'static str, String)>, Error> {
            let Some((name, value)) = names.iter().find_map(|&name| Some((name, set(name)?))) else {
                return Ok(None);
            };
            let value = value
                .into_string()
                .map_err(|_| Error::malformed(format!("{name} is not valid UTF-8")))?;
            Ok(Some((name, value)))
        };
        let is_on = |names: &[&'static str]| -> Result<bool, Error> {
            let on = |value: &str| ["1", "ON", "YES", "TRUE"].contains(&value.to_ascii_uppercase().as_str());
            Ok(text(names)?.is_some_and(|(_, value)| on(&value)))
        };

        let home = set("HOME")
            .map(PathBuf::from)
            .or_else(std::env::home_dir)
            .unwrap_or_default();
        let path = |value: OsString| expand_home(PathBuf::from(value), &home);
        let hf_home = set("HF_HOME").map(path).unwrap_or_else(|| {
            let cache = set("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), PathBuf::from);
            cache.join("huggingface")
        });
        let mut options = Self {
            cache_dir: first(&["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"]).map_or_else(|| hf_home.join("hub"), path),
            certificates: first(&["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]).map(path),
            ..Self::default()
        };
        // `REQUESTS_CA_BUNDLE` may also name a folder, in which case Mozilla's certificates are used.
        options.certificates.take_if(|file| file.is_dir());
        if let Some((_, endpoint)) = text(&["HF_ENDPOINT"])? {
            options.endpoint = endpoint;
        }
        if is_on(&["HF_HUB_OFFLINE"])? || is_on(&["TRANSFORMERS_OFFLINE"])? {
            options.connection = Connection::Offline;
        }
        if let Some((name, seconds)) = text(&["HF_HUB_DOWNLOAD_TIMEOUT"])? {
            let seconds = seconds
                .trim()
                .parse()
                .ok()
                .filter(|seconds| (1..=86_400).contains(seconds));
            let bad = || Error::malformed(format!("{name}: expected a number of seconds from 1 to 86400"));
            options.timeout = Duration::from_secs(seconds.ok_or_else(bad)?);
        }
        let proxies: &[&'static str] = if options.endpoint.starts_with("http:") {
            &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
        } else {
            &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
        };
        options.proxy = text(proxies)?.map(|(_, address)| address);
        let hosts = text(&["no_proxy", "NO_PROXY"])?
            .map(|(_, hosts)| hosts)
            .unwrap_or_default();
        options.no_proxy = hosts
            .split(',')
            .map(|host| host.trim().to_owned())
            .filter(|host| !host.is_empty())
            .collect();

        if let Some((name, token)) = text(&["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])? {
            let bad = || {
                Error::malformed(format!(
                    "invalid token in {name}: expected printable characters without spaces"
                ))
            };
            options.token = Some(Token::new(&token).ok_or_else(bad)?);
        } else if !is_on(&["HF_HUB_DISABLE_IMPLICIT_TOKEN"])? {
            let file = set("HF_TOKEN_PATH").map_or_else(|| hf_home.join("token"), path);
            options.token = token_in(&file)?;
        }
        Ok(options)
    }
}

/// Expands `~/…`, because variables set in files or by services are not expanded by a shell.
fn expand_home(path: PathBuf, home: &Path) -> PathBuf {
    match path.strip_prefix("~") {
        Ok(rest) => home.join(rest),
        Err(_) => path,
    }
}

/// The token stored by `hf auth login`; `None` if the file does not exist or is empty.
fn token_in(file: &Path) -> Result<Option<Token>, Error> {
    let text = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => {
            let text = "cannot read the token; set HF_TOKEN, or HF_HUB_DISABLE_IMPLICIT_TOKEN=1 to do without";
            return Err(Error::io(text, e, file));
        }
    };
    let text = String::from_utf8_lossy(&text);
    if text.trim().is_empty() {
        return Ok(None);
    }
    let bad = || Error::malformed("invalid token: expected one line of printable characters").in_file(file);
    Token::new(&text).map(Some).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn options(variables: &[(&str, &str)]) -> Result<RemoteOptions, Error> {
        let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
        RemoteOptions::from_variables(&|name| variables.get(name).map(OsString::from))
    }

    #[test]
    fn the_cache_is_where_huggingface_hub_has_it() {
        for (variables, expected) in [
            (&[("HOME", "/h")][..], "/h/.cache/huggingface/hub"),
            (&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")], "/x/huggingface/hub"),
            (&[("HOME", "/h"), ("HF_HOME", "~/hf")], "/h/hf/hub"),
            (
                &[("HOME", "/h"), ("HF_HOME", "/y"), ("HUGGINGFACE_HUB_CACHE", "/old")],
                "/old",
            ),
            (
                &[
                    ("HOME", "/h"),
                    ("HF_HUB_CACHE", "/c"),
                    ("HUGGINGFACE_HUB_CACHE", "/old"),
                ],
                "/c",
            ),
            (&[("HOME", "/h"), ("HF_HUB_CACHE", "")], "/h/.cache/huggingface/hub"),
        ] {
            assert_eq!(
                options(variables).unwrap().cache_dir,
                Path::new(expected),
                "{variables:?}"
            );
        }
    }

    #[test]
    fn offline_is_what_python_takes_for_true() {
        for (value, expected) in [
            ("1", Connection::Offline),
            ("true", Connection::Offline),
            ("0", Connection::Online),
        ] {
            assert_eq!(
                options(&[("HF_HUB_OFFLINE", value)]).unwrap().connection,
                expected,
                "{value}"
            );
        }
        assert_eq!(
            options(&[("TRANSFORMERS_OFFLINE", "yes")]).unwrap().connection,
            Connection::Offline
        );
    }

    #[test]
    fn a_token_comes_from_the_variable_else_from_the_file_and_is_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().to_str().unwrap();
        assert_eq!(options(&[("HF_HOME", home)]).unwrap().token, None);
        std::fs::write(dir.path().join("token"), "hf_file\n").unwrap();
        let from_file = options(&[("HF_HOME", home)]).unwrap();
        assert_eq!(from_file.token, Token::new("hf_file"));
        assert!(!format!("{from_file:?}").contains("hf_file"));
        let both = options(&[("HF_HOME", home), ("HF_TOKEN", "hf_variable")]).unwrap();
        assert_eq!(both.token, Token::new("hf_variable"));
        let disabled = options(&[("HF_HOME", home), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]).unwrap();
        assert_eq!(disabled.token, None);
    }

    #[test]
    fn a_token_that_would_break_a_header_is_refused_without_showing_it() {
        let error = options(&[("HF_TOKEN", "secret\r\nX-Evil: 1")]).unwrap_err().to_string();
        assert!(error.contains("HF_TOKEN") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn a_timeout_that_is_no_number_of_seconds_is_refused() {
        assert_eq!(
            options(&[("HF_HUB_DOWNLOAD_TIMEOUT", "30")]).unwrap().timeout,
            Duration::from_secs(30)
        );
        for value in ["0", "-1", "soon", "99999999999999999999"] {
            assert!(options(&[("HF_HUB_DOWNLOAD_TIMEOUT", value)]).is_err(), "{value}");
        }
    }
}
