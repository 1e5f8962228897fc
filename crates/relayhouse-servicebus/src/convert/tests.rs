//! Messages go through the client library's encoding and come back.

use std::{fmt::Debug, time::Duration};

use fe2o3_amqp_types::{
    messaging::{
        AmqpValue, ApplicationProperties, Body, Data, Header, Message as AmqpMessage,
        MessageAnnotations, MessageId as AmqpId, Properties,
        annotations::OwnedKey,
        message::__private::{Deserializable, Serializable},
    },
    primitives::{OrderedMap, SimpleValue, Timestamp as AmqpTimestamp, Value},
};
use proptest::{collection::vec, option, prelude::*};
use relayhouse_core::{
    Capabilities, DeadLetter, ErrorKind, HeaderValue, Instant, Message, MessageId, Priority,
    Receipt, Source, Support, Text, Timestamp,
};

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

const ALL: Capabilities = Capabilities {
    schedule: Support::Native,
    ttl: Support::Native,
    ..Capabilities::NONE
};

fn source(text: &str) -> Source {
    text.parse().unwrap()
}

/// Sends `message` as the client library does, and reads what it decodes.
fn through(message: &Message) -> Reading {
    let id = MessageId::from(7_u128);
    back(write(message, &id, &ALL, NOW).unwrap())
}

/// Reads what the client library decodes of `packet`, which is the same whoever encodes it, and
/// whoever reads it.
fn back(packet: Packet) -> Reading {
    let ours = packet.encode();
    let incoming = decoded(&ours);
    let theirs = serde_amqp::to_vec(&Serializable(packet.into_message())).unwrap();
    assert_eq!(incoming, decoded(&theirs));
    for bytes in [ours, theirs] {
        let scanned = scan::scan(bytes.into(), &source("orders")).expect("it is a usual message");
        assert_eq!(
            parts(scanned),
            parts(read(incoming.clone(), &source("orders")))
        );
    }
    read(incoming, &source("orders"))
}

/// Returns all that a reading without an envelope says.
fn parts(reading: Reading) -> impl PartialEq + Debug {
    assert!(reading.envelope.is_none());
    let times = (reading.enqueued_at, reading.locked_until);
    let counts = (reading.attempt, reading.sequence);
    (
        reading.id,
        reading.message.body.clone(),
        reading.message,
        counts,
        times,
    )
}

fn decoded(bytes: &[u8]) -> Incoming {
    let incoming: Deserializable<Incoming> = serde_amqp::from_slice(bytes).unwrap();
    incoming.0
}

fn incoming(body: Body<Value>) -> Incoming {
    AmqpMessage {
        header: None,
        delivery_annotations: None,
        message_annotations: None,
        properties: None,
        application_properties: None,
        body,
        footer: None,
    }
}

#[test]
fn details_come_back() {
    let message = Message::new("seven")
        .content_type("application/json")
        .header("tenant", "acme")
        .header("key", HeaderValue::Bytes(vec![0, 255].into()))
        .header("relayhouse-id", "mine")
        .header("relayhouse-header-x", "y")
        .ordering_key("customer-7")
        .dedup_id("only-once")
        .correlation_id("exchange")
        .reply_to("answers")
        .priority(Priority::MAX)
        .ttl(Duration::from_secs(9));
    let reading = through(&message);
    let id = MessageId::from(7_u128);
    assert_eq!(reading.id, id);
    assert_eq!(reading.message, message.id(id));
    assert_eq!(reading.attempt, 1);
    assert!(reading.envelope.is_none());
}

/// The broker takes it for another message, and nobody else does.
#[test]
fn a_copy_that_comes_later_is_the_same_message() {
    let message = Message::new("seven")
        .header("text", "y")
        .dedup_id("only-once")
        .ttl(Duration::from_secs(60));
    let mut delivery = through(&message).delivery(Receipt::from_bytes([0; 16]), Instant::NEVER, 0);
    delivery.attempt = 3;
    delivery.enqueued_at = NOW;
    let (later, delay) = (NOW + Duration::from_secs(10), Duration::from_secs(20));
    let name = MessageId::from(9_u128);
    let packet = copy(&delivery, &name, later, delay, &ALL).unwrap();
    assert!(packet.is_scheduled());
    assert_eq!(packet.message_id, name.to_string());
    let reading = back(packet);
    assert_eq!((&reading.id, reading.attempt), (&delivery.id, 4));
    assert_eq!(reading.enqueued_at, NOW);
    // Of the minute, half has gone by when it comes.
    let expected = delivery.message.ttl(Duration::from_secs(30));
    assert_eq!(reading.message, expected);
}

#[test]
fn a_plain_message_stays_plain() {
    let reading = through(&Message::new("seven"));
    assert!(reading.message.is_plain());
    assert_eq!(reading.message.body, "seven");
    assert!(through(&Message::default()).message.body.is_empty());
}

#[test]
fn a_content_type_that_is_no_symbol_comes_back() {
    let message = Message::new("x").content_type("text/plain; name=\"é\"");
    let reading = through(&message);
    assert_eq!(reading.message.details(), message.details());
}

#[test]
fn the_dedup_id_is_the_id_that_the_broker_compares() {
    let message = Message::new("x").dedup_id("only-once");
    let packet = write(&message, &MessageId::from(7_u128), &ALL, NOW).unwrap();
    assert_eq!(packet.message_id, "only-once");
}

#[test]
fn a_delay_becomes_the_time_at_which_it_ends() {
    let time = |message: &Message| {
        let packet = write(message, &MessageId::from(7_u128), &ALL, NOW).unwrap();
        let annotations = decoded(&packet.encode()).message_annotations?;
        let time = OwnedKey::from("x-opt-scheduled-enqueue-time");
        annotations.0.get(&time).cloned()
    };
    let after = Value::Timestamp(AmqpTimestamp::from(1_700_000_001_501));
    let message = Message::new("x").delay(Duration::from_micros(1_500_001));
    assert_eq!(time(&message), Some(after));
    assert_eq!(time(&Message::new("x").not_before(NOW)), None);
    assert_eq!(time(&Message::new("x")), None);
}

#[test]
fn a_long_time_to_live_goes_beyond_its_header() {
    let message = Message::new("x").ttl(Duration::from_secs(90 * 24 * 60 * 60));
    let packet = write(&message, &MessageId::from(7_u128), &ALL, NOW).unwrap();
    assert_eq!(packet.ttl, Some(u32::MAX));
    assert_eq!(packet.expiry_time, Some(1_707_776_000_000));
}

#[test]
fn an_id_beyond_the_limit_is_refused() {
    let message = Message::new("x").dedup_id("x".repeat(129));
    let error = write(&message, &MessageId::from(7_u128), &ALL, NOW).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MessageInvalid);
    assert!(
        error.message().contains("129 characters, at most 128"),
        "{error}"
    );
}

#[test]
fn what_the_broker_says_is_read() {
    let annotation = |name: &str, value| (OwnedKey::from(name), value);
    let time = |millis: i64| Value::Timestamp(AmqpTimestamp::from(millis));
    let annotations = [
        annotation("x-opt-sequence-number", Value::Long(42)),
        annotation("x-opt-enqueued-time", time(5_000)),
        annotation("x-opt-locked-until", time(65_000)),
    ];
    let reading = read(
        Incoming {
            header: Some(Header {
                delivery_count: 2,
                ..Header::default()
            }),
            message_annotations: Some(MessageAnnotations(annotations.into_iter().collect())),
            ..incoming(Body::Data(
                vec![Data(vec![1].into()), Data(vec![2].into())].into(),
            ))
        },
        &source("orders"),
    );
    assert_eq!(reading.message.body, [1, 2][..]);
    assert_eq!(reading.id, MessageId::from(42_u128));
    assert_eq!((reading.attempt, reading.sequence), (3, Some(42)));
    assert_eq!(reading.enqueued_at, Timestamp::from_micros(5_000_000));
    let until = Timestamp::from_micros(65_000_000);
    assert_eq!(reading.locked_until, Some(until));
}

#[test]
fn bodies_and_headers_of_other_programs_are_read() {
    let body = |body| read(incoming(body), &source("orders")).message.body;
    let text = Value::String("text".to_owned());
    assert_eq!(body(Body::Value(AmqpValue(text))), "text");
    let bytes = Value::Binary(vec![7].into());
    assert_eq!(body(Body::Value(AmqpValue(bytes))), [7][..]);
    assert_eq!(body(Body::Value(AmqpValue(Value::Bool(true)))), [0x41][..]);
    assert_eq!(body(Body::Empty), "");
    let mut more = OrderedMap::new();
    more.insert("count".to_owned(), SimpleValue::Int(-7));
    more.insert("good".to_owned(), SimpleValue::Bool(true));
    more.insert("none".to_owned(), SimpleValue::Null);
    let with_headers = Incoming {
        application_properties: Some(ApplicationProperties(more)),
        properties: Some(Properties {
            message_id: Some(AmqpId::Binary(vec![0xab, 1].into())),
            ..Properties::default()
        }),
        ..incoming(Body::Empty)
    };
    let reading = read(with_headers, &source("orders"));
    let headers = reading.message.headers();
    assert_eq!(headers.text("count"), Some("-7"));
    assert_eq!(headers.text("good"), Some("true"));
    assert_eq!(headers.text("none"), Some(""));
    assert_eq!(reading.id, MessageId::from("ab01"));
}

fn dead(more: &[(&str, SimpleValue)], delivery_count: u32) -> Reading {
    let more = more
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()));
    let incoming = Incoming {
        header: Some(Header {
            delivery_count,
            ..Header::default()
        }),
        application_properties: Some(ApplicationProperties(more.collect())),
        ..incoming(Body::Empty)
    };
    read(incoming, &source("orders/$deadletterqueue"))
}

#[test]
fn a_dead_letter_has_its_envelope() {
    let text = |text: &str| SimpleValue::String(text.to_owned());
    let reading = dead(
        &[
            (DEAD_LETTER_REASON, text("rejected")),
            (DEAD_LETTER_DESCRIPTION, text("no such customer")),
            (DEAD_LETTER_FINGERPRINT, text("00000000000000ff")),
            (DEAD_LETTER_ATTEMPTS, SimpleValue::Uint(3)),
            (DEAD_LETTER_TIME, SimpleValue::Long(77)),
            ("tenant", text("acme")),
        ],
        3,
    );
    let envelope = reading.envelope.unwrap();
    assert_eq!(envelope.dead_letter.reason, "rejected");
    assert_eq!(envelope.dead_letter.description, "no such customer");
    assert_eq!(envelope.dead_letter.fingerprint.as_u64(), 255);
    assert_eq!((envelope.attempts, reading.attempt), (3, 1));
    assert_eq!(envelope.dead_lettered_at, Timestamp::from_micros(77));
    assert_eq!(envelope.source, source("orders"));
    assert_eq!(reading.message.headers().len(), 1);
}

#[test]
fn reasons_of_the_broker_become_ours() {
    let reason = SimpleValue::String("MaxDeliveryCountExceeded".to_owned());
    let reading = dead(&[(DEAD_LETTER_REASON, reason)], 10);
    let envelope = reading.envelope.unwrap();
    assert_eq!(envelope.dead_letter.reason, DeadLetter::ATTEMPTS_EXHAUSTED);
    assert_eq!((envelope.attempts, reading.attempt), (10, 1));
}

/// The names that mean something, and one that does not.
fn name() -> impl Strategy<Value = String> {
    let names = [
        names::ID,
        names::DEDUP_ID,
        names::ATTEMPTS,
        FIRST_ENQUEUED,
        names::CONTENT_TYPE,
        names::PRIORITY,
        DEAD_LETTER_REASON,
        "relayhouse-header-relayhouse-id",
        "tenant",
    ];
    proptest::sample::select(names.map(str::to_owned).to_vec())
}

fn simple() -> impl Strategy<Value = SimpleValue> {
    prop_oneof![
        "[a-zé]{0,20}".prop_map(SimpleValue::String),
        vec(any::<u8>(), 0..20).prop_map(|bytes| SimpleValue::Binary(bytes.into())),
        any::<u8>().prop_map(SimpleValue::Ubyte),
        any::<u32>().prop_map(SimpleValue::Uint),
        any::<i64>().prop_map(SimpleValue::Long),
        any::<bool>().prop_map(SimpleValue::Bool),
        Just(SimpleValue::Null),
    ]
}

fn annotations() -> impl Strategy<Value = MessageAnnotations> {
    let name = proptest::sample::select(vec![
        names::SEQUENCE_NUMBER,
        names::ENQUEUED_TIME,
        names::LOCKED_UNTIL,
        "x-opt-partition-key",
    ]);
    let value = prop_oneof![
        any::<i64>().prop_map(Value::Long),
        any::<u64>().prop_map(Value::Ulong),
        any::<i64>().prop_map(|time| Value::Timestamp(AmqpTimestamp::from(time))),
        "[a-z]{0,9}".prop_map(Value::String),
        vec(any::<bool>().prop_map(Value::Bool), 0..3).prop_map(Value::List),
    ];
    vec((name.prop_map(OwnedKey::from), value), 0..5)
        .prop_map(|pairs| MessageAnnotations(pairs.into_iter().collect()))
}

fn properties() -> impl Strategy<Value = Properties> {
    let id = || {
        option::of(prop_oneof![
            "[a-z]{0,40}".prop_map(AmqpId::String),
            any::<u64>().prop_map(AmqpId::Ulong),
        ])
    };
    let text = || option::of("[a-zé]{0,30}");
    (id(), id(), text(), text(), option::of("[a-z/]{1,30}")).prop_map(
        |(message_id, correlation_id, reply_to, group_id, content_type)| Properties {
            message_id,
            correlation_id,
            reply_to,
            group_id,
            content_type: content_type.map(Into::into),
            ..Properties::default()
        },
    )
}

fn body() -> impl Strategy<Value = Body<Value>> {
    let data = || vec(any::<u8>(), 0..300).prop_map(|bytes| Data(bytes.into()));
    prop_oneof![
        4 => data().prop_map(|data| Body::Data(vec![data].into())),
        1 => vec(data(), 1..3).prop_map(|parts| Body::Data(parts.into())),
        1 => "[a-z]{0,9}".prop_map(|text| Body::Value(AmqpValue(Value::String(text)))),
    ]
}

/// What a broker, or another program through it, may have us read.
fn foreign() -> impl Strategy<Value = Incoming> {
    let header = (option::of(any::<u32>()), 0_u32..5).prop_map(|(ttl, delivery_count)| Header {
        ttl,
        delivery_count,
        ..Header::default()
    });
    let more = vec((name(), simple()), 0..5);
    let more = more.prop_map(|pairs| ApplicationProperties(pairs.into_iter().collect()));
    (
        option::of(header),
        option::of(annotations()),
        option::of(properties()),
        option::of(more),
        body(),
    )
        .prop_map(|(header, annotations, properties, more, body)| Incoming {
            header,
            message_annotations: annotations,
            properties,
            application_properties: more,
            ..incoming(body)
        })
}

fn encoded(incoming: Incoming) -> Vec<u8> {
    serde_amqp::to_vec(&Serializable(incoming)).unwrap()
}

proptest! {
    /// What is read without the client library is what is read of its decoding.
    #[test]
    fn whoever_reads_a_message_reads_the_same(foreign in foreign()) {
        let bytes = encoded(foreign);
        let expected = read(decoded(&bytes), &source("orders"));
        let reading = Payload::Encoded(bytes.into()).reading(&source("orders")).unwrap();
        prop_assert_eq!(parts(reading), parts(expected));
    }

    #[test]
    fn broken_bytes_are_an_error_and_no_more(
        foreign in foreign(),
        cut in any::<usize>(),
        changes in vec((any::<usize>(), any::<u8>()), 0..3),
    ) {
        let mut bytes = encoded(foreign);
        bytes.truncate(cut % (bytes.len() + 1));
        for (place, byte) in changes {
            if let Some(length) = std::num::NonZero::new(bytes.len()) {
                bytes[place % length] = byte;
            }
        }
        let scanned = scan::scan(bytes.clone().into(), &source("orders"));
        let theirs = serde_amqp::from_slice::<Deserializable<Incoming>>(&bytes);
        if let (Ok(scanned), Ok(theirs)) = (scanned, theirs) {
            prop_assert_eq!(parts(scanned), parts(read(theirs.0, &source("orders"))));
        }
    }

    #[test]
    fn any_message_comes_back(
        body in vec(any::<u8>(), 0..600),
        headers in vec(("[!-~]{1,20}", "[a-zé]{0,300}", any::<bool>()), 0..6),
        key in option::of("[a-zé]{1,20}"),
        texts in vec(option::of("[a-zé]{1,60}"), 4),
        level in option::of(0_u8..=9),
        ttl in option::of(1_u64..4_000_000_000),
        delay in option::of(0_u64..4_000_000_000),
    ) {
        let mut message = Message::new(body);
        for (key, value, is_text) in headers {
            let bytes = value.clone().into_bytes();
            let value = if is_text { value.into() } else { HeaderValue::Bytes(bytes.into()) };
            message = message.header(key, value);
        }
        if let Some(key) = key {
            message = message.ordering_key(key);
        }
        let details = message.details_mut();
        let mut texts = texts.into_iter().map(|text| text.map(Text::from));
        details.reply_to = texts.next().flatten();
        details.correlation_id = texts.next().flatten();
        details.content_type = texts.next().flatten();
        details.dedup_id = texts.next().flatten();
        details.priority = level.and_then(Priority::new).unwrap_or_default();
        if let Some(delay) = delay {
            message = message.delay(Duration::from_micros(delay));
        }
        if let Some(ttl) = ttl {
            message = message.ttl(Duration::from_millis(ttl));
        }
        let reading = through(&message);
        // When it was to come is over once it has come.
        message.details_mut().not_before = None;
        prop_assert_eq!(reading.message.details(), message.details());
        prop_assert_eq!(reading.message.body, message.body);
    }
}
