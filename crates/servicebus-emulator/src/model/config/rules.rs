//! The rules of subscriptions in the file.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::{
    super::{CorrelationFilter, Filter, Path, Rule, SqlAction, SqlFilter, Time, Value},
    ConfigError,
};

type Result<T> = std::result::Result<T, ConfigError>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct RuleEntry {
    name: String,
    properties: RuleProperties,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct RuleProperties {
    filter_type: FilterType,
    sql_filter: Option<Expression>,
    correlation_filter: Option<Correlation>,
    action: Option<Expression>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum FilterType {
    Sql,
    Correlation,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Expression {
    sql_expression: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Correlation {
    content_type: Option<Box<str>>,
    correlation_id: Option<Box<str>>,
    label: Option<Box<str>>,
    message_id: Option<Box<str>>,
    reply_to: Option<Box<str>>,
    reply_to_session_id: Option<Box<str>>,
    session_id: Option<Box<str>>,
    to: Option<Box<str>>,
    #[serde(default)]
    properties: BTreeMap<Box<str>, Json>,
}

impl RuleEntry {
    pub(super) fn into_rule(self, subscription: &Path) -> Result<Rule> {
        let Self { name, properties } = self;
        let reader = Reader {
            at: format!("{subscription}, rule '{name}'"),
        };
        let filter = match properties.filter_type {
            FilterType::Sql => match properties.sql_filter {
                Some(expression) => Filter::Sql(reader.sql_filter(&expression)?),
                None => return Err(reader.error("SqlFilter is missing")),
            },
            FilterType::Correlation => match properties.correlation_filter {
                Some(filter) => Filter::Correlation(Box::new(reader.correlation(filter)?)),
                None => return Err(reader.error("CorrelationFilter is missing")),
            },
        };
        let action = properties.action.map(|action| reader.action(&action));
        Ok(Rule {
            action: action.transpose()?,
            ..Rule::new(name, filter, Time::default())
        })
    }
}

/// Reads the parts of one rule.
struct Reader {
    at: String,
}

impl Reader {
    fn sql_filter(&self, Expression { sql_expression }: &Expression) -> Result<SqlFilter> {
        let filter = SqlFilter::parse(sql_expression);
        filter.map_err(|error| self.error(format!("the filter {sql_expression:?}: {error}")))
    }

    fn action(&self, Expression { sql_expression }: &Expression) -> Result<SqlAction> {
        let action = SqlAction::parse(sql_expression);
        action.map_err(|error| self.error(format!("the action {sql_expression:?}: {error}")))
    }

    fn correlation(&self, filter: Correlation) -> Result<CorrelationFilter> {
        let properties = filter.properties.into_iter().map(|(name, value)| {
            let value = self.value(&name, value)?;
            Ok((name, value))
        });
        Ok(CorrelationFilter {
            properties: properties.collect::<Result<_>>()?,
            correlation_id: filter.correlation_id,
            message_id: filter.message_id,
            to: filter.to,
            reply_to: filter.reply_to,
            subject: filter.label,
            session_id: filter.session_id,
            reply_to_session_id: filter.reply_to_session_id,
            content_type: filter.content_type,
        })
    }

    fn value(&self, name: &str, value: Json) -> Result<Value> {
        let read = match value {
            Json::String(text) => Some(Value::String(text.into())),
            Json::Bool(value) => Some(Value::Boolean(value)),
            Json::Number(number) => match number.as_i64() {
                Some(number) => Some(Value::Long(number)),
                None => number.as_f64().map(Value::Double),
            },
            Json::Null | Json::Array(_) | Json::Object(_) => None,
        };
        let reason = "the value is neither a text nor a number nor a boolean";
        let at = format!("{}, property {name:?}", self.at);
        read.ok_or_else(|| ConfigError::new(at, reason))
    }

    fn error(&self, reason: impl Into<String>) -> ConfigError {
        ConfigError::new(&*self.at, reason)
    }
}
