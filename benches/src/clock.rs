//! The benchmark's own clock: real time, which no queue under measurement can move.

use std::time::{Duration, Instant};

/// Marks a point in real time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(Instant);

impl Mark {
    /// Reads the clock.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads real time: that is what a benchmark measures"
    )]
    pub fn now() -> Self {
        Self(Instant::now())
    }

    /// Returns how long after `earlier` this is: zero if it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// Returns how long ago this was.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        Self::now().since(self)
    }

    /// Returns the mark that is `by` later.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0 + by)
    }
}

/// Returns for how long this thread has been on a processor, where the system tells.
#[must_use]
pub fn thread_time() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    return thread_time_of_linux();
    #[cfg(not(target_os = "linux"))]
    None
}

#[cfg(target_os = "linux")]
fn thread_time_of_linux() -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).ok()?;
    let nanos = u32::try_from(time.tv_nsec).ok()?;
    Some(Duration::new(seconds, nanos))
}
