//! Claims in the layout of AWS's Extended Client, both ways.

use aws_sdk_sqs::primitives::Blob;
use relayhouse_core::MessageId;

use super::*;
use crate::{
    capability::{self, SQS_BYTES_MAX},
    config::Format,
    convert::{Envoy, Packet, Reading, Rules, Writing, packet::Value, read, write},
};

const CLAIM: &str = "1 0f3d9e657c1b4e0a9d6f2b8a1c4e5f60 c0ffee 300000";
const BODY: &str = "[\"software.amazon.payloadoffloading.PayloadS3Pointer\",\
    {\"s3BucketName\":\"payloads\",\"s3Key\":\"orders/0f3d9e65-7c1b-4e0a-9d6f-2b8a1c4e5f60\"}]";

fn payloads() -> Payloads {
    Payloads {
        bucket: "payloads".to_owned(),
        prefix: "orders/".to_owned(),
    }
}

fn packet(message: &Message, payloads: Option<&Payloads>) -> Packet {
    let writing = Writing {
        capabilities: &capability::STANDARD,
        bytes_max: SQS_BYTES_MAX,
        has_trace: true,
        payloads,
        is_fifo: false,
        is_fair: false,
        dedup_by_content: false,
        now: relayhouse_core::Timestamp::default(),
    };
    let id = MessageId::from_text("id");
    write(message, &id, &Envoy::default(), &writing).unwrap()
}

fn attribute(value: &Value) -> MessageAttributeValue {
    let builder = MessageAttributeValue::builder().data_type(value.data_type());
    let builder = match value {
        Value::Text(text) => builder.string_value(text),
        Value::Number(number) => builder.string_value(number.to_string()),
        Value::Binary(bytes) => builder.binary_value(Blob::new(bytes.to_vec())),
    };
    builder.build().unwrap()
}

fn received(body: &str, attributes: &[(String, Value)]) -> SqsMessage {
    let attributes = attributes.iter();
    let attributes = attributes.map(|(name, value)| (name.clone(), attribute(value)));
    SqsMessage::builder()
        .message_id("sqs-id")
        .receipt_handle("handle")
        .body(body)
        .set_message_attributes(Some(attributes.collect()))
        .build()
}

fn opened(message: SqsMessage) -> Reading {
    let payloads = payloads();
    let rules = Rules {
        format: Format::Raw,
        payloads: Some(&payloads),
    };
    read(message, None, rules).unwrap()
}

#[test]
fn claim_goes_as_the_extended_client_writes_it_and_comes_back_as_a_claim() {
    let mut message = Message::new("").id("id").header(CLAIM_HEADER, CLAIM);
    for number in 0..12 {
        message = message.header(format!("header-{number}"), "value");
    }
    let packet = packet(&message, Some(&payloads()));
    let pointer: serde_json::Value = serde_json::from_str(&packet.body).unwrap();
    assert_eq!(
        pointer,
        serde_json::from_str::<serde_json::Value>(BODY).unwrap()
    );
    assert_eq!(packet.attributes.len(), 10);
    let size = (SIZE.to_owned(), Value::Number(300_000));
    assert!(packet.attributes.contains(&size));
    let came = || received(&packet.body, &packet.attributes);
    assert_eq!(opened(came()).message, message);
    let elsewhere = read(came(), None, Rules::RAW).unwrap();
    assert_eq!(elsewhere.message, message);
}

#[test]
fn without_a_bucket_and_without_a_claim_nothing_changes() {
    let claimed = Message::new("").header(CLAIM_HEADER, CLAIM);
    let plain = Message::new("").header("tenant", "acme");
    let body = Message::new("body").header(CLAIM_HEADER, CLAIM);
    let odd = Message::new("").header(CLAIM_HEADER, "no claim");
    for (message, payloads) in [
        (&claimed, None),
        (&plain, Some(&payloads())),
        (&body, Some(&payloads())),
        (&odd, Some(&payloads())),
    ] {
        assert!(
            !packet(message, payloads).body.contains(CLASS),
            "{message:?}"
        );
    }
}

#[test]
fn header_of_the_extended_client_is_no_attribute() {
    for name in [SIZE, OLD_SIZE] {
        let message = Message::new("x").id("id").header(name, "7");
        let packet = packet(&message, Some(&payloads()));
        assert!(packet.attributes.iter().all(|(it, _)| it != name));
        let reading = opened(received(&packet.body, &packet.attributes));
        assert_eq!(reading.message, message);
    }
}

#[test]
fn what_an_extended_client_sent_becomes_a_claim() {
    for name in [SIZE, OLD_SIZE] {
        let tenant = ("tenant".to_owned(), Value::Text("acme".to_owned()));
        let size = (name.to_owned(), Value::Number(300_000));
        let reading = opened(received(BODY, &[size, tenant]));
        assert!(reading.unread.is_none());
        assert!(reading.message.body.is_empty());
        let headers = reading.message.headers();
        assert_eq!(headers.text("tenant"), Some("acme"));
        let claim = headers.text(CLAIM_HEADER);
        assert_eq!(claim, Some("1 0f3d9e657c1b4e0a9d6f2b8a1c4e5f60 - 300000"));
        assert!(headers.get(name).is_none());
    }
}

#[test]
fn body_that_leads_nowhere_stays_and_tells() {
    let size = [(SIZE.to_owned(), Value::Number(7))];
    for (body, why) in [
        ("hello".to_owned(), "does not say where"),
        ("[".repeat(10_000), "does not say where"),
        (BODY.replace("payloads", "others"), "another bucket"),
        (BODY.replace("orders/", "../"), "payload_prefix"),
        (BODY.replace("0f3d", "0F3D"), "payload_prefix"),
    ] {
        let reading = opened(received(&body, &size));
        let error = reading.unread.unwrap();
        assert_eq!(error.kind(), ErrorKind::Codec);
        assert!(
            error.is_temporary() && error.to_string().contains(why),
            "{error}"
        );
        assert_eq!(reading.message.body, body);
        let unasked = read(received(&body, &size), None, Rules::RAW).unwrap();
        assert!(unasked.unread.is_none());
        assert_eq!(unasked.message.body, body);
    }
}
