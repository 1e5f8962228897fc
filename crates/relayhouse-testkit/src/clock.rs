//! Clocks for tests: one that moves when it is told, one that can be disturbed, and one that counts.

mod counting;

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use relayhouse_core::{Clock, Instant, MachineTime, Sleep, Timestamp};

pub use self::counting::CountingClock;
use crate::harness::WallClock;

/// The first boot of the machine of a manual clock; the next ones count on.
const BOOT: u128 = u128::from_be_bytes(*b"manual\0\0\0\0\0\0\0\0\0\0");

/// Stands still until a test moves it.
///
/// A clone shows the same time. To others that were never restarted it shows the same boot of the
/// machine, with a time of its own.
#[derive(Clone, Debug)]
pub struct ManualClock {
    wall: Timestamp,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    elapsed: Duration,
    boots: u64,
    booted: Duration,
    next: u64,
    sleepers: BTreeMap<(Instant, u64), Option<Waker>>,
}

impl ManualClock {
    /// Makes a clock at its start, whose wall-clock time is `wall`.
    #[must_use]
    pub fn new(wall: Timestamp) -> Self {
        Self {
            wall,
            state: Arc::default(),
        }
    }

    /// Moves the clock by `time`, and wakes who sleeps until then.
    pub fn advance(&self, time: Duration) {
        let woken = {
            let mut state = self.state();
            state.elapsed = state.elapsed.saturating_add(time);
            let now = Instant::START + state.elapsed;
            let due = state.sleepers.range_mut(..=(now, u64::MAX));
            due.filter_map(|(_, waker)| waker.take())
                .collect::<Vec<_>>()
        };
        woken.into_iter().for_each(Waker::wake);
    }

    /// Says that the machine was restarted: its time has another boot and begins again, while the
    /// clock itself goes on, as if this process had outlived its machine.
    pub fn restart(&self) {
        let mut state = self.state();
        state.boots += 1;
        state.booted = state.elapsed;
    }

    /// Returns how many sleep, whose time may have come.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.state().sleepers.len()
    }

    /// Returns when the first sleeper wants to be woken: a time that has come, if it has not looked
    /// yet. Where others than the caller look, the clock so waits for them.
    #[must_use]
    pub fn next_wake(&self) -> Option<Instant> {
        let state = self.state();
        state.sleepers.keys().next().map(|(deadline, _)| *deadline)
    }

    /// Returns when the first of those that still sleep wants to be woken. Who was woken, and has
    /// not looked yet, holds nobody up.
    #[must_use]
    pub fn next_asleep(&self) -> Option<Instant> {
        let state = self.state();
        let now = Instant::START + state.elapsed;
        let mut later = state.sleepers.range((now, u64::MAX)..);
        later.next().map(|((deadline, _), _)| *deadline)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        Instant::START + self.state().elapsed
    }

    fn wall(&self) -> Timestamp {
        self.wall + self.state().elapsed
    }

    fn machine(&self) -> Option<MachineTime> {
        let state = self.state();
        Some(MachineTime {
            boot: (BOOT + u128::from(state.boots)).to_be_bytes(),
            since: state.elapsed.saturating_sub(state.booted),
        })
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        let mut state = self.state();
        state.next += 1;
        let place = (deadline, state.next);
        if deadline != Instant::NEVER {
            state.sleepers.insert(place, None);
        }
        drop(state);
        Box::pin(ManualSleep {
            clock: self.clone(),
            place,
        })
    }
}

/// Sleeps until a manual clock is moved past a deadline.
#[derive(Debug)]
struct ManualSleep {
    clock: ManualClock,
    place: (Instant, u64),
}

impl Future for ManualSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.state();
        let now = Instant::START + state.elapsed;
        if self.place.0 <= now && self.place.0 != Instant::NEVER {
            return Poll::Ready(());
        }
        if let Some(waker) = state.sleepers.get_mut(&self.place) {
            *waker = Some(context.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for ManualSleep {
    fn drop(&mut self) {
        self.clock.state().sleepers.remove(&self.place);
    }
}

/// Tells the time of another clock, with a wall-clock time that a test can move, and counts who
/// sleeps.
#[derive(Clone, Debug)]
pub struct TestClock {
    inner: Arc<dyn Clock>,
    ahead_micros: Arc<AtomicI64>,
    sleepers: Arc<AtomicU64>,
}

impl TestClock {
    /// Tells the time of `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Clock>) -> Self {
        Self {
            inner,
            ahead_micros: Arc::default(),
            sleepers: Arc::default(),
        }
    }

    /// Returns how many sleep.
    #[must_use]
    pub fn sleepers(&self) -> u64 {
        self.sleepers.load(Ordering::Relaxed)
    }
}

impl WallClock for TestClock {
    fn set_ahead(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.ahead_micros.store(micros, Ordering::Relaxed);
    }

    fn set_behind(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.ahead_micros.store(-micros, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        self.inner.now()
    }

    fn wall(&self) -> Timestamp {
        let ahead = self.ahead_micros.load(Ordering::Relaxed);
        let micros = self.inner.wall().as_micros().saturating_add_signed(ahead);
        Timestamp::from_micros(micros)
    }

    fn machine(&self) -> Option<MachineTime> {
        self.inner.machine()
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        let sleep = self.inner.sleep_until(deadline);
        let counted = Counted::new(&self.sleepers);
        Box::pin(async move {
            sleep.await;
            drop(counted);
        })
    }
}

/// Counts one while it lives.
#[derive(Debug)]
struct Counted(Arc<AtomicU64>);

impl Counted {
    fn new(count: &Arc<AtomicU64>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn clock() -> ManualClock {
        ManualClock::new(Timestamp::from_micros(1_700_000_000_000_000))
    }

    #[test]
    fn manual_clock_moves_when_told() {
        let clock = clock();
        let (now, wall) = (clock.now(), clock.wall());
        let mut sleep = clock.sleep_until(now + SECOND * 2);
        clock.advance(SECOND);
        assert_eq!((&mut sleep).now_or_never(), None);
        assert_eq!(clock.next_wake(), Some(now + SECOND * 2));
        clock.advance(SECOND);
        assert_eq!((&mut sleep).now_or_never(), Some(()));
        assert_eq!(clock.wall().since(wall), SECOND * 2);
        assert_eq!(clock.sleepers(), 1);
        drop(sleep);
        assert_eq!(clock.sleepers(), 0);
    }

    #[test]
    fn sleeper_that_does_not_look_holds_nobody_up() {
        let clock = clock();
        let now = clock.now();
        let _forgotten = clock.sleep_until(now + SECOND);
        let _waiting = clock.sleep_until(now + SECOND * 2);
        assert_eq!(clock.next_asleep(), Some(now + SECOND));
        clock.advance(SECOND);
        assert_eq!(clock.next_asleep(), Some(now + SECOND * 2));
        assert_eq!(clock.next_wake(), Some(now + SECOND));
        clock.advance(SECOND);
        assert_eq!(clock.next_asleep(), None);
    }

    #[test]
    fn machine_time_moves_with_the_clock_and_begins_again_with_a_restart() {
        let clock = clock();
        let first = clock.machine().unwrap();
        clock.advance(SECOND);
        let later = clock.machine().unwrap();
        assert_eq!(
            (later.boot, later.since),
            (first.boot, first.since + SECOND)
        );

        let now = clock.now();
        clock.clone().restart();
        let restarted = clock.machine().unwrap();
        assert_eq!(clock.now(), now);
        assert_ne!(restarted.boot, first.boot);
        assert_eq!(restarted.since, Duration::ZERO);
        clock.advance(SECOND);
        let later = clock.machine().unwrap();
        assert_eq!((later.boot, later.since), (restarted.boot, SECOND));
    }

    #[test]
    fn past_deadline_is_at_once_and_never_is_not() {
        let clock = clock();
        clock.advance(SECOND);
        assert_eq!(clock.sleep_until(Instant::START).now_or_never(), Some(()));
        let mut never = clock.sleep_until(Instant::NEVER);
        clock.advance(Duration::MAX);
        assert_eq!((&mut never).now_or_never(), None);
    }

    #[tokio::test]
    async fn sleepers_are_woken() {
        let clock = clock();
        let sleep = clock.sleep_until(clock.now() + SECOND);
        let advance = async { clock.advance(SECOND) };
        futures_util::future::join(sleep, advance).await;
    }

    #[test]
    fn wall_clock_jumps_and_the_instant_does_not() {
        let manual = clock();
        let clock = TestClock::new(Arc::new(manual.clone()));
        let (now, wall) = (clock.now(), clock.wall());
        clock.set_ahead(SECOND * 3600);
        assert_eq!(clock.wall().since(wall), SECOND * 3600);
        clock.set_behind(SECOND * 3600);
        assert_eq!(wall.since(clock.wall()), SECOND * 3600);
        assert_eq!(clock.now(), now);
        assert_eq!(clock.machine(), manual.machine());
        let sleep = clock.sleep_until(now + SECOND);
        assert_eq!(clock.sleepers(), 1);
        drop(sleep);
        assert_eq!(clock.sleepers(), 0);
    }
}
