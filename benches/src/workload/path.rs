//! What a message costs on its way through `Consumer` in allocations, timers and tasks.

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use relayhouse_core::Settlement;
use relayhouse_testkit::clock::CountingClock;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region};
use tokio::runtime::Handle;

use super::{
    Scale,
    handled::{Handled, finish},
};
use crate::{
    report::{Goal, Table, Unit, ratio},
    subject::World,
    tally::{self, Tally},
};

const BODY: [u8; 100] = [7; 100];
const CONSUMER: &str = "Consumer";

/// One allocation a message would be a spawned task, a timer or a set of headers; each of them
/// is at least one.
const ALLOCATIONS_MAX: f64 = 0.5;
const TIMERS_MAX: f64 = 0.05;
const TASKS_MAX: f64 = 16.0;

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let mut table = Table::new("A message through Consumer from a full queue, counted");
    let messages = scale.pick(200_000, 50_000);
    for concurrency in [1, 64] {
        world
            .runtime
            .block_on(push(world, messages, concurrency, &mut table))?;
    }
    Ok(table)
}

async fn push(world: &World, messages: usize, concurrency: u32, table: &mut Table) -> Result<()> {
    let (context, clock) = CountingClock::around(&world.context);
    let queue = Handled::open(&context).await?;
    queue.fill(&BODY, messages).await?;
    let tally = Arc::new(Tally::default());
    let end = tally.begin(messages);
    let tasks_most = Arc::new(AtomicUsize::new(0));
    let most = Arc::clone(&tasks_most);
    let metrics = Handle::current().metrics();
    let before = clock.sleeps();
    let region = Region::new(&INSTRUMENTED_SYSTEM);
    let running = queue
        .start(concurrency, move |_| {
            most.fetch_max(metrics.num_alive_tasks(), Ordering::AcqRel);
            tally.count(1);
            ready(Settlement::Ack)
        })
        .await?;
    tally::end(end).await?;
    let change = region.change();
    let sleeps = clock.sleeps() - before;
    finish(running, messages).await?;
    let case = |text: &str| format!("{text}, concurrency {concurrency}");
    let allocations = ratio(change.allocations + change.reallocations, messages);
    let line = table.push(
        &case("allocations"),
        CONSUMER,
        allocations,
        Unit::PerMessage,
    );
    line.goal = Some(Goal::at_most(ALLOCATIONS_MAX));
    let sleeps = ratio(sleeps, messages);
    let line = table.push(&case("timers"), CONSUMER, sleeps, Unit::PerMessage);
    line.goal = Some(Goal::at_most(TIMERS_MAX));
    let tasks = ratio(tasks_most.load(Ordering::Acquire), 1);
    let line = table.push(&case("tasks alive at most"), CONSUMER, tasks, Unit::Count);
    line.goal = Some(Goal::at_most(TASKS_MAX));
    Ok(())
}
