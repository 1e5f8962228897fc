//! What the tests share: a memory broker under paused time, and ways to wait without sleeping.

use std::{
    future::Future,
    num::NonZeroU32,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use relayhouse_core::{
    Context, Delivery, Message, QueueName, Source, Timestamp,
    port::{Admin, Provider, QueueConfig, ReceiveRequest, ReceiverOptions, Stats},
};
use relayhouse_memory::Memory;
use relayhouse_runtime::{Consumer, ConsumerBuilder, Producer};
use tokio::sync::Notify;

/// The lease of every queue, unless a test says otherwise.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// Is a memory broker under paused time, with one queue.
#[derive(Clone)]
pub(crate) struct Fixture {
    pub(crate) context: Context,
    pub(crate) memory: Arc<dyn Provider>,
    pub(crate) queue: QueueName,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with_context(simulated())
    }

    pub(crate) fn with_context(context: Context) -> Self {
        let memory = Memory::builder(context.clone())
            .lease(LEASE)
            .build()
            .unwrap();
        Self {
            context,
            memory: Arc::new(memory),
            queue: QueueName::new("orders").unwrap(),
        }
    }

    /// Makes the queue one that is received through sessions only.
    pub(crate) async fn with_sessions() -> Self {
        Self::with_sessions_of(simulated()).await
    }

    /// Does the same in `context`.
    pub(crate) async fn with_sessions_of(context: Context) -> Self {
        let fixture = Self::with_context(context);
        let entity = fixture.source().entity;
        let config = QueueConfig {
            requires_sessions: true,
            ..QueueConfig::default()
        };
        fixture.admin().create(&entity, &config).await.unwrap();
        fixture
    }

    pub(crate) fn source(&self) -> Source {
        Source::queue(self.queue.clone())
    }

    pub(crate) fn admin(&self) -> Arc<dyn Admin> {
        self.memory.admin().unwrap()
    }

    pub(crate) fn producer(&self) -> Producer {
        let memory = Arc::clone(&self.memory);
        Producer::of(memory, self.queue.clone(), self.context.clone())
            .build()
            .unwrap()
    }

    pub(crate) fn consumer(&self) -> ConsumerBuilder {
        Consumer::of(
            Arc::clone(&self.memory),
            self.source(),
            self.context.clone(),
        )
    }

    /// Sends one message for each body.
    pub(crate) async fn send(&self, bodies: impl IntoIterator<Item = impl Into<String>>) {
        let messages = bodies.into_iter().map(|body| Message::new(body.into()));
        self.send_messages(messages).await;
    }

    pub(crate) async fn send_messages(&self, messages: impl IntoIterator<Item = Message>) {
        for answer in self.producer().send_all(messages).await {
            answer.unwrap();
        }
    }

    pub(crate) async fn stats(&self) -> Stats {
        self.admin().stats(&self.source()).await.unwrap()
    }

    /// Takes what is ready now, without settling it.
    pub(crate) async fn take(&self, source: &Source) -> Vec<Delivery> {
        let options = ReceiverOptions::default();
        let receiver = self.memory.receiver(source, options).await.unwrap();
        let mut deliveries = Vec::new();
        let request = ReceiveRequest::up_to(NonZeroU32::new(1000).unwrap());
        receiver.receive(request, &mut deliveries).await.unwrap();
        deliveries
    }

    /// Takes the dead letters.
    pub(crate) async fn dead_letters(&self) -> Vec<Delivery> {
        self.take(&self.source().dead_letters()).await
    }

    /// Makes a handler that takes `takes`: `gauge` knows how many run, `latch` how many have ended.
    pub(crate) fn busy(
        &self,
        takes: Duration,
        gauge: &Gauge,
        latch: &Latch,
    ) -> impl Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Clone + use<> {
        let (gauge, latch) = (gauge.clone(), latch.clone());
        let clock = Arc::clone(&self.context.clock);
        move || {
            let (counted, latch) = (gauge.enter(), latch.clone());
            let sleep = clock.sleep_until(clock.now() + takes);
            Box::pin(async move {
                sleep.await;
                drop(counted);
                latch.hit();
            })
        }
    }

    /// Lets the clock go on by `time`.
    pub(crate) async fn pass(&self, time: Duration) {
        let clock = &self.context.clock;
        clock.sleep_until(clock.now() + time).await;
    }
}

pub(crate) fn simulated() -> Context {
    relayhouse_time::simulated(Timestamp::from_micros(1_700_000_000_000_000), 7)
}

/// Counts, and tells when a count is reached.
#[derive(Clone, Default)]
pub(crate) struct Latch(Arc<LatchState>);

#[derive(Default)]
struct LatchState {
    count: AtomicUsize,
    changed: Notify,
}

impl Latch {
    pub(crate) fn hit(&self) -> usize {
        let count = self.0.count.fetch_add(1, SeqCst) + 1;
        self.0.changed.notify_waiters();
        count
    }

    pub(crate) fn count(&self) -> usize {
        self.0.count.load(SeqCst)
    }

    /// Ends when the count is at least `count`.
    pub(crate) async fn reached(&self, count: usize) {
        loop {
            let changed = self.0.changed.notified();
            if count <= self.count() {
                return;
            }
            changed.await;
        }
    }
}

/// Knows how many of something there are at a time, and how many there were at most.
#[derive(Clone, Default)]
pub(crate) struct Gauge(Arc<Mutex<(usize, usize)>>);

/// Is one of what a gauge counts.
pub(crate) struct Counted(Gauge);

impl Gauge {
    pub(crate) fn enter(&self) -> Counted {
        let mut gauge = self.0.lock().unwrap();
        gauge.0 += 1;
        gauge.1 = gauge.1.max(gauge.0);
        drop(gauge);
        Counted(self.clone())
    }

    pub(crate) fn max(&self) -> usize {
        self.0.lock().unwrap().1
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().0 -= 1;
    }
}

/// Is a list that handlers write to.
#[derive(Clone)]
pub(crate) struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Log<T> {
    pub(crate) fn push(&self, entry: T) {
        self.0.lock().unwrap().push(entry);
    }

    pub(crate) fn entries(&self) -> Vec<T> {
        self.0.lock().unwrap().clone()
    }
}

/// Returns the body as text.
pub(crate) fn text(message: &Message) -> String {
    String::from_utf8_lossy(&message.body).into_owned()
}
