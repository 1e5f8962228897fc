//! One message sent, received and acked by one task, with a backlog before it; and what a
//! receive costs by the length of the backlog.

use std::time::Duration;

use anyhow::Result;

use super::{Kind, Scale, Workload, contenders, nanos, push_all};
use crate::{
    clock::Mark,
    compare::{Comparison, Contender, Rounds, compare},
    report::{Goal, Table, Unit},
    subject::{Consume, Produce, Subject, World},
};

/// Small, since a million of them wait.
const BODY: [u8; 100] = [7; 100];
const GROUP: usize = 100;

/// The figures of a round, by place.
const P50: usize = 0;
const P99: usize = 1;
const RECEIVE: usize = 2;

struct Ping {
    waiting: usize,
    pings: usize,
}

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let mut table = Table::new("Send, receive and ack in one task, by queue length: 100 B");
    let mut by_length = Vec::new();
    for waiting in [0, 1_000, 100_000, 1_000_000] {
        let workload = Ping {
            waiting,
            pings: scale.pick(100_000, 20_000),
        };
        let rounds = Rounds {
            count: scale.pick(5, 3),
            warm_up: 1,
        };
        let comparison = compare(rounds, contenders(&Kind::DIRECT, &workload, world)?)?;
        push_latency(&mut table, waiting, &comparison);
        by_length.push((waiting, comparison));
    }
    push_receive(&mut table, &by_length);
    Ok(table)
}

fn push_latency(table: &mut Table, waiting: usize, comparison: &Comparison) {
    for (figure, name, bound) in [(P50, "p50", 1.5), (P99, "p99", 2.5)] {
        let case = format!("{name}, {waiting} waiting");
        push_all(
            table,
            &case,
            comparison,
            (figure, Unit::Nanoseconds),
            |name| super::is_port(name).then_some(Goal::ratio_at_most(bound)),
        );
    }
}

/// Adds what one receive and ack costs by length, and how much more that is with a million
/// waiting than with a thousand.
fn push_receive(table: &mut Table, by_length: &[(usize, Comparison)]) {
    const GROWTH_MAX: f64 = 1.25;
    for (waiting, comparison) in by_length.iter().filter(|(waiting, _)| 0 < *waiting) {
        let case = format!("receive + ack, {waiting} waiting");
        push_all(
            table,
            &case,
            comparison,
            (RECEIVE, Unit::Nanoseconds),
            |_| None,
        );
    }
    let of = |length: usize, name| {
        let (_, comparison) = by_length.iter().find(|(waiting, _)| *waiting == length)?;
        comparison.median(name, RECEIVE)
    };
    let growth = |name| Some(of(1_000_000, name)? / of(1_000, name)?);
    let Some((_, comparison)) = by_length.first() else {
        return;
    };
    let limit = growth(crate::compare::LIMIT);
    for name in comparison.names() {
        if let (Some(value), Some(limit)) = (growth(name), limit) {
            let line = table.push("receive + ack, 1M by 1k waiting", name, value, Unit::Ratio);
            line.ratio = Some(value / limit);
            line.goal = super::is_port(name).then_some(Goal::ratio_at_most(GROWTH_MAX));
        }
    }
}

impl Workload for Ping {
    fn contender<'w, S: Subject>(&self, world: &'w World) -> Result<Contender<'w>> {
        let Self { waiting, pings } = *self;
        let queue = world.open::<S>()?;
        let (mut producer, mut consumer) = (queue.producer(), queue.consumer());
        world.runtime.block_on(async {
            for _ in 0..waiting {
                producer.send(&BODY, 1).await?;
            }
            anyhow::Ok(())
        })?;
        let mut samples = Vec::with_capacity(pings);
        Ok(Contender::new(S::NAME, move || {
            world.runtime.block_on(async {
                samples.clear();
                for _ in 0..pings {
                    let start = Mark::now();
                    producer.send(&BODY, 1).await?;
                    consumer.take(1, |_| ()).await?;
                    samples.push(start.elapsed());
                }
                samples.sort_unstable();
                let receive = match waiting {
                    0 => Duration::ZERO,
                    _ => receive(&mut producer, &mut consumer, pings).await?,
                };
                Ok(vec![
                    nanos(percentile(&samples, 50)),
                    nanos(percentile(&samples, 99)),
                    nanos(receive),
                ])
            })
        }))
    }
}

/// Takes messages in groups, each of which is sent again, and returns the time of one.
async fn receive(
    producer: &mut impl Produce,
    consumer: &mut impl Consume,
    messages: usize,
) -> Result<Duration> {
    let mut took = Duration::ZERO;
    let groups = messages / GROUP;
    for _ in 0..groups {
        let start = Mark::now();
        for _ in 0..GROUP {
            consumer.take(1, |_| ()).await?;
        }
        took += start.elapsed();
        for _ in 0..GROUP {
            producer.send(&BODY, 1).await?;
        }
    }
    let count = u32::try_from(groups * GROUP)?;
    Ok(took / count.max(1))
}

/// Returns the sample below which `percent` of all are.
pub(super) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let index = sorted.len() * percent / 100;
    let last = sorted.len().saturating_sub(1);
    sorted.get(index.min(last)).copied().unwrap_or_default()
}
