//! Layers around a handler.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use anyhow::Result;
use relayhouse_core::{Delivery, Message};
use relayhouse_middleware::{
    adaptive::AdaptiveLayer,
    backpressure::{BackpressureConfig, BackpressureLayer, Full},
    breaker::{BreakerLayer, Open},
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    correlation::CorrelationLayer,
    deadline::DeadlineLayer,
    fault::{FaultConfig, FaultLayer},
    idempotency::{IdempotencyLayer, MemoryDedup},
    rate_limit::RateLimitLayer,
    retry::RetryLayer,
    timeout::TimeoutLayer,
};
use tower::{
    Layer,
    limit::{ConcurrencyLimit, RateLimit, rate::Rate},
    load_shed::LoadShed,
    retry::Retry,
    timeout::Timeout,
};

use super::{
    Add, BARE, Bench, OURS, TOWER,
    drive::{Measure, Row},
    peer,
    request::{Handler, deliveries, deliveries_of},
};
use crate::{report::Table, subject::World, workload::Scale};

/// More than any loop reaches.
const PER_SECOND: u64 = 1_000_000_000;
const IN_FLIGHT: usize = 256;
const LIMIT: Duration = Duration::from_secs(30);
/// What is remembered at a time is what was handled within this: some ten thousand keys.
const KEEP: Duration = Duration::from_millis(10);
const KEYS_MAX: NonZeroUsize = NonZeroUsize::new(1_000_000).unwrap();

const NOTES: [&str; 2] = [
    "`tower` is its own layer, at the same limits: of retry one with the budget and the delays of \
     its documentation, of back-pressure `ConcurrencyLimit`, and `LoadShed` around it where calls \
     are refused.",
    "Messages have 256 B. The time of `no layer` is that in which the delivery is moved, dropped \
     and acked, and part of all others.",
];

/// The layers, in the order of the alphabet.
pub(super) const LAYERS: &[Add] = &[
    adaptive,
    backpressure,
    backpressure_refusing,
    breaker,
    catch_panic,
    compression,
    correlation,
    deadline,
    fault,
    idempotency,
    rate_limit,
    retry,
    timeout,
];

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let mut table = super::new_table("A layer around a handler that acks: time of a call");
    let bench = Bench::new(world, Measure::Time, scale);
    bench.add(LAYERS, &mut table)?;
    table.notes.extend(NOTES.map(str::to_owned));
    Ok(table)
}

/// Begins the row of a layer, with the handler alone.
pub(super) fn row<'a>(bench: &Bench<'a>, case: &'static str) -> Row<'a, Delivery> {
    let row = Row::new(case, bench.plan, deliveries(bench.context()));
    row.with(BARE, Handler)
}

fn adaptive(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let layer = AdaptiveLayer::new("bench", bench.context());
    let row = row(bench, "adaptive").with(OURS, layer.layer(Handler));
    row.push_beside_tower(bench.world, table)
}

fn backpressure(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let layer = BackpressureLayer::default();
    let row = row(bench, "backpressure")
        .with(TOWER, ConcurrencyLimit::new(Handler, IN_FLIGHT))
        .with(OURS, layer.layer(Handler));
    row.push_beside_tower(bench.world, table)
}

fn backpressure_refusing(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let layer = BackpressureLayer::new(BackpressureConfig {
        full: Full::Fail,
        ..BackpressureConfig::default()
    });
    let limit = ConcurrencyLimit::new(Handler, IN_FLIGHT);
    let row = row(bench, "backpressure that refuses")
        .with(TOWER, LoadShed::new(limit))
        .with(OURS, layer.layer(Handler));
    row.push_beside_tower(bench.world, table)
}

fn breaker(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let layer = BreakerLayer::new("bench", Open::Pause, bench.context());
    let row = row(bench, "breaker").with(OURS, layer.layer(Handler));
    row.push_beside_tower(bench.world, table)
}

fn catch_panic(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let layer = CatchPanicLayer::new();
    let row = row(bench, "catch_panic").with(OURS, layer.layer(Handler));
    row.push_beside_tower(bench.world, table)
}

fn compression(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let layer = CompressionLayer::new(Default::default());
    let row = row(bench, "compression, body as it is").with(OURS, layer.layer(Handler));
    row.push_beside_tower(bench.world, table)
}

fn correlation(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let layer = CorrelationLayer::new(bench.context());
    let row = row(bench, "correlation").with(OURS, layer.layer(Handler));
    row.push_beside_tower(bench.world, table)?;
    let message = Message::new("").correlation_id("exchange 7");
    let row = Row::new(
        "correlation, named by the message",
        bench.plan,
        deliveries_of(message, bench.context()),
    );
    let row = row.with(BARE, Handler).with(OURS, layer.layer(Handler));
    row.push_beside_tower(bench.world, table)
}

fn deadline(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let layer = DeadlineLayer::new(bench.context());
    let row = row(bench, "deadline, none").with(OURS, layer.layer(Handler));
    row.push_beside_tower(bench.world, table)?;
    let far = bench.context().clock.wall() + Duration::from_secs(24 * 3600);
    let message = Message::new("").deadline(far);
    let row = Row::new(
        "deadline",
        bench.plan,
        deliveries_of(message, bench.context()),
    );
    let row = row.with(BARE, Handler).with(OURS, layer.layer(Handler));
    row.push_beside_tower(bench.world, table)
}

fn fault(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let layer = FaultLayer::new(FaultConfig::default(), 7, bench.context());
    let row = row(bench, "fault, none").with(OURS, layer.layer(Handler));
    row.push_beside_tower(bench.world, table)
}

fn idempotency(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let store = Arc::new(MemoryDedup::new(KEYS_MAX, bench.context()));
    let layer = IdempotencyLayer::new(store, bench.context()).keep(KEEP);
    let row = row(bench, "idempotency in memory").with(OURS, layer.layer(Handler));
    row.push_beside_tower(bench.world, table)
}

fn rate_limit(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let rate = Rate::new(PER_SECOND, Duration::from_secs(1));
    let layer = RateLimitLayer::per_second(PER_SECOND.try_into()?, bench.context());
    let row = row(bench, "rate_limit")
        .with(TOWER, RateLimit::new(Handler, rate))
        .with(OURS, layer.layer(Handler));
    row.push_beside_tower(bench.world, table)
}

fn retry(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let layer = RetryLayer::new(bench.context());
    let row = row(bench, "retry")
        .with(
            "tower, tries alone",
            Retry::new(peer::Least::new(), Handler),
        )
        .with(TOWER, Retry::new(peer::Full::new()?, Handler))
        .with(OURS, layer.layer(Handler));
    row.push_beside_tower(bench.world, table)
}

fn timeout(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let layer = TimeoutLayer::new(LIMIT, bench.context());
    let row = row(bench, "timeout")
        .with(TOWER, Timeout::new(Handler, LIMIT))
        .with(OURS, layer.layer(Handler));
    row.push_beside_tower(bench.world, table)
}
