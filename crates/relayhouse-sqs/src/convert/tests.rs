//! From messages to entries and back.

use std::collections::HashMap;

use aws_sdk_sqs::{
    primitives::Blob,
    types::{Message as SqsMessage, MessageAttributeValue, MessageSystemAttributeName as System},
};
use bytes::Bytes;
use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::{ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest},
};
use relayhouse_core::{
    DeadLetter, Envelope, ErrorKind, HeaderValue, Message, MessageId, Priority, Timestamp,
};

use super::{packet::Value, *};
use crate::{capability, convert::Rules};

fn writing(is_fifo: bool) -> Writing<'static> {
    Writing {
        capabilities: if is_fifo {
            &capability::FIFO
        } else {
            &capability::STANDARD
        },
        bytes_max: capability::SQS_BYTES_MAX,
        has_trace: true,
        payloads: None,
        is_fifo,
        is_fair: false,
        dedup_by_content: false,
        now: Timestamp::from_micros(1_700_000_000_000_000),
    }
}

fn packet(message: &Message, is_fifo: bool) -> relayhouse_core::Result<Packet> {
    let id = MessageId::from_text("id");
    write(message, &id, &Envoy::default(), &writing(is_fifo))
}

/// Hands `packet` out as SQS would.
fn hand_out(packet: Packet, count: u32) -> SqsMessage {
    let mut system = HashMap::from([
        (System::SentTimestamp, "1700000000123".to_owned()),
        (System::ApproximateReceiveCount, count.to_string()),
    ]);
    if let Some(group) = packet.group {
        system.insert(System::MessageGroupId, group);
    }
    if let Some(dedup) = packet.dedup {
        system.insert(System::MessageDeduplicationId, dedup);
    }
    if let Some(trace) = packet.trace {
        system.insert(System::AwsTraceHeader, trace);
    }
    let attribute = |(name, value): (String, Value)| {
        let builder = MessageAttributeValue::builder().data_type(value.data_type());
        let builder = match value {
            Value::Text(text) => builder.string_value(text),
            Value::Number(number) => builder.string_value(number.to_string()),
            Value::Binary(bytes) => builder.binary_value(Blob::new(bytes)),
        };
        (name, builder.build().unwrap())
    };
    SqsMessage::builder()
        .message_id("sqs-id")
        .receipt_handle("handle")
        .body(packet.body)
        .set_attributes(Some(system))
        .set_message_attributes(Some(packet.attributes.into_iter().map(attribute).collect()))
        .build()
}

fn round_trip(message: &Message, is_fifo: bool) -> Reading {
    let packet = packet(message, is_fifo).unwrap();
    assert!(packet.attributes.len() <= 10);
    read(hand_out(packet, 1), None, Rules::RAW).unwrap()
}

#[test]
fn details_survive() {
    let message = Message::new("{}")
        .id("id")
        .content_type("application/json")
        .correlation_id("exchange-7")
        .reply_to("answers")
        .ordering_key("customer-7")
        .priority(Priority::MAX)
        .header(
            "X-Amzn-Trace-Id",
            "Root=1-5759e988-bd862e3fe1be46a994272793",
        )
        .header("tenant", "acme");
    assert_eq!(round_trip(&message, false).message, message);
    assert_eq!(round_trip(&message, true).message, message);
    let message = message.dedup_id("order-17");
    assert_eq!(round_trip(&message, true).message, message);
}

#[test]
fn message_without_details_stays_plain() {
    assert!(round_trip(&Message::new("x"), false).message.is_plain());
}

#[test]
fn what_sqs_says_is_read() {
    let packet = packet(&Message::new("x").ordering_key("k"), true).unwrap();
    let mut message = hand_out(packet, 3);
    let attributes = message.attributes.as_mut().unwrap();
    attributes.insert(System::SequenceNumber, "18849496460467696128".to_owned());
    let reading = read(message, None, Rules::RAW).unwrap();
    assert_eq!(reading.attempt, 3);
    assert_eq!(reading.previous, relayhouse_core::Previous::Unknown);
    assert_eq!(
        reading.enqueued_at,
        Timestamp::from_micros(1_700_000_000_123_000)
    );
    assert_eq!(reading.id, MessageId::from_text("id"));
    assert_eq!(reading.handle, "handle");
    assert!(reading.sequence.is_some());
}

#[test]
fn messages_of_others_are_read() {
    let number = MessageAttributeValue::builder()
        .data_type("Number")
        .string_value("7");
    let ours = MessageAttributeValue::builder()
        .data_type("String")
        .string_value("no JSON");
    let message = SqsMessage::builder()
        .message_id("sqs-id")
        .receipt_handle("handle")
        .body("hello")
        .message_attributes("count", number.build().unwrap())
        .message_attributes("relayhouse", ours.build().unwrap())
        .build();
    let reading = read(message, None, Rules::RAW).unwrap();
    assert_eq!(reading.id, MessageId::from_text("sqs-id"));
    assert_eq!(reading.message.body, "hello");
    assert_eq!(reading.message.headers().text("count"), Some("7"));
    assert_eq!(
        reading.message.headers().text("relayhouse"),
        Some("no JSON")
    );
    assert_eq!(reading.attempt, 1);
}

#[test]
fn envelope_shows_on_a_dead_letter_queue_alone() {
    let envelope = Envelope {
        dead_letter: DeadLetter::new("poisoned", "order 17 has no customer"),
        source: "orders".parse().unwrap(),
        attempts: 4,
        enqueued_at: Timestamp::from_micros(5),
        dead_lettered_at: Timestamp::from_micros(9),
    };
    let envoy = Envoy {
        enqueued_at: Some(envelope.enqueued_at),
        envelope: Some(envelope.clone()),
        dedup: None,
        ..Envoy::default()
    };
    let id = MessageId::from_text("id");
    let packet = write(&Message::new("x"), &id, &envoy, &writing(false)).unwrap();
    let dead = read(
        hand_out(packet.clone(), 1),
        Some(Dead::default()),
        Rules::RAW,
    )
    .unwrap();
    assert_eq!(dead.envelope, Some(envelope));
    assert_eq!(dead.enqueued_at, Timestamp::from_micros(5));
    let live = read(hand_out(packet, 1), None, Rules::RAW).unwrap();
    assert_eq!(live.envelope, None);
    assert_eq!(live.enqueued_at, Timestamp::from_micros(5));
}

#[test]
fn message_that_sqs_moved_has_an_envelope() {
    let mut message = hand_out(packet(&Message::new("x"), false).unwrap(), 3);
    let attributes = message.attributes.as_mut().unwrap();
    let arn = "arn:aws:sqs:eu-west-1:123456789012:orders".to_owned();
    attributes.insert(System::DeadLetterQueueSourceArn, arn);
    let envelope = read(message, Some(Dead::default()), Rules::RAW)
        .unwrap()
        .envelope
        .unwrap();
    assert_eq!(envelope.source.to_string(), "orders");
    assert_eq!(envelope.dead_letter.reason, DeadLetter::ATTEMPTS_EXHAUSTED);
}

#[test]
fn size_counts_names_types_and_values() {
    let packet = Packet {
        body: "größe".to_owned(),
        attributes: vec![
            ("tenant".to_owned(), Value::Text("acme".to_owned())),
            ("raw".to_owned(), Value::Binary(Bytes::from_static(&[1, 2]))),
        ],
        ..Packet::default()
    };
    assert_eq!(packet.size(), 7 + (6 + 6 + 4) + (3 + 6 + 2));
}

#[test]
fn encoding_may_break_the_limit() {
    let size = usize::try_from(capability::SQS_BYTES_MAX).unwrap() * 3 / 4;
    let error = packet(&Message::new(vec![0; size]), false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge);
    let most = capability::STANDARD.message_bytes_max.unwrap().get();
    let most = Message::new(vec![b'x'; usize::try_from(most).unwrap()]);
    assert!(packet(&most, false).is_ok());
}

#[test]
fn limits_are_checked_before_the_call() {
    use std::time::Duration;
    let kind = |message: Message, is_fifo| packet(&message, is_fifo).err().map(|it| it.kind());
    let plain = || Message::new("x");
    let invalid = Some(ErrorKind::MessageInvalid);
    let unsupported = Some(ErrorKind::Unsupported);
    assert_eq!(kind(plain(), false), None);
    assert_eq!(kind(plain().delay(Duration::from_secs(900)), false), None);
    assert_eq!(
        kind(plain().delay(Duration::from_secs(901)), false),
        invalid
    );
    assert_eq!(kind(plain().dedup_id("d"), false), unsupported);
    assert_eq!(
        kind(plain().ttl(Duration::from_secs(1)), false),
        unsupported
    );
    assert_eq!(kind(plain(), true), invalid, "no ordering key");
    let keyed = || plain().ordering_key("k");
    assert_eq!(kind(keyed(), true), None);
    assert_eq!(
        kind(keyed().delay(Duration::from_secs(1)), true),
        unsupported
    );
}

#[test]
fn ids_that_sqs_does_not_take_have_a_digest_in_their_place() {
    let message = Message::new("x")
        .id("id")
        .ordering_key("größe")
        .dedup_id("d".repeat(129));
    let packet = packet(&message, true).unwrap();
    for id in [&packet.group, &packet.dedup] {
        let id = id.as_deref().unwrap();
        assert!(id.is_ascii() && id.len() <= 128, "{id}");
    }
    assert_eq!(round_trip(&message, true).message, message);
    assert_eq!(
        round_trip(&Message::new("x").id("id").ordering_key("a b"), false).attempt,
        1
    );
}

#[test]
fn a_delay_is_rounded_up_to_seconds() {
    let delay = std::time::Duration::from_millis(1500);
    let packet = packet(&Message::new("x").delay(delay), false).unwrap();
    assert_eq!(packet.delay_seconds, 2);
}

#[test]
fn a_tenant_of_a_fair_queue_is_its_message_group() {
    let id = MessageId::from_text("id");
    let fair = Writing {
        is_fair: true,
        ..writing(false)
    };
    let write = |message: &Message| write(message, &id, &Envoy::default(), &fair).unwrap();
    assert_eq!(
        write(&Message::new("x").ordering_key("acme"))
            .group
            .as_deref(),
        Some("acme")
    );
    assert_eq!(write(&Message::new("x")).group, None);
    assert_eq!(
        packet(&Message::new("x").ordering_key("acme"), false)
            .unwrap()
            .group,
        None
    );
}

#[test]
fn a_missing_dedup_id_is_made_of_id_and_body() {
    let dedup = |id: &str, body: &'static str| {
        let message = Message::new(body).ordering_key("k");
        let id = MessageId::from_text(id);
        let packet = write(&message, &id, &Envoy::default(), &writing(true));
        packet.unwrap().dedup.unwrap()
    };
    assert_eq!(dedup("1", "x"), dedup("1", "x"));
    assert_ne!(dedup("1", "x"), dedup("2", "x"));
    assert_ne!(dedup("1", "x"), dedup("1", "y"));
    let by_content = Writing {
        dedup_by_content: true,
        ..writing(true)
    };
    let message = Message::new("x").ordering_key("k");
    let id = MessageId::from_text("1");
    let packet = write(&message, &id, &Envoy::default(), &by_content).unwrap();
    assert_eq!(packet.dedup, None);
}

/// Each of name, type and value has its length ahead, and the value a byte for how it is carried.
#[test]
fn an_answer_with_another_digest_is_refused() {
    let packet = Packet {
        body: "hello".to_owned(),
        attributes: vec![(
            "timestamp".to_owned(),
            Value::Text("1493147359900".to_owned()),
        )],
        ..Packet::default()
    };
    let answer = |body: &str, attributes: &str| {
        aws_sdk_sqs::types::SendMessageBatchResultEntry::builder()
            .id("0")
            .message_id("m")
            .md5_of_message_body(body)
            .md5_of_message_attributes(attributes)
            .build()
            .unwrap()
    };
    let body = "5d41402abc4b2a76b9719d911017c592";
    let attributes = attributes_digest(&packet);
    let ours = Digests::of(&[packet]).remove(0);
    assert!(ours.check(&answer(body, &attributes)).is_ok());
    let error = ours.check(&answer("0", &attributes)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(ours.check(&answer(body, "0")).is_err());
}

fn attributes_digest(packet: &Packet) -> String {
    use md5::{Digest, Md5};
    let mut bytes = Vec::new();
    for (name, value) in &packet.attributes {
        for part in [name.as_bytes(), value.data_type().as_bytes()] {
            bytes.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
            bytes.extend(part);
        }
        bytes.push(1);
        bytes.extend(u32::try_from(value.bytes().len()).unwrap().to_be_bytes());
        bytes.extend(&*value.bytes());
    }
    hex(Md5::digest(&bytes))
}

fn header() -> impl Strategy<Value = HeaderValue> {
    prop_oneof![
        "[^\\p{Cc}]{0,20}".prop_map(|text| HeaderValue::Text(text.into())),
        vec(any::<u8>(), 0..20).prop_map(|bytes| HeaderValue::Bytes(bytes.into())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_headers_survive_in_their_order(
        headers in btree_map("[!-~]{1,12}", header(), 0..30),
        body in vec(any::<u8>(), 0..50),
        key in option::of("[!-~]{1,10}"),
    ) {
        let mut message = Message::new(body).id("id");
        let (odd, even): (Vec<_>, Vec<_>) =
            headers.into_iter().enumerate().partition(|(index, _)| index % 2 == 1);
        for (_, (key, value)) in odd.into_iter().chain(even) {
            message = message.header(key, value);
        }
        if let Some(key) = key {
            message = message.ordering_key(key);
        }
        let reading = round_trip(&message, false);
        prop_assert_eq!(&reading.message.body, &message.body);
        prop_assert_eq!(reading.message.details(), message.details());
        prop_assert!(reading.envelope.is_none());
    }
}
