//! A clock that counts what is asked of another.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use relayhouse_core::{Clock, Context, Instant, MachineTime, Sleep, Timestamp};

/// Counts how often another clock is read, and how many waits it is asked for.
#[derive(Debug)]
pub struct CountingClock {
    clock: Arc<dyn Clock>,
    reads: AtomicUsize,
    sleeps: AtomicUsize,
}

impl CountingClock {
    /// Returns `context` with such a clock around its own, and that clock.
    #[must_use]
    pub fn around(context: &Context) -> (Context, Arc<Self>) {
        let clock = Arc::new(Self {
            clock: Arc::clone(&context.clock),
            reads: AtomicUsize::new(0),
            sleeps: AtomicUsize::new(0),
        });
        let context = Context {
            clock: Arc::<Self>::clone(&clock),
            ..context.clone()
        };
        (context, clock)
    }

    /// Returns how often it was read.
    #[must_use]
    pub fn reads(&self) -> usize {
        self.reads.load(Ordering::Acquire)
    }

    /// Returns how many waits it was asked for.
    #[must_use]
    pub fn sleeps(&self) -> usize {
        self.sleeps.load(Ordering::Acquire)
    }
}

impl Clock for CountingClock {
    fn now(&self) -> Instant {
        self.reads.fetch_add(1, Ordering::AcqRel);
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
