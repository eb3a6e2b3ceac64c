//! Whether to retry, and after what pause.
//!
//! `pause(n) = min(16 s, backoff·2^(n−1))·u`, u uniform in [½, 1), so that clients that failed together do not retry together; a
//! server's `Retry-After` takes precedence, up to a minute.

use std::time::Duration;

use crate::Error;

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Retrying cannot help.
    Final(Error),
    /// Retrying may help, after the pause that the server asks for, if any.
    Passing(Error, Option<Duration>),
    /// The partial download does not belong to the server's file and has to be discarded.
    Stale,
}

impl Failure {
    pub(crate) fn passing(error: Error) -> Self {
        Self::Passing(error, None)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

const LONGEST: Duration = Duration::from_secs(16);
const LONGEST_ASKED: Duration = Duration::from_secs(60);

/// The pause before attempt `attempt`, counted from 1.
pub(crate) fn pause(backoff: Duration, attempt: u32, asked: Option<Duration>) -> Duration {
    if let Some(asked) = asked {
        return asked.min(LONGEST_ASKED);
    }
    let doubled = backoff
        .saturating_mul(1 << attempt.saturating_sub(1).min(20))
        .min(LONGEST);
    doubled.mul_f64(0.5 + 0.5 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit_and_a_retry_after_takes_precedence() {
        let backoff = Duration::from_millis(500);
        for (attempt, longest) in [(1, 0.5), (2, 1.0), (3, 2.0), (7, 16.0), (u32::MAX, 16.0)] {
            let pause = pause(backoff, attempt, None).as_secs_f64();
            assert!((longest / 2.0..longest).contains(&pause), "attempt {attempt}: {pause}");
        }
        assert_eq!(pause(backoff, 1, Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert_eq!(pause(backoff, 1, Some(Duration::from_secs(86_400))), LONGEST_ASKED);
    }
}
