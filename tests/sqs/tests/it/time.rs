//! One thread for client, proxy and server, and a clock that jumps when that thread is idle.

use std::{
    fs,
    future::Future,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use relayhouse_core::{Clock as _, Instant, Timestamp};
use relayhouse_testkit::clock::ManualClock;
use sqs_emulator::{Clock, Sleep};
use tokio::runtime::Builder;

/// When every run begins.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// How often it is looked whether the thread is idle, in real time.
const LOOK_EVERY: Duration = Duration::from_micros(500);
/// How often in a row it must be where the system does not tell whether it sleeps.
const LOOKS: u32 = 100;

/// Runs `work`. Sockets go by themselves, on the one thread that has both their ends; whenever it
/// waits for nothing but time, `clock` jumps to whoever sleeps the shortest.
pub(crate) fn drive<T>(clock: &ManualClock, work: impl Future<Output = T>) -> T {
    let watched = Arc::new(Watched::default());
    let (parks, unparks) = (Arc::clone(&watched), Arc::clone(&watched));
    let runtime = Builder::new_current_thread()
        .enable_all()
        .on_thread_park(move || parks.step())
        .on_thread_unpark(move || unparks.step())
        .build()
        .unwrap();
    let jumps = Jumps {
        watched: Arc::clone(&watched),
        clock: clock.clone(),
        state: fs::read_link("/proc/thread-self").ok(),
    };
    let jumping = thread::spawn(move || jumps.run());
    let output = runtime.block_on(work);
    drop(runtime);
    watched.end();
    jumping.join().unwrap();
    output
}

/// What is known of the thread that works.
#[derive(Debug, Default)]
struct Watched {
    /// Odd while it is parked.
    steps: AtomicU64,
    has_ended: Mutex<bool>,
    ended: Condvar,
}

impl Watched {
    fn step(&self) {
        self.steps.fetch_add(1, Ordering::SeqCst);
    }

    fn end(&self) {
        *self
            .has_ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
        self.ended.notify_all();
    }

    /// Waits until it is time to look again; false if there is nothing more to look at.
    fn goes_on(&self) -> bool {
        let has_ended = self.has_ended.lock().unwrap();
        let (has_ended, _) = self.ended.wait_timeout(has_ended, LOOK_EVERY).unwrap();
        !*has_ended
    }
}

/// Moves a clock while the watched thread is idle.
struct Jumps {
    watched: Arc<Watched>,
    clock: ManualClock,
    /// Where the system shows the state of the thread.
    state: Option<PathBuf>,
}

impl Jumps {
    fn run(self) {
        let (mut before, mut looks) = (0, 0);
        while self.watched.goes_on() {
            let steps = self.watched.steps.load(Ordering::SeqCst);
            let is_parked = steps % 2 == 1 && steps == before;
            looks = if is_parked { looks + 1 } else { 0 };
            before = steps;
            if is_parked && self.sleeps().unwrap_or(LOOKS <= looks) {
                looks = 0;
                self.jump();
            }
        }
    }

    /// Returns whether the thread sleeps: one that is only about to park, or that was woken and
    /// has no core yet, does not.
    fn sleeps(&self) -> Option<bool> {
        let state = self.state.as_ref()?;
        let text = fs::read_to_string(PathBuf::from("/proc").join(state).join("stat")).ok()?;
        let (_, rest) = text.rsplit_once(") ")?;
        Some(rest.starts_with('S'))
    }

    fn jump(&self) {
        if let Some(next) = self.clock.next_asleep() {
            self.clock.advance(next.since(self.clock.now()));
        }
    }
}

/// Shows the time of a manual clock to the emulator, which may be ahead of it.
#[derive(Debug)]
pub(crate) struct EmulatorClock {
    pub(crate) manual: ManualClock,
    pub(crate) start: SystemTime,
}

impl Clock for EmulatorClock {
    fn now(&self) -> SystemTime {
        self.start + self.manual.now().since(Instant::START)
    }

    fn sleep_until(&self, deadline: SystemTime) -> Sleep {
        let after = deadline.duration_since(self.start).unwrap_or_default();
        Box::pin(self.manual.sleep_until(Instant::START + after))
    }
}
