//! The time of the emulator: the machine's, or one that a test moves.

use std::{
    fmt::Debug,
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{select, sync::watch, time};

/// How far a clock may be moved from the one that it follows: some ten years.
const AHEAD_MAX: Duration = Duration::from_secs(10 * 366 * 86_400);

/// A wait that ends at a time of a [`Clock`].
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tells the emulator the time, and wakes it.
///
/// All that depends on time goes by it: visibility, delays, retention, long polls, latency.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Returns the time now; it never goes back.
    fn now(&self) -> SystemTime;

    /// Waits until `deadline`; a deadline that has passed ends at once.
    fn sleep_until(&self, deadline: SystemTime) -> Sleep;
}

/// The machine's time: its wall clock when it was made, and from there on its steady one.
#[derive(Clone, Copy, Debug)]
pub struct MachineClock {
    wall: SystemTime,
    start: time::Instant,
}

impl MachineClock {
    /// Starts a clock now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place of this crate that reads the machine's clocks"
    )]
    pub fn new() -> Self {
        Self {
            wall: SystemTime::now(),
            start: time::Instant::now(),
        }
    }
}

impl Default for MachineClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for MachineClock {
    fn now(&self) -> SystemTime {
        self.wall + self.start.elapsed()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place of this crate that waits by a timer"
    )]
    fn sleep_until(&self, deadline: SystemTime) -> Sleep {
        let after = deadline.duration_since(self.wall).unwrap_or_default();
        Box::pin(time::sleep_until(self.start + after))
    }
}

/// A time that stands still until [`advance`](Self::advance) moves it. Its clones are one clock.
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: watch::Sender<SystemTime>,
}

impl ManualClock {
    /// Makes a clock that shows 2026-01-01, midnight UTC.
    #[must_use]
    pub fn new() -> Self {
        Self::at(UNIX_EPOCH + Duration::from_secs(1_767_225_600))
    }

    /// Makes a clock that shows `now`.
    #[must_use]
    pub fn at(now: SystemTime) -> Self {
        Self {
            now: watch::Sender::new(now),
        }
    }

    /// Moves the time on, and wakes who waited for it.
    pub fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now += by);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        *self.now.borrow()
    }

    fn sleep_until(&self, deadline: SystemTime) -> Sleep {
        let mut now = self.now.subscribe();
        // The wait holds a sender of its own, so that the channel is not closed before its end.
        let sender = self.now.clone();
        Box::pin(async move {
            let _ = now.wait_for(|now| deadline <= *now).await;
            drop(sender);
        })
    }
}

/// Another clock, ahead of it by what [`advance`](Self::advance) adds up to.
#[derive(Clone, Debug)]
pub(crate) struct ShiftedClock {
    clock: Arc<dyn Clock>,
    ahead: watch::Sender<Duration>,
}

impl ShiftedClock {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            ahead: watch::Sender::new(Duration::ZERO),
        }
    }

    /// Moves the time on, and wakes who waited for it.
    pub(crate) fn advance(&self, by: Duration) {
        self.ahead
            .send_modify(|ahead| *ahead = ahead.saturating_add(by).min(AHEAD_MAX));
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> SystemTime {
        self.clock.now() + *self.ahead.borrow()
    }

    fn sleep_until(&self, deadline: SystemTime) -> Sleep {
        let clock = self.clone();
        let mut ahead = self.ahead.subscribe();
        Box::pin(async move {
            loop {
                let shift = *ahead.borrow_and_update();
                let deadline = deadline.checked_sub(shift).unwrap_or(UNIX_EPOCH);
                select! {
                    () = clock.clock.sleep_until(deadline) => return,
                    _ = ahead.changed() => {}
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[tokio::test(start_paused = true)]
    async fn machine_clock_wakes_at_its_own_time() {
        let clock = MachineClock::new();
        let start = clock.now();
        clock.sleep_until(start).await;
        assert_eq!(
            clock.now(),
            start,
            "a time that has passed is not waited for"
        );
        clock.sleep_until(start + HOUR).await;
        assert!(start + HOUR <= clock.now());
    }

    #[tokio::test]
    async fn manual_clock_stands_still_until_it_is_moved() {
        let clock = ManualClock::new();
        let start = clock.now();
        let mut has_ended = polled(clock.sleep_until(start + HOUR));
        assert!(!has_ended());
        clock.advance(HOUR / 2);
        assert!(!has_ended());
        clock.clone().advance(HOUR / 2);
        assert!(has_ended());
        assert_eq!(clock.now(), start + HOUR);
    }

    #[tokio::test]
    async fn shifted_clock_is_ahead_of_the_one_that_it_follows() {
        let manual = ManualClock::new();
        let clock = ShiftedClock::new(Arc::new(manual.clone()));
        let start = clock.now();
        let mut has_ended = polled(clock.sleep_until(start + HOUR));
        clock.advance(HOUR / 2);
        assert!(!has_ended());
        manual.advance(HOUR / 4);
        assert!(!has_ended());
        clock.clone().advance(HOUR / 4);
        assert!(has_ended());
        assert_eq!(clock.now(), start + HOUR);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), start + HOUR / 4 + AHEAD_MAX);
    }

    /// Returns what polls a wait once, and tells whether it has ended.
    fn polled(mut sleep: Sleep) -> impl FnMut() -> bool {
        let mut context = Context::from_waker(Waker::noop());
        move || sleep.as_mut().poll(&mut context).is_ready()
    }
}
