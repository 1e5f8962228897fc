//! Queues in files: beside a plain program of the same tables, and beside the disk itself.

pub mod child;
mod disk;
mod flushes;
mod idle;
mod million;
pub(crate) mod place;
mod queue;
mod receive;
mod send;
mod wake;
mod yardstick;

use bytes::Bytes;
use relayhouse_core::Context;

use crate::{
    compare::Comparison,
    report::{Goal, Table, Unit},
    workload::Run,
};

/// The workloads, in the order in which they are run.
pub(crate) const TABLES: &[(&str, Run)] = &[
    ("send", send::table),
    ("receive", receive::table),
    ("million", million::table),
    ("flushes", flushes::table),
    ("wake", wake::table),
    ("idle", idle::table),
];

/// The contender that ratios are taken to: a program with the same tables and nothing else.
const YARDSTICK: &str = "yardstick";
/// Appends to a file and flushes it.
const DISK: &str = "append + fdatasync";
/// The adapter behind `dyn Sender` and `dyn Receiver`.
const PORTS: &str = "ports";

const BODY_BYTES: usize = 1024;

/// How many bodies there are: more than fit where compression would look for them.
const BODIES: usize = 1024;

/// How many messages one receive takes.
const TAKEN: usize = 10;

/// Makes a table whose ratios are to the yardstick.
fn new_table(workload: impl Into<String>) -> Table {
    let mut table = Table::new(workload);
    YARDSTICK.clone_into(&mut table.limit);
    table
}

/// Adds one figure of every contender that has it, with its ratio to the yardstick; the goal is
/// for the ports.
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
        line.ratio = comparison.ratio(name, YARDSTICK, figure);
        line.goal = goal.filter(|_| name == PORTS);
    }
}

/// Hands out bodies that no file system can compress.
#[derive(Debug)]
struct Bodies {
    bodies: Vec<Bytes>,
    next: usize,
}

impl Bodies {
    fn new(context: &Context) -> Self {
        let body = || {
            let words = (0..BODY_BYTES / size_of::<u64>()).map(|_| context.random.next_u64());
            Bytes::from_iter(words.flat_map(u64::to_le_bytes))
        };
        Self {
            bodies: (0..BODIES).map(|_| body()).collect(),
            next: 0,
        }
    }

    /// Returns the next `count` bodies.
    fn take(&mut self, count: usize) -> impl ExactSizeIterator<Item = Bytes> + Send {
        let first = self.next;
        self.next += count;
        let bodies = &self.bodies;
        (first..first + count).map(|index| bodies[index % BODIES].clone())
    }
}

#[cfg(test)]
mod tests {
    use super::{place::Place, queue::Queue, yardstick::Yardstick, *};

    #[test]
    fn yardstick_takes_what_it_was_sent_and_no_more() {
        let place = Place::new().unwrap();
        let mut bodies = Bodies::new(&relayhouse_time::context().unwrap());
        let mut yardstick = Yardstick::open(place.path()).unwrap();
        yardstick.send(bodies.take(15)).unwrap();
        assert_eq!(yardstick.take(TAKEN).unwrap(), 10);
        assert_eq!(yardstick.take(TAKEN).unwrap(), 5);
        assert_eq!(yardstick.take(TAKEN).unwrap(), 0);
    }

    #[tokio::test]
    async fn files_of_a_queue_are_where_they_are_looked_for() {
        let place = Place::new().unwrap();
        let context = relayhouse_time::context().unwrap();
        let queue = Queue::open(place.path(), &context).await.unwrap();
        let mut bodies = Bodies::new(&context);
        queue.producer().send_bodies(bodies.take(20)).await.unwrap();
        let sizes = place::Sizes::of(place.path());
        assert!(0 < sizes.queue && 0 < sizes.log, "{sizes:?}");
        queue::take(&mut queue.consumer(), 20, TAKEN).await.unwrap();
        queue.close().await.unwrap();
    }

    #[test]
    fn bodies_are_of_one_size_and_differ() {
        let mut bodies = Bodies::new(&relayhouse_time::context().unwrap());
        let taken: std::collections::HashSet<_> = bodies.take(BODIES).collect();
        assert_eq!(taken.len(), BODIES);
        assert!(taken.iter().all(|body| body.len() == BODY_BYTES));
    }
}
