//! Encrypted and compressed payloads: what lies on the queue is small, and tells nothing.
//!
//! `cargo run -p relayhouse --example sealed --features encryption,gzip`
//!
//! An invoice is compressed, encrypted and sent, and its handler gets it as it was. A copy that
//! somebody has changed on the way, and an invoice that was never encrypted, come to no handler:
//! they are dead letters, with the reason.
#![cfg_attr(
    not(test),
    expect(clippy::print_stdout, reason = "an example shows what it does")
)]

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use relayhouse::{
    Source, Timestamp,
    middleware::{
        compression::{CompressionLayer, Encoding},
        encryption::EncryptionLayer,
        stack,
    },
    port::{Key, KeyId, KeyRing},
    prelude::*,
    time,
};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tower::{ServiceBuilder, ServiceExt};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Invoice {
    pub(crate) card: String,
    lines: Vec<Line>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    article: String,
    cents: u32,
}

/// Is what there was to see.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) sent: Invoice,
    /// The bytes that it has as JSON.
    pub(crate) bytes: usize,
    /// The message that lay on the queue.
    pub(crate) lain: Message,
    pub(crate) received: Vec<Invoice>,
    pub(crate) dead_letters: Vec<String>,
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<()> {
    let outcome = run().await?;
    let lain = &outcome.lain;
    println!(
        "sent: an invoice of {} bytes, with the card {}",
        outcome.bytes, outcome.sent.card
    );
    println!(
        "on the queue: {} bytes, tenant {:?}",
        lain.body.len(),
        lain.headers().text("tenant")
    );
    println!("  {:02x?} ..", &lain.body[..24]);
    println!("  the card is in it: {}", holds(lain, &outcome.sent.card));
    for invoice in &outcome.received {
        println!(
            "received: {} lines, the card {}",
            invoice.lines.len(),
            invoice.card
        );
    }
    for letter in &outcome.dead_letters {
        println!("dead letter: {letter}");
    }
    Ok(())
}

/// Returns true if `text` can be read in the body.
pub(crate) fn holds(message: &Message, text: &str) -> bool {
    let mut parts = message.body.windows(text.len());
    parts.any(|part| part == text.as_bytes())
}

pub(crate) async fn run() -> Result<Outcome> {
    let context = time::simulated(Timestamp::default(), 7);
    let registry = Registry::with_context(context.clone());
    let queue = registry.open("memory://invoices").await?;
    let compression = CompressionLayer::new(Encoding::default());
    // In earnest keys come from a directory, or from a provider of yours.
    let key = Key::from_hex(KeyId::new("2026-11")?, &"0f".repeat(32))?;
    let encryption = EncryptionLayer::builder(Arc::new(KeyRing::new(key)));
    let encryption = encryption.build(&context).await?;

    // What changes a message stands outside of what may send it again.
    let producer = ServiceBuilder::new()
        .layer(compression.clone())
        .layer(encryption.clone())
        .layer(stack::producer("broker", &context))
        .service(queue.producer());
    let sent = invoice();
    let message = queue.producer().json().message(&sent)?;
    let bytes = message.body.len();
    producer.oneshot(message.header("tenant", "acme")).await?;
    let lain = peek(&queue, queue.source()).await?.remove(0).message;

    let mut changed = lain.clone();
    let body = changed.body.iter().enumerate();
    let is_last = |index| index + 1 == lain.body.len();
    changed.body = body
        .map(|(index, byte)| byte ^ u8::from(is_last(index)))
        .collect();
    queue.producer().send(changed).await?;
    queue.producer().json().send(&sent).await?;

    let received = receive(&queue, encryption, compression).await?;
    let letters = peek(&queue, &queue.source().dead_letters()).await?;
    let dead_letters = letters.iter().filter_map(|letter| {
        let why = &letter.envelope.as_ref()?.dead_letter;
        Some(format!("{}, {}", why.reason, why.description))
    });
    Ok(Outcome {
        sent,
        bytes,
        lain,
        received,
        dead_letters: dead_letters.collect(),
    })
}

fn invoice() -> Invoice {
    let lines = (1..=60).map(|number| Line {
        article: format!("seeds of apple tree {number}"),
        cents: 100 + number,
    });
    Invoice {
        card: "4929 1234 5678 9012".to_owned(),
        lines: lines.collect(),
    }
}

/// Handles what lies on the queue, and returns what the handler got.
async fn receive(
    queue: &Queue,
    encryption: EncryptionLayer,
    compression: CompressionLayer,
) -> Result<Vec<Invoice>> {
    let (done, mut seen) = mpsc::channel(8);
    let handler = move |Json(invoice): Json<Invoice>| {
        let done = done.clone();
        async move { done.send(invoice).await }
    };
    queue
        .consumer()
        .layer(encryption)
        .layer(compression)
        .layer(stack::consumer("printer", queue.context()))
        .handler(handler)
        .run_until(until_empty(queue))
        .await?;
    let mut received = Vec::new();
    while let Ok(invoice) = seen.try_recv() {
        received.push(invoice);
    }
    Ok(received)
}

/// Shows what lies on `source`, without taking it.
async fn peek(queue: &Queue, source: &Source) -> Result<Vec<Delivery>> {
    let max = NonZeroU32::MIN.saturating_add(9);
    queue.admin()?.peek(source, 0, max).await
}

/// Waits until nothing is left to handle.
async fn until_empty(queue: &Queue) -> Result<()> {
    let (admin, clock) = (queue.admin()?, &queue.context().clock);
    loop {
        let stats = admin.stats(queue.source()).await?;
        if stats.live() == 0 {
            return Ok(());
        }
        let soon = clock.now() + Duration::from_millis(100);
        clock.sleep_until(soon).await;
    }
}
