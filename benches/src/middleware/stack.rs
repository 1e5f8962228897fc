//! The recommended stacks.

use std::time::Duration;

use anyhow::Result;
use relayhouse_core::{Delivery, Error, Settlement};
use relayhouse_middleware::stack;
use tower::{Layer, Service, retry::Retry, timeout::Timeout, util::BoxCloneService};

use super::{
    Add, Bench, OURS, TOWER,
    drive::{Measure, Row},
    handler, peer, producer,
    request::{Handler, Sink},
};
use crate::{
    report::{Goal, Table},
    subject::World,
    workload::Scale,
};

const LIMIT: Duration = Duration::from_secs(30);
const BOXED: &str = "ours, behind one box";

/// The most that the stack around a handler may take, as a type that the compiler sees through.
const NANOS_MAX: f64 = 150.0;
/// One type erasure boxes one future.
const ALLOCATIONS_MAX: f64 = 1.0;

const NOTE: &str = "`tower` has retry and timeout alone: it has no breaker that pauses, no deadline \
     and no catch of panics.";

/// The stacks.
pub(super) const STACKS: &[Add] = &[consumer, high_throughput, low_cost, low_latency, producer];

type Boxed = BoxCloneService<Delivery, Settlement, Error>;

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let mut table = super::new_table("A stack around a service that does nothing: time of a call");
    let bench = Bench::new(world, Measure::Time, scale);
    bench.add(STACKS, &mut table)?;
    table.notes.push(NOTE.to_owned());
    Ok(table)
}

fn consumer(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let layers = stack::consumer("bench", bench.context());
    let tower = Retry::new(peer::Full::new()?, Timeout::new(Handler, LIMIT));
    let row = handler::row(bench, "consumer").with(TOWER, tower);
    push(bench, row, layers.layer(Handler), table)
}

fn high_throughput(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let layers = stack::high_throughput("bench", bench.context());
    let row = handler::row(bench, "high_throughput").with(OURS, layers.layer(Handler));
    row.push_beside_tower(bench.world, table)
}

fn low_cost(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let layers = stack::low_cost("bench", bench.context());
    let row = handler::row(bench, "low_cost").with(OURS, layers.layer(Handler));
    row.push_beside_tower(bench.world, table)
}

fn low_latency(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let layers = stack::low_latency("bench", LIMIT, bench.context());
    let row = handler::row(bench, "low_latency").with(OURS, layers.layer(Handler));
    row.push_beside_tower(bench.world, table)
}

fn producer(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let layers = stack::producer("bench", bench.context());
    let tower = Retry::new(peer::Full::new()?, Timeout::new(Sink, LIMIT));
    let row = producer::row(bench, "producer")
        .with(TOWER, tower)
        .with(OURS, layers.layer(Sink));
    row.push(bench.world, table, |_| None)
}

/// Adds the stack as it is and behind one box, and holds both to their goals.
fn push<S>(bench: &Bench<'_>, row: Row<'_, Delivery>, service: S, table: &mut Table) -> Result<()>
where
    S: Service<Delivery, Response = Settlement, Error = Error> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let row = row
        .with(OURS, service.clone())
        .with(BOXED, Boxed::new(service));
    let goal = match bench.measure() {
        Measure::Time => (OURS, Goal::at_most(NANOS_MAX)),
        Measure::Allocations => (BOXED, Goal::at_most(ALLOCATIONS_MAX)),
    };
    row.push(bench.world, table, |name| {
        (name == goal.0).then_some(goal.1)
    })
}
