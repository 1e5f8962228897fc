//! How long a round trip to SQS takes, measured on calls that do not wait.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// The part of a round trip that is forgotten with each shorter one. It is small: where round trips
/// differ, a few short ones do not make the next one short.
const FADING: u64 = 64;

/// Stands for a round trip that nobody has measured.
const UNKNOWN: u64 = u64::MAX;

/// Keeps the longest round trip of late: a longer one counts at once, and fades with each shorter
/// one.
#[derive(Debug)]
pub(crate) struct RoundTrip(AtomicU64);

impl Default for RoundTrip {
    fn default() -> Self {
        Self(AtomicU64::new(UNKNOWN))
    }
}

impl RoundTrip {
    pub(crate) fn note(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(UNKNOWN - 1);
        let next = |longest: u64| match longest {
            UNKNOWN => Some(took),
            longest => Some(took.max(longest - longest / FADING)),
        };
        // The closure always answers, so there is no failure to look at.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    }

    /// Returns `None` until one was noted.
    pub(crate) fn get(&self) -> Option<Duration> {
        let longest = self.0.load(Ordering::Relaxed);
        (longest != UNKNOWN).then(|| Duration::from_nanos(longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_one_counts_at_once_and_fades() {
        let millis = Duration::from_millis;
        let round_trip = RoundTrip::default();
        assert_eq!(round_trip.get(), None);
        round_trip.note(millis(8));
        round_trip.note(millis(80));
        assert_eq!(round_trip.get(), Some(millis(80)));
        round_trip.note(millis(8));
        assert_eq!(round_trip.get(), Some(Duration::from_micros(78_750)));
        (0..1_000).for_each(|_| round_trip.note(millis(8)));
        assert_eq!(round_trip.get(), Some(millis(8)));
    }
}
