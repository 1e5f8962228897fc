//! A process that waits for a message: what that costs while none comes.

use std::time::Duration;

use anyhow::Result;

use super::{
    PORTS,
    child::{Child, Role},
    place::Place,
};
use crate::{
    clock::Mark,
    machine,
    report::{Table, Unit},
    subject::World,
    workload::{Scale, nanos},
};

/// How long after its start a child is left alone.
const START: Duration = Duration::from_secs(2);

const NO_FIGURES: &str = "Nothing was measured: this system has no `/proc`.";

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let seconds = u32::try_from(scale.pick(10, 2))?;
    let mut table = super::new_table(format!(
        "A process with a waiting receiver, for {seconds} s"
    ));
    let place = Place::new()?;
    let mut child = Child::start(Role::Wait, &place.path().join("idle"), 0)?;
    child.hear()?;
    let (used, took) = world.runtime.block_on(async {
        let clock = &world.context.clock;
        clock.sleep_until(clock.now() + START).await;
        let before = machine::used_by(child.id());
        let start = Mark::now();
        clock
            .sleep_until(clock.now() + Duration::from_secs(seconds.into()))
            .await;
        (before.zip(machine::used_by(child.id())), start.elapsed())
    });
    let Some((before, after)) = used else {
        table.notes.push(NO_FIGURES.to_owned());
        return Ok(table);
    };
    let busy = Duration::from_nanos(after.0.saturating_sub(before.0));
    let unit = Unit::Nanoseconds;
    table.push("time on a processor, in all", PORTS, nanos(busy), unit);
    let waits = u32::try_from(after.1.saturating_sub(before.1))?;
    table.push("times a thread woke", PORTS, f64::from(waits), Unit::Count);
    table.push("watched for", PORTS, nanos(took), unit);
    Ok(table)
}
