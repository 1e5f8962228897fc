//! How the storage thread waits for the next call: asleep, but awake for a moment while calls
//! follow one another closely. Waking a thread takes as long as a small group.

use std::{hint, sync::Arc, thread, time::Duration};

use relayhouse_core::{Clock, Instant};

/// Calls that come within this time of an answer follow one another closely.
const BRISK_MAX: Duration = Duration::from_micros(150);

/// How often the thread looks for the next call before it sleeps: some tens of microseconds.
const LOOKS: u32 = 2000;

/// Knows whether calls follow one another closely.
#[derive(Debug)]
pub(super) struct Pace {
    clock: Arc<dyn Clock>,
    is_brisk: bool,
    /// True if whoever calls next can run meanwhile.
    has_cores: bool,
    since: Option<Instant>,
}

impl Pace {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            is_brisk: false,
            has_cores: thread::available_parallelism().is_ok_and(|cores| 1 < cores.get()),
            since: None,
        }
    }

    /// Begins a wait: looks for a call for a moment, while calls follow one another closely.
    pub(super) fn look(&mut self, has_call: impl Fn() -> bool) {
        self.since = Some(self.clock.now());
        let looks = if self.is_brisk { LOOKS } else { 0 };
        for _ in 0..looks {
            if has_call() {
                break;
            }
            hint::spin_loop();
        }
    }

    /// Notes that there is a call: the wait for it is over, if there was one.
    pub(super) fn come(&mut self) {
        if let Some(since) = self.since.take() {
            self.is_brisk = self.has_cores && self.clock.now().since(since) < BRISK_MAX;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use relayhouse_core::Timestamp;
    use relayhouse_testkit::clock::ManualClock;

    use super::*;

    fn pace(has_cores: bool) -> (ManualClock, Pace) {
        let clock = ManualClock::new(Timestamp::default());
        let mut pace = Pace::new(Arc::new(clock.clone()));
        pace.has_cores = has_cores;
        (clock, pace)
    }

    /// Waits once for a call that comes `gap` after the last one; returns how often it looked.
    fn wait(pace: &mut Pace, clock: &ManualClock, gap: Duration) -> u32 {
        let looks = Cell::new(0);
        let has_call = || {
            looks.set(looks.get() + 1);
            false
        };
        pace.look(has_call);
        clock.advance(gap);
        pace.come();
        looks.get()
    }

    #[test]
    fn thread_looks_for_calls_only_while_they_follow_one_another_closely() {
        let (clock, mut pace) = pace(true);
        assert_eq!(wait(&mut pace, &clock, BRISK_MAX / 2), 0);
        assert_eq!(wait(&mut pace, &clock, BRISK_MAX), LOOKS);
        assert_eq!(wait(&mut pace, &clock, BRISK_MAX), 0);
    }

    #[test]
    fn thread_of_a_machine_with_one_core_never_looks() {
        let (clock, mut pace) = pace(false);
        wait(&mut pace, &clock, Duration::ZERO);
        assert_eq!(wait(&mut pace, &clock, Duration::ZERO), 0);
    }
}
