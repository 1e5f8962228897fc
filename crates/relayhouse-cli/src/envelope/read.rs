//! From a line to a message.

use std::{borrow::Cow, collections::BTreeMap, fmt, time::Duration};

use bytes::Bytes;
use relayhouse::{HeaderValue, Message, MessageId, Priority, config};
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::base64;
use crate::input::{Wrong, not_json, utf8};

/// Is the object around a body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "some")]
    body: Option<&'a RawValue>,
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    base64: Option<Cow<'a, str>>,
    /// `Some(None)` is a body whose type nobody knows.
    #[serde(default, deserialize_with = "some")]
    content_type: Option<Option<String>>,
    #[serde(default)]
    headers: BTreeMap<String, Header>,
    key: Option<String>,
    #[serde(default, deserialize_with = "config::duration_option")]
    delay: Option<Duration>,
    #[serde(default, deserialize_with = "config::duration_option")]
    ttl: Option<Duration>,
    dedup_id: Option<String>,
    #[serde(default, deserialize_with = "priority")]
    priority: Option<Priority>,
    correlation_id: Option<String>,
    reply_to: Option<String>,
    delivery: Option<Told>,
    #[serde(rename = "dead_letter")]
    _dead_letter: Option<IgnoredAny>,
    #[serde(rename = "decoded")]
    _decoded: Option<IgnoredAny>,
    #[serde(rename = "undecoded")]
    _undecoded: Option<IgnoredAny>,
}

/// Is what is read of the delivery that was printed.
#[derive(Debug, Default, Deserialize)]
struct Told {
    id: Option<String>,
    sequence: Option<u64>,
}

/// Is a message with what is known of the delivery that it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exported {
    pub(crate) message: Message,
    pub(crate) id: Option<MessageId>,
    pub(crate) sequence: Option<u64>,
}

/// Is the value of a header: a text, or an object with `base64`.
#[derive(Debug)]
struct Header(HeaderValue);

/// Makes the message that `line` describes.
pub(crate) fn read(line: &[u8]) -> Result<Message, Wrong> {
    read_exported(line).map(|exported| exported.message)
}

/// Makes the message that `line` describes, and tells which delivery it was.
pub(crate) fn read_exported(line: &[u8]) -> Result<Exported, Wrong> {
    let text = utf8(line)?;
    if !text.starts_with('{') {
        // A list of the fields would do otherwise.
        return Err(Wrong::new("not an envelope: needs an object"));
    }
    let mut envelope: Envelope<'_> =
        serde_json::from_str(text).map_err(|error| not_json(&error))?;
    let body = body(&envelope).map_err(|rule| Wrong::new(format!("not an envelope: {rule}")))?;
    let Told { id, sequence } = envelope.delivery.take().unwrap_or_default();
    Ok(Exported {
        message: message(body, envelope),
        id: id.map(MessageId::from),
        sequence,
    })
}

fn body(envelope: &Envelope<'_>) -> Result<Bytes, &'static str> {
    match (&envelope.body, &envelope.text, &envelope.base64) {
        (Some(body), None, None) => Ok(body.get().to_owned().into()),
        (None, Some(text), None) => Ok(text.clone().into_owned().into()),
        (None, None, Some(text)) => match base64::decode(text) {
            Some(bytes) => Ok(bytes.into()),
            None => Err("base64 is not what it says"),
        },
        _ => Err("needs one of body, text and base64"),
    }
}

fn message(body: Bytes, envelope: Envelope<'_>) -> Message {
    let of_json = envelope.body.map(|_| "application/json".to_owned());
    let mut message = Message::new(body);
    if let Some(content_type) = envelope.content_type.unwrap_or(of_json) {
        message = message.content_type(content_type);
    }
    for (key, Header(value)) in envelope.headers {
        message = message.header(key, value);
    }
    if let Some(key) = envelope.key {
        message = message.ordering_key(key);
    }
    if let Some(delay) = envelope.delay {
        message = message.delay(delay);
    }
    if let Some(ttl) = envelope.ttl {
        message = message.ttl(ttl);
    }
    if let Some(id) = envelope.dedup_id {
        message = message.dedup_id(id);
    }
    if let Some(priority) = envelope.priority {
        message = message.priority(priority);
    }
    if let Some(id) = envelope.correlation_id {
        message = message.correlation_id(id);
    }
    if let Some(queue) = envelope.reply_to {
        message = message.reply_to(queue);
    }
    message
}

/// Reads a field that is there, `null` included.
fn some<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

fn priority<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Priority>, D::Error> {
    let level = Option::<u8>::deserialize(from)?;
    let wrong = || D::Error::custom("a priority is 0 to 9");
    let priority = level.map(|level| Priority::new(level).ok_or_else(wrong));
    priority.transpose()
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or an object with base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Header, E> {
        Ok(Header(HeaderValue::from(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let wrong = || A::Error::custom("a header is a text or an object with base64");
        match map.next_entry::<String, String>()? {
            Some((key, text)) if key == "base64" => {
                let bytes = base64::decode(&text).ok_or_else(wrong)?;
                match map.next_key::<IgnoredAny>()? {
                    None => Ok(Header(HeaderValue::from(Bytes::from(bytes)))),
                    Some(_) => Err(wrong()),
                }
            }
            _ => Err(wrong()),
        }
    }
}
