//! Messages in HTTP: the broker's properties in one header, and those of the application in
//! others.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{Failure, Request, date};
use crate::model::{Contents, Delivery, State, Time, Value, write_ticks};

const BROKER_PROPERTIES: &str = "brokerproperties";
const BATCH_TYPE: &str = "application/vnd.microsoft.servicebus.json";

/// Headers that are no properties of the application.
const OTHERS: [&str; 14] = [
    "accept",
    "accept-encoding",
    "authorization",
    BROKER_PROPERTIES,
    "connection",
    "content-length",
    "content-type",
    "date",
    "expect",
    "host",
    "te",
    "traceparent",
    "transfer-encoding",
    "user-agent",
];

/// How many messages a batch may have.
const BATCH_MAX: usize = 4_096;

type Result<T> = std::result::Result<T, Failure>;

/// What a sender may say in the header; what only the broker says is passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Broker {
    content_type: Option<Box<str>>,
    correlation_id: Option<Box<str>>,
    label: Option<Box<str>>,
    message_id: Option<Box<str>>,
    partition_key: Option<Box<str>>,
    reply_to: Option<Box<str>>,
    reply_to_session_id: Option<Box<str>>,
    scheduled_enqueue_time_utc: Option<String>,
    session_id: Option<Box<str>>,
    /// In seconds.
    time_to_live: Option<f64>,
    to: Option<Box<str>>,
    via_partition_key: Option<Box<str>>,
}

/// A message of a batch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Entry {
    body: String,
    #[serde(default)]
    broker_properties: Broker,
    #[serde(default)]
    user_properties: BTreeMap<Box<str>, Json>,
}

/// Reads the message of a request, or all of a batch.
pub(super) fn read(request: &Request) -> Result<Vec<Contents>> {
    let kind = request.headers.get("content-type").map(String::as_str);
    if kind.is_some_and(|kind| kind.starts_with(BATCH_TYPE)) {
        return batch(request);
    }
    let broker = match request.headers.get(BROKER_PROPERTIES) {
        Some(text) => serde_json::from_str(text)
            .map_err(|error| Failure::bad(format!("BrokerProperties cannot be read: {error}")))?,
        None => Broker::default(),
    };
    let properties = request.headers.iter().filter(|(name, _)| is_property(name));
    let properties = properties.map(|(name, text)| (name.as_str().into(), of_header(text)));
    let mut contents = broker.into_contents()?;
    contents.properties = properties.collect();
    contents.body = request.body.clone();
    if contents.content_type.is_none() {
        contents.content_type = kind.map(Into::into);
    }
    Ok(vec![contents])
}

fn batch(request: &Request) -> Result<Vec<Contents>> {
    let entries = serde_json::from_slice::<Vec<Entry>>(&request.body)
        .map_err(|error| Failure::bad(format!("The batch cannot be read: {error}")))?;
    if entries.is_empty() || BATCH_MAX < entries.len() {
        let detail = format!(
            "The batch has {} messages: there must be between 1 and {BATCH_MAX}.",
            entries.len()
        );
        return Err(Failure::bad(detail));
    }
    entries.into_iter().map(Entry::into_contents).collect()
}

impl Entry {
    fn into_contents(self) -> Result<Contents> {
        let properties = self.user_properties.into_iter().map(|(name, value)| {
            let value = of_json(&value).ok_or_else(|| {
                Failure::bad(format!("The property {name:?} is neither simple nor null."))
            })?;
            Ok((name, value))
        });
        Ok(Contents {
            properties: properties.collect::<Result<_>>()?,
            body: self.body.into(),
            ..self.broker_properties.into_contents()?
        })
    }
}

impl Broker {
    fn into_contents(self) -> Result<Contents> {
        let scheduled = self.scheduled_enqueue_time_utc.map(|text| {
            let wrong = || Failure::bad(format!("ScheduledEnqueueTimeUtc is {text:?}, no time."));
            date::read(&text).ok_or_else(wrong)
        });
        let time_to_live = self.time_to_live.map(|seconds| {
            let wrong = |_| Failure::bad(format!("TimeToLive is {seconds}, no time in seconds."));
            Duration::try_from_secs_f64(seconds).map_err(wrong)
        });
        Ok(Contents {
            message_id: self.message_id,
            session_id: self.session_id,
            partition_key: self.partition_key,
            via_partition_key: self.via_partition_key,
            correlation_id: self.correlation_id,
            reply_to: self.reply_to,
            reply_to_session_id: self.reply_to_session_id,
            to: self.to,
            subject: self.label,
            content_type: self.content_type,
            time_to_live: time_to_live.transpose()?,
            scheduled: scheduled.transpose()?,
            ..Contents::default()
        })
    }
}

/// Writes the properties of a message into headers.
pub(super) fn write(delivery: &Delivery) -> Vec<(String, String)> {
    let contents = &delivery.message.contents;
    let mut headers = vec![(BROKER_PROPERTIES.to_owned(), ascii(&broker(delivery)))];
    if let Some(kind) = contents.content_type.as_deref().filter(|it| is_visible(it)) {
        headers.push(("content-type".to_owned(), kind.to_owned()));
    }
    for (name, value) in &contents.properties {
        let is_name = name
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(&it));
        if let Some(json) = to_json(value).filter(|_| is_name && is_property(name)) {
            headers.push((name.to_string(), ascii(&json)));
        }
    }
    headers
}

fn broker(delivery: &Delivery) -> Json {
    let message = &delivery.message;
    let contents = &message.contents;
    let mut map = Map::new();
    let texts = [
        ("CorrelationId", &contents.correlation_id),
        ("Label", &contents.subject),
        ("MessageId", &contents.message_id),
        ("PartitionKey", &contents.partition_key),
        ("ReplyTo", &contents.reply_to),
        ("ReplyToSessionId", &contents.reply_to_session_id),
        ("SessionId", &contents.session_id),
        ("To", &contents.to),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            map.insert(name.to_owned(), json!(text));
        }
    }
    let state = match delivery.state {
        State::Active => "Active",
        State::Deferred => "Deferred",
        State::Scheduled => "Scheduled",
    };
    // Over HTTP a message that comes for the first time was delivered once.
    let count = u64::from(message.delivery_count) + 1;
    map.insert("DeliveryCount".to_owned(), json!(count));
    let enqueued = date::write_http(message.enqueued);
    map.insert("EnqueuedTimeUtc".to_owned(), json!(enqueued));
    map.insert("SequenceNumber".to_owned(), json!(message.sequence));
    let first = message.enqueued_sequence;
    map.insert("EnqueuedSequenceNumber".to_owned(), json!(first));
    map.insert("State".to_owned(), json!(state));
    if let Some(expires) = message.expires {
        let seconds = expires.since(message.enqueued).as_secs_f64();
        map.insert("TimeToLive".to_owned(), json!(seconds));
    }
    if let Some(lock) = delivery.lock {
        let until = date::write_http(lock.until);
        map.insert("LockToken".to_owned(), json!(lock.token.to_string()));
        map.insert("LockedUntilUtc".to_owned(), json!(until));
    }
    Json::Object(map)
}

/// Reads a property from a header: a text is in quotes, and what is nothing else is one too.
fn of_header(text: &str) -> Value {
    let json = serde_json::from_str::<Json>(text).ok();
    let value = json.as_ref().and_then(of_json);
    value.unwrap_or_else(|| Value::from(text))
}

fn of_json(json: &Json) -> Option<Value> {
    match json {
        Json::Null => Some(Value::Null),
        Json::Bool(value) => Some(Value::Boolean(*value)),
        Json::String(text) => Some(Value::from(text.as_str())),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Some(match i32::try_from(number) {
                Ok(number) => Value::Int(number),
                Err(_) => Value::Long(number),
            }),
            None => number.as_f64().map(Value::Double),
        },
        Json::Array(_) | Json::Object(_) => None,
    }
}

/// Returns a property as JSON; what only AMQP has is left out.
fn to_json(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => json!(value),
        Value::Ubyte(number) => json!(number),
        Value::Ushort(number) => json!(number),
        Value::Uint(number) => json!(number),
        Value::Ulong(number) => json!(number),
        Value::Byte(number) => json!(number),
        Value::Short(number) => json!(number),
        Value::Int(number) => json!(number),
        Value::Long(number) => json!(number),
        Value::Float(number) => json!(number),
        Value::Double(number) => json!(number),
        Value::Char(character) => json!(character),
        Value::Timestamp(millis) => {
            let time = Time::from_millis(u64::try_from(*millis).ok()?);
            json!(date::write_http(time))
        }
        Value::Duration(ticks) => json!(write_ticks(*ticks)),
        Value::Uuid(uuid) => json!(uuid.to_string()),
        Value::String(text) | Value::Symbol(text) => json!(text),
        Value::Binary(_) | Value::Encoded(_) => return None,
    })
}

fn is_property(name: &str) -> bool {
    !OTHERS.iter().any(|other| name.eq_ignore_ascii_case(other))
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// Writes JSON in the characters that a header may have.
fn ascii(json: &Json) -> String {
    let mut text = String::new();
    for character in json.to_string().chars() {
        if (' '..='~').contains(&character) {
            text.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    text
}
