//! Layers around a producer, as far as they do something else there than around a handler.

use std::{env, sync::Arc};

use anyhow::Result;
use bytes::Bytes;
use relayhouse_core::{
    Message,
    port::{Key, KeyId, KeyRing},
};
use relayhouse_middleware::{
    claim_check::{ClaimCheckLayer, FileBlobs},
    compression::{CompressionLayer, Encoding},
    correlation::CorrelationLayer,
    deadline::DeadlineLayer,
    encryption::{EncryptionLayer, Suite},
    failover::Failover,
};
use tower::{Layer, ServiceExt, service_fn};

use super::{
    Add, BARE, Bench, OURS,
    drive::{Measure, Row},
    request::{Handler, Sink, deliveries_of, messages, messages_of},
};
use crate::{report::Table, subject::World, workload::Scale};

/// A body that is worth compressing.
const LARGE_BYTES: usize = 4096;

const NOTE: &str = "Messages have 256 B, where nothing else is said.";

/// The layers, in the order of the alphabet.
pub(super) const LAYERS: &[Add] = &[
    claim_check,
    compression,
    correlation,
    deadline,
    encryption,
    failover,
];

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let mut table = super::new_table("A layer around a producer that does nothing: time of a call");
    let bench = Bench::new(world, Measure::Time, scale);
    bench.add(LAYERS, &mut table)?;
    table.notes.push(NOTE.to_owned());
    Ok(table)
}

/// Begins the row of a layer, with the producer alone.
pub(super) fn row<'a>(bench: &Bench<'a>, case: &'static str) -> Row<'a, Message> {
    let row = Row::new(case, bench.plan, messages(bench.context()));
    row.with(BARE, Sink)
}

fn claim_check(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    // No body of this row is so large that a file is made.
    let store = Arc::new(FileBlobs::new(env::temp_dir(), bench.context()));
    let layer = ClaimCheckLayer::new(store, bench.context());
    let row = row(bench, "claim_check, small body").with(OURS, layer.layer(Sink));
    row.push_beside_tower(bench.world, table)
}

fn compression(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let layer = CompressionLayer::new(Encoding::default());
    let row = row(bench, "compression, small body").with(OURS, layer.layer(Sink));
    row.push_beside_tower(bench.world, table)?;
    let large = messages_of(large(), bench.context());
    let row = Row::new("compression, 4 KiB of text", bench.plan, large);
    let row = row.with(BARE, Sink).with(OURS, layer.layer(Sink));
    row.push_beside_tower(bench.world, table)?;
    let keep = layer.layer(service_fn(keep));
    let sent = bench
        .world
        .runtime
        .block_on(keep.oneshot(large_message()))?;
    let row = Row::new(
        "compression, restored for a handler",
        bench.plan,
        deliveries_of(sent, bench.context()),
    );
    let row = row.with(BARE, Handler).with(OURS, layer.layer(Handler));
    row.push_beside_tower(bench.world, table)
}

fn correlation(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let layer = CorrelationLayer::new(bench.context());
    let row = row(bench, "correlation, a new exchange").with(OURS, layer.layer(Sink));
    row.push_beside_tower(bench.world, table)
}

fn deadline(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let layer = DeadlineLayer::new(bench.context());
    let row = row(bench, "deadline, none").with(OURS, layer.layer(Sink));
    row.push_beside_tower(bench.world, table)
}

fn encryption(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    for (suite, cases) in [
        (
            Suite::Aes256Gcm,
            [
                "encryption, AES-256-GCM",
                "encryption, AES-256-GCM, restored",
            ],
        ),
        (
            Suite::ChaCha20Poly1305,
            [
                "encryption, ChaCha20-Poly1305",
                "encryption, ChaCha20-Poly1305, restored",
            ],
        ),
    ] {
        let [encrypted, restored] = cases;
        let layer = encryption_layer(bench, suite)?;
        let row = row(bench, encrypted).with(OURS, layer.layer(Sink));
        row.push_beside_tower(bench.world, table)?;
        let plain = Message::new(messages(bench.context())().body);
        let keep = layer.layer(service_fn(keep));
        let sent = bench.world.runtime.block_on(keep.oneshot(plain))?;
        let row = Row::new(restored, bench.plan, deliveries_of(sent, bench.context()));
        let row = row.with(BARE, Handler).with(OURS, layer.layer(Handler));
        row.push_beside_tower(bench.world, table)?;
    }
    Ok(())
}

fn encryption_layer(bench: &Bench<'_>, suite: Suite) -> Result<EncryptionLayer> {
    let key = Key::from_hex(KeyId::new("bench")?, &"0f".repeat(32))?;
    let builder = EncryptionLayer::builder(Arc::new(KeyRing::new(key))).suite(suite);
    let runtime = &bench.world.runtime;
    Ok(runtime.block_on(builder.build(bench.context()))?)
}

fn failover(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let service = Failover::builder(bench.context())
        .endpoint("here", Sink)
        .endpoint("there", Sink)
        .build()?;
    let row = row(bench, "failover, 2 endpoints").with(OURS, service);
    row.push_beside_tower(bench.world, table)
}

/// Stands for a producer, and shows what it was given.
async fn keep(message: Message) -> relayhouse_core::Result<Message> {
    Ok(message)
}

fn large_message() -> Message {
    Message::new(large())
}

/// Returns text that compresses as JSON does.
fn large() -> Bytes {
    let line = |number: usize| format!("{{\"order\":{number},\"state\":\"paid\"}},");
    let text: String = (0..LARGE_BYTES).map(line).collect();
    Bytes::from(text.into_bytes()[..LARGE_BYTES].to_vec())
}
