//! Messages in envelopes, as SNS writes them.

use std::collections::HashMap;

use aws_sdk_sqs::types::{Message as SqsMessage, MessageSystemAttributeName as System};
use proptest::{
    collection::{btree_map, vec},
    prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest},
};
use relayhouse_core::{ErrorKind, HeaderValue, Message, MessageId};
use serde_json::{Value as Json, json};

use super::*;
use crate::{
    capability::{self, SQS_BYTES_MAX},
    config::Format,
    convert::{
        Envoy, Packet, Reading, Rules, Writing, body::encode_base64, packet::Value, read, write,
    },
};

const OPENS: Rules<'_> = Rules {
    format: Format::SnsEnvelope,
    payloads: None,
};

const ARN: &str = "arn:aws:sns:eu-west-1:123456789012:events";

fn packet(message: &Message) -> Packet {
    let writing = Writing {
        capabilities: &capability::STANDARD,
        bytes_max: SQS_BYTES_MAX,
        has_trace: false,
        payloads: None,
        is_fifo: false,
        is_fair: false,
        dedup_by_content: false,
        now: relayhouse_core::Timestamp::default(),
    };
    write(
        message,
        &MessageId::from_text("id"),
        &Envoy::default(),
        &writing,
    )
    .unwrap()
}

/// Puts `packet` in an envelope.
fn notification(packet: &Packet) -> Json {
    let attributes = packet.attributes.iter().map(|(name, value)| {
        let text = match value {
            Value::Text(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Binary(bytes) => encode_base64(bytes),
        };
        (
            name.clone(),
            json!({ "Type": value.data_type(), "Value": text }),
        )
    });
    let attributes: serde_json::Map<String, Json> = attributes.collect();
    json!({
        "Type": "Notification",
        "MessageId": "sns-id",
        "TopicArn": ARN,
        "Message": packet.body,
        "Timestamp": "2026-01-02T03:04:05.678Z",
        "SignatureVersion": "1",
        "Signature": "c2lnbmF0dXJl",
        "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/certificate.pem",
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
        "MessageAttributes": attributes,
    })
}

fn received(body: &str) -> SqsMessage {
    let count = (System::ApproximateReceiveCount, "1".to_owned());
    SqsMessage::builder()
        .message_id("sqs-id")
        .receipt_handle("handle")
        .body(body)
        .set_attributes(Some(HashMap::from([count])))
        .build()
}

fn opened(body: &str) -> Reading {
    read(received(body), None, OPENS).unwrap()
}

#[test]
fn message_of_another_program_is_read() {
    let body = json!({
        "Type": "Notification",
        "MessageId": "sns-id",
        "TopicArn": ARN,
        "Subject": "order",
        "Message": "{\"order\":17}",
        "MessageAttributes": {
            "count": { "Type": "Number", "Value": "7" },
            "kinds": { "Type": "String.Array", "Value": "[\"a\"]" },
            "raw": { "Type": "Binary", "Value": "AAH/" },
        },
    });
    let reading = opened(&body.to_string());
    assert!(reading.unread.is_none());
    assert_eq!(reading.id, MessageId::from_text("sns-id"));
    assert_eq!(reading.message.body, "{\"order\":17}");
    let headers = reading.message.headers();
    assert_eq!(headers.text("sns-topic"), Some(ARN));
    assert_eq!(headers.text("sns-subject"), Some("order"));
    assert_eq!(headers.text("count"), Some("7"));
    assert_eq!(headers.text("kinds"), Some("[\"a\"]"));
    let raw = HeaderValue::Bytes(vec![0, 1, 255].into());
    assert_eq!(headers.get("raw"), Some(&raw));
}

#[test]
fn what_is_no_envelope_stays_as_it_came_and_tells() {
    let good = notification(&packet(&Message::new("x")));
    let with = |key: &str, value: Json| {
        let mut body = good.clone();
        body[key] = value;
        body.to_string()
    };
    let odd = json!({ "raw": { "Type": "Binary", "Value": "no base64!" } });
    for (body, why) in [
        ("hello".to_owned(), "no envelope of SNS: line 1"),
        ("{}".to_owned(), "no envelope of SNS"),
        ("[".repeat(10_000), "no envelope of SNS"),
        (with("Message", json!(7)), "no envelope of SNS"),
        (
            with("Type", json!("SubscriptionConfirmation")),
            "\"SubscriptionConfirmation\"",
        ),
        (with("MessageAttributes", odd), "attribute \"raw\""),
    ] {
        let reading = opened(&body);
        let error = reading.unread.unwrap();
        assert_eq!(error.kind(), ErrorKind::Codec);
        assert!(
            error.is_temporary() && error.to_string().contains(why),
            "{error}"
        );
        assert_eq!(reading.message.body, body);
        assert_eq!(reading.id, MessageId::from_text("sqs-id"));
    }
}

#[test]
fn raw_queue_never_looks_for_an_envelope() {
    let body = notification(&packet(&Message::new("x"))).to_string();
    let reading = read(received(&body), None, Rules::RAW).unwrap();
    assert_eq!(reading.message.body, body);
    assert!(reading.unread.is_none() && reading.message.headers().is_empty());
}

#[test]
fn what_was_sent_to_the_queue_itself_needs_no_envelope() {
    let packet = packet(&Message::new("dead").header("tenant", "acme"));
    let mut message = received(&packet.body);
    let attributes = packet.attributes.into_iter().map(|(name, value)| {
        let Value::Text(text) = value else {
            panic!("{name} is no text");
        };
        let value = MessageAttributeValue::builder().data_type("String");
        (name, value.string_value(text).build().unwrap())
    });
    message.message_attributes = Some(attributes.collect());
    let reading = read(message, None, OPENS).unwrap();
    assert!(reading.unread.is_none());
    assert_eq!(reading.message.body, "dead");
    assert_eq!(reading.message.headers().text("tenant"), Some("acme"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn message_comes_out_as_it_was_published(
        headers in btree_map("[!-~]{1,12}", vec(any::<u8>(), 0..20), 0..20),
        text in "[^\\p{Cc}]{0,20}",
        body in vec(any::<u8>(), 0..50),
    ) {
        let mut message = Message::new(body).id("id").content_type("text/plain");
        for (key, value) in headers {
            message = message.header(key, HeaderValue::Bytes(value.into()));
        }
        message = message.header("X-Amzn-Trace-Id", text);
        let mut reading = opened(&notification(&packet(&message)).to_string());
        prop_assert!(reading.unread.is_none());
        prop_assert!(reading.message.details_mut().headers.remove("sns-topic").is_some());
        prop_assert_eq!(&reading.message, &message);
    }

    #[test]
    fn no_body_makes_a_panic(body: String) {
        prop_assert!(opened(&body).unread.is_some());
    }
}
