//! What a handler decided, as what is sent, and what the broker is expected to answer.

use fe2o3_amqp::link::receiver::TerminalDeliveryState;
use fe2o3_amqp_types::{
    definitions::{Error as AmqpError, ErrorCondition, Fields},
    messaging::{Accepted, Modified, Rejected},
    primitives::{Symbol, Value},
};
use relayhouse_core::{DeadLetter, Error, ErrorKind, Result, Settlement, Timestamp};

use crate::{convert, error, link::tap::Answer};

/// The most characters of a reason or a description.
const TEXT_CHARACTERS_MAX: usize = 4096;

/// Returns what is sent for `settlement`, and the answer that says it was done.
pub(super) fn state_of(
    settlement: &Settlement,
    attempt: u32,
    now: Timestamp,
) -> Result<(TerminalDeliveryState, Answer)> {
    match settlement {
        Settlement::Ack => {
            let accepted = TerminalDeliveryState::Accepted(Accepted {});
            Ok((accepted, Answer::Accepted))
        }
        Settlement::Release { delay } if delay.is_zero() => {
            // It says that the delivery failed, so that the broker counts it.
            let modified = TerminalDeliveryState::Modified(Modified {
                delivery_failed: Some(true),
                undeliverable_here: Some(false),
                message_annotations: None,
            });
            Ok((modified, Answer::Modified))
        }
        Settlement::DeadLetter(dead_letter) => {
            let rejected = reject(dead_letter, attempt, now);
            Ok((rejected, Answer::Rejected(None)))
        }
        Settlement::Release { delay } => Err(Error::new(
            ErrorKind::Unsupported,
            format!("a release with a delay of {delay:?}: a lock is given back at once"),
        )),
        _ => Err(Error::new(
            ErrorKind::Unsupported,
            "settling and sending as one",
        )),
    }
}

fn reject(dead_letter: &DeadLetter, attempt: u32, now: Timestamp) -> TerminalDeliveryState {
    let mut info = Fields::new();
    let mut set = |name: &str, value| info.insert(Symbol::from(name), value);
    let text = |text: &str| Value::String(text.chars().take(TEXT_CHARACTERS_MAX).collect());
    let fingerprint = dead_letter.fingerprint.to_string();
    let time = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
    set(convert::DEAD_LETTER_REASON, text(&dead_letter.reason));
    set(
        convert::DEAD_LETTER_DESCRIPTION,
        text(&dead_letter.description),
    );
    set(convert::DEAD_LETTER_FINGERPRINT, Value::String(fingerprint));
    set(convert::DEAD_LETTER_ATTEMPTS, Value::Uint(attempt));
    set(convert::DEAD_LETTER_TIME, Value::Long(time));
    TerminalDeliveryState::Rejected(Rejected {
        error: Some(AmqpError {
            condition: ErrorCondition::Custom(Symbol::from(error::DEAD_LETTER)),
            description: None,
            info: Some(Box::new(info)),
        }),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(77);

    #[test]
    fn settlements_become_states() {
        let (state, answer) = state_of(&Settlement::Ack, 1, NOW).unwrap();
        assert!(matches!(state, TerminalDeliveryState::Accepted(_)));
        assert_eq!(answer, Answer::Accepted);
        let (state, answer) = state_of(&Settlement::RELEASE, 1, NOW).unwrap();
        let TerminalDeliveryState::Modified(modified) = state else {
            panic!("{state:?}");
        };
        assert_eq!(modified.delivery_failed, Some(true));
        assert_eq!(answer, Answer::Modified);
    }

    #[test]
    fn a_dead_letter_takes_its_reason_along() {
        let settlement = Settlement::dead_letter("rejected", "x".repeat(5000));
        let (state, answer) = state_of(&settlement, 3, NOW).unwrap();
        assert_eq!(answer, Answer::Rejected(None));
        let TerminalDeliveryState::Rejected(Rejected { error: Some(error) }) = state else {
            panic!("{state:?}");
        };
        let dead_letter = Symbol::from("com.microsoft:dead-letter");
        assert_eq!(error.condition, ErrorCondition::Custom(dead_letter));
        let info = error.info.unwrap();
        let get = |name: &str| info.get(&Symbol::from(name)).cloned();
        let reason = Value::String("rejected".to_owned());
        assert_eq!(get("DeadLetterReason"), Some(reason));
        let description = Value::String("x".repeat(4096));
        assert_eq!(get("DeadLetterErrorDescription"), Some(description));
        assert_eq!(get(convert::DEAD_LETTER_ATTEMPTS), Some(Value::Uint(3)));
        assert_eq!(get(convert::DEAD_LETTER_TIME), Some(Value::Long(77)));
    }

    #[test]
    fn a_release_with_a_delay_is_refused() {
        let delay = Duration::from_secs(1);
        let error = state_of(&Settlement::Release { delay }, 1, NOW).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("1s"), "{error}");
    }
}
