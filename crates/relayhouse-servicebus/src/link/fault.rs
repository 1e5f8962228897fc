//! Errors of the client library, as ours.

use fe2o3_amqp::{
    connection::ConnectionStopReason,
    link::{
        DetachError, IllegalLinkStateError, LinkStateError, ReceiverAttachError, RecvError,
        SendError, SenderAttachError, SessionStopReason,
    },
    session::BeginError,
    transaction::{ControllerSendError, OwnedDeclareError, OwnedDischargeError, PostError},
};
use fe2o3_amqp_types::{definitions::Error as AmqpError, messaging::Rejected, primitives::Value};
use relayhouse_core::{BoxError, Error, ErrorKind, Operation, Retry};

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
        BeginError::LocalChannelMaxReached => Error::new(
            ErrorKind::Full,
            "the connection has as many sessions as the broker allows",
        )
        .operation(Operation::Open),
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

/// Says that what came in is no message.
pub(crate) fn of_decode(error: serde_amqp::Error, operation: Operation) -> Error {
    lost(error, operation)
}

pub(crate) fn of_state(error: IllegalLinkStateError, operation: Operation) -> Error {
    let told = match &error {
        IllegalLinkStateError::SessionStopped(reason) => of_stop(reason, operation),
        IllegalLinkStateError::IllegalState => None,
    };
    told.unwrap_or_else(|| lost(error, operation))
}

/// Turns the end of a link into ours.
pub(crate) fn of_detach(error: DetachError) -> Error {
    match &error {
        DetachError::RemoteDetachedWithError(amqp) | DetachError::RemoteClosedWithError(amqp) => {
            of_amqp(amqp, Operation::Send)
        }
        _ => lost(error, Operation::Send),
    }
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

fn of_control(error: ControllerSendError, is_done: bool) -> Error {
    match &error {
        ControllerSendError::Rejected(Rejected { error: Some(amqp) }) => {
            of_amqp(amqp, Operation::Settle)
        }
        _ if is_done => unknown().with_source(error),
        _ => lost(error, Operation::Settle),
    }
}

/// Says why no transaction was begun.
pub(crate) fn of_declare(error: OwnedDeclareError) -> Error {
    match error {
        OwnedDeclareError::AttachError(error) => of_sender_attach(error),
        OwnedDeclareError::ControllerSendError(error) => of_control(error, false),
    }
}

/// Says why a transaction was not done, or that nobody knows.
pub(crate) fn of_discharge(error: OwnedDischargeError) -> Error {
    match error {
        OwnedDischargeError::ControllerSendError(error) => of_control(error, true),
        error @ OwnedDischargeError::DetachError(_) => unknown().with_source(error),
    }
}

/// Says why a message cannot be part of a transaction.
pub(crate) fn of_post(error: PostError) -> Error {
    match &error {
        PostError::MessageSizeExceeded(_) => Error::new(
            ErrorKind::MessageTooLarge,
            "message is larger than the link allows",
        ),
        PostError::LinkStateError(state) => {
            of_link_state(state, Operation::Send).unwrap_or_else(|| lost(error, Operation::Send))
        }
        // The client library drops the reason of a refusal that is not part of the transaction.
        PostError::IllegalDeliveryState => Error::new(
            ErrorKind::Unexpected,
            "the broker refuses a message of the transaction",
        )
        .retry(Retry::Temporary)
        .operation(Operation::Send),
        _ => lost(error, Operation::Send),
    }
}

/// Says that a message left, and nobody knows what became of it.
pub(crate) fn unknown() -> Error {
    Error::new(
        ErrorKind::OutcomeUnknown,
        "the broker gave no answer: the link ended or the time was over",
    )
}
