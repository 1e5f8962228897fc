//! How long to leave the broker alone after a failure.

use std::{sync::Arc, time::Duration};

use relayhouse_core::{Backoff, Clock, Error, Growth, Instant, Jitter, Random, Retry};

/// The waits between attempts to come back: they double up to [`DELAY_MAX`].
const BACKOFF: Backoff = Backoff {
    growth: Growth::Exponential,
    delay_first: Duration::from_millis(100),
    delay_max: DELAY_MAX,
    jitter: Jitter::Full,
};

/// The longest wait before the next attempt, unless the broker asks for a longer one.
pub(crate) const DELAY_MAX: Duration = Duration::from_secs(10);

/// How long something must have held for its end to be no failure.
const STEADY: Duration = Duration::from_secs(10);

/// Counts failures in a row, and says when to try again.
#[derive(Debug)]
pub(crate) struct Pace {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    failures: u32,
    next: Instant,
}

impl Pace {
    pub(crate) fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self {
            clock,
            random,
            failures: 0,
            next: Instant::START,
        }
    }

    /// Waits until it is time for the next attempt.
    pub(crate) async fn wait(&self) {
        if self.clock.now() < self.next {
            self.clock.sleep_until(self.next).await;
        }
    }

    /// Notes that an attempt failed.
    pub(crate) fn failed(&mut self, error: &Error) {
        self.failures = self.failures.saturating_add(1);
        let delay = BACKOFF.delay(self.failures, &*self.random);
        let delay = match error.retry_hint() {
            Retry::After(asked) => delay.max(asked),
            _ => delay,
        };
        self.next = self.clock.now() + delay;
    }

    /// Notes that what had begun at `since` has ended by itself.
    pub(crate) fn ended(&mut self, since: Instant, error: &Error) {
        if STEADY <= self.clock.now().since(since) {
            self.failures = 0;
        }
        self.failed(error);
    }
}

#[cfg(test)]
mod tests {
    use relayhouse_core::{ErrorKind, SeededRandom, Timestamp};
    use relayhouse_testkit::clock::ManualClock;

    use super::*;

    fn pace(clock: &ManualClock) -> Pace {
        Pace::new(Arc::new(clock.clone()), Arc::new(SeededRandom::new(7)))
    }

    fn delay(pace: &Pace) -> Duration {
        pace.next.since(pace.clock.now())
    }

    fn lost() -> Error {
        Error::new(ErrorKind::ConnectionFailed, "lost")
    }

    #[test]
    fn delays_grow_to_their_bound_and_start_over_after_a_steady_time() {
        let clock = ManualClock::new(Timestamp::default());
        let mut pace = pace(&clock);
        for _ in 0..100 {
            pace.failed(&lost());
            assert!(delay(&pace) <= DELAY_MAX);
        }
        let since = clock.now();
        clock.advance(STEADY);
        pace.ended(since, &lost());
        assert!(delay(&pace) <= BACKOFF.delay_first);
        pace.ended(clock.now(), &lost());
        assert_eq!(pace.failures, 2, "it had only just begun");
    }

    #[test]
    fn a_broker_that_is_busy_is_left_alone_for_as_long_as_it_asks() {
        let clock = ManualClock::new(Timestamp::default());
        let mut pace = pace(&clock);
        let busy = Retry::After(Duration::from_secs(20));
        pace.failed(&lost().retry(busy));
        assert_eq!(delay(&pace), Duration::from_secs(20));
    }
}
