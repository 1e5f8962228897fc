//! The workloads, one module each: what is run, and the goals it is held to.

mod burn;
mod consumer;
mod fill;
mod footprint;
mod handled;
mod offered;
mod once;
mod pairs;
mod path;
mod ping;
mod scaling;
mod sustained;
mod waiting;

use std::time::Duration;

use anyhow::Result;

#[cfg(feature = "codec")]
pub(crate) use self::handled::Handled;
#[cfg(feature = "soak")]
pub(crate) use self::offered::wait_until;
use crate::{
    compare::{Comparison, Contender, LIMIT, Rounds},
    limit::Limit,
    local, middleware,
    ours::{Buffered, Ports, Sent},
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
    /// Those that watch the memory of the program, which nothing else may have grown before.
    Watched,
    /// Those of queues in files.
    Local,
    /// Those of layers that take the time.
    Layers,
    /// Those of layers that count.
    LayersCounted,
    /// Those of Azure Service Bus.
    #[cfg(feature = "servicebus")]
    ServiceBus,
    /// Those of Amazon SQS.
    #[cfg(feature = "sqs")]
    Sqs,
    /// Those of telemetry.
    #[cfg(feature = "telemetry")]
    Telemetry,
}

/// Runs a workload.
pub(crate) type Run = fn(&World, Scale) -> Result<Table>;

const TIMED: &[(&str, Run)] = &[
    ("fill", fill::table),
    ("pairs", pairs::table),
    ("ping", ping::table),
    ("scaling", scaling::table),
    ("once", once::table),
    ("offered", offered::table),
    ("consumer", consumer::table),
    ("burn", burn::table),
];

const WATCHED: &[(&str, Run)] = &[("sustained", sustained::table)];

const COUNTED: &[(&str, Run)] = &[
    ("footprint", footprint::table),
    ("path", path::table),
    // The last one: tokio's clock is slower in a program that ever paused it.
    ("waiting", waiting::table),
];

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
    for (_, table) in set.wanted(only) {
        report.tables.push(table(world, scale)?);
    }
    Ok(())
}

impl Set {
    /// Returns true if a workload of this set was asked for.
    #[must_use]
    pub fn has(self, only: &[String]) -> bool {
        self.wanted(only).next().is_some()
    }

    fn wanted(self, only: &[String]) -> impl Iterator<Item = &'static (&'static str, Run)> {
        let workloads = match self {
            Self::Timed => TIMED,
            Self::Counted => COUNTED,
            Self::Watched => WATCHED,
            Self::Local => local::TABLES,
            Self::Layers => middleware::TIMED,
            Self::LayersCounted => middleware::COUNTED,
            #[cfg(feature = "servicebus")]
            Self::ServiceBus => crate::servicebus::TABLES,
            #[cfg(feature = "sqs")]
            Self::Sqs => crate::sqs::TABLES,
            #[cfg(feature = "telemetry")]
            Self::Telemetry => crate::telemetry::TABLES,
        };
        let is_wanted = |name: &str| only.is_empty() || only.iter().any(|it| name.contains(it));
        workloads.iter().filter(move |(name, _)| is_wanted(name))
    }
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
    Ports,
    Buffered,
    Producer,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Limit,
        Self::Flume,
        Self::Omniqueue,
        Self::Ports,
        Self::Buffered,
        Self::Producer,
    ];

    /// Those that differ for single messages.
    const DIRECT: [Self; 5] = [
        Self::Limit,
        Self::Flume,
        Self::Omniqueue,
        Self::Ports,
        Self::Producer,
    ];

    /// Those that differ in how they receive.
    const RECEIVERS: [Self; 4] = [Self::Limit, Self::Flume, Self::Omniqueue, Self::Ports];

    fn name(self) -> &'static str {
        match self {
            Self::Limit => Limit::NAME,
            Self::Flume => Flume::NAME,
            Self::Omniqueue => Omniqueue::NAME,
            Self::Ports => Ports::NAME,
            Self::Buffered => Buffered::NAME,
            Self::Producer => Sent::NAME,
        }
    }

    fn contender<'w>(self, workload: &impl Workload, world: &'w World) -> Result<Contender<'w>> {
        match self {
            Self::Limit => workload.contender::<Limit>(world),
            Self::Flume => workload.contender::<Flume>(world),
            Self::Omniqueue => workload.contender::<Omniqueue>(world),
            Self::Ports => workload.contender::<Ports>(world),
            Self::Buffered => workload.contender::<Buffered>(world),
            Self::Producer => workload.contender::<Sent>(world),
        }
    }
}

/// Makes a contender of each kind.
fn contenders<'w>(
    kinds: &[Kind],
    workload: &impl Workload,
    world: &'w World,
) -> Result<Vec<Contender<'w>>> {
    let is_wanted = |kind: &&Kind| match &world.queue {
        None => true,
        Some(name) => kind.name() == name,
    };
    let kinds = kinds.iter().filter(is_wanted);
    let contenders = kinds.map(|kind| kind.contender(workload, world));
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

/// Returns a duration as a figure.
pub(crate) fn nanos(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}

/// Whether a contender is ours, at the ports: the one that the goals are for.
fn is_port(name: &str) -> bool {
    name == Ports::NAME
}
