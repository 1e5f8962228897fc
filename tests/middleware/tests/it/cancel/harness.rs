//! Drops what is under test before its first poll, after it, after the second, and so on.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    task::Poll,
    time::Duration,
};

use relayhouse_core::{
    Clock, Context, Delivery, Error, ErrorKind, Instant, Message, Result, Sent, Settlement,
    Timestamp,
};
pub(crate) use relayhouse_testkit::generate::{delivery, sample as message};
use tower::{Service, service_fn};

/// What takes more polls than this goes round in circles.
const POLLS_MAX: usize = 100;

/// How long one step of a service or a store takes.
pub(crate) const STEP: Duration = Duration::from_millis(1);

/// How often what is dropped is polled before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Polls(usize);

impl Polls {
    /// Polls `future` each time it is woken, as often as that may be, and drops it. Returns its
    /// output if it came to its end before.
    pub(crate) async fn then_drop<F: Future>(self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        let mut left = self.0;
        poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(None);
            }
            left -= 1;
            match future.as_mut().poll(context) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                // It is dropped here, whether it would be woken or not.
                Poll::Pending if left == 0 => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}

/// Runs `case` with no poll, with one, and so on, until what it drops comes to its end before that:
/// `case` returns whether it has. Each run makes everything anew.
///
/// At least `drops_min` runs must have dropped something, or the case shows less than it says.
pub(crate) async fn at_every_poll(drops_min: usize, mut case: impl AsyncFnMut(Polls) -> bool) {
    for polls in 0..POLLS_MAX {
        if case(Polls(polls)).await {
            assert!(drops_min <= polls, "it was dropped {polls} times");
            return;
        }
    }
    panic!("it has not ended after {POLLS_MAX} polls");
}

/// Makes a context on tokio's clock, the same in every run.
pub(crate) fn context() -> Context {
    relayhouse_time::simulated(Timestamp::from_micros(1_700_000_000_000_000), 7)
}

/// Lets `time` pass.
pub(crate) async fn pass(context: &Context, time: Duration) {
    let clock = &context.clock;
    // Paused time jumps here at once, and does on its way what is due.
    clock.sleep_until(clock.now() + time).await;
}

/// Is the service inside. Each of its calls takes some steps, and it tells what became of them.
#[derive(Clone, Debug)]
pub(crate) struct Inner {
    clock: Arc<dyn Clock>,
    steps: u32,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    failing: AtomicU32,
    begun: AtomicU32,
    ended: AtomicU32,
    in_flight: AtomicU32,
    begun_at: Mutex<Vec<Instant>>,
}

impl Inner {
    pub(crate) fn new(steps: u32, context: &Context) -> Self {
        Self {
            clock: Arc::clone(&context.clock),
            steps,
            counts: Arc::default(),
        }
    }

    /// Lets the next `calls` calls fail.
    pub(crate) fn failing(self, calls: u32) -> Self {
        self.counts.failing.store(calls, Ordering::Relaxed);
        self
    }

    /// Returns how many calls began.
    pub(crate) fn begun(&self) -> u32 {
        self.counts.begun.load(Ordering::Relaxed)
    }

    /// Returns how many calls came to their end.
    pub(crate) fn ended(&self) -> u32 {
        self.counts.ended.load(Ordering::Relaxed)
    }

    /// Returns how many calls have neither come to their end nor been dropped.
    pub(crate) fn in_flight(&self) -> u32 {
        self.counts.in_flight.load(Ordering::Relaxed)
    }

    /// Returns when each call began.
    pub(crate) fn begun_at(&self) -> Vec<Instant> {
        self.counts.begun_at.lock().unwrap().clone()
    }

    /// Makes a producer.
    pub(crate) fn producer(&self) -> impl Calls<Message, Sent> + use<> {
        self.service(Sent::default)
    }

    /// Makes a handler, which acks.
    pub(crate) fn handler(&self) -> impl Calls<Delivery, Settlement> + use<> {
        self.service(|| Settlement::Ack)
    }

    fn service<R, T, A>(&self, answer: A) -> impl Calls<R, T> + use<R, T, A>
    where
        R: 'static,
        T: Send + 'static,
        A: Fn() -> T + Clone + Send + 'static,
    {
        let inner = self.clone();
        service_fn(move |_: R| Box::pin(inner.call(answer())) as Answer<T>)
    }

    /// Begins a call, which is under way from now on until it ends or is dropped.
    fn call<T>(&self, answer: T) -> impl Future<Output = Result<T>> + use<T> {
        let running = Running::begin(self);
        let (clock, steps) = (Arc::clone(&self.clock), self.steps);
        async move {
            for _ in 0..steps {
                // A step is a wait: what it costs in time is nothing, since time is paused.
                clock.sleep_until(clock.now() + STEP).await;
            }
            running.end(answer)
        }
    }
}

/// The future of a call.
pub(crate) type Answer<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// Is a service of ours, as layers want one.
pub(crate) trait Calls<R, T>:
    Service<R, Response = T, Error = Error, Future = Answer<T>> + Clone + Send + 'static
{
}

impl<S, R, T> Calls<R, T> for S where
    S: Service<R, Response = T, Error = Error, Future = Answer<T>> + Clone + Send + 'static
{
}

/// Is one call, until it ends or is dropped.
struct Running(Arc<Counts>);

impl Running {
    fn begin(inner: &Inner) -> Self {
        let Inner { clock, counts, .. } = inner;
        counts.begun.fetch_add(1, Ordering::Relaxed);
        counts.in_flight.fetch_add(1, Ordering::Relaxed);
        counts.begun_at.lock().unwrap().push(clock.now());
        Self(Arc::clone(counts))
    }

    fn end<T>(self, answer: T) -> Result<T> {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
        let failing = self.0.failing.load(Ordering::Relaxed);
        if failing == 0 {
            return Ok(answer);
        }
        self.0.failing.store(failing - 1, Ordering::Relaxed);
        Err(Error::new(ErrorKind::ConnectionFailed, "nobody is there"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
