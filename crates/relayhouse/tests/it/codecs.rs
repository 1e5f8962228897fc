//! Values in every format through a queue, and bodies that none can be made of.

use std::sync::Arc;

use relayhouse::{
    DeadLetter, FromDelivery,
    codec::{
        CodecRegistry, JsonCodec, MessagePackCodec,
        avro::{Avro, AvroCodec, Schema},
        cloud_events::{CloudEvent, CloudEventsCodec},
        to_message,
    },
    extract::FromRef,
    prelude::*,
};
use serde::{Deserialize, Serialize};
use tower::{ServiceBuilder, ServiceExt};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u64,
    lines: Vec<String>,
}

fn order() -> Order {
    Order {
        id: 7,
        lines: vec!["a".to_owned()],
    }
}

/// JSON of an order whose line is no text.
const UNFIT: &str = "{\"id\":7,\"lines\":[\"secret\",7]}";

const SCHEMA: &str = r#"{"type": "record", "name": "Order", "fields": [
    {"name": "id", "type": "long"},
    {"name": "lines", "type": {"type": "array", "items": "string"}}
]}"#;

fn avro() -> AvroCodec<Order> {
    AvroCodec::new(Schema::parse(SCHEMA).unwrap()).unwrap()
}

fn codecs() -> CodecRegistry {
    CodecRegistry::new()
        .codec(JsonCodec::new())
        .codec(MessagePackCodec::new())
        .codec(avro())
}

/// The state of a consumer: what is allowed by content type, and the codec of one type.
#[derive(Clone)]
struct Codecs {
    all: CodecRegistry,
    avro: AvroCodec<Order>,
}

impl FromRef<Codecs> for CodecRegistry {
    fn from_ref(codecs: &Codecs) -> Self {
        codecs.all.clone()
    }
}

impl FromRef<Codecs> for AvroCodec<Order> {
    fn from_ref(codecs: &Codecs) -> Self {
        codecs.avro.clone()
    }
}

fn state() -> Codecs {
    Codecs {
        all: codecs(),
        avro: avro(),
    }
}

/// A message in Avro with this body.
fn datum(body: &'static [u8]) -> Message {
    let mut message = to_message(&avro(), &order()).unwrap();
    message.body = body.into();
    message
}

async fn queue() -> Queue {
    relayhouse::open("memory://orders").await.unwrap()
}

/// Runs a handler of `D` on `poison`: it is never called, and the message becomes a dead letter
/// with `expected` in its description.
async fn buries<D>(poison: Message, expected: &str)
where
    D: FromDelivery<Codecs> + Send + 'static,
{
    let queue = queue().await;
    queue.producer().send(poison).await.unwrap();
    let dead = queue.dead_letters().unwrap();
    let dead = dead.consumer().pull().await.unwrap();
    let called = Arc::new(());
    let witness = Arc::clone(&called);
    let handler = move |_: D| {
        let called = Arc::clone(&witness);
        async move { drop(called) }
    };
    let consumer = queue.consumer().state(state()).handler(handler);
    let report = consumer.run_until(async {
        let letter = dead.next().await.unwrap().unwrap();
        let envelope = letter.envelope.as_ref().unwrap();
        assert_eq!(envelope.attempts, 1);
        assert_eq!(envelope.dead_letter.reason, DeadLetter::NOT_DECODABLE);
        let description = &envelope.dead_letter.description;
        assert!(description.contains(expected), "{description}");
        assert!(!description.contains("secret"), "{description}");
        dead.settle(letter, Settlement::Ack).await.unwrap();
    });
    let report = report.await.unwrap();
    assert_eq!((report.acked, report.dead_lettered), (0, 1));
    dead.close().await.unwrap();
    queue.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn body_that_no_codec_can_decode_is_a_dead_letter_with_the_reason() {
    let json = || Message::new(UNFIT).content_type("application/json");
    buries::<Json<Order>>(json(), "line 1 column 27").await;
    buries::<Decoded<Order>>(json(), "line 1 column 27").await;

    let unfit: serde_json::Value = serde_json::from_str(UNFIT).unwrap();
    let packed = || to_message(&MessagePackCodec::new(), &unfit).unwrap();
    buries::<MessagePack<Order>>(packed(), "at byte 19 in .lines[1]").await;
    buries::<Decoded<Order>>(packed(), "at byte 19 in .lines[1]").await;

    let broken = || datum(b"\x0e\x04\x0csecret\x02\xff\x00");
    buries::<Avro<Order>>(broken(), "Order.lines[1]: a string is not UTF-8").await;
    buries::<Decoded<Order>>(broken(), "Order.lines[1]: a string is not UTF-8").await;

    let protobuf = Message::new(&b"\x0a\x07secret"[..]).content_type("application/protobuf");
    buries::<Protobuf<String>>(protobuf, "at byte 2").await;

    let event = CloudEvent::new("7", "/orders", "paid").data(unfit);
    let codec = CloudEventsCodec::binary(JsonCodec::new());
    let event = to_message(&codec, &event).unwrap();
    buries::<CloudEvent<Order>>(event, "line 1 column 27").await;
    let nameless = json().header("ce-specversion", "1.0");
    buries::<CloudEvent<Order>>(nameless, "attribute id of CloudEvent is missing").await;
}

#[tokio::test(start_paused = true)]
async fn content_type_that_is_not_allowed_is_a_dead_letter_with_the_reason() {
    let foreign = || Message::new("secret").content_type("text/plain");
    buries::<Json<Order>>(foreign(), "content type is text/plain").await;
    buries::<MessagePack<Order>>(foreign(), "content type is text/plain").await;
    buries::<Avro<Order>>(foreign(), "content type is text/plain").await;
    buries::<Protobuf<String>>(foreign(), "content type is text/plain").await;
    buries::<CloudEvent<Order>>(foreign(), "content type is text/plain").await;
    buries::<Decoded<Order>>(foreign(), "expected application/json or").await;
    buries::<Decoded<Order>>(Message::new("secret"), "no content type").await;
    let unnamed = || Message::new("secret").content_type("avro/binary");
    buries::<Avro<Order>>(unnamed(), "message names no schema").await;
    buries::<Decoded<Order>>(unnamed(), "message names no schema").await;
}

#[tokio::test(start_paused = true)]
async fn deep_and_endless_bodies_are_dead_letters() {
    let deep = Message::new(b"\x91".repeat(100_000)).content_type("application/msgpack");
    buries::<Decoded<serde_json::Value>>(deep, "more than 128 levels").await;
    let deep = Message::new("[".repeat(100_000)).content_type("application/json");
    buries::<Decoded<serde_json::Value>>(deep, "recursion limit exceeded").await;
    let endless = Message::new(&b"\xdd\xff\xff\xff\xff"[..]).content_type("application/msgpack");
    buries::<Decoded<Vec<u64>>>(endless, "it ends too early, at byte 0").await;
    let endless = datum(b"\x0e\x80\x84\xaf\x5f\x00");
    buries::<Avro<Order>>(endless, "more than 1048576 items in total").await;
}

#[tokio::test(start_paused = true)]
async fn values_of_every_format_come_to_one_handler() {
    let queue = queue().await;
    queue.producer().json().send(&order()).await.unwrap();
    queue
        .producer()
        .message_pack()
        .send(&order())
        .await
        .unwrap();
    let compact = MessagePackCodec::new().compact();
    let compact = queue.producer().encoded_by(compact);
    compact.send(&order()).await.unwrap();
    let schema = Schema::parse(SCHEMA).unwrap();
    let avro = queue.producer().avro::<Order>(schema).unwrap();
    avro.send(&order()).await.unwrap();
    let (seen, mut sees) = tokio::sync::mpsc::channel(4);
    let handler = move |Decoded(order): Decoded<Order>| {
        let seen = seen.clone();
        async move { seen.send(order).await.unwrap() }
    };
    let consumer = queue.consumer().state(codecs()).handler(handler);
    let report = consumer.run_until(async {
        for _ in 0..4 {
            assert_eq!(sees.recv().await, Some(order()));
        }
    });
    assert_eq!(report.await.unwrap().acked, 4);
    queue.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn values_are_encoded_outside_and_inside_of_layers() {
    let queue = queue().await;
    let inside = ServiceBuilder::new()
        .map_request(|message: Message| message.header("tenant", "acme"))
        .service(queue.producer());
    let sent = inside.message_pack().oneshot(order()).await.unwrap();
    assert!(sent.sequence.is_some());
    let outside = ServiceBuilder::new()
        .map_request(|id: u64| Order { id, ..order() })
        .service(queue.producer().json());
    outside.oneshot(8).await.unwrap();
    let pull = queue.consumer().pull().await.unwrap();
    let first = pull.next().await.unwrap().unwrap();
    assert_eq!(first.message.headers().text("tenant"), Some("acme"));
    let content_type = first.message.details().content_type.as_deref();
    assert_eq!(content_type, Some("application/vnd.msgpack"));
    let second = pull.next().await.unwrap().unwrap();
    assert_eq!(second.message.body, "{\"id\":8,\"lines\":[\"a\"]}");
    pull.close().await.unwrap();
}
