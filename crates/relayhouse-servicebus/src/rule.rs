//! The rules of a subscription: which messages of its topic it takes, and what it changes in them.

use fe2o3_amqp_types::primitives::{OrderedMap, Value};
use relayhouse_core::{Error, ErrorKind, HeaderValue, Headers, Operation, Result, Source};
use serde_amqp::{described::Described, descriptor::Descriptor};

use crate::{
    convert::value_of,
    hub::Hub,
    link::{Question, items, map},
};

/// The most rules that one question asks for.
const PAGE: i32 = 100;

/// The most pages that are asked for.
const PAGES_MAX: i32 = 100;

/// Says which messages of a topic a subscription takes, and what it changes in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The name, which no other rule of the subscription has.
    pub name: String,
    /// Which messages it takes.
    pub filter: RuleFilter,
    /// What it changes in them, in the SQL of Service Bus, such as `SET price = 7`.
    pub action: Option<String>,
}

/// Says which messages a rule takes.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleFilter {
    /// All of them.
    All,
    /// None of them.
    Nothing,
    /// Those for which an expression in the SQL of Service Bus is true.
    Sql(String),
    /// Those with equal properties.
    Correlation(Box<Correlation>),
}

/// Names the properties that a message must have; `None` for any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Correlation {
    /// The correlation id.
    pub correlation_id: Option<String>,
    /// The message id.
    pub message_id: Option<String>,
    /// Whom it is for.
    pub to: Option<String>,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// The session, which is the ordering key.
    pub session_id: Option<String>,
    /// The session of answers.
    pub reply_to_session_id: Option<String>,
    /// The content type.
    pub content_type: Option<String>,
    /// The headers.
    pub headers: Headers,
}

impl Rule {
    /// Takes what `filter` does, and changes nothing.
    #[must_use]
    pub fn new(name: impl Into<String>, filter: RuleFilter) -> Self {
        Self {
            name: name.into(),
            filter,
            action: None,
        }
    }
}

/// Adds `rule` to the subscription `source`.
pub(crate) async fn add(hub: &Hub, source: &Source, rule: &Rule) -> Result<()> {
    let sql = |text: &str| map([("expression", Value::String(text.to_owned()))]);
    let name = Value::String(rule.name.clone());
    let filter = match &rule.filter {
        RuleFilter::All => ("sql-filter", sql("1=1")),
        RuleFilter::Nothing => ("sql-filter", sql("1=0")),
        RuleFilter::Sql(text) => ("sql-filter", sql(text)),
        RuleFilter::Correlation(it) => ("correlation-filter", correlation(it)),
    };
    let action = rule
        .action
        .as_deref()
        .map(|text| ("sql-rule-action", sql(text)));
    let fields = [("rule-name", name.clone()), filter];
    let description = map(fields.into_iter().chain(action));
    let fields = [("rule-name", name), ("rule-description", description)];
    ask(hub, source, Question::new("add-rule", fields)).await?;
    Ok(())
}

/// Removes the rule `name` from the subscription `source`.
pub(crate) async fn remove(hub: &Hub, source: &Source, name: &str) -> Result<()> {
    let name = Value::String(name.to_owned());
    ask(
        hub,
        source,
        Question::new("remove-rule", [("rule-name", name)]),
    )
    .await?;
    Ok(())
}

/// Lists the rules of the subscription `source`.
pub(crate) async fn list(hub: &Hub, source: &Source) -> Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for page in 0..PAGES_MAX {
        let fields = [("top", Value::Int(PAGE)), ("skip", Value::Int(page * PAGE))];
        let body = ask(hub, source, Question::new("enumerate-rules", fields)).await?;
        let found = items(&body, "rules");
        rules.extend(found.iter().filter_map(read));
        if found.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
            break;
        }
    }
    Ok(rules)
}

async fn ask(hub: &Hub, source: &Source, question: Question) -> Result<Value> {
    let path = source.to_string();
    let asked = hub
        .clerks
        .ask(&path, question, Operation::Admin, hub.call_timeout);
    asked.await.map_err(|error| {
        // The node has one word for an entity and for a rule that is not there.
        let error = match error.kind() {
            ErrorKind::MessageNotFound => Error::new(ErrorKind::QueueNotFound, "no such rule"),
            _ => error,
        };
        error.at(Operation::Admin, source)
    })
}

fn correlation(filter: &Correlation) -> Value {
    let texts = [
        ("correlation-id", &filter.correlation_id),
        ("message-id", &filter.message_id),
        ("to", &filter.to),
        ("reply-to", &filter.reply_to),
        ("label", &filter.subject),
        ("session-id", &filter.session_id),
        ("reply-to-session-id", &filter.reply_to_session_id),
        ("content-type", &filter.content_type),
    ];
    let texts = texts.into_iter().filter_map(|(name, text)| {
        let text = text.clone()?;
        Some((name, Value::String(text)))
    });
    let mut properties = OrderedMap::new();
    for (key, value) in filter.headers.iter() {
        properties.insert(Value::String(key.to_owned()), value_of(value).into());
    }
    map(texts.chain([("properties", Value::Map(properties))]))
}

/// Reads one rule of an answer; one of a kind that is not known here is left out.
fn read(item: &Value) -> Option<Rule> {
    let description = crate::link::field(item, "rule-description")?;
    let (_, fields) = described(description)?;
    let [filter, action, Value::String(name), ..] = fields else {
        return None;
    };
    Some(Rule {
        name: name.clone(),
        filter: read_filter(filter)?,
        action: described(action).and_then(|(_, fields)| text(fields.first())),
    })
}

fn read_filter(filter: &Value) -> Option<RuleFilter> {
    let (kind, fields) = described(filter)?;
    Some(match kind {
        Kind::Sql => RuleFilter::Sql(text(fields.first())?),
        Kind::All => RuleFilter::All,
        Kind::Nothing => RuleFilter::Nothing,
        Kind::Correlation => RuleFilter::Correlation(Box::new(Correlation {
            correlation_id: text(fields.first()),
            message_id: text(fields.get(1)),
            to: text(fields.get(2)),
            reply_to: text(fields.get(3)),
            subject: text(fields.get(4)),
            session_id: text(fields.get(5)),
            reply_to_session_id: text(fields.get(6)),
            content_type: text(fields.get(7)),
            headers: fields.get(8).map_or_else(Headers::new, headers),
        })),
        Kind::Other => return None,
    })
}

/// Is what a description describes.
enum Kind {
    Sql,
    All,
    Nothing,
    Correlation,
    Other,
}

/// Takes a list apart from its description. The service has its codes in two lengths, of which the
/// last digit is the same.
fn described(value: &Value) -> Option<(Kind, &[Value])> {
    let Value::Described(described) = value else {
        return None;
    };
    let Described { descriptor, value } = &**described;
    let Value::List(fields) = value else {
        return None;
    };
    let kind = match descriptor {
        Descriptor::Code(code) => match code & 0xf {
            6 => Kind::Sql,
            7 => Kind::All,
            8 => Kind::Nothing,
            9 => Kind::Correlation,
            _ => Kind::Other,
        },
        Descriptor::Name(name) => match name.as_str() {
            "com.microsoft:sql-filter:list" => Kind::Sql,
            "com.microsoft:true-filter:list" => Kind::All,
            "com.microsoft:false-filter:list" => Kind::Nothing,
            "com.microsoft:correlation-filter:list" => Kind::Correlation,
            _ => Kind::Other,
        },
    };
    Some((kind, fields))
}

fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

fn headers(value: &Value) -> Headers {
    let mut headers = Headers::new();
    if let Value::Map(map) = value {
        for (key, value) in map {
            match (key, value) {
                (Value::String(key), Value::String(text)) => {
                    headers.set(key.clone(), HeaderValue::Text(text.clone().into()));
                }
                (Value::String(key), Value::Binary(bytes)) => {
                    let bytes = bytes.to_vec().into();
                    headers.set(key.clone(), HeaderValue::Bytes(bytes));
                }
                _ => {}
            }
        }
    }
    headers
}
