//! What a call through a layer allocates.

use anyhow::Result;

use super::{Bench, drive::Measure, handler, port, producer, stack};
use crate::{report::Table, subject::World, workload::Scale};

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let mut table = super::new_table("A layer around a service that does nothing: allocations");
    let bench = Bench::new(world, Measure::Allocations, scale);
    for rows in [
        handler::LAYERS,
        producer::LAYERS,
        port::WRAPPERS,
        stack::STACKS,
    ] {
        bench.add(rows, &mut table)?;
    }
    Ok(table)
}
