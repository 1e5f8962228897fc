//! Ten producers and five consumers at once, to the last ack.

use std::sync::Arc;

use anyhow::Result;
use tokio::task::JoinSet;

use super::{BODY_BYTES, Kind, Scale, Workload, contenders, fill::name_of, push_all};
use crate::{
    clock::Mark,
    compare::{Comparison, Contender, compare},
    peer::{Flume, Omniqueue},
    report::{Goal, Table, Unit, rate},
    subject::{Produce, Subject, World},
    tally::{self, Tally},
};

const PRODUCERS: usize = 10;
const CONSUMERS: usize = 5;

struct Pairs {
    messages: usize,
    batch: usize,
}

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let mut table = Table::new("10 producers × 5 consumers with ack: 1 KiB, to the last ack");
    for (batch, goal) in [(1, 0.8), (100, 0.7)] {
        let workload = Pairs {
            messages: scale.pick(200_000, 40_000),
            batch,
        };
        let comparison = compare(scale.rounds(), contenders(&Kind::ALL, &workload, world)?)?;
        let case = name_of(batch);
        let figure = (0, Unit::MessagesPerSecond);
        push_all(&mut table, &case, &comparison, figure, |name| {
            super::is_port(name).then_some(Goal::ratio_at_least(goal))
        });
        let (peer, goal) = match batch {
            1 => (Omniqueue::NAME, 1.5),
            _ => (Flume::NAME, 1.0),
        };
        push_to_peer(&mut table, &case, &comparison, (peer, goal));
    }
    Ok(table)
}

/// Adds the ratio of the ports to a peer.
fn push_to_peer(table: &mut Table, case: &str, comparison: &Comparison, peer: (&str, f64)) {
    let (peer, goal) = peer;
    for name in comparison.names().filter(|name| super::is_port(name)) {
        if let Some(ratio) = comparison.ratio(name, peer, 0) {
            let contender = format!("{name}, by {peer}");
            table.push(case, &contender, ratio, Unit::Ratio).goal = Some(Goal::at_least(goal));
        }
    }
}

impl Workload for Pairs {
    fn contender<'w, S: Subject>(&self, world: &'w World) -> Result<Contender<'w>> {
        let Self { messages, batch } = *self;
        let queue = world.open::<S>()?;
        let tally = Arc::new(Tally::default());
        let consumers = tally::consumers(world, &*queue, (CONSUMERS, batch), &tally);
        Ok(Contender::new(S::NAME, move || {
            // The consumers live as long as the contender, and sleep between its rounds.
            debug_assert_eq!(consumers.len(), CONSUMERS);
            world.runtime.block_on(async {
                let end = tally.begin(messages);
                let start = Mark::now();
                let mut producers = JoinSet::new();
                for _ in 0..PRODUCERS {
                    producers.spawn(produce(queue.producer(), messages / PRODUCERS, batch));
                }
                while let Some(produced) = producers.join_next().await {
                    produced??;
                }
                let end = tally::end(end).await?;
                Ok(vec![rate(messages, end.since(start))])
            })
        }))
    }
}

async fn produce(mut producer: impl Produce, messages: usize, batch: usize) -> Result<()> {
    let body = vec![7; BODY_BYTES];
    for _ in 0..messages / batch {
        producer.send(&body, batch).await?;
        tally::pause(batch).await;
    }
    Ok(())
}
