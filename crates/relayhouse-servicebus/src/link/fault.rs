//! Errors of the client library, as ours.

use fe2o3_amqp::{
    connection::ConnectionStopReason,
    link::{
        DetachError, IllegalLinkStateError, LinkStateError, ReceiverAttachError, RecvError,
        SendError, SenderAttachError, SessionStopReason,
    },
    session::BeginError,
};
use fe2o3_amqp_types::{definitions::Error as AmqpError, primitives::Value};
use relayhouse_core::{BoxError, Error, ErrorKind, Operation};

use crate::error;

/// Turns an error of the broker into ours.
pub(crate) fn of_amqp(amqp: &AmqpError, operation: Operation) -> Error {
    let condition = match serde_amqp::to_value(&amqp.condition) {
        Ok(Value::Symbol(symbol)) => symbol.0,
        _ => "an error without a condition".to_owned(),
    };
    error::of_condition(&condition, amqp.description.as_deref(), operation)
}

fn lost(error: impl Into<BoxError>, operation: Operation) -> Error {
    Error::new(ErrorKind::ConnectionFailed, "the link has ended")
        .with_source(error)
        .operation(operation)
}

pub(crate) fn of_begin(error: BeginError) -> Error {
    match &error {
        BeginError::RemoteEndedWithError(amqp) => of_amqp(amqp, Operation::Open),
        BeginError::ConnectionStopped(reason) => {
            of_connection(reason).unwrap_or_else(|| lost(error, Operation::Open))
        }
        _ => lost(error, Operation::Open),
    }
}

fn of_connection(reason: &ConnectionStopReason) -> Option<Error> {
    match reason {
        ConnectionStopReason::RemoteClosedWithError(amqp) => Some(of_amqp(amqp, Operation::Open)),
        _ => None,
    }
}

fn of_stop(reason: &SessionStopReason, operation: Operation) -> Option<Error> {
    match reason {
        SessionStopReason::RemoteEndedWithError(amqp) => Some(of_amqp(amqp, operation)),
        SessionStopReason::ConnectionStopped(reason) => of_connection(reason),
        _ => None,
    }
}

pub(crate) fn of_sender_attach(error: SenderAttachError) -> Error {
    let told = match &error {
        SenderAttachError::RemoteClosedWithError(amqp) => Some(of_amqp(amqp, Operation::Open)),
        SenderAttachError::SessionStopped(reason) => of_stop(reason, Operation::Open),
        _ => None,
    };
    told.unwrap_or_else(|| lost(error, Operation::Open))
}

pub(crate) fn of_receiver_attach(error: ReceiverAttachError) -> Error {
    let told = match &error {
        ReceiverAttachError::RemoteClosedWithError(amqp) => Some(of_amqp(amqp, Operation::Open)),
        ReceiverAttachError::SessionStopped(reason) => of_stop(reason, Operation::Open),
        _ => None,
    };
    told.unwrap_or_else(|| lost(error, Operation::Open))
}

fn of_link_state(error: &LinkStateError, operation: Operation) -> Option<Error> {
    match error {
        LinkStateError::RemoteDetachedWithError(amqp)
        | LinkStateError::RemoteClosedWithError(amqp) => Some(of_amqp(amqp, operation)),
        LinkStateError::SessionStopped(reason) => of_stop(reason, operation),
        _ => None,
    }
}

pub(crate) fn of_recv(error: RecvError, operation: Operation) -> Error {
    let told = match &error {
        RecvError::LinkStateError(state) => of_link_state(state, operation),
        _ => None,
    };
    told.unwrap_or_else(|| lost(error, operation))
}

pub(crate) fn of_state(error: IllegalLinkStateError, operation: Operation) -> Error {
    let told = match &error {
        IllegalLinkStateError::SessionStopped(reason) => of_stop(reason, operation),
        IllegalLinkStateError::IllegalState => None,
    };
    told.unwrap_or_else(|| lost(error, operation))
}

/// Says whether the link still serves after `error`.
pub(crate) fn link_is_lost(error: &SendError) -> bool {
    matches!(error, SendError::LinkStateError(_) | SendError::Detached(_))
}

/// Turns the failure of a message that had left, or not, into its answer.
pub(crate) fn of_send(error: SendError, has_left: bool) -> Error {
    let told = match &error {
        SendError::MessageSizeExceeded(_) => Some(Error::new(
            ErrorKind::MessageTooLarge,
            "message is larger than the link allows",
        )),
        SendError::MessageEncodeError => Some(error::message("message cannot be encoded")),
        SendError::LinkStateError(state) => of_link_state(state, Operation::Send),
        SendError::Detached(
            DetachError::RemoteDetachedWithError(amqp) | DetachError::RemoteClosedWithError(amqp),
        ) => Some(of_amqp(amqp, Operation::Send)),
        _ => None,
    };
    match (told, has_left && link_is_lost(&error)) {
        (Some(told), false) => told,
        (None, false) => lost(error, Operation::Send),
        (_, true) => unknown().with_source(error),
    }
}

/// Says that a message left, and nobody knows what became of it.
pub(crate) fn unknown() -> Error {
    Error::new(
        ErrorKind::OutcomeUnknown,
        "the broker gave no answer: the link ended or the time was over",
    )
}
