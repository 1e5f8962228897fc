//! One producer fills the queue, then one consumer drains it: no two tasks ever meet.

use anyhow::{Result, ensure};

use super::{BODY_BYTES, Kind, Scale, Workload, contenders, push_all};
use crate::{
    clock::Mark,
    compare::{Contender, compare},
    report::{Goal, Table, Unit, rate},
    subject::{Consume, Produce, Subject, World},
};

struct Fill {
    messages: usize,
    batch: usize,
}

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let mut table = Table::new("Enqueue, then receive and ack: 1 KiB, one producer, one consumer");
    // Goals: enqueue, then receive and ack.
    for (batch, goals) in [(1, [0.6, 0.6]), (100, [0.75, 0.7])] {
        let workload = Fill {
            messages: scale.pick(100_000, 20_000),
            batch,
        };
        let comparison = compare(scale.rounds(), contenders(&Kind::ALL, &workload, world)?)?;
        for (figure, (verb, goal)) in ["enqueue", "receive + ack"].iter().zip(goals).enumerate() {
            let case = format!("{verb}, {}", name_of(batch));
            push_all(
                &mut table,
                &case,
                &comparison,
                (figure, Unit::MessagesPerSecond),
                |name| super::is_port(name).then_some(Goal::ratio_at_least(goal)),
            );
        }
    }
    Ok(table)
}

/// Names a size of batch.
pub(super) fn name_of(batch: usize) -> String {
    match batch {
        1 => "single".to_owned(),
        _ => format!("batch {batch}"),
    }
}

impl Workload for Fill {
    fn contender<'w, S: Subject>(&self, world: &'w World) -> Result<Contender<'w>> {
        let Self { messages, batch } = *self;
        let queue = world.open::<S>()?;
        let (mut producer, mut consumer) = (queue.producer(), queue.consumer());
        let body = vec![7; BODY_BYTES];
        Ok(Contender::new(S::NAME, move || {
            world.runtime.block_on(async {
                let start = Mark::now();
                for _ in 0..messages / batch {
                    producer.send(&body, batch).await?;
                }
                let full = Mark::now();
                let mut count = 0;
                while count < messages {
                    count += consumer.take(batch, |_| ()).await?;
                }
                let end = Mark::now();
                ensure!(count == messages, "{count} messages came");
                Ok(vec![
                    rate(messages, full.since(start)),
                    rate(messages, end.since(full)),
                ])
            })
        }))
    }
}
