//! Producers and a consumer with everything that the runtime has, on any provider, until the queue
//! is empty; judged by the oracle.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "tests alone run it, and fail where it does"
)]

mod causes;

use std::{collections::HashSet, fmt, num::NonZeroU32, sync::Arc, time::Duration};

use relayhouse_core::{
    Context, Error, ErrorKind, Message, MessageId, QueueName, Result, Settlement, Settling, Source,
    extract::Attempt,
    port::{Provider, ReceiveRequest, ReceiverOptions, Stats},
};
use relayhouse_runtime::{
    Consumer, ConsumerConfig, FailurePolicy, Order as Handling, Producer, Report, Running,
};
use relayhouse_testkit::{
    generate::Stream,
    oracle::{Copies, Entry, Order, Rules, Verdict, Watch},
};

pub use self::causes::{Causes, Record};

const CONCURRENCY: NonZeroU32 = NonZeroU32::new(64).unwrap();
const WORKERS: NonZeroU32 = NonZeroU32::new(2).unwrap();
/// How many dead letters are asked for at a time.
const DEAD_MAX: NonZeroU32 = NonZeroU32::new(10).unwrap();
const BATCH: u64 = 100;
/// Once faults have stopped, everything must be done within this time.
const DRAIN_MAX: Duration = Duration::from_secs(3_600);
const LOOK_EVERY: Duration = Duration::from_secs(5);
const SHUTDOWN_MAX: Duration = Duration::from_secs(60);
/// How long to wait before what failed is tried again.
const PAUSE: Duration = Duration::from_millis(50);

/// Is one queue, and who uses and who watches it.
#[derive(Debug)]
pub struct Load {
    /// The clock and the randomness of everything here.
    pub context: Context,
    /// The provider, for producers and consumers.
    pub provider: Arc<dyn Provider>,
    /// The same provider past all that disturbs it, to see how things are.
    pub direct: Arc<dyn Provider>,
    /// What the queue promises, but for order.
    pub rules: Rules,
    /// The queue.
    pub queue: QueueName,
    /// The same, to receive from.
    pub source: Source,
    /// The number of ordering keys; without them nothing is in order.
    pub keys: Option<u64>,
    /// What becomes of messages that were handled in vain.
    pub failure: FailurePolicy,
    /// The lease of the queue.
    pub lease: Duration,
    /// Hears everything that happens.
    pub watch: Arc<Watch>,
    /// Keeps what explains duplicates.
    pub record: Arc<Record>,
}

/// Is what a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// What the oracle says.
    pub verdict: Verdict,
    /// What explains the duplicates.
    pub causes: Causes,
    /// What the consumer says.
    pub report: Report,
    /// How many messages the provider kept twice.
    pub doubled: u64,
    /// How much time passed by the clock.
    pub took: Duration,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            verdict,
            causes,
            took,
            ..
        } = self;
        write!(f, "{verdict}\n  {causes}\n  {took:?} simulated")
    }
}

impl Outcome {
    /// Returns whether all messages are accounted for, and every duplicate is explained.
    #[must_use]
    pub fn is_sound(&self, messages: u64) -> bool {
        let Self {
            verdict,
            causes,
            report,
            doubled,
            ..
        } = self;
        verdict.is_ok()
            && messages <= verdict.sent + verdict.deduplicated
            && causes.unexplained == 0
            && verdict.duplicates <= causes.sum()
            && causes.provider <= *doubled
            && report.abandoned == 0
    }
}

impl Load {
    /// Asks for what the queue promises.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules {
            order: match self.keys {
                None => Order::None,
                Some(_) => Order::Key,
            },
            ..self.rules.clone()
        }
    }

    /// Counts the messages.
    ///
    /// # Panics
    ///
    /// If the provider cannot.
    pub async fn stats(&self) -> Stats {
        let admin = self.direct.admin().expect("the provider counts messages");
        admin
            .stats(&self.source)
            .await
            .expect("nothing disturbs it")
    }

    /// Lets `time` pass.
    pub async fn pass(&self, time: Duration) {
        let clock = &self.context.clock;
        clock.sleep_until(clock.now() + time).await;
    }

    /// Ends the history, with `left` messages still on the queue.
    #[must_use]
    pub fn verdict(&self, left: u64) -> Verdict {
        self.watch.verdict(left, self.rules())
    }

    fn note(&self, entry: Entry<'_>) {
        self.watch.note(self.context.clock.now(), entry);
    }

    /// Sends a share of the messages. What was not confirmed is sent again, also where nobody knows
    /// whether it was taken.
    ///
    /// # Panics
    ///
    /// If an error says that it makes no sense to send again.
    pub async fn produce(&self, number: u64, messages: u64) {
        let provider = Arc::clone(&self.provider);
        let producer = Producer::of(provider, self.queue.clone(), self.context.clone());
        let producer = producer.build().expect("the configuration is the default");
        let mut stream = Stream::new(number);
        while stream.made() < messages {
            let left = messages - stream.made();
            self.send_all(&producer, self.batch(&mut stream, left))
                .await;
        }
        producer.close().await.expect("nothing is left to send");
    }

    /// Makes messages that may be sent together: one of each key, since a provider may fail one
    /// message of a call and take another one of its key.
    fn batch(&self, stream: &mut Stream, left: u64) -> Vec<Message> {
        match self.keys {
            None => {
                let count = left.min(BATCH);
                (0..count).map(|_| self.message(stream)).collect()
            }
            Some(keys) => (0..left.min(keys))
                .map(|key| self.message(stream).ordering_key(format!("key-{key}")))
                .collect(),
        }
    }

    fn message(&self, stream: &mut Stream) -> Message {
        let message = stream.message(&*self.context.random);
        match &message.id {
            Some(id) if self.rules.copies == Copies::Dropped => {
                let id = id.to_string();
                message.dedup_id(id)
            }
            _ => message,
        }
    }

    async fn send_all(&self, producer: &Producer, mut messages: Vec<Message>) {
        loop {
            let now = self.context.clock.now();
            for message in &messages {
                self.watch.sending(now, message);
            }
            let answers = producer.send_all(messages.iter().cloned()).await;
            let mut answers = answers.into_iter();
            messages.retain(|_| match answers.next() {
                Some(Ok(_)) => false,
                Some(Err(error)) => {
                    assert!(may_pass(&error), "it cannot be sent again: {error:?}");
                    true
                }
                None => panic!("each message has an answer"),
            });
            if messages.is_empty() {
                return;
            }
            self.pass(PAUSE).await;
        }
    }

    /// Starts a consumer, as often as that fails for a while.
    ///
    /// # Panics
    ///
    /// If an error says that it makes no sense to try again.
    pub async fn consume(&self) -> Running {
        let config = ConsumerConfig {
            failure: self.failure.clone(),
            concurrency: CONCURRENCY,
            workers: WORKERS,
            order: match self.keys {
                None => Handling::Handled,
                Some(_) => Handling::Settled,
            },
            ..ConsumerConfig::default()
        };
        let (context, lease) = (self.context.clone(), self.lease);
        let handler = move |attempt| handle(context.clone(), lease, attempt);
        loop {
            let provider = Arc::clone(&self.provider);
            let consumer = Consumer::of(provider, self.source.clone(), self.context.clone());
            let consumer = consumer.config(config.clone()).handler(handler.clone());
            match consumer.start().await {
                Ok(running) => return running,
                Err(error) => {
                    assert!(may_pass(&error), "it cannot be tried again: {error:?}");
                    self.pass(PAUSE).await;
                }
            }
        }
    }

    /// Waits until nothing is left, which must come in time once faults have stopped.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub async fn drained(&self) {
        let began = self.context.clock.now();
        loop {
            let stats = self.stats().await;
            if stats.live() == 0 {
                return;
            }
            let since = self.context.clock.now().since(began);
            assert!(since < DRAIN_MAX, "{stats:?} is left after {since:?}");
            self.pass(LOOK_EVERY).await;
        }
    }

    /// Waits until nothing is left, and tells what was found; the provider kept the messages
    /// `doubled` twice.
    ///
    /// # Panics
    ///
    /// If something is left too long, or the consumer does not end.
    pub async fn finish(
        &self,
        running: Running,
        doubled: impl FnOnce() -> HashSet<MessageId>,
    ) -> Outcome {
        self.drained().await;
        let report = running.shutdown(SHUTDOWN_MAX).await;
        let report = report.expect("nothing disturbs it any more");
        let abandoned = report.abandoned;
        self.note(Entry::ShutDown { abandoned });
        self.show_dead().await;
        let stats = self.stats().await;
        let doubled = doubled();
        Outcome {
            verdict: self.verdict(stats.live()),
            causes: self.record.causes(&doubled),
            report,
            doubled: doubled.len() as u64,
            took: self
                .context
                .clock
                .now()
                .since(relayhouse_core::Instant::START),
        }
    }

    /// Shows the oracle every dead letter.
    async fn show_dead(&self) {
        let source = self.source.dead_letters();
        let options = ReceiverOptions::default();
        let receiver = self.direct.receiver(&source, options).await;
        let receiver = receiver.expect("there is a dead-letter queue");
        loop {
            let mut dead = Vec::new();
            let request = ReceiveRequest::up_to(DEAD_MAX);
            let received = receiver.receive(request, &mut dead).await;
            received.expect("nothing disturbs it");
            if dead.is_empty() {
                return;
            }
            for delivery in &dead {
                self.note(Entry::Dead(delivery));
            }
            // They are not those of the next run.
            let ack = |delivery| Settling::new(delivery, Settlement::Ack);
            let mut acks: Vec<_> = dead.into_iter().map(ack).collect();
            let settled = receiver.settle(&mut acks).await;
            settled.expect("nothing disturbs it");
        }
    }
}

fn may_pass(error: &Error) -> bool {
    error.is_temporary() || error.kind() == ErrorKind::OutcomeUnknown
}

/// Handles one message: mostly at once, sometimes for a moment, seldom for longer than a lease
/// lasts, and sometimes in vain.
async fn handle(context: Context, lease: Duration, Attempt(_): Attempt) -> Result<Settlement> {
    let random = &*context.random;
    let takes = match random.below(1_000) {
        0 => lease + lease / 2,
        1..=30 => random.up_to(Duration::from_millis(20)),
        _ => Duration::ZERO,
    };
    let clock = Arc::clone(&context.clock);
    if !takes.is_zero() {
        clock.sleep_until(clock.now() + takes).await;
    }
    if random.chance(0.02) {
        return Err(Error::new(ErrorKind::Handler, "in vain"));
    }
    Ok(Settlement::Ack)
}
