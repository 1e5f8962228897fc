//! Queues of Amazon SQS: the adapter and the runtime on it beside hand-filled batches on the bare
//! SDK, with answers that are there already, and counted on the emulator.

mod answer;
mod bare;
mod callers;
pub(crate) mod client;
mod cost;
mod idle;
mod lone;
mod ports;
mod rate;
mod runtime;
mod server;

use crate::{
    compare::Comparison,
    remote::{BODY_BYTES, all, body},
    report::{Goal, Table, Unit},
    spent,
    workload::Run,
};

/// The workloads, in the order in which they are run.
pub(crate) const TABLES: &[(&str, Run)] = &[
    ("rate", rate::table),
    ("callers", callers::table),
    ("lone", lone::table),
    ("cost", cost::table),
    ("idle", idle::table),
];

/// The contender that ratios are taken to: batches filled by hand, with the attribute that the
/// adapter writes.
const SDK: &str = "SDK";
/// Batches filled by hand, without any attribute.
const BODIES: &str = "SDK, bodies alone";
/// The adapter behind `dyn Sender` and `dyn Receiver`.
const PORTS: &str = "ports";
const PRODUCER: &str = "Producer";
const CONSUMER: &str = "Consumer";

const QUEUE: &str = "bench";

/// The most messages of one call.
const BATCH: usize = 10;

/// How many calls are in flight: below 8 a connection waits for the next request.
const CALLS: u32 = 16;
const AT_ONCE: usize = CALLS as usize;

/// The attribute in which the adapter puts what SQS has no field for.
const ATTRIBUTE: &str = "relayhouse";

/// Returns the value of that attribute for a message without headers.
fn attribute(id: u64) -> String {
    format!("{{\"id\":\"{id:032x}\"}}")
}

/// Makes a table whose ratios are to the SDK.
fn new_table(workload: impl Into<String>) -> Table {
    let mut table = Table::new(workload);
    SDK.clone_into(&mut table.limit);
    table
}

/// Adds one figure of every contender that has it, with its ratio to the SDK; the goal is for ours.
fn push_all(
    table: &mut Table,
    case: &str,
    comparison: &Comparison,
    (figure, unit): (usize, Unit),
    goal: Option<Goal>,
) {
    for name in comparison.names() {
        let Some(value) = comparison.median(name, figure) else {
            continue;
        };
        let line = table.push(case, name, value, unit);
        line.spread = comparison.spread(name, figure);
        line.ratio = comparison.ratio(name, SDK, figure);
        line.goal = goal.filter(|_| [PORTS, PRODUCER, CONSUMER, runtime::BOTH].contains(&name));
    }
}
