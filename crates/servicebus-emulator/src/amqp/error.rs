//! What goes wrong, and how far it reaches.

use fe2o3_amqp_types::definitions::{Error, ErrorCondition, Fields};

/// Makes an error of a condition and a text for people.
#[must_use]
pub fn error(condition: impl Into<ErrorCondition>, description: impl Into<String>) -> Error {
    // Some clients read all three fields, whether they are there or not.
    Error::new(condition, Some(description.into()), Some(Fields::new()))
}

/// What a failure takes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Connection,
    Session,
    /// The link with this handle.
    Link(u32),
}

/// Something that a peer did wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) scope: Scope,
    // Boxed, since nearly all results are good ones.
    pub(super) error: Box<Error>,
}

pub(super) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub(super) fn of_connection(
        condition: impl Into<ErrorCondition>,
        description: impl Into<String>,
    ) -> Self {
        Self::new(Scope::Connection, condition, description)
    }

    pub(super) fn of_session(
        condition: impl Into<ErrorCondition>,
        description: impl Into<String>,
    ) -> Self {
        Self::new(Scope::Session, condition, description)
    }

    pub(super) fn of_link(
        handle: u32,
        condition: impl Into<ErrorCondition>,
        description: impl Into<String>,
    ) -> Self {
        Self::new(Scope::Link(handle), condition, description)
    }

    fn new(
        scope: Scope,
        condition: impl Into<ErrorCondition>,
        description: impl Into<String>,
    ) -> Self {
        Self {
            scope,
            error: Box::new(error(condition, description)),
        }
    }
}
