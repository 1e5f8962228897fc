//! Every error that the memory adapter makes.

use std::time::Duration;

use relayhouse_core::{Error, ErrorKind, Operation, Retry, SessionId, Text};

use crate::{config::Full, engine::Refusal};

pub(crate) fn closed(operation: Operation) -> Error {
    Error::new(ErrorKind::Closed, "it was closed").operation(operation)
}

pub(crate) fn not_found(queue: impl Into<Text>, operation: Operation) -> Error {
    Error::new(ErrorKind::QueueNotFound, "it does not exist")
        .operation(operation)
        .queue(queue)
}

pub(crate) fn deleted(queue: Text, operation: Operation) -> Error {
    Error::new(ErrorKind::QueueNotFound, "it was deleted")
        .operation(operation)
        .queue(queue)
}

pub(crate) fn conflict(queue: impl Into<Text>, what: &'static str) -> Error {
    Error::new(ErrorKind::QueueConflict, what)
        .operation(Operation::Open)
        .queue(queue)
}

pub(crate) fn unsupported(
    queue: impl Into<Text>,
    operation: Operation,
    what: &'static str,
) -> Error {
    Error::new(ErrorKind::Unsupported, what)
        .operation(operation)
        .queue(queue)
}

pub(crate) fn full(queue: Text, full: Full) -> Error {
    let retry = match full {
        Full::Shed => Retry::Permanent,
        Full::Wait | Full::Fail => Retry::Temporary,
    };
    Error::new(ErrorKind::Full, "the queue is full")
        .operation(Operation::Send)
        .queue(queue)
        .retry(retry)
}

pub(crate) fn too_large(size: u64, max: u64) -> Error {
    Error::new(
        ErrorKind::MessageTooLarge,
        format!("message has {size} bytes, the queue holds at most {max}"),
    )
    .operation(Operation::Send)
}

pub(crate) fn batch_too_long(operation: Operation, count: usize, max: u32) -> Error {
    Error::new(
        ErrorKind::MessageInvalid,
        format!("batch has {count} items, at most {max} are allowed"),
    )
    .operation(operation)
}

pub(crate) fn batch_too_large(bytes: u64, max: u64) -> Error {
    Error::new(
        ErrorKind::MessageTooLarge,
        format!("batch has {bytes} bytes, at most {max} are allowed"),
    )
    .operation(Operation::Send)
}

pub(crate) fn needs_key(what: &'static str) -> Error {
    Error::new(ErrorKind::MessageInvalid, what).operation(Operation::Send)
}

pub(crate) fn no_dedup() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "message has a dedup id, which this queue does not support",
    )
    .operation(Operation::Send)
}

pub(crate) fn lease_lost(operation: Operation) -> Error {
    Error::new(ErrorKind::LeaseLost, "the lease of the delivery has ended").operation(operation)
}

pub(crate) fn session_lost(operation: Operation) -> Error {
    Error::new(ErrorKind::LeaseLost, "the lease of the session has ended").operation(operation)
}

pub(crate) fn session_busy(queue: Text, session: &SessionId) -> Error {
    Error::new(
        ErrorKind::SessionBusy,
        format!("somebody else holds session {session}"),
    )
    .operation(Operation::Session)
    .queue(queue)
}

pub(crate) fn refused(refusal: Refusal) -> Error {
    let (kind, text) = match refusal {
        Refusal::DeadAlready => (
            ErrorKind::Unsupported,
            "a dead letter cannot be dead-lettered",
        ),
        Refusal::DeadLettersFull => (ErrorKind::Full, "the dead-letter queue is full"),
        Refusal::Unknown => (ErrorKind::Unsupported, "this settlement is not known here"),
    };
    Error::new(kind, text).operation(Operation::Settle)
}

pub(crate) fn too_long(operation: Operation, asked: Duration, max: Duration) -> Error {
    Error::new(
        ErrorKind::MessageInvalid,
        format!("{asked:?} is too long, at most {max:?} is allowed"),
    )
    .operation(operation)
}

pub(crate) fn extend_refused(queue: Text) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "the lease cannot be extended that far",
    )
    .operation(Operation::Extend)
    .queue(queue)
}

pub(crate) fn throttled(operation: Operation) -> Error {
    Error::new(ErrorKind::Throttled, "this item was throttled").operation(operation)
}

pub(crate) fn message_not_found(queue: impl Into<Text>, sequence: u64) -> Error {
    Error::new(
        ErrorKind::MessageNotFound,
        format!("no message with sequence number {sequence} is held back"),
    )
    .operation(Operation::Admin)
    .queue(queue)
}

pub(crate) fn invalid(text: impl Into<Text>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, text)
}
