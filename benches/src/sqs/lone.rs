//! A send while nothing else is under way: what batching adds to it.

use std::sync::Arc;

use anyhow::Result;
use hdrhistogram::Histogram;
use relayhouse_runtime::Producer;
use tokio::runtime::Runtime;

use super::{
    BODY_BYTES, PORTS, PRODUCER, SDK,
    bare::{Bare, Style},
    client,
    ports::Ports,
    server::Server,
};
use crate::{
    clock::Mark,
    compare::{Contender, compare},
    report::{Goal, Table, Unit},
    subject::World,
    workload::Scale,
};

const SINGLE: &str = "SDK, SendMessage";

/// More than any send that waits for others to come would have.
const RATIO_MAX: f64 = 1.25;

/// The figures of a round, by place.
const QUANTILES: [(&str, f64); 2] = [("p50", 0.5), ("p99", 0.99)];

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let mut table = super::new_table(format!("One send after another, {BODY_BYTES} B"));
    let server = Server::start()?;
    let sends = scale.pick(4_000, 400);
    let contenders = vec![
        batch_of_one(&server, sends)?,
        single(&server, sends)?,
        ports(world, &server, sends)?,
        producer(world, &server, sends)?,
    ];
    let contenders = world.wanted(contenders);
    let comparison = compare(scale.rounds(), contenders)?;
    for (figure, (case, _)) in QUANTILES.into_iter().enumerate() {
        let goal = Some(Goal::ratio_at_most(RATIO_MAX)).filter(|_| figure == 0);
        let figure = (figure, Unit::Nanoseconds);
        super::push_all(&mut table, case, &comparison, figure, goal);
    }
    table.notes.push(format!(
        "`{SDK}` calls SendMessageBatch with one entry, as `{PORTS}` and `{PRODUCER}` do."
    ));
    Ok(table)
}

fn batch_of_one(server: &Server, sends: usize) -> Result<Contender<'_>> {
    let runtime = client::runtime()?;
    let bare = Bare::new(server, Style::Attribute);
    Ok(Contender::new(SDK, move || {
        times(&runtime, sends, || bare.send_batch(1))
    }))
}

fn single(server: &Server, sends: usize) -> Result<Contender<'_>> {
    let runtime = client::runtime()?;
    let bare = Bare::new(server, Style::Attribute);
    Ok(Contender::new(SINGLE, move || {
        times(&runtime, sends, || bare.send_one())
    }))
}

fn ports<'a>(world: &'a World, server: &'a Server, sends: usize) -> Result<Contender<'a>> {
    let runtime = client::runtime()?;
    let ports = runtime.block_on(Ports::open(&server.endpoint(), &world.context))?;
    Ok(Contender::new(PORTS, move || {
        times(&runtime, sends, || ports.send_batch(1))
    }))
}

fn producer<'a>(world: &'a World, server: &'a Server, sends: usize) -> Result<Contender<'a>> {
    let runtime = client::runtime()?;
    let ports = runtime.block_on(Ports::open(&server.endpoint(), &world.context))?;
    let sender = Arc::clone(&ports.sender);
    let producer = Producer::builder(sender, world.context.clone()).build()?;
    Ok(Contender::new(PRODUCER, move || {
        times(&runtime, sends, || async {
            producer.send(ports.message()).await?;
            Ok(())
        })
    }))
}

/// Returns how long sends took that came one after another.
fn times<F: Future<Output = Result<()>>>(
    runtime: &Runtime,
    sends: usize,
    send: impl Fn() -> F,
) -> Result<Vec<f64>> {
    let mut times = Histogram::<u64>::new(3)?;
    runtime.block_on(async {
        for _ in 0..sends {
            let start = Mark::now();
            send().await?;
            times.record(u64::try_from(start.elapsed().as_nanos())?)?;
        }
        anyhow::Ok(())
    })?;
    let quantile = |(_, quantile)| nanos(times.value_at_quantile(quantile));
    Ok(QUANTILES.map(quantile).into())
}

#[expect(clippy::cast_precision_loss, reason = "no send takes 2^53 ns")]
fn nanos(time: u64) -> f64 {
    time as f64
}
