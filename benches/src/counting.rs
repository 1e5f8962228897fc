//! A clock that counts the waits on another.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use relayhouse_core::{Clock, Context, Instant, MachineTime, Sleep, Timestamp};

/// Counts the waits on another clock.
#[derive(Debug)]
pub(crate) struct CountingClock {
    clock: Arc<dyn Clock>,
    sleeps: Arc<AtomicUsize>,
}

/// Tells how many waits there were.
#[derive(Clone, Debug)]
pub(crate) struct Sleeps(Arc<AtomicUsize>);

impl CountingClock {
    /// Returns `context` with such a clock around its own.
    pub(crate) fn around(context: &Context) -> (Context, Sleeps) {
        let sleeps = Arc::new(AtomicUsize::new(0));
        let clock = Self {
            clock: Arc::clone(&context.clock),
            sleeps: Arc::clone(&sleeps),
        };
        let context = Context {
            clock: Arc::new(clock),
            ..context.clone()
        };
        (context, Sleeps(sleeps))
    }
}

impl Sleeps {
    /// Returns how many waits there were.
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

impl Clock for CountingClock {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn wall(&self) -> Timestamp {
        self.clock.wall()
    }

    fn machine(&self) -> Option<MachineTime> {
        self.clock.machine()
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        self.sleeps.fetch_add(1, Ordering::AcqRel);
        self.clock.sleep_until(deadline)
    }
}
