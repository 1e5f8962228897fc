//! What goes wrong, in the kinds that Service Bus tells apart.

use std::{error, fmt};

/// What a call returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: Box<str>,
}

/// The kinds of refusals, each with a condition of its own in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The entity is not there (`amqp:not-found`).
    EntityNotFound,
    /// The entity is there already (`com.microsoft:entity-already-exists`).
    EntityExists,
    /// The entity takes or gives no messages now (`com.microsoft:entity-disabled`).
    EntityDisabled,
    /// The message is not there (`com.microsoft:message-not-found`).
    MessageNotFound,
    /// The lock of a message is over (`com.microsoft:message-lock-lost`).
    MessageLockLost,
    /// The lock of a session is over (`com.microsoft:session-lock-lost`).
    SessionLockLost,
    /// Somebody else holds the session (`com.microsoft:session-cannot-be-locked`).
    SessionCannotBeLocked,
    /// The entity, or what it is asked for, does not allow this (`amqp:not-allowed`).
    NotAllowed,
    /// An argument is wrong (`com.microsoft:argument-error`).
    Argument,
    /// An argument is out of its bounds (`com.microsoft:argument-out-of-range`).
    ArgumentOutOfRange,
    /// The entity is full (`amqp:resource-limit-exceeded`).
    QuotaExceeded,
    /// The message is too large (`amqp:link:message-size-exceeded`).
    MessageTooLarge,
    /// The transaction is unknown, or over (`amqp:transaction:unknown-id`).
    TransactionUnknown,
    /// The transaction cannot be committed (`amqp:transaction:rollback`).
    TransactionAborted,
}

impl Error {
    /// Makes an error.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<Box<str>>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// Returns why the call was refused.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns what a person is to read.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl error::Error for Error {}
