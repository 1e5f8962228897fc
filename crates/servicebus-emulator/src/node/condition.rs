//! Refusals of the model, in the words of the protocol.

use fe2o3_amqp_types::{
    definitions::{AmqpError, Error, ErrorCondition, LinkError},
    transaction::TransactionError,
};
use serde_amqp::primitives::Symbol;

use crate::{
    amqp::error,
    model::{self, ErrorKind},
};

/// The conditions that Service Bus adds to those of AMQP.
pub(super) mod microsoft {
    pub(crate) const ARGUMENT_ERROR: &str = "com.microsoft:argument-error";
    pub(crate) const ARGUMENT_OUT_OF_RANGE: &str = "com.microsoft:argument-out-of-range";
    pub(crate) const AUTH_FAILED: &str = "com.microsoft:auth-failed";
    pub(crate) const ENTITY_ALREADY_EXISTS: &str = "com.microsoft:entity-already-exists";
    pub(crate) const ENTITY_DISABLED: &str = "com.microsoft:entity-disabled";
    pub(crate) const MESSAGE_LOCK_LOST: &str = "com.microsoft:message-lock-lost";
    pub(crate) const MESSAGE_NOT_FOUND: &str = "com.microsoft:message-not-found";
    pub(crate) const SERVER_BUSY: &str = "com.microsoft:server-busy";
    pub(crate) const SESSION_CANNOT_BE_LOCKED: &str = "com.microsoft:session-cannot-be-locked";
    pub(crate) const SESSION_LOCK_LOST: &str = "com.microsoft:session-lock-lost";
    pub(crate) const TIMEOUT: &str = "com.microsoft:timeout";
}

/// Makes a condition of its name.
pub(super) fn named(name: &str) -> ErrorCondition {
    ErrorCondition::Custom(Symbol::from(name))
}

/// Returns the name of a condition.
pub(super) fn name(condition: &ErrorCondition) -> String {
    let symbol = match condition {
        ErrorCondition::AmqpError(it) => Symbol::from(it),
        ErrorCondition::ConnectionError(it) => Symbol::from(it),
        ErrorCondition::SessionError(it) => Symbol::from(it),
        ErrorCondition::LinkError(it) => Symbol::from(it),
        ErrorCondition::TransactionError(it) => Symbol::from(it),
        ErrorCondition::Custom(it) => it.clone(),
    };
    symbol.into_inner()
}

/// Returns what a client is told for a refusal.
pub(super) fn of(refused: &model::Error) -> Error {
    error(condition(refused.kind()), refused.message())
}

fn condition(kind: ErrorKind) -> ErrorCondition {
    match kind {
        ErrorKind::EntityNotFound => AmqpError::NotFound.into(),
        ErrorKind::EntityExists => named(microsoft::ENTITY_ALREADY_EXISTS),
        ErrorKind::EntityDisabled => named(microsoft::ENTITY_DISABLED),
        ErrorKind::MessageNotFound => named(microsoft::MESSAGE_NOT_FOUND),
        ErrorKind::MessageLockLost => named(microsoft::MESSAGE_LOCK_LOST),
        ErrorKind::SessionLockLost => named(microsoft::SESSION_LOCK_LOST),
        ErrorKind::SessionCannotBeLocked => named(microsoft::SESSION_CANNOT_BE_LOCKED),
        ErrorKind::NotAllowed => AmqpError::NotAllowed.into(),
        ErrorKind::Argument => named(microsoft::ARGUMENT_ERROR),
        ErrorKind::ArgumentOutOfRange => named(microsoft::ARGUMENT_OUT_OF_RANGE),
        ErrorKind::QuotaExceeded => AmqpError::ResourceLimitExceeded.into(),
        ErrorKind::MessageTooLarge => LinkError::MessageSizeExceeded.into(),
        ErrorKind::TransactionUnknown => {
            ErrorCondition::TransactionError(TransactionError::UnknownId)
        }
        ErrorKind::TransactionAborted => {
            ErrorCondition::TransactionError(TransactionError::Rollback)
        }
    }
}

/// Returns the status of a request that was refused, as HTTP counts them.
pub(super) fn status(kind: ErrorKind) -> i32 {
    match kind {
        ErrorKind::EntityNotFound | ErrorKind::MessageNotFound => 404,
        ErrorKind::EntityExists => 409,
        ErrorKind::MessageLockLost
        | ErrorKind::SessionLockLost
        | ErrorKind::SessionCannotBeLocked => 410,
        ErrorKind::EntityDisabled
        | ErrorKind::NotAllowed
        | ErrorKind::QuotaExceeded
        | ErrorKind::MessageTooLarge => 403,
        ErrorKind::Argument
        | ErrorKind::ArgumentOutOfRange
        | ErrorKind::TransactionUnknown
        | ErrorKind::TransactionAborted => 400,
    }
}

/// Returns what a client is told that names a transaction which it did not begin, or has ended.
pub(super) fn unknown_transaction() -> Error {
    let condition = ErrorCondition::TransactionError(TransactionError::UnknownId);
    error(condition, "the transaction is not open on this connection")
}
