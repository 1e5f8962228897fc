//! Requests that are about the rules of a subscription.

use bytes::BytesMut;
use serde_amqp::Value as Encoded;

use super::{
    Found, Refusal, Result,
    arguments::{Arguments, map},
};
use crate::{
    model::{Address, CorrelationFilter, Filter, Rule, SqlAction, SqlFilter},
    node::{
        Client,
        compound::{Content, put_map},
        encode::timestamp,
        message::properties,
    },
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
        let mut body = BytesMut::new();
        put_map(&mut body, |map| {
            map.scalar("rules");
            map.list(|list| {
                for rule in &rules {
                    list.map(|map| {
                        map.scalar("rule-description");
                        describe(rule, map);
                    });
                }
            });
        });
        Ok(Found::Something(body.freeze()))
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
    Ok(Filter::Correlation(Box::new(CorrelationFilter {
        correlation_id: text("correlation-id"),
        message_id: text("message-id"),
        to: text("to"),
        reply_to: text("reply-to"),
        subject: text("label"),
        session_id: text("session-id"),
        reply_to_session_id: text("reply-to-session-id"),
        content_type: text("content-type"),
        properties: properties(filter.entries("properties")),
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

/// Puts the description of a rule.
fn describe(rule: &Rule, content: &mut Content<'_>) {
    content.described(RULE, |fields| {
        match &rule.filter {
            Filter::True => fields.described(TRUE_FILTER, |_| {}),
            Filter::False => fields.described(FALSE_FILTER, |_| {}),
            Filter::Sql(filter) => sql(SQL_FILTER, filter.text(), fields),
            Filter::Correlation(filter) => correlation(filter, fields),
        }
        match &rule.action {
            None => fields.described(NO_ACTION, |_| {}),
            Some(action) => sql(SQL_ACTION, action.text(), fields),
        }
        fields.scalar(&*rule.name);
        fields.scalar(&timestamp(rule.created));
    });
}

fn sql(code: u64, text: &str, content: &mut Content<'_>) {
    content.described(code, |fields| {
        fields.scalar(text);
        fields.scalar(&COMPATIBILITY_LEVEL);
    });
}

fn correlation(filter: &CorrelationFilter, content: &mut Content<'_>) {
    content.described(CORRELATION_FILTER, |fields| {
        for text in [
            &filter.correlation_id,
            &filter.message_id,
            &filter.to,
            &filter.reply_to,
            &filter.subject,
            &filter.session_id,
            &filter.reply_to_session_id,
            &filter.content_type,
        ] {
            fields.scalar(text);
        }
        fields.map(|map| {
            for (name, value) in &filter.properties {
                map.scalar(&**name);
                map.value(value);
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use serde_amqp::{descriptor::Descriptor, from_slice};

    use super::*;
    use crate::{amqp::value_bytes, model::Time};

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
                let mut body = BytesMut::new();
                put_map(&mut body, |map| {
                    map.scalar("rule-description");
                    describe(&rule, map);
                });
                let Ok(Encoded::Map(map)) = from_slice(&body) else {
                    panic!("it is no map: {body:02x?}");
                };
                let (code, fields) = parts(map.values().next().unwrap());
                assert_eq!(code, 0x0137_0000_0004);
                let (code, described) = parts(&fields[0]);
                assert_eq!((code, described.len()), (filter_code, field_count));
                assert_eq!(parts(&fields[1]).0, action_code);
                assert_eq!(fields[2], Encoded::from("rule"));
            }
        }
    }

    #[test]
    fn properties_of_filters_come_back_as_they_were() {
        // A map with a time for a key, which the library does not write.
        let value = b"\xc1\x0b\x02\x83\0\0\0\0\0\0\0\x07\x41";
        let mut asked = BytesMut::new();
        put_map(&mut asked, |map| {
            map.scalar("correlation-filter");
            map.map(|map| {
                map.scalar("properties");
                map.map(|map| {
                    map.scalar("name");
                    map.encoded(value);
                });
            });
        });
        let filter = filter(Arguments::of(&asked).unwrap()).unwrap();
        let rule = Rule::new("rule", filter, Time::default());
        let mut body = BytesMut::new();
        put_map(&mut body, |map| {
            map.scalar("rule-description");
            describe(&rule, map);
        });
        let entry = [b"\xa1\x04name", &value[..]].concat();
        assert!(body.windows(entry.len()).any(|it| it == entry));
        assert!(value_bytes(&body).is_ok());
    }
}
