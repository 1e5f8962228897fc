//! Messages of the model to those of AMQP.

use bytes::{BufMut, Bytes, BytesMut};
use fe2o3_amqp_types::messaging::MessageId;
use serde_amqp::{
    Value as Encoded,
    primitives::{Symbol, Timestamp, Uuid},
};

use super::{
    compound::{Content, put_map},
    message::{Extra, PARTITION_KEY, SCHEDULED, VIA_PARTITION_KEY, section_start},
    sections::{APPLICATION_PROPERTIES, DATA, DELIVERY_ANNOTATIONS, HEADER, MESSAGE_ANNOTATIONS},
};
use crate::{
    amqp::append,
    model::{BodyKind, Contents, Lock, Message, State, Time},
};

/// Writes a message as a client gets it.
pub(super) fn encode(message: &Message, state: State, lock: Option<&Lock>) -> Bytes {
    let contents = &message.contents;
    let extra = Extra::decode(&contents.extra);
    let mut bytes = BytesMut::with_capacity(512 + contents.body.len());
    put_header(&mut bytes, message, &extra);
    if let Some(lock) = lock {
        bytes.extend_from_slice(&section_start(DELIVERY_ANNOTATIONS));
        let token = Uuid::from(lock.token);
        put_map(&mut bytes, |map| map.symbol("x-opt-lock-token", &token));
    }
    bytes.extend_from_slice(&section_start(MESSAGE_ANNOTATIONS));
    put_map(&mut bytes, |map| {
        map.encoded(&extra.annotations);
        put_annotations(map, message, state, lock);
    });
    put_properties(&mut bytes, message, &extra);
    if !contents.properties.is_empty() {
        bytes.extend_from_slice(&section_start(APPLICATION_PROPERTIES));
        put_map(&mut bytes, |map| {
            for (name, value) in &contents.properties {
                map.scalar(&**name);
                map.value(value);
            }
        });
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

/// Puts the annotations that the broker writes.
fn put_annotations(map: &mut Content<'_>, message: &Message, state: State, lock: Option<&Lock>) {
    let contents = &message.contents;
    map.symbol("x-opt-sequence-number", &number(message.sequence));
    map.symbol("x-opt-enqueued-time", &timestamp(message.enqueued));
    map.symbol(
        "x-opt-enqueue-sequence-number",
        &number(message.enqueued_sequence),
    );
    if let Some(lock) = lock {
        map.symbol("x-opt-locked-until", &timestamp(lock.until));
    }
    let state = match state {
        State::Active => 0,
        State::Deferred => 1,
        State::Scheduled => 2,
    };
    map.symbol("x-opt-message-state", &Encoded::Int(state));
    if let Some(source) = &message.dead_letter_source {
        map.symbol("x-opt-deadletter-source", &**source);
    }
    if let Some(key) = &contents.partition_key {
        map.symbol(PARTITION_KEY, &**key);
    }
    if let Some(key) = &contents.via_partition_key {
        map.symbol(VIA_PARTITION_KEY, &**key);
    }
    if let Some(scheduled) = contents.scheduled {
        map.symbol(SCHEDULED, &timestamp(scheduled));
    }
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

pub(super) fn number(number: u64) -> Encoded {
    Encoded::Long(i64::try_from(number).unwrap_or(i64::MAX))
}

pub(super) fn timestamp(time: Time) -> Encoded {
    Encoded::Timestamp(Timestamp::from_milliseconds(signed(time)))
}

fn signed(time: Time) -> i64 {
    i64::try_from(time.millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;
    use crate::{
        model::{Address, Call, Model, Path, QueueSettings},
        node::{message::decode_one, raw, sections},
    };

    const TIME: &[u8] = b"\x83\0\0\x01\xa3\x18\x5cP\0";

    /// Returns the maps of a message that went through a queue: its annotations and properties.
    fn given_back(annotations: &[u8], properties: &[u8]) -> [Vec<u8>; 2] {
        let mut message = BytesMut::new();
        message.extend_from_slice(&section_start(MESSAGE_ANNOTATIONS));
        put_map(&mut message, |map| map.encoded(annotations));
        message.extend_from_slice(&section_start(APPLICATION_PROPERTIES));
        put_map(&mut message, |map| map.encoded(properties));
        let contents = decode_one(&message.freeze()).unwrap();
        let (now, path) = (Time::default(), Path::new("q"));
        let mut model = Model::new(7);
        let settings = QueueSettings::default();
        model.create_queue(now, &path, settings).unwrap();
        let batch = vec![contents];
        model.send(Call::at(now), &path, None, batch).unwrap();
        let address = Address::parse("q").unwrap();
        let peeked = model.peek(now, &address, 0, 1, None).unwrap().remove(0);
        let message = encode(&peeked.message, peeked.state, None);
        let sections = sections::split(&message).unwrap();
        [MESSAGE_ANNOTATIONS, APPLICATION_PROPERTIES].map(|code| {
            let section = sections.iter().find(|section| section.code == code);
            let section = section.map(|it| raw::map(&message[it.value.clone()]).unwrap());
            section.unwrap_or_default().to_vec()
        })
    }

    /// Returns values that hold others, the library cannot write all of which.
    fn compounds() -> Vec<Vec<u8>> {
        let map_by_time = [b"\xc1\x0b\x02", TIME, b"\x41"].concat();
        let rest = [
            // A list in a list, both by codes that are longer than they need to be.
            &b"\xd0\0\0\0\x0d\0\0\0\x01\xd0\0\0\0\x04\0\0\0\0"[..],
            // Arrays of empty lists, of nulls, of lists, and of texts of several lengths.
            b"\xe0\x02\x02\x45",
            b"\xf0\0\0\0\x05\0\0\0\x05\x40",
            b"\xe0\x08\x02\xc0\x02\x01\x40\x02\x01\x41",
            b"\xe0\x10\x04\xa1\x04\xd3\xa4\x11\x04\0\x04/\x02\x02\x02\x02\x02\x04",
            // A text that is described.
            b"\x00\xa3\x03uri\xa1\x01x",
        ];
        let rest = rest.map(<[u8]>::to_vec);
        [map_by_time].into_iter().chain(rest).collect()
    }

    #[test]
    fn annotations_come_back_as_they_were() {
        let mut annotations = [TIME, b"\xa1\x01x"].concat();
        for (number, value) in (0_u8..).zip(compounds()) {
            annotations.extend([0x53, number]);
            annotations.extend(value);
        }
        let [given, _] = given_back(&annotations, b"");
        assert!(given.starts_with(&annotations), "{given:02x?}");
    }

    /// What the broker writes is there once, whatever a client has written of it.
    #[test]
    fn annotations_of_the_broker_are_its_own() {
        let annotations = b"\xa3\x15x-opt-sequence-number\x54\x07\xa3\x01b\x41";
        let [given, _] = given_back(annotations, b"");
        assert!(given.starts_with(b"\xa3\x01b\x41"), "{given:02x?}");
        let keys = raw::entries(&given).map(|(key, _)| raw::text(key));
        let keys = keys.filter(|key| *key == Some("x-opt-sequence-number"));
        assert_eq!(keys.count(), 1);
    }

    #[test]
    fn properties_come_back_as_they_were() {
        let mut properties = b"\xa1\x01s\xa1\x01x".to_vec();
        for (name, value) in ('a'..).zip(compounds()) {
            properties.extend([0xa1, 1, name as u8]);
            properties.extend(value);
        }
        let [_, given] = given_back(b"", &properties);
        assert_eq!(given, properties);
    }

    fn any_value() -> impl Strategy<Value = Vec<u8>> {
        let scalars: [&[u8]; 8] = [
            b"\x40",
            b"\x41",
            b"\x54\xff",
            b"\x71\0\0\0\x07",
            b"\xa1\x02\xc3\xa9",
            b"\xb3\0\0\0\x01s",
            b"\xa0\x02it",
            TIME,
        ];
        let leaf = select(
            scalars
                .map(<[u8]>::to_vec)
                .into_iter()
                .chain(compounds())
                .collect::<Vec<_>>(),
        );
        leaf.prop_recursive(4, 32, 5, |inner| {
            let compound = |code: u8, values: Vec<u8>| {
                let mut bytes = BytesMut::new();
                put_map(&mut bytes, |map| map.encoded(&values));
                bytes[0] = code;
                bytes.to_vec()
            };
            let list = vec(inner.clone(), 0..5);
            let map = vec((inner.clone(), inner.clone()), 0..4);
            prop_oneof![
                list.prop_map(move |items| compound(0xd0, items.concat())),
                map.prop_map(move |entries| {
                    let entries = entries.into_iter().flat_map(|(key, value)| [key, value]);
                    compound(0xd1, entries.flatten().collect())
                }),
                inner.prop_map(|value| [b"\x00\x53\x07", &value[..]].concat()),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_annotated_comes_back(key in any_value(), value in any_value()) {
            let annotation = [key, value].concat();
            let [given, _] = given_back(&annotation, b"");
            prop_assert!(given.starts_with(&annotation), "{:02x?}", given);
        }
    }
}
