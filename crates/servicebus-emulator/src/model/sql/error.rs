//! Why an expression cannot be read, and where.

use std::{error, fmt};

use super::{DEPTH_MAX, LENGTH_MAX, PARAMETERS_MAX, STATEMENTS_MAX};

/// Why an expression cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlError {
    kind: SqlErrorKind,
    offset: usize,
}

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SqlErrorKind {
    TooLong(usize),
    TooDeep,
    TooManyStatements,
    TooManyParameters(usize),
    Unclosed(char),
    Number(Box<str>),
    Character(char),
    Expected(&'static str),
    Scope(Box<str>),
    Function(Box<str>),
    ReadOnly(Box<str>),
}

impl SqlError {
    pub(super) const fn new(kind: SqlErrorKind, offset: usize) -> Self {
        Self { kind, offset }
    }

    /// Returns the byte of the expression at which it goes wrong.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            SqlErrorKind::TooLong(length) => {
                write!(f, "{length} characters, and {LENGTH_MAX} are possible")?;
            }
            SqlErrorKind::TooDeep => write!(f, "more than {DEPTH_MAX} levels")?,
            SqlErrorKind::TooManyStatements => write!(f, "more than {STATEMENTS_MAX} statements")?,
            SqlErrorKind::TooManyParameters(count) => {
                write!(f, "{count} parameters, and {PARAMETERS_MAX} are possible")?;
            }
            SqlErrorKind::Unclosed(close) => write!(f, "no closing {close}")?,
            SqlErrorKind::Number(text) => write!(f, "{text} is no number that can be kept")?,
            SqlErrorKind::Character(character) => write!(f, "{character:?} has no meaning")?,
            SqlErrorKind::Expected(what) => write!(f, "{what} is expected")?,
            SqlErrorKind::Scope(scope) => {
                write!(f, "{scope:?} is no scope: there are \"sys\" and \"user\"")?;
            }
            SqlErrorKind::Function(name) => {
                write!(
                    f,
                    "{name:?} is no function: there are newid, property and p"
                )?;
            }
            SqlErrorKind::ReadOnly(name) => write!(f, "sys.{name} cannot be changed")?,
        }
        write!(f, " at offset {}", self.offset)
    }
}

impl error::Error for SqlError {}
