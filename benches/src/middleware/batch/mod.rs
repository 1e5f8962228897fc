//! Single calls of many callers through the batch layer, beside batches that are filled by hand.

mod callers;
mod service;

use std::{num::NonZeroU32, time::Duration};

use anyhow::{Result, ensure};
use relayhouse_core::Delivery;
use relayhouse_middleware::batch::BatchLayer;
use tower::{Layer, buffer::Buffer};

use self::{
    callers::{CALLERS, Channel, race},
    service::{Bulk, Insert, Nothing, RoundTrip},
};
use super::{
    OURS,
    request::{Handler, deliveries},
};
use crate::{
    clock::Mark,
    compare::{Contender, compare},
    report::{Goal, Table, Unit, rate},
    subject::World,
    workload::Scale,
};

const BY_HAND: &str = "by hand";
const CHANNEL: &str = "a channel and a task";
const BUFFER: &str = "tower's buffer, no batches";

const BATCH: NonZeroU32 = NonZeroU32::new(100).unwrap();
const RATIO_MIN: f64 = 0.8;
const BUFFER_MAX: usize = 1024;

const NOTES: [&str; 2] = [
    "`by hand` has one task that fills batches of 100 and calls with them, and no callers. The \
     others serve 256 tasks, of which each waits for its answer before its next call.",
    "`a channel and a task` is what one writes without the layer: a bounded channel, `recv_many`, \
     and a one-shot channel for each answer; no bound in bytes, no time, no adaption.",
];

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let title = format!("{CALLERS} callers of a service that takes {BATCH} deliveries at once");
    let mut table = Table::new(title);
    BY_HAND.clone_into(&mut table.limit);
    let goal = Some(Goal::ratio_at_least(RATIO_MIN));
    let messages = scale.pick(204_800, 25_600);
    let insert = Insert::new()?;
    let case = "insert into a table in memory";
    let contenders = contenders(world, messages, &insert);
    push(&mut table, (case, goal), scale, world.wanted(contenders))?;
    let case = "round trip of 1 ms";
    let messages = scale.pick(51_200, 12_800);
    let contenders = self::contenders(world, messages, &RoundTrip::new(&world.context));
    push(&mut table, (case, goal), scale, world.wanted(contenders))?;
    let messages = scale.pick(512_000, 51_200);
    let mut contenders = self::contenders(world, messages, &Nothing);
    contenders.push(buffer(world, messages));
    let case = "nothing";
    push(&mut table, (case, None), scale, world.wanted(contenders))?;
    table.notes.extend(NOTES.map(str::to_owned));
    Ok(table)
}

/// Measures all in turns, and adds a line for each; the goal is for ours.
fn push(
    table: &mut Table,
    (case, goal): (&str, Option<Goal>),
    scale: Scale,
    contenders: Vec<Contender<'_>>,
) -> Result<()> {
    let comparison = compare(scale.rounds(), contenders)?;
    for name in comparison.names() {
        let Some(value) = comparison.median(name, 0) else {
            continue;
        };
        let line = table.push(case, name, value, Unit::MessagesPerSecond);
        line.spread = comparison.spread(name, 0);
        line.ratio = comparison.ratio(name, BY_HAND, 0);
        line.goal = goal.filter(|_| name == OURS);
    }
    Ok(())
}

fn contenders<'a, S: Bulk>(world: &'a World, messages: usize, service: &S) -> Vec<Contender<'a>> {
    vec![
        by_hand(world, messages, service.clone()),
        channel(world, messages, service.clone()),
        ours(world, messages, service.clone()),
    ]
}

fn by_hand<S: Bulk>(world: &World, messages: usize, service: S) -> Contender<'_> {
    Contender::new(BY_HAND, move || {
        service.clear()?;
        let fill = fill(deliveries(&world.context), messages, service.clone());
        let took = world.runtime.block_on(world.runtime.spawn(fill))??;
        Ok(vec![rate(messages, took)])
    })
}

/// Calls with full batches, one after the other, and returns how long that took.
async fn fill<S: Bulk>(
    request: impl Fn() -> Delivery + Send,
    messages: usize,
    mut service: S,
) -> Result<Duration> {
    let size = usize::try_from(BATCH.get())?;
    let start = Mark::now();
    for _ in 0..messages / size {
        let batch: Vec<Delivery> = (0..size).map(|_| request()).collect();
        for answer in service.call(batch).await? {
            ensure!(answer?.is_success(), "a message was not acked");
        }
    }
    Ok(start.elapsed())
}

fn channel<S: Bulk>(world: &World, messages: usize, service: S) -> Contender<'_> {
    Contender::new(CHANNEL, move || {
        service.clear()?;
        let took = world.runtime.block_on(async {
            let channel = Channel::start(service.clone());
            race(channel, deliveries(&world.context), messages).await
        })?;
        Ok(vec![rate(messages, took)])
    })
}

fn ours<S: Bulk>(world: &World, messages: usize, service: S) -> Contender<'_> {
    let layer = BatchLayer::new(&world.context).requests_max(BATCH);
    Contender::new(OURS, move || {
        service.clear()?;
        let took = world.runtime.block_on(async {
            let batch = layer.layer(service.clone());
            let took = race(batch.clone(), deliveries(&world.context), messages).await;
            batch.close().await;
            took
        })?;
        Ok(vec![rate(messages, took)])
    })
}

fn buffer(world: &World, messages: usize) -> Contender<'_> {
    Contender::new(BUFFER, move || {
        let took = world.runtime.block_on(async {
            let buffer = Buffer::new(Handler, BUFFER_MAX);
            race(buffer, deliveries(&world.context), messages).await
        })?;
        Ok(vec![rate(messages, took)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Rounds;

    const MESSAGES: u32 = 6_400;

    /// Each way to make batches answers every call, and inserts each message once.
    #[test]
    fn every_message_is_inserted_once() {
        let world = World::new().unwrap();
        let insert = Insert::new().unwrap();
        let rounds = Rounds {
            count: 1,
            warm_up: 0,
        };
        for contender in contenders(&world, MESSAGES as usize, &insert) {
            let name = contender.name();
            compare(rounds, vec![contender]).unwrap();
            assert_eq!(insert.count().unwrap(), MESSAGES, "{name}");
        }
    }
}
