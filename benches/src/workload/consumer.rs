//! Messages through `Consumer` with an extractor handler and an empty stack, beside apalis's
//! worker: from a full queue, and with producers beside it.

use anyhow::Result;
use tokio::task::JoinSet;

use super::{Scale, handled::Handled};
use crate::{
    compare::{Comparison, Contender, compare},
    peer::Apalis,
    report::{Goal, Table, Unit, rate},
    subject::{Produce, World},
    tally,
};

const BODY: [u8; 100] = [7; 100];
const CONSUMER: &str = "Consumer";
const FULL_MIN: f64 = 2e6;
const BESIDE_MIN: f64 = 1e6;
const PRODUCERS: usize = 2;
const BATCH: usize = 100;

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let mut table = Table::new("Through Consumer, extractor handler, empty stack: 100 B");
    let messages = scale.pick(200_000, 50_000);
    for concurrency in [1, 2, 4, 8, 16, 32, 64] {
        let contenders = vec![
            full(world, messages, concurrency),
            apalis(world, messages / 10, concurrency),
        ];
        let comparison = compare(scale.rounds(), contenders)?;
        let case = format!("full queue, concurrency {concurrency}");
        push(&mut table, &case, &comparison, FULL_MIN);
        let contenders = vec![beside(world, messages, concurrency)];
        let comparison = compare(scale.rounds(), contenders)?;
        let case = format!("{PRODUCERS} producers beside it, concurrency {concurrency}");
        push(&mut table, &case, &comparison, BESIDE_MIN);
    }
    Ok(table)
}

fn push(table: &mut Table, case: &str, comparison: &Comparison, goal: f64) {
    for name in comparison.names() {
        if let Some(rate) = comparison.median(name, 0) {
            let line = table.push(case, name, rate, Unit::MessagesPerSecond);
            line.goal = (name == CONSUMER).then_some(Goal::at_least(goal));
        }
    }
}

fn full(world: &World, messages: usize, concurrency: u32) -> Contender<'_> {
    Contender::new(CONSUMER, move || {
        world.runtime.block_on(async {
            let queue = Handled::open(&world.context).await?;
            queue.fill(&BODY, messages).await?;
            let took = queue.drain(messages, concurrency, |_| ()).await?;
            Ok(vec![rate(messages, took)])
        })
    })
}

fn beside(world: &World, messages: usize, concurrency: u32) -> Contender<'_> {
    Contender::new(CONSUMER, move || {
        world.runtime.block_on(async {
            let queue = Handled::open(&world.context).await?;
            let mut producers = JoinSet::new();
            for _ in 0..PRODUCERS {
                producers.spawn(produce(queue.producer(), messages / PRODUCERS));
            }
            let took = queue.drain(messages, concurrency, |_| ()).await?;
            while let Some(produced) = producers.join_next().await {
                produced??;
            }
            Ok(vec![rate(messages, took)])
        })
    })
}

async fn produce(mut producer: impl Produce, messages: usize) -> Result<()> {
    for _ in 0..messages / BATCH {
        producer.send(&BODY, BATCH).await?;
        tally::pause(BATCH).await;
    }
    Ok(())
}

fn apalis(world: &World, messages: usize, concurrency: u32) -> Contender<'_> {
    Contender::new(Apalis::NAME, move || {
        let drain = Apalis::drain(messages, &BODY, concurrency as usize);
        // Its worker runs on a thread of the runtime, as ours does.
        let took = world.runtime.block_on(drain)?;
        Ok(vec![rate(messages, took)])
    })
}
