//! Queues of Azure Service Bus: the adapter and the runtime on it beside the bare AMQP client with
//! hand-written credit and settlements, and the official Python SDK, all on one emulator.

mod bare;
pub mod child;
mod emulator;
mod ports;
mod python;
mod rate;
mod runtime;
mod tap;

use crate::{
    compare::Comparison,
    report::{Goal, Table, Unit},
    workload::Run,
};

/// The workloads, in the order in which they are run.
pub(crate) const TABLES: &[(&str, Run)] = &[
    ("batches", rate::batches),
    ("singles", rate::singles),
    ("receive", rate::receive),
    ("sessions", rate::sessions),
    ("emulator", emulator::table),
    ("tap", tap::table),
];

/// The contender that ratios are taken to: the client library without anything around it.
const BARE: &str = "bare client";
/// The adapter behind `dyn Sender`, `dyn Receiver` and `dyn Sessions`.
const PORTS: &str = "ports";
/// The runtime on the adapter.
const RUNTIME: &str = "Producer, Consumer";
const PYTHON: &str = "Python SDK";

/// The messages of one call.
const BATCH: usize = 100;

/// How many calls are in flight, where each has a batch.
const CALLS: usize = 4;

/// How many sends are in flight, where each has one message: as many as a sender has at most.
const SINGLES: usize = 64;

/// The messages of one session.
const SESSION: usize = 100;

/// Names the queue that a contender has for itself.
fn queue_of(contender: &str) -> String {
    contender.to_lowercase().replace([' ', ','], "-")
}

/// Names the queue with sessions that a contender has for itself.
fn sessions_of(contender: &str) -> String {
    format!("{}-sessions", queue_of(contender))
}

/// Makes a table whose ratios are to the bare client.
fn new_table(workload: impl Into<String>) -> Table {
    let mut table = Table::new(workload);
    BARE.clone_into(&mut table.limit);
    table
}

/// Adds one figure of every contender, with its ratio to the bare client; the goal is for one of
/// them.
fn push_all(
    table: &mut Table,
    case: &str,
    comparison: &Comparison,
    (figure, unit): (usize, Unit),
    goal: Option<(&str, Goal)>,
) {
    for name in comparison.names() {
        let Some(value) = comparison.median(name, figure) else {
            continue;
        };
        let line = table.push(case, name, value, unit);
        line.spread = comparison.spread(name, figure);
        line.ratio = comparison.ratio(name, BARE, figure);
        line.goal = goal.and_then(|(of, goal)| (of == name).then_some(goal));
    }
}
