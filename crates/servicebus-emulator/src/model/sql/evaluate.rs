//! What an expression is for a message.

use std::{error, fmt};

use super::{
    super::{Contents, Value, random::Random},
    Parameters, arithmetic, compare, find, like,
    node::{Node, Property, Scope},
    system,
};

/// Why an expression has no outcome for a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EvaluationError {
    /// There is no system property of that name.
    SystemProperty(Box<str>),
    /// A parameter was given no value.
    Parameter(Box<str>),
    /// A whole number was divided by zero.
    Division,
    /// An operator does not go with the types of its operands.
    Operands(&'static str),
    /// A name or a pattern is no text.
    Text(&'static str),
    /// An escape character is not one character.
    Escape,
    /// A system property does not take the value.
    Assignment(Box<str>),
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SystemProperty(name) => write!(f, "there is no system property {name:?}"),
            Self::Parameter(name) => write!(f, "the parameter {name:?} has no value"),
            Self::Division => write!(f, "division by zero"),
            Self::Operands(sign) => {
                write!(f, "{sign:?} does not go with the types of its operands")
            }
            Self::Text(what) => write!(f, "{what} is no text"),
            Self::Escape => write!(f, "an escape character is a text of one character"),
            Self::Assignment(name) => write!(f, "sys.{name} does not take a value of that type"),
        }
    }
}

impl error::Error for EvaluationError {}

type Result<T> = std::result::Result<T, EvaluationError>;

/// One look at a message.
pub(super) struct Evaluation<'a> {
    contents: &'a Contents,
    parameters: &'a Parameters,
    random: &'a mut Random,
}

impl<'a> Evaluation<'a> {
    pub(super) const fn new(
        contents: &'a Contents,
        parameters: &'a Parameters,
        random: &'a mut Random,
    ) -> Self {
        Self {
            contents,
            parameters,
            random,
        }
    }

    /// Returns whether a condition is true or false, or nothing if that is unknown.
    pub(super) fn test(&mut self, node: &Node) -> Result<Option<bool>> {
        match node {
            Node::And(left, right) => self.and(left, right),
            Node::Or(left, right) => self.or(left, right),
            Node::Not(node) => Ok(self.test(node)?.map(|it| !it)),
            Node::Comparison(comparison, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                let values = left.zip(right);
                Ok(values.and_then(|(left, right)| compare::compare(*comparison, &left, &right)))
            }
            Node::IsNull(property) => Ok(Some(self.property(property)?.is_none())),
            Node::Exists(property) => self.exists(property).map(Some),
            Node::In(value, list) => self.is_in(value, list),
            Node::Like {
                text,
                pattern,
                escape,
            } => self.like(text, pattern, escape.as_deref()),
            // The parser lets no other node stand where a condition is.
            Node::Constant(_)
            | Node::Parameter(_)
            | Node::Property(_)
            | Node::PropertyOf(_)
            | Node::NewId
            | Node::Signed(..)
            | Node::Arithmetic(..) => Ok(match self.value(node)? {
                Some(Value::Boolean(value)) => Some(value),
                _ => None,
            }),
        }
    }

    /// Returns the value of an expression, or nothing if it is unknown or null.
    pub(super) fn value(&mut self, node: &Node) -> Result<Option<Value>> {
        let value = match node {
            Node::Constant(value) => Some(value.clone()),
            Node::Parameter(name) => Some(self.parameter(name)?),
            Node::Property(property) => self.property(property)?,
            Node::PropertyOf(name) => match self.value(name)? {
                Some(name) => self.property_of(&name)?,
                None => None,
            },
            Node::NewId => Some(Value::Uuid(self.random.uuid())),
            Node::Signed(sign, node) => match self.value(node)? {
                Some(value) => Some(arithmetic::signed(*sign, value)?),
                None => None,
            },
            Node::Arithmetic(operator, left, right) => {
                match self.value(left)?.zip(self.value(right)?) {
                    Some((left, right)) => Some(arithmetic::combine(*operator, &left, &right)?),
                    None => None,
                }
            }
            Node::Comparison(..)
            | Node::Not(_)
            | Node::And(..)
            | Node::Or(..)
            | Node::IsNull(_)
            | Node::Exists(_)
            | Node::In(..)
            | Node::Like { .. } => self.test(node)?.map(Value::Boolean),
        };
        Ok(value.filter(|value| *value != Value::Null))
    }

    fn and(&mut self, left: &Node, right: &Node) -> Result<Option<bool>> {
        let left = self.test(left)?;
        if left == Some(false) {
            return Ok(left);
        }
        let right = self.test(right)?;
        Ok(match (left, right) {
            (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        })
    }

    fn or(&mut self, left: &Node, right: &Node) -> Result<Option<bool>> {
        let left = self.test(left)?;
        if left == Some(true) {
            return Ok(left);
        }
        let right = self.test(right)?;
        Ok(match (left, right) {
            (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        })
    }

    /// Looks for a value in a list; if it is not there and some of the list is unknown, so is
    /// the outcome.
    fn is_in(&mut self, value: &Node, list: &[Node]) -> Result<Option<bool>> {
        let Some(value) = self.value(value)? else {
            return Ok(None);
        };
        let mut is_known = true;
        for item in list {
            match self.value(item)? {
                Some(item) if compare::is_equal(&value, &item) => return Ok(Some(true)),
                Some(_) => {}
                None => is_known = false,
            }
        }
        Ok(is_known.then_some(false))
    }

    fn like(&mut self, text: &Node, pattern: &Node, escape: Option<&Node>) -> Result<Option<bool>> {
        let (text, pattern) = (self.value(text)?, self.value(pattern)?);
        let escape = match escape {
            Some(escape) => match self.value(escape)? {
                Some(escape) => Some(one_character(&escape)?),
                None => return Ok(None),
            },
            None => None,
        };
        let Some((text, pattern)) = text.zip(pattern) else {
            return Ok(None);
        };
        let pattern = compare::text(&pattern).ok_or(EvaluationError::Text("a pattern"))?;
        // As with other comparisons, what is no text is like none.
        Ok(compare::text(&text).map(|text| like::is_like(&text, &pattern, escape)))
    }

    fn parameter(&self, name: &str) -> Result<Value> {
        let value = self.parameters.get(name).cloned();
        value.ok_or_else(|| EvaluationError::Parameter(name.into()))
    }

    fn property(&self, property: &Property) -> Result<Option<Value>> {
        let value = match property.scope {
            Scope::System => system::get(self.contents, &property.name)?,
            Scope::User => find(self.contents, &property.name).cloned(),
        };
        Ok(value.filter(|value| *value != Value::Null))
    }

    fn property_of(&self, name: &Value) -> Result<Option<Value>> {
        let name = compare::text(name).ok_or(EvaluationError::Text("the name of a property"))?;
        let value = find(self.contents, &name).cloned();
        Ok(value.filter(|value| *value != Value::Null))
    }

    /// Says whether a message has a property, be it null.
    fn exists(&self, property: &Property) -> Result<bool> {
        match property.scope {
            Scope::System => Ok(system::get(self.contents, &property.name)?.is_some()),
            Scope::User => Ok(find(self.contents, &property.name).is_some()),
        }
    }
}

fn one_character(value: &Value) -> Result<char> {
    let text = compare::text(value).ok_or(EvaluationError::Escape)?;
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) => Ok(character),
        _ => Err(EvaluationError::Escape),
    }
}
