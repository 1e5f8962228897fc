//! Durable sends: one after another, in batches, and many single ones at the same time.

use anyhow::Result;
use relayhouse_runtime::Producer;
use tokio::task::JoinSet;

use super::{
    Bodies, DISK, PORTS, YARDSTICK, disk::Log, place::Place, queue::Queue, yardstick::Yardstick,
};
use crate::{
    clock::Mark,
    compare::{Comparison, Contender, compare},
    ours::RuntimeProducer,
    report::{Goal, Table, Unit, rate},
    subject::{Produce, World},
    workload::Scale,
};

const PRODUCER: &str = "Producer";
const AT_ONCE: usize = 256;
const BATCH_MIN: f64 = 0.8;
const AT_ONCE_MIN: f64 = 0.5;

/// The figures of a round, by place.
const BATCHES: [usize; 3] = [1, 100, 1000];
const BATCH_100: usize = 1;
const SINGLES: usize = 3;
const BY_BATCH: usize = 4;

/// How many messages a round sends, for each of its figures.
#[derive(Clone, Copy, Debug)]
struct Counts([usize; 4]);

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let mut table = super::new_table("Durable sends: 1 KiB, one file for each round");
    let place = Place::new()?;
    if let Some(file_system) = place.file_system() {
        table.notes.push(format!("The files are on {file_system}."));
    }
    let counts = match scale.is_quick {
        true => Counts([500, 10_000, 20_000, 10_000]),
        false => Counts([2_000, 50_000, 100_000, 50_000]),
    };
    let contenders = vec![
        yardstick(world, &place, counts),
        disk(world, &place, counts),
        ports(world, &place, counts),
        producer(world, &place, counts),
    ];
    let contenders = world.wanted(contenders);
    let comparison = compare(scale.rounds(), contenders)?;
    push(&mut table, &comparison);
    Ok(table)
}

fn push(table: &mut Table, comparison: &Comparison) {
    let unit = Unit::MessagesPerSecond;
    for (figure, batch) in BATCHES.into_iter().enumerate() {
        let case = match batch {
            1 => "one after another".to_owned(),
            _ => format!("batches of {batch}"),
        };
        let goal = (1 < batch).then_some(Goal::ratio_at_least(BATCH_MIN));
        super::push_all(table, &case, comparison, (figure, unit), goal);
    }
    let case = format!("{AT_ONCE} singles at once");
    super::push_all(table, &case, comparison, (SINGLES, unit), None);
    let case = format!("{AT_ONCE} singles at once, by batches of 100");
    let goal = Some(Goal::at_least(AT_ONCE_MIN));
    super::push_all(table, &case, comparison, (BY_BATCH, Unit::Ratio), goal);
}

/// Times each size of batch.
fn batches(
    world: &World,
    counts: Counts,
    mut send: impl FnMut(&mut Bodies, usize) -> Result<()>,
) -> Result<Vec<f64>> {
    let mut bodies = Bodies::new(&world.context);
    let mut figures = Vec::new();
    for (batch, messages) in BATCHES.into_iter().zip(counts.0) {
        let start = Mark::now();
        for _ in 0..messages / batch {
            send(&mut bodies, batch)?;
        }
        figures.push(rate(messages, start.elapsed()));
    }
    Ok(figures)
}

fn yardstick<'a>(world: &'a World, place: &'a Place, counts: Counts) -> Contender<'a> {
    Contender::new(YARDSTICK, move || {
        let directory = place.new_directory()?;
        let mut yardstick = Yardstick::open(directory.path())?;
        batches(world, counts, |bodies, batch| {
            yardstick.send(bodies.take(batch))
        })
    })
}

fn disk<'a>(world: &'a World, place: &'a Place, counts: Counts) -> Contender<'a> {
    Contender::new(DISK, move || {
        let directory = place.new_directory()?;
        let mut log = Log::open(directory.path())?;
        batches(world, counts, |bodies, batch| {
            log.append(bodies.take(batch))
        })
    })
}

fn ports<'a>(world: &'a World, place: &'a Place, counts: Counts) -> Contender<'a> {
    let runtime = &world.runtime;
    Contender::new(PORTS, move || {
        let directory = place.new_directory()?;
        let queue = runtime.block_on(Queue::open(directory.path(), &world.context))?;
        let mut producer = queue.producer();
        let mut figures = batches(world, counts, |bodies, batch| {
            runtime.block_on(producer.send_bodies(bodies.take(batch)))
        })?;
        push_singles(world, counts, || queue.producer(), &mut figures)?;
        runtime.block_on(queue.close())?;
        Ok(figures)
    })
}

fn producer<'a>(world: &'a World, place: &'a Place, counts: Counts) -> Contender<'a> {
    let runtime = &world.runtime;
    Contender::new(PRODUCER, move || {
        let directory = place.new_directory()?;
        let queue = runtime.block_on(Queue::open(directory.path(), &world.context))?;
        let producer = Producer::builder(queue.ports.sender(), world.context.clone()).build()?;
        let one = RuntimeProducer::new(producer.clone());
        let mut figures = batches(world, counts, |bodies, batch| {
            runtime.block_on(one.send_bodies(bodies.take(batch)))
        })?;
        let make = || RuntimeProducer::new(producer.clone());
        push_singles(world, counts, make, &mut figures)?;
        runtime.block_on(producer.close())?;
        runtime.block_on(queue.close())?;
        Ok(figures)
    })
}

/// Adds the rate of many producers, each of which sends one message at a time, and what that is to
/// the rate of batches.
fn push_singles<P: Produce>(
    world: &World,
    counts: Counts,
    make: impl Fn() -> P,
    figures: &mut Vec<f64>,
) -> Result<()> {
    let each = counts.0[SINGLES] / AT_ONCE;
    let body = Bodies::new(&world.context)
        .take(1)
        .next()
        .unwrap_or_default();
    let took = world.runtime.block_on(async {
        let start = Mark::now();
        let mut producers = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (mut producer, body) = (make(), body.clone());
            producers.spawn(async move {
                for _ in 0..each {
                    producer.send(&body, 1).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(produced) = producers.join_next().await {
            produced??;
        }
        anyhow::Ok(start.elapsed())
    })?;
    let singles = rate(each * AT_ONCE, took);
    figures.extend([singles, singles / figures[BATCH_100]]);
    Ok(())
}
