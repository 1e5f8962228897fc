//! How scenarios are run, and what they share.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::Poll,
    time::Duration,
};

use relayhouse_core::{
    Clock, Context, Error, ErrorKind, Message, Result, SeededRandom, Sent, Timestamp,
};
use relayhouse_testkit::clock::ManualClock;
pub(crate) use relayhouse_testkit::generate::{delivery, sample as message};
use shuttle::{
    Config, MaxSteps, Runner,
    future::{JoinHandle, block_on, spawn, yield_now},
    scheduler::{PctScheduler, RandomScheduler},
};
use tower::{Service, service_fn};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

const SEED: u64 = 7;
/// How often each of the two schedulers runs a scenario.
const RUNS: usize = 300;
/// How many priorities change on the way.
const CHANGES: usize = 4;
/// A run that takes more steps than this goes round in circles.
const STEPS_MAX: usize = 20_000;

/// Runs `scenario` in many orders of its tasks. In each, it must come to its end.
pub(crate) fn explore(scenario: impl Fn() + Send + Sync + 'static) {
    let scenario = Arc::new(scenario);
    let again = Arc::clone(&scenario);
    let by_chance = RandomScheduler::new_from_seed(SEED, RUNS);
    Runner::new(by_chance, config()).run(move || scenario());
    let by_priority = PctScheduler::new_from_seed(SEED, CHANGES, RUNS);
    Runner::new(by_priority, config()).run(move || again());
}

fn config() -> Config {
    let mut config = Config::new();
    config.max_steps = MaxSteps::FailAfter(STEPS_MAX);
    // It would tell that each ordering is taken for the strongest.
    config.silence_warnings = true;
    config
}

/// Makes a context by `clock`.
pub(crate) fn context(clock: &ManualClock) -> Context {
    Context::new(Arc::new(clock.clone()), Arc::new(SeededRandom::new(7)))
}

pub(crate) fn clock() -> ManualClock {
    ManualClock::new(Timestamp::from_micros(1_700_000_000_000_000))
}

/// Waits until all of `tasks` have ended.
pub(crate) fn join<T: 'static>(tasks: impl IntoIterator<Item = JoinHandle<T>>) -> Vec<T> {
    let tasks: Vec<_> = tasks.into_iter().collect();
    block_on(async {
        let mut outputs = Vec::new();
        for task in tasks {
            outputs.push(task.await.unwrap());
        }
        outputs
    })
}

/// Moves a clock on, at some time or other, for as long as it lives: to the time at which the next
/// sleeper wants to be woken.
#[derive(Debug)]
pub(crate) struct Time {
    is_over: Arc<AtomicBool>,
}

impl Time {
    pub(crate) fn pass(clock: &ManualClock) -> Self {
        let is_over = Arc::<AtomicBool>::default();
        let (over, clock) = (Arc::clone(&is_over), clock.clone());
        drop(spawn(async move {
            while !over.load(Ordering::Relaxed) {
                if let Some(next) = clock.next_asleep() {
                    clock.advance(next.since(clock.now()));
                }
                yield_now().await;
            }
        }));
        Self { is_over }
    }
}

impl Drop for Time {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// Polls `future` once, lets others go on, and drops it; returns what it was ready with.
pub(crate) async fn poll_and_drop<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let first = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
    yield_now().await;
    match first {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Is the service inside: it takes a few steps for a call, and counts.
///
/// Its counters are not those of the scheduler, so that looking at them changes no order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inner {
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    calls: AtomicU32,
    done: AtomicU32,
    now: AtomicU32,
    most: AtomicU32,
    failing: AtomicU32,
}

impl Inner {
    /// Lets the next `calls` calls fail.
    pub(crate) fn fail(&self, calls: u32) {
        self.counts.failing.store(calls, Ordering::Relaxed);
    }

    pub(crate) fn calls(&self) -> u32 {
        self.counts.calls.load(Ordering::Relaxed)
    }

    /// Returns how many calls came to their end.
    pub(crate) fn done(&self) -> u32 {
        self.counts.done.load(Ordering::Relaxed)
    }

    /// Returns how many calls are under way.
    pub(crate) fn now(&self) -> u32 {
        self.counts.now.load(Ordering::Relaxed)
    }

    /// Returns the most calls that were under way at a time.
    pub(crate) fn most(&self) -> u32 {
        self.counts.most.load(Ordering::Relaxed)
    }

    pub(crate) fn service(
        &self,
    ) -> impl Service<Message, Response = Sent, Error = Error, Future: Send> + Clone + Send + use<>
    {
        self.watched(|_| {})
    }

    /// Makes a service that calls `watch` when a call begins.
    pub(crate) fn watched<W: Fn(&Self) + Clone + Send + 'static>(
        &self,
        watch: W,
    ) -> impl Service<Message, Response = Sent, Error = Error, Future: Send> + Clone + Send + use<W>
    {
        let inner = self.clone();
        service_fn(move |_: Message| {
            let running = Running::begin(&inner);
            watch(&inner);
            async move {
                yield_now().await;
                yield_now().await;
                running.end()
            }
        })
    }
}

/// Is one call, until it ends or is dropped.
struct Running(Inner);

impl Running {
    fn begin(inner: &Inner) -> Self {
        let counts = &inner.counts;
        counts.calls.fetch_add(1, Ordering::Relaxed);
        let now = counts.now.fetch_add(1, Ordering::Relaxed) + 1;
        counts.most.fetch_max(now, Ordering::Relaxed);
        Self(inner.clone())
    }

    fn end(self) -> Result<Sent> {
        let counts = &self.0.counts;
        counts.done.fetch_add(1, Ordering::Relaxed);
        let failing = counts.failing.load(Ordering::Relaxed);
        if 0 < failing {
            counts.failing.store(failing - 1, Ordering::Relaxed);
            return Err(Error::new(ErrorKind::ConnectionFailed, "nobody is there"));
        }
        Ok(Sent::default())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.counts.now.fetch_sub(1, Ordering::Relaxed);
    }
}
