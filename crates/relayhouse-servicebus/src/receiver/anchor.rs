//! How times that the broker tells become those of our clock.

use relayhouse_core::{Clock, Instant, Timestamp};

/// Ties the wall-clock time of one moment to the clock: what the wall clock does later changes no
/// lease.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anchor {
    now: Instant,
    wall: Timestamp,
}

impl Anchor {
    pub(crate) fn new(clock: &dyn Clock) -> Self {
        Self {
            now: clock.now(),
            wall: clock.wall(),
        }
    }

    /// Returns when it is `time`, as far as our wall clock and that of the broker agreed.
    pub(crate) fn instant(&self, time: Timestamp) -> Instant {
        if time < self.wall {
            return self.now - self.wall.since(time);
        }
        self.now + time.since(self.wall)
    }

    /// As [`instant`](Self::instant), of a time in milliseconds.
    pub(crate) fn instant_of_millis(&self, millis: i64) -> Instant {
        let micros = u64::try_from(millis).unwrap_or(0).saturating_mul(1000);
        self.instant(Timestamp::from_micros(micros))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use relayhouse_testkit::clock::ManualClock;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn times_before_and_after_are_told_from_the_anchor_on() {
        let clock = ManualClock::new(Timestamp::from_micros(60_000_000));
        clock.advance(SECOND * 10);
        let anchor = Anchor::new(&clock);
        let wall = clock.wall();
        clock.advance(SECOND * 5);
        assert_eq!(anchor.instant(wall + SECOND * 5), clock.now());
        let earlier = Timestamp::from_micros(wall.as_micros() - 3_000_000);
        assert_eq!(anchor.instant(earlier), clock.now() - SECOND * 8);
    }
}
