//! Every error that the local adapter makes above its store.

use std::io;

use relayhouse_core::{Error, ErrorKind, Operation, Retry, SessionId, Text};

use crate::{config::Full, store::Verdict};

pub(crate) fn closed(operation: Operation) -> Error {
    Error::new(ErrorKind::Closed, "it was closed").operation(operation)
}

/// The storage thread is gone, and the call never reached it.
pub(crate) fn writer_gone() -> Error {
    Error::new(ErrorKind::Closed, "its storage thread has ended")
}

/// The storage thread went away with the call.
pub(crate) fn unanswered() -> Error {
    Error::new(
        ErrorKind::OutcomeUnknown,
        "its storage thread ended before it answered",
    )
}

/// What was settled is settled, and what was to be sent is noted and not there yet.
pub(crate) fn half_way(queue: impl Into<Text>, cause: &Error) -> Error {
    Error::new(
        ErrorKind::OutcomeUnknown,
        "what was settled is settled; what was sent arrives when the source is opened next",
    )
    .at(Operation::Send, queue)
    .with_source(cause.clone())
}

pub(crate) fn no_thread(error: io::Error) -> Error {
    Error::new(ErrorKind::Unexpected, "no storage thread can be started")
        .retry(Retry::Temporary)
        .with_source(error)
}

pub(crate) fn not_removed(path: &std::path::Path, error: io::Error) -> Error {
    let text = format!("file {} cannot be removed", path.display());
    Error::new(ErrorKind::Unexpected, text).with_source(error)
}

pub(crate) fn not_found(queue: impl Into<Text>, operation: Operation) -> Error {
    Error::new(ErrorKind::QueueNotFound, "it does not exist")
        .operation(operation)
        .queue(queue)
}

pub(crate) fn deleted(queue: impl Into<Text>, operation: Operation) -> Error {
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

pub(crate) fn full(queue: impl Into<Text>, full: Full) -> Error {
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

pub(crate) fn needs_key() -> Error {
    Error::new(
        ErrorKind::MessageInvalid,
        "message has no ordering key, which names its session",
    )
    .operation(Operation::Send)
}

pub(crate) fn lease_lost(operation: Operation) -> Error {
    Error::new(ErrorKind::LeaseLost, "the lease of the delivery has ended").operation(operation)
}

pub(crate) fn session_lost(operation: Operation) -> Error {
    Error::new(ErrorKind::LeaseLost, "the lease of the session has ended").operation(operation)
}

pub(crate) fn session_busy(queue: impl Into<Text>, session: &SessionId) -> Error {
    Error::new(
        ErrorKind::SessionBusy,
        format!("somebody else holds session {session}"),
    )
    .operation(Operation::Session)
    .queue(queue)
}

/// Returns why the verdict is not done, if it is not.
pub(crate) fn of_verdict(verdict: &Verdict, operation: Operation) -> Option<Error> {
    let (kind, text) = match verdict {
        Verdict::Done => return None,
        Verdict::LeaseLost => return Some(lease_lost(operation)),
        Verdict::DeadAlready => (
            ErrorKind::Unsupported,
            "a dead letter cannot be dead-lettered",
        ),
        Verdict::DeadLettersFull => (ErrorKind::Full, "the dead-letter queue is full"),
        Verdict::KeyTaken => (
            ErrorKind::LeaseLost,
            "the claim ended before it was completed, and another has the key",
        ),
        Verdict::KeysFull => return Some(keys_full(operation)),
        Verdict::Unknown => (ErrorKind::Unsupported, "this settlement is not known here"),
    };
    Some(Error::new(kind, text).operation(operation))
}

pub(crate) fn keys_full(operation: Operation) -> Error {
    Error::new(ErrorKind::Full, "the dedup store is full").operation(operation)
}

/// A mark of another store than the one at hand cannot be one with the ack.
pub(crate) fn elsewhere() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "a key that is kept elsewhere cannot be completed as one with the ack",
    )
    .operation(Operation::Settle)
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

/// Returns true if the call may have had its effect.
pub(crate) fn is_unknown(error: &Error) -> bool {
    error.kind() == ErrorKind::OutcomeUnknown
}
