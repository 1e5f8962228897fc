//! What an expression is made of.

use std::fmt;

use super::super::Value;

/// A node of an expression: a predicate, which is true, false or unknown, or something that has
/// a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Constant(Value),
    Parameter(Box<str>),
    Property(Property),
    /// A property whose name is calculated.
    PropertyOf(Box<Node>),
    NewId,
    Signed(Signed, Box<Node>),
    Arithmetic(Arithmetic, Box<Node>, Box<Node>),
    Comparison(Comparison, Box<Node>, Box<Node>),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    IsNull(Property),
    Exists(Property),
    In(Box<Node>, Vec<Node>),
    Like {
        text: Box<Node>,
        pattern: Box<Node>,
        escape: Option<Box<Node>>,
    },
}

/// A property of a message.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Property {
    pub(super) scope: Scope,
    pub(super) name: Box<str>,
}

/// Whose properties are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Those that Service Bus knows.
    System,
    /// Those of the application.
    User,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signed {
    Plus,
    Minus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// One statement of an action.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Statement {
    Set(Property, Node),
    Remove(Property),
}

impl Node {
    /// Says whether the node is true, false or unknown, and has no value.
    pub(super) const fn is_predicate(&self) -> bool {
        match self {
            Self::Constant(_)
            | Self::Parameter(_)
            | Self::Property(_)
            | Self::PropertyOf(_)
            | Self::NewId
            | Self::Signed(..)
            | Self::Arithmetic(..) => false,
            Self::Comparison(..)
            | Self::Not(_)
            | Self::And(..)
            | Self::Or(..)
            | Self::IsNull(_)
            | Self::Exists(_)
            | Self::In(..)
            | Self::Like { .. } => true,
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scope {
            Scope::System => write!(f, "sys.{}", self.name),
            Scope::User => write!(f, "user.{}", self.name),
        }
    }
}
