//! What a handler decided, as what is sent, and what the broker is expected to answer.

use fe2o3_amqp::link::receiver::TerminalDeliveryState;
use fe2o3_amqp_types::{
    definitions::{Error as AmqpError, ErrorCondition, Fields},
    messaging::{Accepted, Modified, Outcome as AmqpOutcome, Rejected, Released},
    primitives::{OrderedMap, Symbol, Value},
};
use relayhouse_core::{DeadLetter, Error, ErrorKind, Result, Settlement, Timestamp};

use super::renew;
use crate::{
    convert, error,
    link::{
        Question,
        tap::{Answer, Token},
    },
};

/// The most characters of a reason or a description.
const TEXT_CHARACTERS_MAX: usize = 4096;

/// Is what is sent for a settlement, and the answer that says it was done.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) outcome: AmqpOutcome,
    pub(super) expected: Answer,
}

impl Decision {
    /// Defers a message, with changed properties.
    pub(super) fn defer(properties: Fields) -> Self {
        Self::modify(Some(true), true, properties)
    }

    /// Gives a message back at once, with changed properties.
    pub(super) fn abandon(properties: Fields) -> Self {
        // It says that the delivery failed, so that the broker counts it.
        Self::modify(Some(true), false, properties)
    }

    fn modify(delivery_failed: Option<bool>, is_deferred: bool, properties: Fields) -> Self {
        Self {
            outcome: AmqpOutcome::Modified(Modified {
                delivery_failed,
                undeliverable_here: Some(is_deferred),
                message_annotations: (!properties.is_empty()).then_some(properties),
            }),
            expected: Answer::Modified,
        }
    }
}

/// Says what is sent for `settlement` of a message on its `attempt`, which was first enqueued at
/// `enqueued_at`.
pub(super) fn decide(
    settlement: &Settlement,
    attempt: u32,
    enqueued_at: Timestamp,
    now: Timestamp,
) -> Result<Decision> {
    match settlement {
        Settlement::Ack => Ok(Decision {
            outcome: AmqpOutcome::Accepted(Accepted {}),
            expected: Answer::Accepted,
        }),
        Settlement::Release { delay } if delay.is_zero() => Ok(Decision::abandon(Fields::new())),
        Settlement::DeadLetter(dead_letter) => Ok(Decision {
            outcome: reject(dead_letter, attempt, enqueued_at, now),
            expected: Answer::Rejected(None),
        }),
        Settlement::Release { delay } => Err(Error::new(
            ErrorKind::Unsupported,
            format!("a release with a delay of {delay:?}: only a queue without sessions can"),
        )),
        _ => Err(Error::new(
            ErrorKind::Unsupported,
            "settling and sending as one",
        )),
    }
}

/// Turns an outcome into the state of a delivery.
pub(super) fn terminal(outcome: AmqpOutcome) -> TerminalDeliveryState {
    match outcome {
        AmqpOutcome::Accepted(it) => TerminalDeliveryState::Accepted(it),
        AmqpOutcome::Rejected(it) => TerminalDeliveryState::Rejected(it),
        AmqpOutcome::Modified(it) => TerminalDeliveryState::Modified(it),
        AmqpOutcome::Released(_) | AmqpOutcome::Declared(_) => {
            TerminalDeliveryState::Released(Released {})
        }
    }
}

/// Asks for the message whose lock is `token` to be settled.
pub(super) fn question(token: &Token, outcome: &AmqpOutcome) -> Question {
    let status = match outcome {
        AmqpOutcome::Accepted(_) => "completed",
        AmqpOutcome::Rejected(_) => "suspended",
        // The broker has it with one r.
        AmqpOutcome::Modified(it) if it.undeliverable_here == Some(true) => "defered",
        AmqpOutcome::Modified(_) | AmqpOutcome::Released(_) | AmqpOutcome::Declared(_) => {
            "abandoned"
        }
    };
    let status = Value::String(status.to_owned());
    let question = Question::new(
        "update-disposition",
        [
            ("disposition-status", status),
            ("lock-tokens", renew::uuids(&[*token])),
        ],
    );
    let properties = match outcome {
        AmqpOutcome::Modified(modified) => modified.message_annotations.clone(),
        AmqpOutcome::Rejected(rejected) => {
            let error = rejected.error.as_ref();
            error.and_then(|it| it.info.as_deref()).cloned()
        }
        _ => None,
    };
    let mut changed = OrderedMap::new();
    let mut question = question;
    for (Symbol(name), value) in properties.into_iter().flat_map(OrderedMap::into_inner) {
        match &*name {
            convert::DEAD_LETTER_REASON => question = question.with("deadletter-reason", value),
            convert::DEAD_LETTER_DESCRIPTION => {
                question = question.with("deadletter-description", value);
            }
            _ => drop(changed.insert(Value::String(name), value)),
        }
    }
    if changed.is_empty() {
        return question;
    }
    question.with("properties-to-modify", Value::Map(changed))
}

fn reject(
    dead_letter: &DeadLetter,
    attempt: u32,
    enqueued_at: Timestamp,
    now: Timestamp,
) -> AmqpOutcome {
    let mut info = Fields::new();
    let mut set = |name: &str, value| info.insert(Symbol::from(name), value);
    let text = |text: &str| Value::String(text.chars().take(TEXT_CHARACTERS_MAX).collect());
    let fingerprint = dead_letter.fingerprint.to_string();
    let time = |time: Timestamp| {
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        Value::Long(micros)
    };
    set(convert::DEAD_LETTER_REASON, text(&dead_letter.reason));
    set(
        convert::DEAD_LETTER_DESCRIPTION,
        text(&dead_letter.description),
    );
    set(convert::DEAD_LETTER_FINGERPRINT, Value::String(fingerprint));
    set(convert::DEAD_LETTER_ATTEMPTS, Value::Uint(attempt));
    set(convert::DEAD_LETTER_TIME, time(now));
    // The broker enqueues the dead anew.
    set(convert::FIRST_ENQUEUED, time(enqueued_at));
    AmqpOutcome::Rejected(Rejected {
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
    use crate::link::field;

    const BEFORE: Timestamp = Timestamp::from_micros(44);
    const NOW: Timestamp = Timestamp::from_micros(77);

    fn decided(settlement: &Settlement, attempt: u32) -> Decision {
        decide(settlement, attempt, BEFORE, NOW).unwrap()
    }

    #[test]
    fn settlements_become_outcomes() {
        let ack = decided(&Settlement::Ack, 1);
        assert!(matches!(ack.outcome, AmqpOutcome::Accepted(_)));
        assert_eq!(ack.expected, Answer::Accepted);
        let release = decided(&Settlement::RELEASE, 1);
        let AmqpOutcome::Modified(modified) = release.outcome else {
            panic!("{release:?}");
        };
        assert_eq!(modified.delivery_failed, Some(true));
        assert_eq!(release.expected, Answer::Modified);
    }

    #[test]
    fn a_dead_letter_takes_its_reason_along() {
        let settlement = Settlement::dead_letter("rejected", "x".repeat(5000));
        let decision = decided(&settlement, 3);
        assert_eq!(decision.expected, Answer::Rejected(None));
        let AmqpOutcome::Rejected(Rejected { error: Some(error) }) = decision.outcome else {
            panic!("{decision:?}");
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
        assert_eq!(get(convert::FIRST_ENQUEUED), Some(Value::Long(44)));
    }

    #[test]
    fn a_release_with_a_delay_is_no_outcome() {
        let delay = Duration::from_secs(1);
        let error = decide(&Settlement::Release { delay }, 1, BEFORE, NOW).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("1s"), "{error}");
    }

    /// What has no link is settled by the same words as the SDKs of other languages have.
    #[test]
    fn the_management_node_is_told_what_was_decided() {
        let asked = |decision: &Decision| {
            let Question { body, .. } = question(&[1; 16], &decision.outcome);
            let status = field(&body, "disposition-status").cloned();
            (status, body)
        };
        let status = |text: &str| Some(Value::String(text.to_owned()));
        assert_eq!(asked(&decided(&Settlement::Ack, 1)).0, status("completed"));
        assert_eq!(
            asked(&decided(&Settlement::RELEASE, 1)).0,
            status("abandoned")
        );
        let mut properties = Fields::new();
        properties.insert(Symbol::from("step"), Value::Uint(2));
        let (told, body) = asked(&Decision::defer(properties));
        assert_eq!(told, status("defered"));
        let changed = field(&body, "properties-to-modify").unwrap();
        assert_eq!(field(changed, "step"), Some(&Value::Uint(2)));
        let (told, body) = asked(&decided(&Settlement::dead_letter("why", "how"), 1));
        assert_eq!(told, status("suspended"));
        assert_eq!(field(&body, "deadletter-reason"), status("why").as_ref());
        assert_eq!(
            field(&body, "deadletter-description"),
            status("how").as_ref()
        );
    }
}
