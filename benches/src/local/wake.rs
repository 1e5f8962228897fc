//! A receiver that waits in another process: how soon a send wakes it.

use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use hdrhistogram::Histogram;

use super::{
    PORTS,
    child::{self, Child, Role},
    place::Place,
    queue::Queue,
};
use crate::{
    clock::Mark,
    report::{Goal, Table, Unit},
    subject::World,
    workload::{Scale, nanos},
};

/// How long nothing is sent, so that the other process sleeps.
const PAUSE: Duration = Duration::from_millis(20);
const WAKE_MAX: Duration = Duration::from_millis(20);

const FROM_SEND: &str =
    "The time is taken from before the send, so its own flush is in that of the delivery.";

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let mut table = super::new_table("A receiver that waits in another process");
    table.notes.push(FROM_SEND.to_owned());
    let place = Place::new()?;
    let directory = place.path().join("wake");
    let count = scale.pick(500, 50);
    let mut child = Child::start(Role::Wait, &directory, count)?;
    child.hear()?;
    let (mut sent, mut delivered) = (histogram()?, histogram()?);
    world.runtime.block_on(async {
        let clock = &world.context.clock;
        let queue = Queue::open(&directory, &world.context).await?;
        let mut producer = queue.producer();
        for _ in 0..count {
            clock.sleep_until(clock.now() + PAUSE).await;
            let start = Mark::now();
            let body = child::machine_nanos(world)?.to_le_bytes().to_vec();
            producer
                .send_bodies(std::iter::once(Bytes::from(body)))
                .await?;
            sent.record(u64::try_from(start.elapsed().as_nanos())?)?;
            delivered.record(child.hear()?.parse()?)?;
        }
        queue.close().await
    })?;
    for (name, share) in [("p50", 0.5), ("p99", 0.99), ("longest", 1.0)] {
        let of = |histogram: &Histogram<u64>| {
            nanos(Duration::from_nanos(histogram.value_at_quantile(share)))
        };
        let unit = Unit::Nanoseconds;
        table.push(&format!("send, {name}"), PORTS, of(&sent), unit);
        let line = table.push(
            &format!("delivery there, {name}"),
            PORTS,
            of(&delivered),
            unit,
        );
        line.goal = (share < 1.0).then_some(Goal::at_most(nanos(WAKE_MAX)));
    }
    Ok(table)
}

fn histogram() -> Result<Histogram<u64>> {
    let longest = u64::try_from(Duration::from_secs(600).as_nanos())?;
    Ok(Histogram::new_with_bounds(1, longest, 3)?)
}
