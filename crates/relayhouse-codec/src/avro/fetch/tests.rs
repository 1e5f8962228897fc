//! Fetching schemas before a handler runs.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use relayhouse_core::{
    Delivery, Error, ErrorKind, Instant, Lease, Message, MessageId, Previous, Receipt, Result,
    Timestamp,
};
use tower::{Service, ServiceExt, service_fn};
use tower_layer::Layer;

use super::*;
use crate::{
    avro::{AvroCodec, Framing, Schema, SchemaId, SchemaStore},
    body::to_message,
    codec::Decoder,
};

const ID: SchemaId = SchemaId::Number(7);

/// Knows one schema after it was fetched.
#[derive(Debug)]
struct Remote {
    answer: Result<Schema>,
    fetched: Mutex<Vec<SchemaId>>,
}

impl Remote {
    fn new(answer: Result<Schema>) -> Arc<Self> {
        let fetched = Mutex::default();
        Arc::new(Self { answer, fetched })
    }
}

#[async_trait]
impl SchemaStore for Remote {
    fn known(&self, id: SchemaId) -> Result<Option<Schema>> {
        if self.fetched.lock().unwrap().contains(&id) {
            return self.answer.clone().map(Some);
        }
        Ok(None)
    }

    async fn fetch(&self, id: SchemaId) -> Result<Schema> {
        self.fetched.lock().unwrap().push(id);
        self.answer.clone()
    }
}

fn schema(text: &str) -> Schema {
    Schema::parse(text).unwrap()
}

fn codec(store: Arc<Remote>) -> AvroCodec<i64> {
    let codec = AvroCodec::builder(schema(r#""long""#)).framing(Framing::Confluent);
    codec.store(store).build().unwrap()
}

fn delivery(message: Message) -> Delivery {
    Delivery {
        id: MessageId::from(7_u128),
        message,
        receipt: Receipt::from_bytes([0; 16]),
        lease: Lease::new(Instant::NEVER, 1),
        attempt: 1,
        previous: Previous::None,
        sequence: None,
        enqueued_at: Timestamp::from_micros(0),
        envelope: None,
    }
}

/// A message of the number 3, written by the schema `int` under [`ID`].
fn message() -> Message {
    let writer = AvroCodec::<i32>::builder(schema(r#""int""#));
    let writer = writer.framing(Framing::Confluent).id(ID).build().unwrap();
    to_message(&writer, &3).unwrap()
}

/// Decodes by `codec`, behind the layer.
fn handler(
    codec: &AvroCodec<i64>,
) -> impl Service<Delivery, Response = i64, Error = Error, Future: Send> + Clone + use<> {
    let layer = FetchSchemasLayer::of(codec);
    let codec = codec.clone();
    layer.layer(service_fn(move |delivery: Delivery| {
        let value = codec.decode_message(&delivery.message);
        async move { value }
    }))
}

#[tokio::test]
async fn schema_is_fetched_once_before_the_handler() {
    let remote = Remote::new(Ok(schema(r#""int""#)));
    let codec = codec(Arc::clone(&remote));
    let unfetched = codec.decode_message(&message()).unwrap_err();
    assert!(unfetched.is_temporary(), "{unfetched}");
    let handler = handler(&codec);
    for _ in 0..2 {
        let answer = handler.clone().oneshot(delivery(message())).await;
        assert_eq!(answer.unwrap(), 3);
    }
    assert_eq!(*remote.fetched.lock().unwrap(), [ID]);
}

#[tokio::test]
async fn registry_that_is_down_is_a_temporary_error() {
    let down = Error::new(ErrorKind::ConnectionFailed, "no route");
    let codec = codec(Remote::new(Err(down)));
    let error = handler(&codec).oneshot(delivery(message())).await;
    assert!(error.unwrap_err().is_temporary());
}

#[tokio::test]
async fn nothing_is_fetched_for_what_names_no_schema() {
    let remote = Remote::new(Ok(schema(r#""int""#)));
    let codec = codec(Arc::clone(&remote));
    for foreign in [Message::new("{}"), message().content_type("text/plain")] {
        let error = handler(&codec).oneshot(delivery(foreign)).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Codec);
    }
    assert!(remote.fetched.lock().unwrap().is_empty());
}

#[tokio::test]
async fn nothing_is_fetched_for_what_the_codec_itself_has_written() {
    let remote = Remote::new(Ok(schema(r#""int""#)));
    let codec = AvroCodec::<i64>::builder(schema(r#""long""#)).framing(Framing::Confluent);
    let codec = codec.id(ID).store(Arc::clone(&remote)).build().unwrap();
    let message = to_message(&codec, &3).unwrap();
    let answer = handler(&codec).oneshot(delivery(message)).await;
    assert_eq!(answer.unwrap(), 3);
    assert!(remote.fetched.lock().unwrap().is_empty());
}
