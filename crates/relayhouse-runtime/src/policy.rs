//! What becomes of a message whose handler failed.

use std::{num::NonZeroU32, time::Duration};

use relayhouse_core::{
    Backoff, DeadLetter, Error, ErrorKind, Growth, Jitter, Random, Retry, Settlement,
    config::duration,
};
use serde::Deserialize;

/// Turns a failure into a settlement: one budget for all attempts of a message.
///
/// A permanent or exhausted error dead-letters the message at once. Another error releases it,
/// to come back after a delay, until its attempts are used up; then it is dead-lettered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FailurePolicy {
    /// The deliveries after which a message is dead-lettered; 5. `None` never does.
    pub attempts_max: Option<NonZeroU32>,
    /// The delay after the first failure; 100 ms. It doubles with each further one.
    #[serde(deserialize_with = "duration")]
    pub delay_first: Duration,
    /// The longest delay; 30 s.
    #[serde(deserialize_with = "duration")]
    pub delay_max: Duration,
    /// How much of a delay is left to chance; all of it.
    pub jitter: Jitter,
}

impl Default for FailurePolicy {
    fn default() -> Self {
        Self {
            attempts_max: NonZeroU32::new(5),
            delay_first: Duration::from_millis(100),
            delay_max: Duration::from_secs(30),
            jitter: Jitter::Full,
        }
    }
}

impl FailurePolicy {
    /// Decides how a delivery ends whose `attempt` failed with `error`.
    #[must_use]
    pub fn decide(&self, error: &Error, attempt: u32, random: &dyn Random) -> Settlement {
        let is_last = self.attempts_max.is_some_and(|max| max.get() <= attempt);
        let delay = match error.retry_hint() {
            Retry::Permanent => {
                let is_codec = error.kind() == ErrorKind::Codec;
                let reason = if is_codec {
                    DeadLetter::NOT_DECODABLE
                } else {
                    DeadLetter::REJECTED
                };
                return bury(DeadLetter::from_error(reason, error));
            }
            Retry::Exhausted => {
                return bury(DeadLetter::from_error(
                    DeadLetter::ATTEMPTS_EXHAUSTED,
                    error,
                ));
            }
            _ if is_last => {
                return bury(DeadLetter::from_error(
                    DeadLetter::ATTEMPTS_EXHAUSTED,
                    error,
                ));
            }
            Retry::After(delay) => delay,
            _ => self.backoff().delay(attempt, random),
        };
        Settlement::Release { delay }
    }

    /// Returns true if the attempts of a message were used up before `attempt`.
    #[must_use]
    pub fn is_spent(&self, attempt: u32) -> bool {
        self.attempts_max.is_some_and(|max| max.get() < attempt)
    }

    const fn backoff(&self) -> Backoff {
        Backoff {
            growth: Growth::Exponential,
            delay_first: self.delay_first,
            delay_max: self.delay_max,
            jitter: self.jitter,
        }
    }
}

fn bury(dead_letter: DeadLetter) -> Settlement {
    Settlement::DeadLetter(Box::new(dead_letter))
}

#[cfg(test)]
mod tests {
    use relayhouse_core::SeededRandom;

    use super::*;

    fn decide(policy: &FailurePolicy, error: &Error, attempt: u32) -> Settlement {
        policy.decide(error, attempt, &SeededRandom::new(7))
    }

    fn reason(settlement: Settlement) -> Option<String> {
        match settlement {
            Settlement::DeadLetter(dead_letter) => Some(dead_letter.reason.to_string()),
            _ => None,
        }
    }

    #[test]
    fn temporary_errors_come_back_until_attempts_are_used_up() {
        let policy = FailurePolicy {
            jitter: Jitter::None,
            ..FailurePolicy::default()
        };
        let error = Error::new(ErrorKind::Handler, "no stock");
        let delays = (1..5).map(|attempt| decide(&policy, &error, attempt));
        let expected = [100, 200, 400, 800];
        let expected = expected.map(|ms| Settlement::Release {
            delay: Duration::from_millis(ms),
        });
        assert!(delays.eq(expected));
        let last = reason(decide(&policy, &error, 5));
        assert_eq!(last.as_deref(), Some("attempts-exhausted"));
    }

    #[test]
    fn permanent_and_exhausted_errors_are_dead_letters_at_once() {
        let policy = FailurePolicy::default();
        let codec = Error::new(ErrorKind::Codec, "not json");
        assert_eq!(
            reason(decide(&policy, &codec, 1)).as_deref(),
            Some("not-decodable")
        );
        let spent = Error::new(ErrorKind::Handler, "no stock").retry(Retry::Exhausted);
        assert_eq!(
            reason(decide(&policy, &spent, 1)).as_deref(),
            Some("attempts-exhausted")
        );
        let wrong = Error::new(ErrorKind::Handler, "no such order").retry(Retry::Permanent);
        assert_eq!(
            reason(decide(&policy, &wrong, 1)).as_deref(),
            Some("rejected")
        );
    }

    #[test]
    fn retry_after_is_honoured() {
        let policy = FailurePolicy::default();
        let delay = Duration::from_secs(7);
        let error = Error::new(ErrorKind::Throttled, "slow down").retry(Retry::After(delay));
        assert_eq!(decide(&policy, &error, 1), Settlement::Release { delay });
    }

    #[test]
    fn delay_never_exceeds_its_maximum() {
        let policy = FailurePolicy {
            attempts_max: None,
            ..FailurePolicy::default()
        };
        let error = Error::new(ErrorKind::Handler, "no stock");
        for attempt in [1, 10, 100, u32::MAX] {
            let Settlement::Release { delay } = decide(&policy, &error, attempt) else {
                panic!("attempt {attempt} was not released");
            };
            assert!(delay <= policy.delay_max);
        }
    }
}
