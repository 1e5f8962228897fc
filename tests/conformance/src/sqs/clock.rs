//! The clock of the harness, as the emulator takes it, with a count of who waits there.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use relayhouse_core::{Clock as _, Instant, Timestamp};
use relayhouse_testkit::clock::ManualClock;
use sqs_emulator::{Clock, Sleep};

/// Shows the time of a manual clock to the emulator, where only requests that wait sleep.
#[derive(Debug)]
pub(super) struct EmulatorClock {
    manual: ManualClock,
    start: SystemTime,
    waiting: Arc<Waiting>,
}

impl EmulatorClock {
    pub(super) fn new(manual: ManualClock, start: Timestamp, waiting: Arc<Waiting>) -> Self {
        Self {
            manual,
            start: start.into(),
            waiting,
        }
    }
}

impl Clock for EmulatorClock {
    fn now(&self) -> SystemTime {
        self.start + self.manual.now().since(Instant::START)
    }

    fn sleep_until(&self, deadline: SystemTime) -> Sleep {
        let after = deadline.duration_since(self.start).unwrap_or_default();
        let sleep = self.manual.sleep_until(Instant::START + after);
        let waits = Waits::of(&self.waiting);
        Box::pin(async move {
            sleep.await;
            drop(waits);
        })
    }
}

/// Counts who waits at the emulator, or at the proxy before it.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    count: Mutex<u64>,
    less: Condvar,
}

impl Waiting {
    pub(super) fn count(&self) -> u64 {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks until at most `max` wait, or until it is clear that nobody goes.
    pub(super) fn at_most(&self, max: u64) {
        const PATIENCE: Duration = Duration::from_secs(30);
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let is_more = |count: &mut u64| max < *count;
        drop(self.less.wait_timeout_while(count, PATIENCE, is_more));
    }
}

/// Counts one while it lives.
#[derive(Debug)]
pub(super) struct Waits(Arc<Waiting>);

impl Waits {
    pub(super) fn of(waiting: &Arc<Waiting>) -> Self {
        *waiting.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self(Arc::clone(waiting))
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        let count = self.0.count.lock();
        *count.unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.less.notify_all();
    }
}
