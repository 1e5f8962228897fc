//! The clock of relayhouse on tokio, and the context that programs are built with.
//!
//! Under tokio's paused time this clock pauses and jumps with it.

mod machine;

use std::{
    future::pending,
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use relayhouse_core::{Clock, Context, Instant, MachineTime, SeededRandom, Sleep, Timestamp};
use tokio::time;

/// The boot of a simulated machine, without the time at which it was.
const SIMULATED_BOOT: u128 = u128::from_be_bytes(*b"simulate\0\0\0\0\0\0\0\0");

/// Tells tokio's time, and wakes by tokio's timer.
///
/// [`sleep_until`](Clock::sleep_until) needs a tokio runtime with time enabled. The time of the
/// machine is read when the clock starts, and goes on with tokio's; only Linux has one.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    start: time::Instant,
    machine_start: Option<MachineTime>,
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
        let (start, machine_start) = machine::read_beside(time::Instant::now);
        Self {
            start,
            machine_start,
            anchor: None,
        }
    }

    /// Starts a clock now whose wall-clock time is `wall` now and runs with tokio's time: what a
    /// simulation under paused time wants.
    ///
    /// Its machine was started now, at `wall`, which tells that boot from others.
    #[must_use]
    pub fn anchored(wall: Timestamp) -> Self {
        let boot = SIMULATED_BOOT | u128::from(wall.as_micros());
        Self {
            machine_start: Some(MachineTime {
                boot: boot.to_be_bytes(),
                since: Duration::ZERO,
            }),
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

    fn machine(&self) -> Option<MachineTime> {
        let start = self.machine_start?;
        Some(MachineTime {
            since: start.since + self.now().since(Instant::START),
            ..start
        })
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
    async fn machine_time_moves_with_the_instant() {
        let hour = Duration::from_secs(3600);
        let simulated = TokioClock::anchored(Timestamp::from_micros(1_700_000_000_000_000));
        let machine = simulated.machine().unwrap();
        assert_eq!(machine.since, Duration::ZERO);
        let clocks = [TokioClock::new(), simulated];
        let before = clocks.map(|clock| clock.machine());
        simulated.sleep_until(simulated.now() + hour).await;
        for (clock, before) in clocks.iter().zip(before) {
            let later = before.map(|before| MachineTime {
                since: before.since + hour,
                ..before
            });
            assert_eq!(clock.machine(), later);
        }
    }

    #[test]
    fn simulated_machines_started_at_other_times_are_others() {
        let [first, same, other] = [1, 1, 2].map(|micros| {
            let clock = TokioClock::anchored(Timestamp::from_micros(micros));
            clock.machine().unwrap().boot
        });
        assert_eq!(first, same);
        assert_ne!(first, other);
    }

    /// Two clocks of one machine tell one time, whenever they were started.
    #[test]
    #[cfg(target_os = "linux")]
    fn clocks_of_one_machine_agree() {
        let early = TokioClock::new();
        let late = TokioClock::new();
        let before = early.machine().unwrap();
        let between = late.machine().unwrap();
        let after = early.machine().unwrap();
        let off_max = Duration::from_millis(1);
        assert_eq!(before.boot, between.boot);
        assert!(before.since <= between.since + off_max);
        assert!(between.since <= after.since + off_max);
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
