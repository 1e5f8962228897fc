//! What is received becomes a message.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use fe2o3_amqp_types::{
    messaging::{
        Annotations, ApplicationProperties, Body, Message as AmqpMessage, MessageAnnotations,
        MessageId as AmqpId, annotations::OwnedKey,
    },
    primitives::{OrderedMap, SimpleValue, Symbol, Timestamp as AmqpTimestamp, Value},
};
use relayhouse_core::{
    DeadLetter, Envelope, Fingerprint, HeaderValue, Headers, Priority, Source, Text, Timestamp,
};

use super::{
    names,
    told::{Reading, Told},
    value,
};

/// Is a message as it is received.
pub(crate) type Incoming = AmqpMessage<Body<Value>>;

type More = OrderedMap<String, SimpleValue>;

/// Reads `incoming`, which came from `source`.
pub(crate) fn read(incoming: Incoming, source: &Source) -> Reading {
    let header = incoming.header.unwrap_or_default();
    let properties = incoming.properties.unwrap_or_default();
    let mut more = incoming
        .application_properties
        .map_or_else(More::new, |ApplicationProperties(more)| more);
    let annotations = incoming
        .message_annotations
        .map_or_else(Annotations::new, |MessageAnnotations(it)| it);
    let annotations = &annotations;
    let mut told = Told {
        delivery_count: header.delivery_count,
        ttl: header.ttl,
        sequence: match annotation(annotations, names::SEQUENCE_NUMBER) {
            Some(Value::Long(number)) => u64::try_from(*number).ok(),
            Some(Value::Ulong(number)) => Some(*number),
            _ => None,
        },
        enqueued_at: time(annotations, names::ENQUEUED_TIME).unwrap_or_default(),
        locked_until: time(annotations, names::LOCKED_UNTIL),
        ..Told::default()
    };
    told.read_own(&mut more);
    if source.dead_letter {
        told.read_envelope(&mut more, annotations, source);
    }
    told.headers = read_headers(more);
    told.message_id = properties.message_id.map(text_of_id).map(Cow::Owned);
    told.content_type = properties.content_type.map(|Symbol(symbol)| symbol.into());
    told.correlation_id = properties.correlation_id.map(text_of_id).map(Cow::Owned);
    told.reply_to = properties.reply_to.map(Cow::Owned);
    told.group_id = properties.group_id.map(Cow::Owned);
    told.reading(read_body(incoming.body))
}

impl Told<'_> {
    /// Takes what we have written ourselves out of the application properties.
    fn read_own(&mut self, more: &mut More) {
        self.first_enqueued = first_enqueued(more);
        self.attempts_before = match more.shift_remove(names::ATTEMPTS) {
            Some(SimpleValue::Uint(before)) => before,
            _ => 0,
        };
        let mut text = |name: &str| match more.shift_remove(name) {
            Some(SimpleValue::String(text)) => Some(Cow::Owned(text)),
            _ => None,
        };
        self.own_dedup_id = text(names::DEDUP_ID);
        self.own_id = text(names::ID);
        self.own_content_type = text(names::CONTENT_TYPE);
        self.priority = match more.shift_remove(names::PRIORITY) {
            Some(SimpleValue::Ubyte(level)) => Priority::new(level),
            _ => None,
        };
    }
}

/// Reads when a message was first enqueued that was sent again.
fn first_enqueued(more: &mut More) -> Option<Timestamp> {
    match more.shift_remove(names::FIRST_ENQUEUED)? {
        SimpleValue::Long(micros) => u64::try_from(micros).ok().map(Timestamp::from_micros),
        _ => None,
    }
}

fn annotation<'a>(annotations: &'a Annotations, name: &str) -> Option<&'a Value> {
    let is_it = |key: &OwnedKey| matches!(key, OwnedKey::Symbol(Symbol(key)) if key == name);
    annotations
        .iter()
        .find_map(|(key, value)| is_it(key).then_some(value))
}

fn time(annotations: &Annotations, name: &str) -> Option<Timestamp> {
    match annotation(annotations, name)? {
        Value::Timestamp(time) => Some(timestamp(time)),
        _ => None,
    }
}

fn timestamp(time: &AmqpTimestamp) -> Timestamp {
    time_of_millis(time.clone().into_inner())
}

/// Turns a time of the broker, in milliseconds since 1970, into ours.
pub(super) fn time_of_millis(millis: i64) -> Timestamp {
    let millis = u64::try_from(millis).unwrap_or(0);
    Timestamp::from_micros(millis.saturating_mul(1000))
}

/// Returns the key of a header that is written as a property of this name.
pub(super) fn header_key(name: &str) -> &str {
    match name.strip_prefix(names::HEADER) {
        Some(rest) if rest.starts_with(names::OURS) => rest,
        _ => name,
    }
}

/// Reads the bytes of a body; of what another program wrote that is neither bytes nor text, the
/// encoding of AMQP.
pub(super) fn read_body(body: Body<Value>) -> Bytes {
    match body {
        Body::Data(parts) => {
            let mut parts = parts.into_iter().map(|part| part.0.into_vec());
            match (parts.next(), parts.len()) {
                (None, _) => Bytes::new(),
                (Some(only), 0) => only.into(),
                (Some(first), _) => parts
                    .fold(first, |mut all, part| {
                        all.extend(part);
                        all
                    })
                    .into(),
            }
        }
        Body::Value(value) => match value.0 {
            Value::Binary(bytes) => bytes.into_vec().into(),
            Value::String(text) => text.into(),
            Value::Null => Bytes::new(),
            other => value::encode(&other).into(),
        },
        Body::Sequence(parts) => {
            let lists = parts.into_iter().map(|part| Value::List(part.0));
            value::encode(&Value::List(lists.collect())).into()
        }
        Body::Empty => Bytes::new(),
    }
}

fn text_of_id(id: AmqpId) -> String {
    match id {
        AmqpId::String(text) => text,
        AmqpId::Ulong(number) => number.to_string(),
        AmqpId::Uuid(id) => uuid::Uuid::from(id).to_string(),
        AmqpId::Binary(bytes) => hex(&bytes),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read_headers(more: More) -> Headers {
    let mut headers = Headers::new();
    for (key, value) in more {
        headers.set(header_key(&key).to_owned(), header_value(value));
    }
    headers
}

/// Reads a value: what is neither text nor bytes becomes text.
fn header_value(value: SimpleValue) -> HeaderValue {
    let text = match value {
        SimpleValue::Binary(bytes) => {
            return HeaderValue::Bytes(bytes.into_vec().into());
        }
        SimpleValue::String(text) | SimpleValue::Symbol(Symbol(text)) => text,
        SimpleValue::Null => String::new(),
        SimpleValue::Bool(it) => it.to_string(),
        SimpleValue::Ubyte(number) => number.to_string(),
        SimpleValue::Ushort(number) => number.to_string(),
        SimpleValue::Uint(number) => number.to_string(),
        SimpleValue::Ulong(number) => number.to_string(),
        SimpleValue::Byte(number) => number.to_string(),
        SimpleValue::Short(number) => number.to_string(),
        SimpleValue::Int(number) => number.to_string(),
        SimpleValue::Long(number) => number.to_string(),
        SimpleValue::Float(number) => number.to_string(),
        SimpleValue::Double(number) => number.to_string(),
        SimpleValue::Char(it) => it.to_string(),
        SimpleValue::Timestamp(time) => timestamp(&time).to_string(),
        SimpleValue::Uuid(id) => uuid::Uuid::from(id).to_string(),
        other => format!("{other:?}"),
    };
    HeaderValue::Text(text.into())
}

impl Told<'_> {
    /// Reads why a message is on a dead-letter queue, and takes the deliveries before off the
    /// attempt.
    fn read_envelope(&mut self, more: &mut More, annotations: &Annotations, source: &Source) {
        let mut text = |name: &str| match more.shift_remove(name) {
            Some(SimpleValue::String(text)) => Some(text),
            _ => None,
        };
        let reason = text(names::DEAD_LETTER_REASON).map_or_else(|| "unknown".into(), reason);
        let description = text(names::DEAD_LETTER_DESCRIPTION).unwrap_or_default();
        let fingerprint = text(names::DEAD_LETTER_FINGERPRINT);
        let fingerprint = fingerprint.and_then(|digits| u64::from_str_radix(&digits, 16).ok());
        let mut dead_letter = DeadLetter::new(reason, description);
        if let Some(fingerprint) = fingerprint {
            dead_letter.fingerprint = Fingerprint::from_u64(fingerprint);
        }
        let attempt = self.attempt();
        let attempts = match more.shift_remove(names::DEAD_LETTER_ATTEMPTS) {
            Some(SimpleValue::Uint(attempts)) => attempts,
            // The broker moved it by itself.
            _ => told_attempts(&dead_letter).unwrap_or_else(|| attempt.saturating_sub(1)),
        };
        // Whether the dead are counted afresh is nowhere promised.
        if attempts < attempt {
            self.attempts_dead = attempts;
        }
        let time = match more.shift_remove(names::DEAD_LETTER_TIME) {
            Some(SimpleValue::Long(micros)) => {
                u64::try_from(micros).ok().map(Timestamp::from_micros)
            }
            _ => None,
        };
        let from = match annotation(annotations, names::DEAD_LETTER_SOURCE) {
            Some(Value::String(name)) => name.parse().ok(),
            _ => None,
        };
        let enqueued_at = self.first_enqueued.unwrap_or(self.enqueued_at);
        self.envelope = Some(Arc::new(Envelope {
            dead_letter,
            source: from.unwrap_or_else(|| source.live()),
            attempts,
            enqueued_at,
            dead_lettered_at: time.unwrap_or(enqueued_at),
        }));
    }
}

/// Reads how often a message was delivered, of which the broker tells in words alone.
fn told_attempts(dead_letter: &DeadLetter) -> Option<u32> {
    if dead_letter.reason != DeadLetter::ATTEMPTS_EXHAUSTED {
        return None;
    }
    let mut words = dead_letter.description.split_whitespace();
    words.find_map(|word| word.parse().ok())
}

/// Turns the broker's own reasons into those that all providers share.
fn reason(reason: String) -> Text {
    match &*reason {
        "MaxDeliveryCountExceeded" => DeadLetter::ATTEMPTS_EXHAUSTED,
        "TTLExpiredException" => DeadLetter::EXPIRED,
        _ => reason.into(),
    }
}
