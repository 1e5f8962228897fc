//! A message becomes what is sent.

use std::time::Duration;

use fe2o3_amqp_types::{
    messaging::{
        Annotations, ApplicationProperties, Batch, Body, Data, Header, Message as AmqpMessage,
        MessageAnnotations, MessageId as AmqpId, Priority as AmqpPriority, Properties,
        annotations::OwnedKey,
    },
    primitives::{OrderedMap, SimpleValue, Symbol, Timestamp as AmqpTimestamp, Value},
};
use relayhouse_core::{Capabilities, HeaderValue, Message, MessageId, Priority, Result, Timestamp};
use serde_amqp::primitives::Binary;

use super::names;
use crate::error;

/// The longest message id and dedup id.
const ID_CHARACTERS_MAX: usize = 128;

/// The longest time to live that a header can hold.
const TTL_MAX: Duration = Duration::from_millis(u32::MAX as u64);

/// Is a message as it is sent.
pub(crate) type Packet = AmqpMessage<Body<Value>>;

/// Writes `message` with `id`, after it was checked.
pub(crate) fn write(
    message: &Message,
    id: &MessageId,
    capabilities: &Capabilities,
    now: Timestamp,
) -> Result<Packet> {
    message.check(capabilities, now)?;
    let mut more = OrderedMap::new();
    let properties = write_properties(message, id, now, &mut more)?;
    write_headers(message, &mut more);
    let details = message.details();
    let delay = details.not_before.map(|time| time.delay(now));
    let mut annotations = Annotations::new();
    if let Some(delay) = delay.filter(|delay| !delay.is_zero()) {
        let time = Value::Timestamp(time_of(now + delay));
        annotations.insert(names::SCHEDULED_TIME.into(), time);
    }
    Ok(AmqpMessage {
        header: Some(write_header(message)),
        delivery_annotations: None,
        message_annotations: (!annotations.is_empty()).then_some(MessageAnnotations(annotations)),
        properties: Some(properties),
        application_properties: (!more.is_empty()).then_some(ApplicationProperties(more)),
        body: Body::Data(Batch::new(vec![Data(Binary::from(message.body.to_vec()))])),
        footer: None,
    })
}

/// Returns true if the broker is to hold `packet` back.
pub(crate) fn is_scheduled(packet: &Packet) -> bool {
    let annotations = packet.message_annotations.as_ref();
    annotations.is_some_and(|it| it.0.contains_key(&OwnedKey::from(names::SCHEDULED_TIME)))
}

/// Turns a time into the broker's, which counts milliseconds.
pub(crate) fn time_of(time: Timestamp) -> AmqpTimestamp {
    let millis = i64::try_from(time.as_micros().div_ceil(1000)).unwrap_or(i64::MAX);
    AmqpTimestamp::from(millis)
}

fn write_header(message: &Message) -> Header {
    let details = message.details();
    let ttl = details.ttl.map(|ttl| {
        let millis = ttl.min(TTL_MAX).as_millis().max(1);
        u32::try_from(millis).unwrap_or(u32::MAX)
    });
    Header {
        durable: true,
        priority: AmqpPriority(details.priority.level()),
        ttl,
        first_acquirer: false,
        delivery_count: 0,
    }
}

fn write_properties(
    message: &Message,
    id: &MessageId,
    now: Timestamp,
    more: &mut OrderedMap<String, SimpleValue>,
) -> Result<Properties> {
    let details = message.details();
    let text = |text: &relayhouse_core::Text| text.as_str().to_owned();
    let id = id.to_string();
    let wire_id = match &details.dedup_id {
        Some(dedup) => {
            more.insert(names::ID.to_owned(), SimpleValue::String(id));
            text(dedup)
        }
        None => id,
    };
    let characters = wire_id.chars().count();
    if ID_CHARACTERS_MAX < characters {
        return Err(error::message(format!(
            "message id or dedup id has {characters} characters, at most {ID_CHARACTERS_MAX} are \
             allowed"
        )));
    }
    let content_type = details.content_type.as_ref().map(text);
    // A symbol is ASCII.
    let (symbol, other) = match content_type {
        Some(it) if it.is_ascii() => (Some(Symbol(it)), None),
        other => (None, other),
    };
    if let Some(other) = other {
        more.insert(names::CONTENT_TYPE.to_owned(), SimpleValue::String(other));
    }
    if details.priority != Priority::DEFAULT {
        let level = SimpleValue::Ubyte(details.priority.level());
        more.insert(names::PRIORITY.to_owned(), level);
    }
    Ok(Properties {
        message_id: Some(AmqpId::String(wire_id)),
        correlation_id: details
            .correlation_id
            .as_ref()
            .map(text)
            .map(AmqpId::String),
        reply_to: details.reply_to.as_ref().map(text),
        content_type: symbol,
        group_id: details.ordering_key.as_ref().map(text),
        absolute_expiry_time: details.ttl.map(|ttl| time_of(now + ttl)),
        creation_time: details.ttl.map(|_| time_of(now)),
        ..Properties::default()
    })
}

fn write_headers(message: &Message, more: &mut OrderedMap<String, SimpleValue>) {
    for (key, value) in message.headers().iter() {
        let key = if key.starts_with(names::OURS) {
            format!("{}{key}", names::HEADER)
        } else {
            key.to_owned()
        };
        more.insert(key, value_of(value));
    }
}

/// Turns the value of a header into that of a property.
pub(crate) fn value_of(value: &HeaderValue) -> SimpleValue {
    match value {
        HeaderValue::Text(text) => SimpleValue::String(text.as_str().to_owned()),
        other => SimpleValue::Binary(Binary::from(other.as_bytes().to_vec())),
    }
}
