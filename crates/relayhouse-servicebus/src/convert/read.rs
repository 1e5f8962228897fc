//! What is received becomes a message.

use std::sync::Arc;

use bytes::Bytes;
use fe2o3_amqp_types::{
    messaging::{
        Annotations, ApplicationProperties, Body, Message as AmqpMessage, MessageAnnotations,
        MessageId as AmqpId, Properties, annotations::OwnedKey,
    },
    primitives::{OrderedMap, SimpleValue, Symbol, Timestamp as AmqpTimestamp, Value},
};
use relayhouse_core::{
    DeadLetter, Delivery, Envelope, Fingerprint, HeaderValue, Headers, Instant, Lease, Message,
    MessageId, Previous, Priority, Receipt, Source, Text, Timestamp,
};

use super::names;

/// Is a message as it is received.
pub(crate) type Incoming = AmqpMessage<Body<Value>>;

/// Is what one message says.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) message: Message,
    pub(crate) id: MessageId,
    pub(crate) attempt: u32,
    pub(crate) sequence: Option<u64>,
    pub(crate) enqueued_at: Timestamp,
    pub(crate) locked_until: Option<Timestamp>,
    pub(crate) envelope: Option<Arc<Envelope>>,
}

impl Reading {
    /// Makes a delivery of it, which `receipt` proves until `until`; its fencing token is greater
    /// than `tokens_after` by the attempt.
    pub(crate) fn delivery(self, receipt: Receipt, until: Instant, tokens_after: u64) -> Delivery {
        Delivery {
            id: self.id,
            message: self.message,
            receipt,
            lease: Lease::new(until, tokens_after + u64::from(self.attempt)),
            attempt: self.attempt,
            previous: if self.attempt == 1 {
                Previous::None
            } else {
                Previous::Unknown
            },
            sequence: self.sequence,
            enqueued_at: self.enqueued_at,
            envelope: self.envelope,
        }
    }
}

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
    let enqueued_at = time(annotations, names::ENQUEUED_TIME).unwrap_or_default();
    let enqueued_at = first_enqueued(&mut more).unwrap_or(enqueued_at);
    let sequence = match annotation(annotations, names::SEQUENCE_NUMBER) {
        Some(Value::Long(number)) => u64::try_from(*number).ok(),
        Some(Value::Ulong(number)) => Some(*number),
        _ => None,
    };
    let before = match more.shift_remove(names::ATTEMPTS) {
        Some(SimpleValue::Uint(before)) => before,
        _ => 0,
    };
    let attempt = header.delivery_count.saturating_add(1);
    let mut attempt = attempt.saturating_add(before);
    let mut envelope = None;
    if source.dead_letter {
        envelope = Some(Arc::new(read_envelope(
            &mut more,
            annotations,
            &mut attempt,
            source,
            enqueued_at,
        )));
    }
    let mut message = Message::new(read_body(incoming.body));
    let id = read_details(&mut message, properties, more, sequence, 0 < before);
    if let Some(ttl) = header.ttl {
        let ttl = std::time::Duration::from_millis(u64::from(ttl));
        message.details_mut().ttl = Some(ttl);
    }
    message.id = Some(id.clone());
    Reading {
        message,
        id,
        attempt,
        sequence,
        enqueued_at,
        locked_until: time(annotations, names::LOCKED_UNTIL),
        envelope,
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
    let millis = u64::try_from(time.clone().into_inner()).unwrap_or(0);
    Timestamp::from_micros(millis.saturating_mul(1000))
}

/// Reads the bytes of a body; of what another program wrote that is neither bytes nor text, the
/// encoding of AMQP.
fn read_body(body: Body<Value>) -> Bytes {
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
            other => encoded(&other),
        },
        Body::Sequence(parts) => {
            let lists = parts.into_iter().map(|part| Value::List(part.0));
            encoded(&Value::List(lists.collect()))
        }
        Body::Empty => Bytes::new(),
    }
}

fn encoded(value: &Value) -> Bytes {
    // What was decoded can be encoded.
    serde_amqp::to_vec(value).unwrap_or_default().into()
}

/// Reads what stands beside the body, and returns the id.
fn read_details(
    message: &mut Message,
    properties: Properties,
    mut more: More,
    sequence: Option<u64>,
    is_copy: bool,
) -> MessageId {
    let wire_id = properties.message_id.map(text_of_id);
    let mut dedup_id = None;
    let copied = match more.shift_remove(names::DEDUP_ID) {
        Some(SimpleValue::String(dedup_id)) => Some(dedup_id),
        _ => None,
    };
    let id = match more.shift_remove(names::ID) {
        Some(SimpleValue::String(id)) if is_copy => {
            dedup_id = copied;
            MessageId::from(id)
        }
        Some(SimpleValue::String(id)) => {
            dedup_id = wire_id;
            MessageId::from(id)
        }
        _ => match (wire_id, sequence) {
            (Some(id), _) => MessageId::from(id),
            (None, sequence) => MessageId::from(u128::from(sequence.unwrap_or(0))),
        },
    };
    let content_type = match more.shift_remove(names::CONTENT_TYPE) {
        Some(SimpleValue::String(content_type)) => Some(content_type),
        _ => properties.content_type.map(|Symbol(symbol)| symbol),
    };
    let priority = match more.shift_remove(names::PRIORITY) {
        Some(SimpleValue::Ubyte(level)) => Priority::new(level),
        _ => None,
    };
    let headers = read_headers(more);
    let correlation_id = properties.correlation_id.map(text_of_id);
    let is_plain = headers.is_empty()
        && [&dedup_id, &content_type, &correlation_id]
            .iter()
            .all(|it| it.is_none())
        && [&properties.reply_to, &properties.group_id]
            .iter()
            .all(|it| it.is_none())
        && priority.is_none();
    if !is_plain {
        let details = message.details_mut();
        details.headers = headers;
        details.dedup_id = dedup_id.map(Text::from);
        details.content_type = content_type.map(Text::from);
        details.correlation_id = correlation_id.map(Text::from);
        details.reply_to = properties.reply_to.map(Text::from);
        details.ordering_key = properties.group_id.map(Text::from);
        details.priority = priority.unwrap_or_default();
    }
    id
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
        let key = match key.strip_prefix(names::HEADER) {
            Some(rest) if rest.starts_with(names::OURS) => rest.to_owned(),
            _ => key,
        };
        headers.set(key, header_value(value));
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

/// Reads why a message is on a dead-letter queue, and takes the deliveries before off the attempt.
fn read_envelope(
    more: &mut More,
    annotations: &Annotations,
    attempt: &mut u32,
    source: &Source,
    enqueued_at: Timestamp,
) -> Envelope {
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
    let attempts = match more
        .as_inner_mut()
        .shift_remove(names::DEAD_LETTER_ATTEMPTS)
    {
        Some(SimpleValue::Uint(attempts)) => attempts,
        // The broker moved it by itself.
        _ => told_attempts(&dead_letter).unwrap_or_else(|| attempt.saturating_sub(1)),
    };
    // Whether the dead are counted afresh is nowhere promised.
    if attempts < *attempt {
        *attempt -= attempts;
    }
    let time = match more.shift_remove(names::DEAD_LETTER_TIME) {
        Some(SimpleValue::Long(micros)) => u64::try_from(micros).ok().map(Timestamp::from_micros),
        _ => None,
    };
    let from = match annotation(annotations, names::DEAD_LETTER_SOURCE) {
        Some(Value::String(name)) => name.parse().ok(),
        _ => None,
    };
    Envelope {
        dead_letter,
        source: from.unwrap_or_else(|| source.live()),
        attempts,
        enqueued_at,
        dead_lettered_at: time.unwrap_or(enqueued_at),
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
