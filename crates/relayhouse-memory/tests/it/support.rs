//! What the tests share: a namespace under paused time, and short calls.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use relayhouse_core::{
    Clock, Context, Delivery, ErrorKind, Instant, MachineTime, Message, Outcome, QueueName, Result,
    Sending, Sent, Settlement, Settling, Source, Timestamp,
    port::{Provider, ReceiveRequest, Receiver, ReceiverOptions, Sender},
};
use relayhouse_memory::{Memory, MemoryBuilder};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn context() -> Context {
    relayhouse_time::simulated(Timestamp::from_micros(1_700_000_000_000_000), 7)
}

pub(crate) fn builder() -> MemoryBuilder {
    Memory::builder(context())
}

pub(crate) fn memory() -> Memory {
    builder().build().expect("the default options")
}

pub(crate) fn name(text: &str) -> QueueName {
    text.parse().expect("a queue name")
}

pub(crate) fn source(text: &str) -> Source {
    text.parse().expect("a source")
}

pub(crate) async fn sender(memory: &Memory, queue: &str) -> Arc<dyn Sender> {
    memory.sender(&name(queue)).await.expect("a sender")
}

pub(crate) async fn receiver(memory: &Memory, from: &str) -> Arc<dyn Receiver> {
    let options = ReceiverOptions::default();
    let opened = memory.receiver(&source(from), options).await;
    opened.expect("a receiver")
}

pub(crate) fn up_to(max: u32) -> ReceiveRequest {
    ReceiveRequest::up_to(NonZeroU32::new(max).expect("not zero"))
}

/// Sends messages in one batch, and returns the answers.
pub(crate) async fn send(
    sender: &dyn Sender,
    messages: impl IntoIterator<Item = Message>,
) -> Vec<Result<Sent, ErrorKind>> {
    let mut batch: Vec<Sending> = messages.into_iter().map(Sending::new).collect();
    let call = sender.send(&mut batch).await;
    let outcomes = batch.into_iter().map(|item| item.outcome.settle(&call));
    outcomes
        .map(|result| result.map_err(|error| error.kind()))
        .collect()
}

pub(crate) async fn send_texts(sender: &dyn Sender, texts: &[&str]) {
    let messages = texts.iter().map(|text| Message::new((*text).to_owned()));
    for answer in send(sender, messages).await {
        assert!(answer.is_ok(), "{answer:?}");
    }
}

pub(crate) async fn receive(receiver: &dyn Receiver, request: ReceiveRequest) -> Vec<Delivery> {
    let mut into = Vec::new();
    receiver
        .receive(request, &mut into)
        .await
        .expect("a receive");
    into
}

/// Receives what is ready, and returns the bodies.
pub(crate) async fn texts(receiver: &dyn Receiver) -> Vec<String> {
    bodies(&receive(receiver, up_to(100)).await)
}

pub(crate) fn bodies(deliveries: &[Delivery]) -> Vec<String> {
    let texts = deliveries
        .iter()
        .map(|delivery| String::from_utf8_lossy(&delivery.message.body).into_owned());
    texts.collect()
}

pub(crate) async fn settle(
    receiver: &dyn Receiver,
    delivery: &Delivery,
    settlement: Settlement,
) -> Result<(), ErrorKind> {
    let mut batch = [Settling::new(delivery.clone(), settlement)];
    let call = receiver.settle(&mut batch).await;
    let [item] = batch;
    let outcome: Outcome<()> = item.outcome;
    outcome.settle(&call).map_err(|error| error.kind())
}

pub(crate) async fn ack(receiver: &dyn Receiver, delivery: &Delivery) -> Result<(), ErrorKind> {
    settle(receiver, delivery, Settlement::Ack).await
}

/// Counts how often it was woken.
#[derive(Default)]
pub(crate) struct Woken(std::sync::atomic::AtomicUsize);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Woken {
    pub(crate) fn count(&self) -> usize {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

/// Is a call that a test polls by hand.
pub(crate) struct Call<F> {
    future: std::pin::Pin<Box<F>>,
    pub(crate) woken: Arc<Woken>,
}

impl<F: Future> Call<F> {
    pub(crate) fn new(future: F) -> Self {
        Self {
            future: Box::pin(future),
            woken: Arc::default(),
        }
    }

    pub(crate) fn poll(&mut self) -> std::task::Poll<F::Output> {
        let waker = std::task::Waker::from(Arc::clone(&self.woken));
        let mut context = std::task::Context::from_waker(&waker);
        self.future.as_mut().poll(&mut context)
    }

    /// Polls, and asserts that it waits.
    pub(crate) fn waits(&mut self) {
        assert!(self.poll().is_pending(), "it should wait");
    }
}

/// Receives one message with a long wait, and returns the bodies.
pub(crate) async fn wait_for_one(receiver: Arc<dyn Receiver>) -> Vec<String> {
    let request = up_to(1).wait(SECOND * 3600);
    bodies(&receive(&*receiver, request).await)
}

/// Tells how much time has passed.
pub(crate) struct Watch(relayhouse_time::TokioClock);

impl Watch {
    pub(crate) fn start() -> Self {
        Self(relayhouse_time::TokioClock::new())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.now().since(Instant::START)
    }
}

/// Lets time pass, with everything that is due in it.
pub(crate) async fn pass(time: Duration) {
    let clock = relayhouse_time::TokioClock::new();
    clock.sleep_until(clock.now() + time).await;
}

/// Counts the timers that a clock has out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers(Arc<std::sync::atomic::AtomicUsize>);

impl Timers {
    pub(crate) fn count(&self) -> usize {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

/// Is counted as long as it lives.
struct Counted(Timers);

impl Counted {
    fn new(timers: Timers) -> Self {
        timers.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Self(timers)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
    }
}

#[derive(Debug)]
struct CountedClock(relayhouse_time::TokioClock, Timers);

impl Clock for CountedClock {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn wall(&self) -> Timestamp {
        self.0.wall()
    }

    fn machine(&self) -> Option<MachineTime> {
        self.0.machine()
    }

    fn sleep_until(&self, deadline: Instant) -> relayhouse_core::Sleep {
        let sleep = self.0.sleep_until(deadline);
        let counted = Counted::new(self.1.clone());
        Box::pin(async move {
            sleep.await;
            drop(counted);
        })
    }
}

/// Makes a context whose clock counts its timers.
pub(crate) fn counted() -> (Context, Timers) {
    let timers = Timers::default();
    let clock = CountedClock(relayhouse_time::TokioClock::new(), timers.clone());
    let random = relayhouse_core::SeededRandom::new(7);
    (Context::new(Arc::new(clock), Arc::new(random)), timers)
}

/// A clock whose first timers wake before their time.
#[derive(Debug)]
struct NervousClock(relayhouse_time::TokioClock, std::sync::atomic::AtomicUsize);

impl Clock for NervousClock {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn wall(&self) -> Timestamp {
        self.0.wall()
    }

    fn machine(&self) -> Option<MachineTime> {
        self.0.machine()
    }

    fn sleep_until(&self, deadline: Instant) -> relayhouse_core::Sleep {
        const EARLY: usize = 20;
        let mut sleep = self.0.sleep_until(deadline);
        let mut is_early = self.1.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < EARLY;
        Box::pin(std::future::poll_fn(move |context| {
            if std::mem::take(&mut is_early) {
                context.waker().wake_by_ref();
            }
            sleep.as_mut().poll(context)
        }))
    }
}

/// Makes a context whose clock wakes early at first.
pub(crate) fn nervous() -> Context {
    let clock = NervousClock(relayhouse_time::TokioClock::new(), Default::default());
    let random = relayhouse_core::SeededRandom::new(7);
    Context::new(Arc::new(clock), Arc::new(random))
}
