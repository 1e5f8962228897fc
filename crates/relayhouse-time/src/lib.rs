//! The clock of relayhouse on tokio, and the context that programs are built with.
//!
//! Under tokio's paused time this clock pauses and jumps with it.

use std::{future::pending, io, sync::Arc, time::SystemTime};

use relayhouse_core::{Clock, Context, Instant, SeededRandom, Sleep, Timestamp};
use tokio::time;

/// Tells tokio's time, and wakes by tokio's timer.
///
/// [`sleep_until`](Clock::sleep_until) needs a tokio runtime with time enabled.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    start: time::Instant,
    anchor: Option<Timestamp>,
}

impl TokioClock {
    /// Starts a clock now; its wall-clock time is the machine's.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads tokio's clock"
    )]
    pub fn new() -> Self {
        Self {
            start: time::Instant::now(),
            anchor: None,
        }
    }

    /// Starts a clock now whose wall-clock time is `wall` now and runs with tokio's time: what a
    /// simulation under paused time wants.
    #[must_use]
    pub fn anchored(wall: Timestamp) -> Self {
        Self {
            anchor: Some(wall),
            ..Self::new()
        }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads tokio's clock"
    )]
    fn now(&self) -> Instant {
        Instant::START + time::Instant::now().duration_since(self.start)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock"
    )]
    fn wall(&self) -> Timestamp {
        match self.anchor {
            Some(wall) => wall + self.now().since(Instant::START),
            None => SystemTime::now().into(),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that waits by tokio's timer"
    )]
    fn sleep_until(&self, deadline: Instant) -> Sleep {
        let after = deadline.since(Instant::START);
        match self
            .start
            .checked_add(after)
            .filter(|_| deadline != Instant::NEVER)
        {
            Some(deadline) => Box::pin(time::sleep_until(deadline)),
            None => Box::pin(pending()),
        }
    }
}

/// Makes the context of a program: tokio's clock, and randomness seeded by the operating system.
///
/// # Errors
///
/// Returns the operating system's error if it has no randomness to give.
pub fn context() -> io::Result<Context> {
    let random = SeededRandom::from_entropy()?;
    Ok(Context::new(Arc::new(TokioClock::new()), Arc::new(random)))
}

/// Makes the context of a simulation: tokio's clock, anchored at `wall`, and randomness from
/// `seed`.
#[must_use]
pub fn simulated(wall: Timestamp, seed: u64) -> Context {
    Context::new(
        Arc::new(TokioClock::anchored(wall)),
        Arc::new(SeededRandom::new(seed)),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn paused_time_moves_instant_and_wall_together() {
        let wall = Timestamp::from_micros(1_700_000_000_000_000);
        let clock = TokioClock::anchored(wall);
        let hour = Duration::from_secs(3600);
        clock.sleep_until(clock.now() + hour).await;
        assert_eq!(clock.now().since(Instant::START), hour);
        assert_eq!(clock.wall().since(wall), hour);
    }

    #[tokio::test(start_paused = true)]
    async fn past_deadlines_end_at_once_and_never_does_not() {
        let clock = TokioClock::new();
        clock.sleep_until(Instant::START).await;
        let mut never = clock.sleep_until(Instant::NEVER);
        tokio::select! {
            biased;
            () = &mut never => unreachable!("never came"),
            () = clock.sleep_until(clock.now() + Duration::from_secs(1_000_000)) => {}
        }
    }
}
