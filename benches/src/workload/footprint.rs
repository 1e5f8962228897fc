//! What a message that waits costs in memory, by a counting allocator.

use anyhow::Result;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region};

use super::{Kind, Scale, is_port};
use crate::{
    limit::Limit,
    ours::{Buffered, Ports, Sent},
    peer::{Flume, Omniqueue},
    report::{Goal, Table, Unit},
    subject::{Produce, Subject, World},
};

const BODY: [u8; 100] = [7; 100];
const BATCH: usize = 100;
const OVERHEAD_BYTES_MAX: f64 = 128.0;
const ALLOCATIONS_MAX: f64 = 2.0;

/// Makes the table. The program's allocator must be the counting one.
pub(super) fn table(_: &World, _: Scale) -> Result<Table> {
    let mut table = Table::new("Memory of a queued 100 B message, beyond its body");
    for messages in [100_000, 1_000_000] {
        for kind in Kind::ALL {
            match kind {
                Kind::Limit => push::<Limit>(messages, &mut table)?,
                Kind::Flume => push::<Flume>(messages, &mut table)?,
                Kind::Omniqueue => push::<Omniqueue>(messages, &mut table)?,
                Kind::Ports => push::<Ports>(messages, &mut table)?,
                Kind::Buffered => push::<Buffered>(messages, &mut table)?,
                Kind::Producer => push::<Sent>(messages, &mut table)?,
            }
        }
    }
    Ok(table)
}

/// Adds the lines of one queue, in a world of its own: with that ends what the queue left running,
/// before the next one is counted.
fn push<S: Subject>(messages: usize, table: &mut Table) -> Result<()> {
    let world = World::new()?;
    let region = Region::new(&INSTRUMENTED_SYSTEM);
    let queue = world.open::<S>()?;
    let mut producer = queue.producer();
    world.runtime.block_on(async {
        for _ in 0..messages / BATCH {
            producer.send(&BODY, BATCH).await?;
        }
        anyhow::Ok(())
    })?;
    let change = region.change();
    let bytes = change.bytes_allocated - change.bytes_deallocated;
    let each = |total: usize| crate::report::ratio(total, messages);
    let is_held = is_port(S::NAME);
    let case = format!("{messages} waiting, bytes");
    let overhead = each(bytes - messages * BODY.len());
    let line = table.push(&case, S::NAME, overhead, Unit::BytesPerMessage);
    line.goal = is_held.then_some(Goal::at_most(OVERHEAD_BYTES_MAX));
    let case = format!("{messages} waiting, allocations");
    // Those that the waiting messages hold: what a call takes and gives back is in `path`.
    let allocations = each(change.allocations - change.deallocations);
    let line = table.push(&case, S::NAME, allocations, Unit::PerMessage);
    line.goal = is_held.then_some(Goal::at_most(ALLOCATIONS_MAX));
    Ok(())
}
