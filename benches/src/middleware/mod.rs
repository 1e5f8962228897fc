//! Layers, each around a service that does nothing: beside tower's own layer of that name, and
//! beside the service alone.

mod batch;
mod counted;
mod drive;
mod handler;
mod peer;
mod port;
mod producer;
mod request;
mod stack;
mod timers;

use anyhow::Result;
use relayhouse_core::Context;

use self::drive::{Measure, Plan};
use crate::{
    report::Table,
    subject::World,
    workload::{Run, Scale},
};

/// The workloads that take the time, in the order in which they are run.
pub(crate) const TIMED: &[(&str, Run)] = &[
    ("handler", handler::table),
    ("producer", producer::table),
    ("port", port::table),
    ("stack", stack::table),
    ("batch", batch::table),
];

/// The workloads that count, under an allocator that counts as well.
pub(crate) const COUNTED: &[(&str, Run)] =
    &[("allocations", counted::table), ("timers", timers::table)];

/// The service alone.
const BARE: &str = "no layer";
/// Tower's layer of the same name, around the same service.
const TOWER: &str = "tower";
const OURS: &str = "ours";

/// The most that a layer of ours may cost, by tower's own.
const RATIO_MAX: f64 = 1.1;

/// Is what all rows are made with.
#[derive(Clone, Copy, Debug)]
struct Bench<'a> {
    world: &'a World,
    plan: Plan,
}

/// Adds the lines of one layer, or of a few that belong together.
type Add = fn(&Bench<'_>, &mut Table) -> Result<()>;

impl<'a> Bench<'a> {
    const fn new(world: &'a World, measure: Measure, scale: Scale) -> Self {
        Self {
            world,
            plan: Plan::new(measure, scale),
        }
    }

    const fn context(&self) -> &'a Context {
        &self.world.context
    }

    const fn measure(&self) -> Measure {
        self.plan.measure
    }

    /// Adds what each of `rows` adds. Tower's layers look for a runtime around them.
    fn add(&self, rows: &[Add], table: &mut Table) -> Result<()> {
        let _entered = self.world.runtime.enter();
        rows.iter().try_for_each(|add| add(self, table))
    }
}

/// Makes a table whose ratios are to tower's layers.
fn new_table(workload: impl Into<String>) -> Table {
    let mut table = Table::new(workload);
    TOWER.clone_into(&mut table.limit);
    table
}
