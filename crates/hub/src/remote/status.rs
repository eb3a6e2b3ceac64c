//! The errors for a hub's status codes, and what to try for each.
//!
//! `X-Error-Code` is more specific than the status: without a login, the hub answers 401 for private and for missing repositories
//! alike, so that the names of private ones stay hidden.

use std::time::Duration;

use ureq::http::HeaderMap;

use super::retry::Failure;
use crate::{Error, ErrorKind};

/// Whether a token was sent with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Token,
    NoToken,
}

/// The failure for the hub's `status`.
pub(crate) fn failure(host: &str, sent: Sent, status: u16, headers: &HeaderMap, after: Option<Duration>) -> Failure {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let (code, message) = (header("x-error-code"), plain(header("x-error-message")));
    let login = match sent {
        Sent::Token => "check with `hf auth whoami` that the token has access to it",
        Sent::NoToken => "log in with `hf auth login` or set HF_TOKEN",
    };
    let (kind, text) = match (status, code) {
        (_, "GatedRepo") => {
            let text = format!(
                "the repository is gated: accept its conditions on its page at {host}, then {}",
                match sent {
                    Sent::Token => "use a token of the account that accepted them",
                    Sent::NoToken => login,
                }
            );
            (ErrorKind::Denied, text)
        }
        (_, "RevisionNotFound") => (
            ErrorKind::NotFound,
            format!("the repository at {host} has no such revision"),
        ),
        (_, "EntryNotFound") => (
            ErrorKind::NotFound,
            format!("the repository at {host} has no such file"),
        ),
        // The hub rejects an expired token even for public repositories.
        (401, _) if header("x-error-message").starts_with("Invalid credentials") => {
            let text = format!(
                "{host} rejected the token; log in again with `hf auth login`, or set \
                 HF_HUB_DISABLE_IMPLICIT_TOKEN=1 to send none"
            );
            (ErrorKind::Denied, text)
        }
        (401, _) | (_, "RepoNotFound") => {
            let text =
                format!("{host} has no such public repository; check the spelling, or if it is private, {login}");
            (
                if status == 404 {
                    ErrorKind::NotFound
                } else {
                    ErrorKind::Denied
                },
                text,
            )
        }
        (403, _) => (ErrorKind::Denied, format!("{host} denied access{message}; {login}")),
        (404 | 410, _) => (
            ErrorKind::NotFound,
            format!("{host} has no such repository, revision or file; check the spelling"),
        ),
        (429, _) => {
            let text =
                format!("{host} limits the rate of requests (status 429{message}); try again later, or with a token");
            return Failure::Passing(Error::new(ErrorKind::Network, text), after);
        }
        (408 | 500 | 502 | 503 | 504, _) => {
            let text = format!("{host} is temporarily unavailable (status {status}{message}); try again later");
            return Failure::Passing(Error::new(ErrorKind::Network, text), after);
        }
        _ => (
            ErrorKind::Network,
            format!("{host} answered with status {status}{message}"),
        ),
    };
    Failure::Final(Error::new(kind, text))
}

/// The failure for the storage's `status`. The addresses that a hub redirects to expire, so a retry may succeed.
pub(crate) fn of_storage(host: &str, status: u16, after: Option<Duration>) -> Failure {
    let text = format!("the hub's storage {host} answered with status {status}; try again later");
    Failure::Passing(Error::new(ErrorKind::Network, text), after)
}

/// A server's text, made safe for a terminal: printable, and not long.
fn plain(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    if text.is_empty() { text } else { format!(": {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: u16, headers: &[(&'static str, &str)], sent: Sent) -> (ErrorKind, String, bool) {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        match failure("hub.example", sent, status, &headers, None) {
            Failure::Final(error) => (error.kind(), error.to_string(), false),
            Failure::Passing(error, _) => (error.kind(), error.to_string(), true),
            Failure::Stale => panic!("{status} is not about a partial file"),
        }
    }

    #[test]
    fn every_error_has_advice() {
        for (status, code, kind, says) in [
            (404, "RepoNotFound", ErrorKind::NotFound, "spelling"),
            (401, "RepoNotFound", ErrorKind::Denied, "HF_TOKEN"),
            (401, "", ErrorKind::Denied, "HF_TOKEN"),
            (403, "GatedRepo", ErrorKind::Denied, "accept its conditions"),
            (401, "GatedRepo", ErrorKind::Denied, "accept its conditions"),
            (404, "RevisionNotFound", ErrorKind::NotFound, "revision"),
            (404, "EntryNotFound", ErrorKind::NotFound, "file"),
            (404, "", ErrorKind::NotFound, "spelling"),
        ] {
            let (found, text, retried) = outcome(status, &[("x-error-code", code)], Sent::NoToken);
            assert_eq!((found, retried), (kind, false), "{status} {code}");
            assert!(text.contains(says), "{status} {code}: {text}");
        }
    }

    #[test]
    fn only_temporary_failures_are_retried() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(outcome(status, &[], Sent::NoToken).2, "{status}");
        }
        for status in [204, 304, 400, 401, 403, 404, 418, 501] {
            assert!(!outcome(status, &[], Sent::NoToken).2, "{status}");
        }
    }

    #[test]
    fn an_expired_token_is_distinguished_from_a_missing_repository() {
        let headers = [("x-error-message", "Invalid credentials in Authorization header")];
        let (kind, text, _) = outcome(401, &headers, Sent::Token);
        assert_eq!(kind, ErrorKind::Denied);
        assert!(text.contains("HF_HUB_DISABLE_IMPLICIT_TOKEN"), "{text}");
    }

    #[test]
    fn with_a_token_the_advice_is_not_to_log_in() {
        let (_, text, _) = outcome(401, &[], Sent::Token);
        assert!(text.contains("whoami") && !text.contains("HF_TOKEN"), "{text}");
    }
}
