//! The expressions of SQL filters and SQL actions.
//!
//! A condition is true, false or unknown, and so are its parts: a property that a message does
//! not have is unknown, and so is null. A message is taken if the condition is true.

mod arithmetic;
mod compare;
mod error;
mod evaluate;
mod like;
mod node;
mod parse;
mod system;
#[cfg(test)]
mod tests;
mod token;

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

pub use self::{error::SqlError, evaluate::EvaluationError};
use self::{
    error::SqlErrorKind,
    evaluate::Evaluation,
    node::{Node, Property, Scope, Statement},
};
use super::{Contents, Value, random::Random};

/// The longest expression, in characters.
pub const LENGTH_MAX: usize = 1_024;

/// How deep parentheses and signs may be nested.
pub const DEPTH_MAX: usize = 32;

/// How many statements an action may have.
pub const STATEMENTS_MAX: usize = 32;

/// How many parameters a filter may have.
pub const PARAMETERS_MAX: usize = 64;

/// The values of an expression's parameters, by names that begin with an at sign.
pub type Parameters = BTreeMap<Box<str>, Value>;

/// A condition on the properties of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct SqlFilter {
    text: Arc<str>,
    parameters: Parameters,
    node: Arc<Node>,
}

/// Changes to the properties of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct SqlAction {
    text: Arc<str>,
    parameters: Parameters,
    statements: Arc<[Statement]>,
}

/// An expression as it is written down.
#[derive(Serialize, Deserialize)]
struct Written {
    text: Arc<str>,
    parameters: Parameters,
}

impl TryFrom<Written> for SqlFilter {
    type Error = SqlError;

    fn try_from(written: Written) -> Result<Self, SqlError> {
        Self::parse(&written.text)?.with_parameters(written.parameters)
    }
}

impl From<SqlFilter> for Written {
    fn from(filter: SqlFilter) -> Self {
        Self {
            text: filter.text,
            parameters: filter.parameters,
        }
    }
}

impl TryFrom<Written> for SqlAction {
    type Error = SqlError;

    fn try_from(written: Written) -> Result<Self, SqlError> {
        Self::parse(&written.text)?.with_parameters(written.parameters)
    }
}

impl From<SqlAction> for Written {
    fn from(action: SqlAction) -> Self {
        Self {
            text: action.text,
            parameters: action.parameters,
        }
    }
}

impl SqlFilter {
    /// Reads a condition, for example `color = 'red' AND sys.Label LIKE 'order%'`.
    ///
    /// # Errors
    ///
    /// The text is no condition, or is too long or too deep.
    pub fn parse(text: &str) -> Result<Self, SqlError> {
        Ok(Self {
            node: Arc::new(parse::predicate(text)?),
            text: text.into(),
            parameters: Parameters::new(),
        })
    }

    /// Gives the parameters their values.
    ///
    /// # Errors
    ///
    /// There are more than [`PARAMETERS_MAX`].
    pub fn with_parameters(mut self, parameters: Parameters) -> Result<Self, SqlError> {
        self.parameters = bounded(parameters)?;
        Ok(self)
    }

    /// Returns the text that was read.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the values of the parameters.
    #[must_use]
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Says whether the condition is true for a message.
    pub(super) fn matches(
        &self,
        contents: &Contents,
        random: &mut Random,
    ) -> Result<bool, EvaluationError> {
        let mut evaluation = Evaluation::new(contents, &self.parameters, random);
        Ok(evaluation.test(&self.node)? == Some(true))
    }
}

impl SqlAction {
    /// Reads an action, for example `SET quantity = quantity / 2; REMOVE color`.
    ///
    /// # Errors
    ///
    /// The text is no action, or is too long or too deep, or has more than [`STATEMENTS_MAX`]
    /// statements.
    pub fn parse(text: &str) -> Result<Self, SqlError> {
        Ok(Self {
            statements: parse::statements(text)?.into(),
            text: text.into(),
            parameters: Parameters::new(),
        })
    }

    /// Gives the parameters their values.
    ///
    /// # Errors
    ///
    /// There are more than [`PARAMETERS_MAX`].
    pub fn with_parameters(mut self, parameters: Parameters) -> Result<Self, SqlError> {
        self.parameters = bounded(parameters)?;
        Ok(self)
    }

    /// Returns the text that was read.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the values of the parameters.
    #[must_use]
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Changes a message, one statement after the other.
    pub(super) fn apply(
        &self,
        contents: &mut Contents,
        random: &mut Random,
    ) -> Result<(), EvaluationError> {
        for statement in &*self.statements {
            match statement {
                Statement::Set(property, node) => {
                    let mut evaluation = Evaluation::new(contents, &self.parameters, random);
                    let value = evaluation.value(node)?;
                    set(contents, property, value)?;
                }
                Statement::Remove(property) => remove(contents, property)?,
            }
        }
        Ok(())
    }
}

fn bounded(parameters: Parameters) -> Result<Parameters, SqlError> {
    let count = parameters.len();
    if count <= PARAMETERS_MAX {
        return Ok(parameters);
    }
    Err(SqlError::new(SqlErrorKind::TooManyParameters(count), 0))
}

/// Sets a property; what is unknown becomes null.
fn set(
    contents: &mut Contents,
    property: &Property,
    value: Option<Value>,
) -> Result<(), EvaluationError> {
    if property.scope == Scope::System {
        return system::set(contents, &property.name, value);
    }
    let value = value.unwrap_or(Value::Null);
    match find_mut(contents, &property.name) {
        Some(old) => *old = arithmetic::convert(value, old),
        None => {
            contents.properties.insert(property.name.clone(), value);
        }
    }
    Ok(())
}

fn remove(contents: &mut Contents, property: &Property) -> Result<(), EvaluationError> {
    if property.scope == Scope::System {
        return system::set(contents, &property.name, None);
    }
    let is_other = |name: &str| !is_same(name, &property.name);
    contents.properties.retain(|name, _| is_other(name));
    Ok(())
}

/// Finds a property of the application, whose name is taken in any case.
fn find<'a>(contents: &'a Contents, name: &str) -> Option<&'a Value> {
    if let Some(value) = contents.properties.get(name) {
        return Some(value);
    }
    let mut properties = contents.properties.iter();
    let (_, value) = properties.find(|(other, _)| is_same(other, name))?;
    Some(value)
}

fn find_mut<'a>(contents: &'a mut Contents, name: &str) -> Option<&'a mut Value> {
    if contents.properties.contains_key(name) {
        return contents.properties.get_mut(name);
    }
    let mut properties = contents.properties.iter_mut();
    let (_, value) = properties.find(|(other, _)| is_same(other, name))?;
    Some(value)
}

fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || one.to_lowercase() == other.to_lowercase()
}
