//! What the layer promises, against somebody who may change every byte on the way.

mod body;
mod bound;
mod directory;
mod keys;
mod plain;
mod replay;

use std::{
    collections::BTreeSet,
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use proptest::prelude::*;
use relayhouse_core::{
    Context, Delivery, Error, ErrorKind, Event, Instant, Message, Observer, Result, Settlement,
    Timestamp,
    config::Params,
    port::{DedupStore, Key, KeyId, KeyProvider, KeyRing},
};
use tower::{Layer, ServiceExt, service_fn};

use super::*;
use crate::{
    idempotency::MemoryDedup,
    testing::{context, delivery},
};

const SECRET: &str = "the price is 4711";

fn key(id: &str) -> Key {
    let byte = id.bytes().next().unwrap();
    Key::new(KeyId::new(id.to_owned()).unwrap(), &[byte; 32])
}

fn ring(ids: &[&str]) -> KeyRing {
    let (current, older) = ids.split_first().unwrap();
    let ring = KeyRing::new(key(current));
    older.iter().fold(ring, |ring, id| ring.older(key(id)))
}

fn builder(ids: &[&str]) -> EncryptionBuilder {
    EncryptionLayer::builder(Arc::new(ring(ids)))
}

async fn layer(ids: &[&str]) -> EncryptionLayer {
    builder(ids).build(&context()).await.unwrap()
}

fn message() -> Message {
    Message::new(SECRET)
        .id("order-7")
        .header("tenant", "acme")
        .header("digest", Bytes::from_static(b"\x00\x01"))
        .header("traceparent", "00-1")
        .content_type("text/plain")
        .ordering_key("customer-7")
        .correlation_id("exchange-7")
        .reply_to("answers")
}

async fn seal(layer: &EncryptionLayer, message: Message) -> Result<Message> {
    let service = service_fn(|message: Message| async move { Ok::<_, Error>(message) });
    layer.layer(service).oneshot(message).await
}

/// Makes what a provider hands out of `message`, at the time of its arrival.
fn arrived(message: Message) -> Delivery {
    let id = message.id.clone().unwrap_or_else(|| "given-7".into());
    Delivery {
        id,
        message,
        enqueued_at: Timestamp::from_micros(1),
        ..delivery("7", 1, Instant::NEVER)
    }
}

async fn open_delivery(layer: &EncryptionLayer, delivery: Delivery) -> Result<Message> {
    let service = service_fn(|delivery: Delivery| async move { Ok::<_, Error>(delivery.message) });
    layer.layer(service).oneshot(delivery).await
}

async fn open(layer: &EncryptionLayer, message: Message) -> Result<Message> {
    open_delivery(layer, arrived(message)).await
}

async fn refused(layer: &EncryptionLayer, message: Message) -> (ErrorKind, String) {
    let error = open(layer, message).await.unwrap_err();
    (error.kind(), error.to_string())
}

fn altered(kind: ErrorKind) -> (ErrorKind, String) {
    (kind, "body, or what is bound to it, was altered".to_owned())
}

/// Lets paused time pass.
async fn pass(context: &Context, time: Duration) {
    let clock = &context.clock;
    // Paused time jumps here at once.
    clock.sleep_until(clock.now() + time).await;
}

/// Writes down what it hears.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Heard {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        let heard = events.iter().map(|event| match event {
            Event::PlainTextAllowed => "plain text allowed".to_owned(),
            Event::PlainTextAccepted { id } => format!("plain text in {id}"),
            Event::KeysNotRead { error } => format!("keys not read: {error}"),
            other => format!("{other:?}"),
        });
        self.0.lock().unwrap().extend(heard);
    }
}

#[test]
fn options_are_read_from_text() {
    let pairs = [
        ("suite", "chacha20_poly1305"),
        ("plain_text", "alert"),
        ("bound", "tenant, content-encoding"),
        ("unbound", ""),
        ("replay_window", "5min"),
    ];
    let config: EncryptionConfig = Params::from_pairs(pairs).unwrap().read().unwrap();
    assert_eq!(config.suite, Suite::ChaCha20Poly1305);
    assert_eq!(config.plain_text, PlainText::Alert);
    assert_eq!(config.bound, ["tenant", "content-encoding"]);
    assert!(config.unbound.is_empty());
    assert_eq!(config.replay_window, Some(EncryptionConfig::REPLAY_WINDOW));
}
