//! Tokio's time, as the emulator takes it.

use std::time::SystemTime;

use relayhouse_core::{Clock as _, Instant, Timestamp};
use relayhouse_time::TokioClock;
use servicebus_emulator::{Clock, Sleep};

/// Shows tokio's time to the emulator, which so has the wall-clock time of the harness.
#[derive(Debug)]
pub(super) struct EmulatorClock {
    clock: TokioClock,
    start: SystemTime,
}

impl EmulatorClock {
    pub(super) fn new(clock: TokioClock, start: Timestamp) -> Self {
        let start = start.into();
        Self { clock, start }
    }
}

impl Clock for EmulatorClock {
    fn now(&self) -> SystemTime {
        self.start + self.clock.now().since(Instant::START)
    }

    fn sleep_until(&self, deadline: SystemTime) -> Sleep {
        let after = deadline.duration_since(self.start).unwrap_or_default();
        Box::pin(self.clock.sleep_until(Instant::START + after))
    }
}
