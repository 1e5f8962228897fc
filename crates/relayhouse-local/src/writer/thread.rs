//! The storage thread: opens the store, runs what waits as one group, and does the chores.

use std::sync::Arc;

use relayhouse_core::{Clock, Error, Result};

use super::{
    Jobs,
    group::{self, Opening, Writer},
    jobs::Order,
    pace::Pace,
};
use crate::wait::{Closing, Waits};

/// Answers what waits when the thread ends, however it ends.
struct Ending {
    jobs: Arc<Jobs>,
    waits: Arc<Waits>,
    ended: Arc<Closing>,
    error: Option<Error>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let (left, count) = self.jobs.give_up(self.error.as_ref());
        let error = self.error.take().unwrap_or_else(crate::error::writer_gone);
        group::answer(left, &Err(error));
        self.waits.wake_all();
        self.ended.close();
        self.jobs.answered(count);
    }
}

/// Opens the store with `open` and runs calls until the thread is told to stop.
pub(crate) fn run(
    open: impl FnOnce() -> Result<Opening>,
    clock: Arc<dyn Clock>,
    jobs: &Arc<Jobs>,
    waits: Arc<Waits>,
    ended: Arc<Closing>,
) {
    let mut ending = Ending {
        jobs: Arc::clone(jobs),
        waits: Arc::clone(&waits),
        ended,
        error: None,
    };
    match open() {
        Ok(opening) => {
            let pace = Pace::new(Arc::clone(&clock));
            work(jobs, Writer::new(opening, clock, waits), pace);
        }
        Err(error) => ending.error = Some(error),
    }
}

fn work(jobs: &Jobs, writer: Writer, mut pace: Pace) {
    jobs.rest(Box::new(writer));
    while let Some((mut writer, order)) = jobs.next(&mut pace) {
        match order {
            Order::Group {
                jobs: group,
                is_nudged,
            } => {
                let count = group.len() + usize::from(is_nudged);
                writer.group(group);
                jobs.answered(count);
            }
            Order::Chores => writer.do_chores(),
            Order::Stop => return,
        }
        jobs.rest(writer);
    }
}
