//! Messages of the model to those of AMQP.

use bytes::{BufMut, Bytes, BytesMut};
use fe2o3_amqp_types::messaging::MessageId;
use serde_amqp::{
    Value as Encoded,
    primitives::{OrderedMap, Symbol, Timestamp},
};

use super::{
    message::{Extra, PARTITION_KEY, SCHEDULED, VIA_PARTITION_KEY, append, section_start},
    sections::{APPLICATION_PROPERTIES, DATA, DELIVERY_ANNOTATIONS, HEADER, MESSAGE_ANNOTATIONS},
    value::give,
};
use crate::model::{BodyKind, Contents, Lock, Message, State, Time};

/// Writes a message as a client gets it.
pub(super) fn encode(message: &Message, state: State, lock: Option<&Lock>) -> Bytes {
    let contents = &message.contents;
    let extra = Extra::decode(&contents.extra);
    let mut bytes = BytesMut::with_capacity(512 + contents.body.len());
    put_header(&mut bytes, message, &extra);
    if let Some(lock) = lock {
        let mut map = OrderedMap::new();
        let token = Encoded::Uuid(lock.token.into());
        map.insert(symbol("x-opt-lock-token"), token);
        put_map(&mut bytes, DELIVERY_ANNOTATIONS, &map);
    }
    let annotations = annotations(message, state, lock, &extra);
    put_map(&mut bytes, MESSAGE_ANNOTATIONS, &annotations);
    put_properties(&mut bytes, message, &extra);
    if !contents.properties.is_empty() {
        let properties = contents.properties.iter();
        let map = properties
            .map(|(name, value)| (Encoded::String(name.to_string()), give(value)))
            .collect::<OrderedMap<_, _>>();
        put_map(&mut bytes, APPLICATION_PROPERTIES, &map);
    }
    put_body(&mut bytes, contents);
    bytes.extend_from_slice(&extra.footer);
    bytes.freeze()
}

/// Writes the header by hand: the count of deliveries is there even when it is 0.
fn put_header(bytes: &mut BytesMut, message: &Message, extra: &Extra) {
    let time_to_live = message.contents.time_to_live;
    let time_to_live = time_to_live.map(|it| u32::try_from(it.as_millis()).unwrap_or(u32::MAX));
    bytes.extend_from_slice(&section_start(HEADER));
    let size = 1 + 1 + 2 + if time_to_live.is_some() { 5 } else { 1 } + 1 + 5;
    bytes.extend_from_slice(&[0xc0, size, 5]);
    bytes.put_u8(if extra.header.durable { 0x41 } else { 0x42 });
    bytes.extend_from_slice(&[0x50, extra.priority().0]);
    match time_to_live {
        Some(millis) => {
            bytes.put_u8(0x70);
            bytes.put_u32(millis);
        }
        None => bytes.put_u8(0x40),
    }
    bytes.put_u8(0x42);
    bytes.put_u8(0x70);
    bytes.put_u32(message.delivery_count);
}

fn annotations(
    message: &Message,
    state: State,
    lock: Option<&Lock>,
    extra: &Extra,
) -> OrderedMap<Encoded, Encoded> {
    let contents = &message.contents;
    let mut map = extra.annotations.clone();
    let mut put = |name: &str, value: Encoded| {
        map.insert(symbol(name), value);
    };
    put("x-opt-sequence-number", number(message.sequence));
    put("x-opt-enqueued-time", timestamp(message.enqueued));
    put(
        "x-opt-enqueue-sequence-number",
        number(message.enqueued_sequence),
    );
    if let Some(lock) = lock {
        put("x-opt-locked-until", timestamp(lock.until));
    }
    let state = match state {
        State::Active => 0,
        State::Deferred => 1,
        State::Scheduled => 2,
    };
    put("x-opt-message-state", Encoded::Int(state));
    if let Some(source) = &message.dead_letter_source {
        put(
            "x-opt-deadletter-source",
            Encoded::String(source.to_string()),
        );
    }
    if let Some(key) = &contents.partition_key {
        put(PARTITION_KEY, Encoded::String(key.to_string()));
    }
    if let Some(key) = &contents.via_partition_key {
        put(VIA_PARTITION_KEY, Encoded::String(key.to_string()));
    }
    if let Some(scheduled) = contents.scheduled {
        put(SCHEDULED, timestamp(scheduled));
    }
    map
}

fn put_properties(bytes: &mut BytesMut, message: &Message, extra: &Extra) {
    let contents = &message.contents;
    let owned = |text: &Option<Box<str>>| text.as_ref().map(ToString::to_string);
    let mut properties = extra.properties.clone();
    let message_id = owned(&contents.message_id).map(MessageId::String);
    properties.message_id = properties.message_id.or(message_id);
    let correlation_id = owned(&contents.correlation_id).map(MessageId::String);
    properties.correlation_id = properties.correlation_id.or(correlation_id);
    properties.group_id = owned(&contents.session_id);
    properties.reply_to = owned(&contents.reply_to);
    properties.reply_to_group_id = owned(&contents.reply_to_session_id);
    properties.to = owned(&contents.to);
    properties.subject = owned(&contents.subject);
    let content_type = contents.content_type.as_deref();
    properties.content_type = content_type.map(Symbol::from);
    if let Some(expires) = message.expires {
        properties.absolute_expiry_time = Some(Timestamp::from(signed(expires)));
        properties.creation_time = Some(Timestamp::from(signed(message.enqueued)));
    }
    append(bytes, &properties);
}

fn put_body(bytes: &mut BytesMut, contents: &Contents) {
    if contents.body_kind != BodyKind::Data {
        bytes.extend_from_slice(&contents.body);
        return;
    }
    bytes.extend_from_slice(&section_start(DATA));
    match u8::try_from(contents.body.len()) {
        Ok(size) => bytes.extend_from_slice(&[0xa0, size]),
        Err(_) => {
            bytes.put_u8(0xb0);
            bytes.put_u32(u32::try_from(contents.body.len()).unwrap_or(u32::MAX));
        }
    }
    bytes.extend_from_slice(&contents.body);
}

fn put_map(bytes: &mut BytesMut, code: u64, map: &OrderedMap<Encoded, Encoded>) {
    bytes.extend_from_slice(&section_start(code));
    append(bytes, map);
}

pub(super) fn symbol(name: &str) -> Encoded {
    Encoded::Symbol(Symbol::from(name))
}

pub(super) fn number(number: u64) -> Encoded {
    Encoded::Long(i64::try_from(number).unwrap_or(i64::MAX))
}

pub(super) fn timestamp(time: Time) -> Encoded {
    Encoded::Timestamp(Timestamp::from_milliseconds(signed(time)))
}

fn signed(time: Time) -> i64 {
    i64::try_from(time.millis()).unwrap_or(i64::MAX)
}
