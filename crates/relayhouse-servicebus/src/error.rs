//! Every error of the adapter, and the one table from conditions to kinds.

use std::time::Duration;

use relayhouse_core::{Error, ErrorKind, Operation, Retry};

use crate::link::tap::Answer;

/// The most characters of the broker's own text that an error shows.
const TEXT_CHARS_MAX: usize = 240;

/// How long a broker that is busy asks to be left alone.
const BUSY: Retry = Retry::After(Duration::from_secs(10));

/// The condition of a settlement whose lock has ended.
pub(crate) const MESSAGE_LOCK_LOST: &str = "com.microsoft:message-lock-lost";

/// The condition by which a receiver dead-letters.
pub(crate) const DEAD_LETTER: &str = "com.microsoft:dead-letter";

/// Says what one condition of AMQP or Service Bus means.
type Row = (&'static str, ErrorKind, Retry);

const fn row(condition: &'static str, kind: ErrorKind) -> Row {
    (condition, kind, Retry::Permanent)
}

const fn temporary(condition: &'static str, kind: ErrorKind) -> Row {
    (condition, kind, Retry::Temporary)
}

/// What the conditions mean, in their order.
const CONDITIONS: &[Row] = &[
    temporary("amqp:connection:forced", ErrorKind::ConnectionFailed),
    temporary("amqp:connection:framing-error", ErrorKind::ConnectionFailed),
    row("amqp:decode-error", ErrorKind::MessageInvalid),
    temporary("amqp:internal-error", ErrorKind::Unexpected),
    row("amqp:invalid-field", ErrorKind::MessageInvalid),
    temporary("amqp:link:detach-forced", ErrorKind::ConnectionFailed),
    row(
        "amqp:link:message-size-exceeded",
        ErrorKind::MessageTooLarge,
    ),
    temporary("amqp:link:stolen", ErrorKind::ConnectionFailed),
    row("amqp:not-allowed", ErrorKind::Unsupported),
    row("amqp:not-found", ErrorKind::QueueNotFound),
    row("amqp:not-implemented", ErrorKind::Unsupported),
    row("amqp:precondition-failed", ErrorKind::MessageInvalid),
    temporary("amqp:resource-limit-exceeded", ErrorKind::Full),
    temporary("amqp:transaction:rollback", ErrorKind::Unexpected),
    temporary("amqp:transaction:timeout", ErrorKind::Unexpected),
    temporary("amqp:transaction:unknown-id", ErrorKind::Unexpected),
    row("amqp:unauthorized-access", ErrorKind::Unauthorized),
    row("com.microsoft:argument-error", ErrorKind::MessageInvalid),
    row(
        "com.microsoft:argument-out-of-range",
        ErrorKind::MessageInvalid,
    ),
    row("com.microsoft:auth-failed", ErrorKind::Unauthorized),
    temporary("com.microsoft:container-close", ErrorKind::ConnectionFailed),
    row(
        "com.microsoft:entity-already-exists",
        ErrorKind::QueueConflict,
    ),
    // Somebody who disabled it may enable it again.
    temporary("com.microsoft:entity-disabled", ErrorKind::Unexpected),
    row(MESSAGE_LOCK_LOST, ErrorKind::LeaseLost),
    row(
        "com.microsoft:message-not-found",
        ErrorKind::MessageNotFound,
    ),
    row("com.microsoft:precondition-failed", ErrorKind::Unexpected),
    ("com.microsoft:server-busy", ErrorKind::Throttled, BUSY),
    temporary(
        "com.microsoft:session-cannot-be-locked",
        ErrorKind::SessionBusy,
    ),
    row("com.microsoft:session-lock-lost", ErrorKind::LeaseLost),
    temporary("com.microsoft:timeout", ErrorKind::Timeout),
];

/// Turns a condition of the broker into an error.
pub(crate) fn of_condition(
    condition: &str,
    description: Option<&str>,
    operation: Operation,
) -> Error {
    let row = CONDITIONS.iter().find(|(known, _, _)| *known == condition);
    let (kind, retry) = match row {
        // Both say that the broker gave up on its work, which may be done.
        Some((_, ErrorKind::Timeout, retry)) if changes(operation) => {
            (ErrorKind::OutcomeUnknown, *retry)
        }
        Some((_, ErrorKind::Unexpected, Retry::Temporary))
            if changes(operation) && condition == "amqp:internal-error" =>
        {
            (ErrorKind::OutcomeUnknown, Retry::Temporary)
        }
        // An entity with sessions refuses messages that name none.
        Some((_, ErrorKind::Unsupported, retry)) if operation == Operation::Send => {
            (ErrorKind::MessageInvalid, *retry)
        }
        Some((_, kind, retry)) => (*kind, *retry),
        None => (ErrorKind::Unexpected, Retry::Permanent),
    };
    let text = match description {
        Some(description) => format!("{condition}: {}", shortened(description)),
        None => condition.to_owned(),
    };
    Error::new(kind, text).retry(retry).operation(operation)
}

const fn changes(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Send | Operation::Settle | Operation::Extend
    )
}

/// What the statuses of the management API mean, with the codes that stand in their texts.
const STATUSES: &[(u16, ErrorKind, Retry)] = &[
    (400, ErrorKind::ConfigInvalid, Retry::Permanent),
    (401, ErrorKind::Unauthorized, Retry::Permanent),
    // The namespace has no room for it, or its tier does not know it.
    (403, ErrorKind::Full, Retry::Permanent),
    (404, ErrorKind::QueueNotFound, Retry::Permanent),
    (408, ErrorKind::OutcomeUnknown, Retry::Temporary),
    (409, ErrorKind::QueueConflict, Retry::Permanent),
    (410, ErrorKind::QueueNotFound, Retry::Permanent),
    (412, ErrorKind::QueueConflict, Retry::Permanent),
    (429, ErrorKind::Throttled, BUSY),
    (500, ErrorKind::OutcomeUnknown, Retry::Temporary),
    (502, ErrorKind::OutcomeUnknown, Retry::Temporary),
    (503, ErrorKind::Throttled, BUSY),
    (504, ErrorKind::OutcomeUnknown, Retry::Temporary),
];

/// How the service says that something else is being done to the entity.
const IN_PROGRESS: &str = "SubCode=40901";

/// Turns a refusal of the management API into an error.
pub(crate) fn of_status(status: u16, detail: Option<&str>, changes: bool) -> Error {
    let row = STATUSES.iter().find(|(known, _, _)| *known == status);
    let (kind, retry) = match row {
        Some((409, _, _)) if detail.is_some_and(|it| it.contains(IN_PROGRESS)) => {
            (ErrorKind::Unavailable, BUSY)
        }
        Some((_, ErrorKind::OutcomeUnknown, retry)) if !changes => (ErrorKind::Unavailable, *retry),
        Some((_, kind, retry)) => (*kind, *retry),
        None => (ErrorKind::Unexpected, Retry::Permanent),
    };
    let text = match detail {
        Some(detail) => format!("the management API answers {status}: {}", shortened(detail)),
        None => format!("the management API answers {status}"),
    };
    Error::new(kind, text)
        .retry(retry)
        .operation(Operation::Admin)
}

/// Turns an error of the libraries of Entra ID into one of ours.
#[cfg(feature = "entra")]
pub(crate) fn of_azure(azure: azure_core::Error) -> Error {
    let (kind, retry) = cause_of_azure(&azure);
    Error::new(kind, "Entra ID gives no token")
        .retry(retry)
        .with_source(azure)
}

/// Looks through what those libraries have wrapped around the cause.
#[cfg(feature = "entra")]
fn cause_of_azure(azure: &azure_core::Error) -> (ErrorKind, Retry) {
    use azure_core::error::ErrorKind as Azure;
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(azure);
    while let Some(error) = next {
        if let Some(ours) = error.downcast_ref::<Error>() {
            return match ours.kind() {
                // A token that was asked for and is not known of changes nothing.
                ErrorKind::OutcomeUnknown => (ErrorKind::ConnectionFailed, Retry::Temporary),
                kind => (kind, ours.retry_hint()),
            };
        }
        let theirs = error.downcast_ref::<azure_core::Error>();
        if let Some(Azure::HttpResponse { status, .. }) = theirs.map(azure_core::Error::kind) {
            return match u16::from(*status) {
                429 => (ErrorKind::Throttled, BUSY),
                500..=599 => (ErrorKind::Unavailable, Retry::Temporary),
                _ => (ErrorKind::Unauthorized, Retry::Permanent),
            };
        }
        next = error.source();
    }
    (ErrorKind::Unauthorized, Retry::Permanent)
}

fn shortened(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars().take(TEXT_CHARS_MAX) {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Compares what the broker decided with what it was asked for.
pub(crate) fn of_answer(answer: &Answer, expected: &Answer) -> Result<(), Error> {
    if answer == expected {
        return Ok(());
    }
    let error = match answer {
        Answer::Rejected(Some(condition)) => of_condition(condition, None, Operation::Settle),
        Answer::Unstated => Error::new(
            ErrorKind::OutcomeUnknown,
            "the broker forgot the delivery and does not say what became of it",
        ),
        _ => Error::new(
            ErrorKind::OutcomeUnknown,
            format!("the broker was asked for {expected:?} and answers {answer:?}"),
        ),
    };
    Err(error.operation(Operation::Settle))
}

pub(crate) fn invalid(text: impl Into<relayhouse_core::Text>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, text)
}

pub(crate) fn message(text: impl Into<relayhouse_core::Text>) -> Error {
    Error::new(ErrorKind::MessageInvalid, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_sorted_and_there_once() {
        let is_sorted = CONDITIONS.windows(2).all(|pair| pair[0].0 < pair[1].0);
        assert!(is_sorted);
    }

    #[test]
    fn conditions_become_kinds() {
        use ErrorKind as Kind;
        use Operation::{Open, Receive, Send, Settle};
        use Retry::{Permanent, Temporary};
        let cases = [
            ("amqp:not-found", Open, Kind::QueueNotFound, Permanent),
            ("amqp:not-allowed", Open, Kind::Unsupported, Permanent),
            ("amqp:not-allowed", Send, Kind::MessageInvalid, Permanent),
            ("amqp:internal-error", Receive, Kind::Unexpected, Temporary),
            ("amqp:internal-error", Send, Kind::OutcomeUnknown, Temporary),
            (
                "amqp:link:detach-forced",
                Receive,
                Kind::ConnectionFailed,
                Temporary,
            ),
            (
                "amqp:link:message-size-exceeded",
                Send,
                Kind::MessageTooLarge,
                Permanent,
            ),
            ("amqp:resource-limit-exceeded", Send, Kind::Full, Temporary),
            (MESSAGE_LOCK_LOST, Settle, Kind::LeaseLost, Permanent),
            (
                "com.microsoft:session-cannot-be-locked",
                Open,
                Kind::SessionBusy,
                Temporary,
            ),
            (
                "com.microsoft:entity-disabled",
                Send,
                Kind::Unexpected,
                Temporary,
            ),
            ("com.microsoft:server-busy", Send, Kind::Throttled, BUSY),
            ("com.microsoft:timeout", Receive, Kind::Timeout, Temporary),
            (
                "com.microsoft:timeout",
                Settle,
                Kind::OutcomeUnknown,
                Temporary,
            ),
            ("com.example:news", Send, Kind::Unexpected, Permanent),
        ];
        for (condition, operation, kind, retry) in cases {
            let error = of_condition(condition, None, operation);
            let told = (error.kind(), error.retry_hint(), error.attempted());
            assert_eq!(told, (kind, retry, Some(operation)), "{condition}");
        }
    }

    #[test]
    fn statuses_become_kinds() {
        use ErrorKind as Kind;
        use Retry::{Permanent, Temporary};
        let is_sorted = STATUSES.windows(2).all(|pair| pair[0].0 < pair[1].0);
        assert!(is_sorted);
        let busy = "SubCode=40901. Another conflicting operation is in progress.";
        for (status, detail, kind, retry) in [
            (400, None, Kind::ConfigInvalid, Permanent),
            (401, None, Kind::Unauthorized, Permanent),
            (403, None, Kind::Full, Permanent),
            (404, None, Kind::QueueNotFound, Permanent),
            (
                409,
                Some("SubCode=40900. Conflict."),
                Kind::QueueConflict,
                Permanent,
            ),
            (409, Some(busy), Kind::Unavailable, BUSY),
            (429, None, Kind::Throttled, BUSY),
            (500, None, Kind::OutcomeUnknown, Temporary),
            (503, None, Kind::Throttled, BUSY),
            (418, None, Kind::Unexpected, Permanent),
        ] {
            let error = of_status(status, detail, true);
            assert_eq!(
                (error.kind(), error.retry_hint()),
                (kind, retry),
                "{status}"
            );
        }
        assert_eq!(of_status(500, None, false).kind(), Kind::Unavailable);
    }

    #[test]
    fn the_text_of_the_broker_is_shown_without_its_control_characters() {
        let error = of_condition("amqp:not-found", Some("no\nqueue 'x'"), Operation::Open);
        assert_eq!(error.message(), "amqp:not-found: no\\nqueue 'x'");
        let long = "x".repeat(1000);
        let error = of_condition("amqp:not-found", Some(&long), Operation::Open);
        assert!(error.message().len() < 300);
    }

    #[test]
    fn only_the_answer_that_was_asked_for_is_done() {
        assert!(of_answer(&Answer::Accepted, &Answer::Accepted).is_ok());
        let dead = Answer::Rejected(None);
        assert!(of_answer(&dead, &dead).is_ok());
        let kind =
            |answer: &Answer, expected: &Answer| of_answer(answer, expected).unwrap_err().kind();
        let lost = Answer::Rejected(Some(MESSAGE_LOCK_LOST.to_owned()));
        assert_eq!(kind(&lost, &Answer::Accepted), ErrorKind::LeaseLost);
        assert_eq!(kind(&lost, &dead), ErrorKind::LeaseLost);
        assert_eq!(
            kind(&Answer::Released, &Answer::Accepted),
            ErrorKind::OutcomeUnknown
        );
        assert_eq!(kind(&Answer::Unstated, &dead), ErrorKind::OutcomeUnknown);
    }
}
