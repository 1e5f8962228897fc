//! A thousand messages for a hundred consumers: each comes exactly once, in every run.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;

use super::{Kind, Scale, Workload, contenders, push_all};
use crate::{
    clock::Mark,
    compare::{Contender, Rounds, compare},
    report::{Goal, Table, Unit},
    subject::{Consume, Produce, Subject, World},
    tally::{self, Tally},
};

const MESSAGES: u32 = 1_000;
const CONSUMERS: usize = 100;

struct Once;

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let rounds = Rounds {
        count: scale.pick(100, 20),
        warm_up: 0,
    };
    let title = format!("1,000 messages, 100 consumers, {} runs", rounds.count);
    let mut table = Table::new(title);
    let comparison = compare(rounds, contenders(&Kind::RECEIVERS, &Once, world)?)?;
    for name in comparison.names() {
        if let Some(once) = comparison.least(name, 0) {
            let case = "delivered exactly once, worst run";
            let line = table.push(case, name, once, Unit::Count);
            line.goal = super::is_port(name).then_some(Goal::at_least(f64::from(MESSAGES)));
        }
    }
    let figure = (1, Unit::Nanoseconds);
    push_all(&mut table, "time of a run", &comparison, figure, |_| None);
    Ok(table)
}

impl Workload for Once {
    fn contender<'w, S: Subject>(&self, world: &'w World) -> Result<Contender<'w>> {
        Ok(Contender::new(S::NAME, move || {
            let queue = world.open::<S>()?;
            world.runtime.block_on(run(&*queue))
        }))
    }
}

/// Returns how many messages came exactly once, and the time until the last one.
async fn run<S: Subject>(queue: &S) -> Result<Vec<f64>> {
    let seen = (0..MESSAGES).map(|_| AtomicU32::new(0));
    let seen: Arc<[AtomicU32]> = seen.collect();
    let tally = Arc::new(Tally::default());
    let end = tally.begin(MESSAGES as usize);
    let start = Mark::now();
    let mut consumers = JoinSet::new();
    for _ in 0..CONSUMERS {
        consumers.spawn(consume(
            queue.consumer(),
            Arc::clone(&seen),
            Arc::clone(&tally),
        ));
    }
    let mut producer = queue.producer();
    for index in 0..MESSAGES {
        producer.send(&index.to_le_bytes(), 1).await?;
    }
    let took = tally::end(end).await?.since(start);
    consumers.shutdown().await;
    let counts = seen.iter().map(|count| count.load(Ordering::Acquire));
    let once = counts.filter(|count| *count == 1).count();
    Ok(vec![f64::from(u32::try_from(once)?), super::nanos(took)])
}

async fn consume(
    mut consumer: impl Consume,
    seen: Arc<[AtomicU32]>,
    tally: Arc<Tally>,
) -> Result<()> {
    loop {
        let mut index = None;
        let count = consumer
            .take(1, |body| {
                index = body.try_into().ok().map(u32::from_le_bytes);
            })
            .await?;
        let index = index.context("a body is not an index")?;
        let seen = seen
            .get(index as usize)
            .context("an unknown message came")?;
        seen.fetch_add(1, Ordering::AcqRel);
        tally.count(count);
    }
}
