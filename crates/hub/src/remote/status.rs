//! What a hub's refusals mean, and what to do about each.
//!
//! The hub says more in `X-Error-Code` than in the status: a repository that does not exist is 401 to those who are not logged
//! in, as is a private one, so that nobody learns which names are taken.

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

/// The failure that `status` is.
pub(crate) fn failure(host: &str, sent: Sent, status: u16, headers: &HeaderMap, after: Option<Duration>) -> Failure {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let (code, message) = (header("x-error-code"), plain(header("x-error-message")));
    let login = match sent {
        Sent::Token => "the token that was sent gives no access to it; check it with `hf auth whoami`",
        Sent::NoToken => "log in with `hf auth login` or set HF_TOKEN",
    };
    let (kind, text) = match (status, code) {
        (_, "GatedRepo") => {
            let text = format!(
                "the repository is gated: accept its conditions on its page at {host}, then {}",
                match sent {
                    Sent::Token => "try again with a token of the account that has accepted them",
                    Sent::NoToken => login,
                }
            );
            (ErrorKind::Denied, text)
        }
        (_, "RevisionNotFound") => (
            ErrorKind::NotFound,
            format!("{host} has the repository, but not this revision of it"),
        ),
        (_, "EntryNotFound") => (
            ErrorKind::NotFound,
            format!("{host} has the repository, but not this file in it"),
        ),
        // The hub refuses such a token also where none is needed.
        (401, _) if header("x-error-message").starts_with("Invalid credentials") => {
            let text = format!(
                "{host} does not take the token any more; log in again with `hf auth login`, or do without by \
                 HF_HUB_DISABLE_IMPLICIT_TOKEN=1"
            );
            (ErrorKind::Denied, text)
        }
        (401, _) | (_, "RepoNotFound") => {
            let text = format!("{host} shows no such repository; check the spelling, or if it is private, {login}");
            (
                if status == 404 {
                    ErrorKind::NotFound
                } else {
                    ErrorKind::Denied
                },
                text,
            )
        }
        (403, _) => (ErrorKind::Denied, format!("{host} refuses access{message}; {login}")),
        (404 | 410, _) => (
            ErrorKind::NotFound,
            format!("{host} has no such repository, revision or file; check the spelling"),
        ),
        (429, _) => {
            let text = format!("{host} asks to slow down (status 429{message}); try again later, or with a token");
            return Failure::Passing(Error::new(ErrorKind::Network, text), after);
        }
        (408 | 500 | 502 | 503 | 504, _) => {
            let text = format!("{host} is in trouble (status {status}{message}); try again later");
            return Failure::Passing(Error::new(ErrorKind::Network, text), after);
        }
        _ => (
            ErrorKind::Network,
            format!("{host} answered with status {status}{message}"),
        ),
    };
    Failure::Final(Error::new(kind, text))
}

/// The failure that `status` is from storage. The addresses that a hub gives out expire, so a new one may do better.
pub(crate) fn of_storage(host: &str, status: u16, after: Option<Duration>) -> Failure {
    let text = format!("the hub's storage {host} answered with status {status}; try again later");
    Failure::Passing(Error::new(ErrorKind::Network, text), after)
}

/// A server's text, fit to stand in a message on a terminal: printable, and not long.
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
    fn every_refusal_says_what_to_do() {
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
    fn only_troubles_of_the_server_are_worth_another_attempt() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(outcome(status, &[], Sent::NoToken).2, "{status}");
        }
        for status in [204, 304, 400, 401, 403, 404, 418, 501] {
            assert!(!outcome(status, &[], Sent::NoToken).2, "{status}");
        }
    }

    #[test]
    fn a_token_that_has_expired_is_told_from_a_repository_that_is_not_there() {
        let headers = [("x-error-message", "Invalid credentials in Authorization header")];
        let (kind, text, _) = outcome(401, &headers, Sent::Token);
        assert_eq!(kind, ErrorKind::Denied);
        assert!(text.contains("HF_HUB_DISABLE_IMPLICIT_TOKEN"), "{text}");
    }

    #[test]
    fn who_has_sent_a_token_is_not_told_to_log_in() {
        let (_, text, _) = outcome(401, &[], Sent::Token);
        assert!(text.contains("whoami") && !text.contains("HF_TOKEN"), "{text}");
    }
}
