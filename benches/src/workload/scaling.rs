//! One to 64 consumers drain a full queue.

use std::sync::Arc;

use anyhow::Result;

use super::{Kind, Scale, Workload, contenders, push_all};
use crate::{
    clock::Mark,
    compare::{Comparison, Contender, LIMIT, compare},
    ours::Ports,
    report::{Goal, Table, Unit, rate},
    subject::{Produce, Subject, World},
    tally::{self, Tally},
};

const BODY: [u8; 100] = [7; 100];
const FLOOR: f64 = 0.7;

struct Drain {
    messages: usize,
    consumers: usize,
}

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let mut table = Table::new("1 to 64 consumers drain a full queue, one by one: 100 B");
    let mut alone = Comparison::default();
    for consumers in [1, 2, 4, 8, 16, 32, 64] {
        let workload = Drain {
            messages: scale.pick(400_000, 100_000),
            consumers,
        };
        let comparison = compare(
            scale.rounds(),
            contenders(&Kind::RECEIVERS, &workload, world)?,
        )?;
        let case = format!("{consumers} consumers");
        let figure = (0, Unit::MessagesPerSecond);
        push_all(&mut table, &case, &comparison, figure, |_| None);
        if consumers == 1 {
            alone = comparison;
            continue;
        }
        for name in [LIMIT, Ports::NAME] {
            let rates = (comparison.median(name, 0), alone.median(name, 0));
            if let (Some(rate), Some(alone)) = rates {
                let contender = format!("{name}, by 1 consumer");
                let line = table.push(&case, &contender, rate / alone, Unit::Ratio);
                line.goal = super::is_port(name).then_some(Goal::at_least(FLOOR));
            }
        }
    }
    Ok(table)
}

impl Workload for Drain {
    fn contender<'w, S: Subject>(&self, world: &'w World) -> Result<Contender<'w>> {
        let Self {
            messages,
            consumers,
        } = *self;
        Ok(Contender::new(S::NAME, move || {
            let queue = world.open::<S>()?;
            world.runtime.block_on(async {
                let mut producer = queue.producer();
                for _ in 0..messages {
                    producer.send(&BODY, 1).await?;
                }
                let tally = Arc::new(Tally::default());
                let end = tally.begin(messages);
                let start = Mark::now();
                let mut tasks = tally::consumers(world, &*queue, (consumers, 1), &tally);
                let end = tally::end(end).await?;
                tasks.shutdown().await;
                Ok(vec![rate(messages, end.since(start))])
            })
        }))
    }
}
