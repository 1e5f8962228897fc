//! Requests that are about the rules of a subscription.

use serde_amqp::{Value as Encoded, described::Described, descriptor::Descriptor};

use super::{
    Found, Refusal, Result,
    arguments::{Arguments, map},
};
use crate::{
    model::{Address, CorrelationFilter, Filter, Rule, SqlAction, SqlFilter},
    node::{Client, encode::timestamp, message::properties, value::give},
};

/// How many rules are listed at once.
const LISTED_MAX: usize = 100;
/// The level of the language that filters say they are in.
const COMPATIBILITY_LEVEL: i32 = 20;

// The codes of what is described, in both lengths that the service has for them.
const RULE: u64 = 0x0137_0000_0004;
const NO_ACTION: u64 = 0x0137_0000_0005;
const SQL_ACTION: u64 = 0x0137_0000_0006;
const SQL_FILTER: u64 = 0x0013_7000_0006;
const TRUE_FILTER: u64 = 0x0013_7000_0007;
const FALSE_FILTER: u64 = 0x0013_7000_0008;
const CORRELATION_FILTER: u64 = 0x0013_7000_0009;

impl Client {
    pub(super) fn add_rule(
        &mut self,
        address: &Address,
        arguments: Arguments<'_>,
    ) -> Result<Encoded> {
        let now = self.shared.time();
        let description = Arguments::of(arguments.get("rule-description")?)?;
        let mut rule = Rule::new(arguments.text("rule-name")?, filter(description)?, now);
        rule.action = action(description)?;
        self.shared
            .state()
            .model
            .add_rule(now, &address.path, rule)?;
        Ok(map([]))
    }

    pub(super) fn remove_rule(
        &mut self,
        address: &Address,
        arguments: Arguments<'_>,
    ) -> Result<Encoded> {
        let (now, name) = (self.shared.time(), arguments.text("rule-name")?);
        self.shared
            .state()
            .model
            .remove_rule(now, &address.path, name)?;
        Ok(map([]))
    }

    pub(super) fn list_rules(
        &mut self,
        address: &Address,
        arguments: Arguments<'_>,
    ) -> Result<Found> {
        let (now, skip) = (self.shared.time(), arguments.count("skip")?);
        let top = arguments.count("top")?.min(LISTED_MAX);
        let rules = self
            .shared
            .state()
            .model
            .rules(now, &address.path, skip, top)?;
        if rules.is_empty() {
            return Ok(Found::Nothing);
        }
        let rules = rules
            .iter()
            .map(|rule| map([("rule-description", described(rule))]));
        Ok(Found::Something(map([(
            "rules",
            Encoded::List(rules.collect()),
        )])))
    }
}

/// Reads a filter; a description without one takes all messages.
fn filter(description: Arguments<'_>) -> Result<Filter> {
    if let Some(filter) = description.find("sql-filter") {
        let text = Arguments::of(filter)?.text("expression")?;
        let filter =
            SqlFilter::parse(text).map_err(|error| Refusal::argument(error.to_string()))?;
        return Ok(Filter::Sql(filter));
    }
    let Some(filter) = description.find("correlation-filter") else {
        return Ok(Filter::True);
    };
    let filter = Arguments::of(filter)?;
    let text = |name| filter.find_text(name).map(Into::into);
    let properties = match filter.find("properties") {
        Some(Encoded::Map(map)) => properties(map.clone()),
        _ => std::collections::BTreeMap::new(),
    };
    Ok(Filter::Correlation(Box::new(CorrelationFilter {
        correlation_id: text("correlation-id"),
        message_id: text("message-id"),
        to: text("to"),
        reply_to: text("reply-to"),
        subject: text("label"),
        session_id: text("session-id"),
        reply_to_session_id: text("reply-to-session-id"),
        content_type: text("content-type"),
        properties,
    })))
}

fn action(description: Arguments<'_>) -> Result<Option<SqlAction>> {
    let Some(action) = description.find("sql-rule-action") else {
        return Ok(None);
    };
    let text = Arguments::of(action)?.text("expression")?;
    let action = SqlAction::parse(text).map_err(|error| Refusal::argument(error.to_string()))?;
    Ok(Some(action))
}

fn described(rule: &Rule) -> Encoded {
    let filter = match &rule.filter {
        Filter::True => list(TRUE_FILTER, vec![]),
        Filter::False => list(FALSE_FILTER, vec![]),
        Filter::Sql(filter) => sql(SQL_FILTER, filter.text()),
        Filter::Correlation(filter) => correlation(filter),
    };
    let action = match &rule.action {
        None => list(NO_ACTION, vec![]),
        Some(action) => sql(SQL_ACTION, action.text()),
    };
    let name = Encoded::String(rule.name.to_string());
    list(RULE, vec![filter, action, name, timestamp(rule.created)])
}

fn sql(code: u64, text: &str) -> Encoded {
    list(
        code,
        vec![Encoded::from(text), Encoded::Int(COMPATIBILITY_LEVEL)],
    )
}

fn correlation(filter: &CorrelationFilter) -> Encoded {
    let text = |text: &Option<Box<str>>| match text {
        Some(text) => Encoded::String(text.to_string()),
        None => Encoded::Null,
    };
    let properties = filter.properties.iter();
    let properties = properties.map(|(name, value)| (Encoded::from(&**name), give(value)));
    let fields = vec![
        text(&filter.correlation_id),
        text(&filter.message_id),
        text(&filter.to),
        text(&filter.reply_to),
        text(&filter.subject),
        text(&filter.session_id),
        text(&filter.reply_to_session_id),
        text(&filter.content_type),
        Encoded::Map(properties.collect()),
    ];
    list(CORRELATION_FILTER, fields)
}

fn list(code: u64, fields: Vec<Encoded>) -> Encoded {
    Encoded::Described(Box::new(Described {
        descriptor: Descriptor::Code(code),
        value: Encoded::List(fields),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;

    /// Returns the code of a description, and what is described.
    fn parts(described: &Encoded) -> (u64, &[Encoded]) {
        let Encoded::Described(described) = described else {
            panic!("it is not described: {described:?}");
        };
        match (&described.descriptor, &described.value) {
            (Descriptor::Code(code), Encoded::List(fields)) => (*code, fields),
            other => panic!("it is no list with a code: {other:?}"),
        }
    }

    /// The codes are those of the SDKs for Java and .NET: those of filters have a digit less.
    #[test]
    fn rules_are_described_by_the_codes_that_sdks_know() {
        let sql = Filter::Sql(SqlFilter::parse("a = 1").unwrap());
        let correlation = Filter::Correlation(Box::new(CorrelationFilter {
            subject: Some("subject".into()),
            ..CorrelationFilter::default()
        }));
        let filters = [
            (sql, 0x0013_7000_0006, 2),
            (Filter::True, 0x0013_7000_0007, 0),
            (Filter::False, 0x0013_7000_0008, 0),
            (correlation, 0x0013_7000_0009, 9),
        ];
        for (filter, filter_code, field_count) in filters {
            let mut rule = Rule::new("rule", filter, Time::default());
            for (action, action_code) in [
                (None, 0x0137_0000_0005),
                (Some("SET a = 2"), 0x0137_0000_0006),
            ] {
                rule.action = action.map(|text| SqlAction::parse(text).unwrap());
                let described = described(&rule);
                let (code, fields) = parts(&described);
                assert_eq!(code, 0x0137_0000_0004);
                let (code, described) = parts(&fields[0]);
                assert_eq!((code, described.len()), (filter_code, field_count));
                assert_eq!(parts(&fields[1]).0, action_code);
                assert_eq!(fields[2], Encoded::from("rule"));
            }
        }
    }
}
