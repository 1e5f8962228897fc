//! The workloads, one module each: what is run, and the goals it is held to.

mod fill;
mod footprint;
mod offered;
mod once;
mod pairs;
mod ping;
mod scaling;

use anyhow::Result;

use crate::{
    compare::{Comparison, Contender, LIMIT, Rounds},
    limit::Limit,
    peer::{Flume, Omniqueue},
    report::{Goal, Report, Table, Unit},
    subject::{Subject, World},
};

/// The body of the messages whose time is taken.
const BODY_BYTES: usize = 1024;

/// Bounds what a run takes.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// True for short rounds, which show that it works and give no figure to quote.
    pub is_quick: bool,
}

impl Scale {
    /// Returns `full`, or `quick` in a quick run.
    #[must_use]
    pub const fn pick(self, full: usize, quick: usize) -> usize {
        if self.is_quick { quick } else { full }
    }

    /// Returns the rounds whose median counts.
    #[must_use]
    pub const fn rounds(self) -> Rounds {
        Rounds {
            count: self.pick(7, 3),
            warm_up: 1,
        }
    }
}

/// Says which workloads to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Those that take the time.
    Timed,
    /// Those that count, under an allocator that counts as well.
    Counted,
}

/// Runs a workload.
type Run = fn(&World, Scale) -> Result<Table>;

const TIMED: &[(&str, Run)] = &[
    ("fill", fill::table),
    ("pairs", pairs::table),
    ("ping", ping::table),
    ("scaling", scaling::table),
    ("once", once::table),
    ("offered", offered::table),
];

const COUNTED: &[(&str, Run)] = &[("footprint", footprint::table)];

/// Runs every workload of `set` whose name contains one of `only`, or all of them if there is
/// none.
///
/// # Errors
///
/// Returns the first error of a queue under measurement.
pub fn run(
    set: Set,
    world: &World,
    scale: Scale,
    only: &[String],
    report: &mut Report,
) -> Result<()> {
    let workloads = match set {
        Set::Timed => TIMED,
        Set::Counted => COUNTED,
    };
    for (name, table) in workloads {
        if only.is_empty() || only.iter().any(|only| name.contains(only.as_str())) {
            report.tables.push(table(world, scale)?);
        }
    }
    Ok(())
}

/// Is a workload that runs on every kind of queue.
trait Workload {
    /// Makes the contender that runs it on a queue of the kind `S`.
    fn contender<'w, S: Subject>(&self, world: &'w World) -> Result<Contender<'w>>;
}

/// The kinds of queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Limit,
    Flume,
    Omniqueue,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Limit, Self::Flume, Self::Omniqueue];

    fn contender<'w>(self, workload: &impl Workload, world: &'w World) -> Result<Contender<'w>> {
        match self {
            Self::Limit => workload.contender::<Limit>(world),
            Self::Flume => workload.contender::<Flume>(world),
            Self::Omniqueue => workload.contender::<Omniqueue>(world),
        }
    }
}

/// Makes a contender of each kind.
fn contenders<'w>(
    kinds: &[Kind],
    workload: &impl Workload,
    world: &'w World,
) -> Result<Vec<Contender<'w>>> {
    let contenders = kinds.iter().map(|kind| kind.contender(workload, world));
    contenders.collect()
}

/// Adds one figure of every contender, with its ratio to the limit; `goal` is for those whose
/// name `is_held` says.
fn push_all(
    table: &mut Table,
    case: &str,
    comparison: &Comparison,
    (figure, unit): (usize, Unit),
    goal: impl Fn(&str) -> Option<Goal>,
) {
    for name in comparison.names() {
        let Some(value) = comparison.median(name, figure) else {
            continue;
        };
        let line = table.push(case, name, value, unit);
        line.ratio = comparison.ratio(name, LIMIT, figure);
        line.goal = goal(name);
    }
}

/// Whether a contender is ours, at the ports: the one that the goals are for.
fn is_port(name: &str) -> bool {
    name == "ports"
}
