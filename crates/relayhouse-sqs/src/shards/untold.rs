//! What failed at one queue while others brought messages: a receive that has some cannot tell.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use relayhouse_core::{Error, Instant};

/// How often a failure is told that may pass. After each, who receives waits for a while.
const TELL_EVERY: Duration = Duration::from_secs(20);

/// Keeps a failure until the next receive tells it.
#[derive(Debug, Default)]
pub(super) struct Untold(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    error: Option<Error>,
    told_at: Option<Instant>,
}

impl Untold {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what failed: one that passes not if such a one was told just now, and one that does not
    /// before all others.
    pub(super) fn note(&self, error: Error, now: Instant) {
        let mut table = self.lock();
        let was_told = table.told_at.is_some_and(|at| now.since(at) < TELL_EVERY);
        let is_worse = error.is_permanent() || (!was_told && table.error.is_none());
        if is_worse {
            table.error = Some(error);
        }
    }

    /// Returns what is to be told now.
    pub(super) fn take(&self, now: Instant) -> Option<Error> {
        let mut table = self.lock();
        let error = table.error.take()?;
        table.told_at = Some(now);
        Some(error)
    }
}

#[cfg(test)]
mod tests {
    use relayhouse_core::ErrorKind;

    use super::*;

    const NOW: Instant = Instant::START;

    fn kind(untold: &Untold, now: Instant) -> Option<ErrorKind> {
        untold.take(now).map(|error| error.kind())
    }

    #[test]
    fn what_passes_is_told_now_and_then() {
        let untold = Untold::default();
        let slow = || Error::new(ErrorKind::Throttled, "slow");
        untold.note(slow(), NOW);
        assert_eq!(kind(&untold, NOW), Some(ErrorKind::Throttled));
        assert_eq!(kind(&untold, NOW), None, "once");
        untold.note(slow(), NOW + TELL_EVERY / 2);
        assert_eq!(kind(&untold, NOW + TELL_EVERY / 2), None);
        untold.note(slow(), NOW + TELL_EVERY);
        assert_eq!(kind(&untold, NOW + TELL_EVERY), Some(ErrorKind::Throttled));
    }

    #[test]
    fn what_does_not_pass_is_told_before_all_others() {
        let untold = Untold::default();
        untold.note(Error::new(ErrorKind::Throttled, "slow"), NOW);
        untold.note(Error::new(ErrorKind::QueueNotFound, "gone"), NOW);
        untold.note(Error::new(ErrorKind::Throttled, "slow"), NOW);
        assert_eq!(kind(&untold, NOW), Some(ErrorKind::QueueNotFound));
    }
}
