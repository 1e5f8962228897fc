//! One simulated run, from the first send to the empty queue.

use std::{
    fmt::{self, Display},
    num::{NonZeroU32, NonZeroU64},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use relayhouse_core::{
    Context, Message, QueueName, Source, Timestamp,
    port::{Admin, Provider, ReceiveRequest, Receiver, ReceiverOptions, Stats},
};
use relayhouse_memory::Memory;
use relayhouse_runtime::{Consumer, ConsumerConfig, FailurePolicy, Producer, Running};
use relayhouse_testkit::{
    generate::Stream,
    oracle::{Answer, Entry, Order, Rules, Verdict, Watch},
};
use tokio::runtime::Builder;

use crate::{
    fault::{Faults, FaultyReceiver, FaultySender},
    handler::{LEASE, LEASE_TOTAL_MAX, handle, silence_panics},
    trace::Trace,
};

const PRODUCERS: u64 = 4;
const CONCURRENCY: u32 = 64;
const SEND_BATCH: u64 = 50;
const QUEUE_MAX: NonZeroU64 = NonZeroU64::new(10_000).unwrap();
/// After the last send and with faults off, everything must be done within this time.
const DRAIN_MAX: Duration = Duration::from_secs(3600);
/// How often the simulation looks whether the queue is empty, in simulated time.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A consumer is killed after up to this time.
const CRASH_EVERY: Duration = Duration::from_secs(20);
const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

type Answers = Vec<relayhouse_core::Result<relayhouse_core::Sent>>;

/// Says what to simulate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) messages: u64,
    pub(crate) seed: u64,
    pub(crate) keys: u64,
    pub(crate) has_faults: bool,
}

/// Is what a run came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    plan: Plan,
    pub(crate) verdict: Verdict,
    pub(crate) trace: u64,
    faults: u64,
    crashes: u64,
    took: Duration,
}

/// Is the simulated world.
struct World {
    plan: Plan,
    context: Context,
    source: Source,
    queue: QueueName,
    provider: Arc<dyn Provider>,
    admin: Arc<dyn Admin>,
    watch: Arc<Watch>,
    faults: Arc<Faults>,
    crashes: AtomicU64,
}

/// Simulates one run.
pub(crate) fn simulate(plan: &Plan) -> Result<Outcome> {
    silence_panics();
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(run(*plan))
}

async fn run(plan: Plan) -> Result<Outcome> {
    let queue = QueueName::new("simulated")?;
    let source = Source::queue(queue.clone());
    let base = relayhouse_time::simulated(START, plan.seed);
    let memory_rules = rules(&base);
    let watch = Arc::new(Watch::new(&source, memory_rules.clone()));
    let trace = Arc::new(Trace::new(Arc::clone(&watch)));
    let context = base.observer(Arc::clone(&trace) as _);
    let memory = Memory::builder(context.clone())
        .lease(LEASE)
        .messages_max(QUEUE_MAX)
        .build()?;
    let provider: Arc<dyn Provider> = Arc::new(memory);
    let faults = Arc::new(Faults {
        context: context.clone(),
        watch: Arc::clone(&watch),
        is_on: AtomicBool::new(plan.has_faults),
        injected: AtomicU64::new(0),
    });
    let admin = provider
        .admin()
        .context("the memory adapter has an admin port")?;
    let crashes = AtomicU64::new(0);
    let world = Arc::new(World {
        plan,
        context,
        source,
        queue,
        provider,
        admin,
        watch,
        faults,
        crashes,
    });
    let left = world.live().await?;
    Ok(Outcome {
        plan,
        verdict: world.watch.verdict(left, memory_rules),
        trace: trace.hash(),
        faults: world.faults.injected.load(Relaxed),
        crashes: world.crashes.load(Relaxed),
        took: world.context.clock.wall().since(START),
    })
}

fn rules(_: &Context) -> Rules {
    Rules {
        attempts_max: FailurePolicy::default().attempts_max,
        order: Order::Key,
        handlers_max: Some(u64::from(CONCURRENCY)),
        ..Rules::default()
    }
}

impl World {
    /// Lives from the first send to the empty queue, and returns what is left there.
    async fn live(self: &Arc<Self>) -> Result<u64> {
        let consumers = tokio::spawn(Arc::clone(self).consume());
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|number| tokio::spawn(Arc::clone(self).produce(number)))
            .collect();
        for producer in producers {
            producer.await??;
        }
        self.faults.is_on.store(false, Relaxed);
        self.drained().await?;
        consumers.abort();
        self.count_dead().await?;
        let stats = self.stats().await?;
        Ok(stats.ready + stats.leased + stats.delayed)
    }

    async fn stats(&self) -> Result<Stats> {
        Ok(self.admin.stats(&self.source).await?)
    }

    /// Waits until nothing is left, which must come in time once faults have stopped.
    async fn drained(&self) -> Result<()> {
        let began = self.context.clock.now();
        loop {
            let stats = self.stats().await?;
            if stats.ready + stats.leased + stats.delayed == 0 {
                return Ok(());
            }
            if DRAIN_MAX < self.context.clock.now().since(began) {
                bail!("{stats:?} is left {DRAIN_MAX:?} after the last fault");
            }
            self.pass(LOOK_EVERY).await;
        }
    }

    async fn pass(&self, time: Duration) {
        let clock = &self.context.clock;
        clock.sleep_until(clock.now() + time).await;
    }

    /// Sends a share of the messages, in batches; what certainly failed is sent again.
    async fn produce(self: Arc<Self>, number: u64) -> Result<()> {
        let share = self.plan.messages / PRODUCERS;
        let extra = u64::from(number < self.plan.messages % PRODUCERS);
        let inner = self.provider.sender(&self.queue).await?;
        let sender = FaultySender {
            inner,
            faults: Arc::clone(&self.faults),
        };
        let producer = Producer::builder(Arc::new(sender), self.context.clone()).build()?;
        let mut plain = Stream::new(number);
        let mut keyed = Stream::new(PRODUCERS + number).keys(self.plan.keys);
        let mut left = share + extra;
        while 0 < left {
            let batch = left.min(SEND_BATCH);
            left -= batch;
            let is_keyed = self.plan.keys != 0 && self.context.random.below(5) == 0;
            let stream = if is_keyed { &mut keyed } else { &mut plain };
            let random = &*self.context.random;
            let messages = (0..batch).map(|_| stream.message(random)).collect();
            self.send_all(&producer, messages).await;
        }
        producer.close().await?;
        Ok(())
    }

    async fn send_all(&self, producer: &Producer, mut messages: Vec<Message>) {
        while !messages.is_empty() {
            let now = self.context.clock.now();
            for message in &messages {
                self.watch.sending(now, message);
            }
            let Some(answers) = self.answers(producer, &messages).await else {
                self.forget(&messages);
                return;
            };
            let failed = |answer: &relayhouse_core::Result<_>| {
                answer.as_ref().is_err_and(|error| {
                    error.is_temporary()
                        && error.kind() != relayhouse_core::ErrorKind::OutcomeUnknown
                })
            };
            let mut answers = answers.iter();
            messages.retain(|_| answers.next().is_some_and(failed));
            if !messages.is_empty() {
                self.pass(Duration::from_millis(10)).await;
            }
        }
    }

    /// Sends messages, or stops to listen at a random poll: `None`.
    async fn answers(&self, producer: &Producer, messages: &[Message]) -> Option<Answers> {
        let send = producer.send_all(messages.iter().cloned());
        if !self.faults.strikes(0.01) {
            return Some(send.await);
        }
        let patience = self.context.random.up_to(Duration::from_millis(20));
        let clock = &self.context.clock;
        tokio::select! {
            biased;
            answers = send => Some(answers),
            () = clock.sleep_until(clock.now() + patience) => None,
        }
    }

    /// Takes note that nobody knows what became of messages.
    fn forget(&self, messages: &[Message]) {
        let now = self.context.clock.now();
        for id in messages.iter().filter_map(|message| message.id.as_ref()) {
            self.watch.note(
                now,
                Entry::Sent {
                    id,
                    answer: Answer::Unknown,
                },
            );
        }
    }

    /// Runs consumers, one after the other: each is killed after a while.
    async fn consume(self: Arc<Self>) -> Result<()> {
        loop {
            let running = self.start().await?;
            let time = self.context.random.up_to(CRASH_EVERY);
            self.pass(time).await;
            while !self.faults.is_on.load(Relaxed) {
                self.pass(LOOK_EVERY).await;
            }
            self.crashes.fetch_add(1, Relaxed);
            self.watch.note(self.context.clock.now(), Entry::Crashed);
            drop(running);
        }
    }

    async fn start(&self) -> Result<Running> {
        let options = ReceiverOptions::default();
        let inner = self.provider.receiver(&self.source, options).await?;
        let receiver = FaultyReceiver {
            inner,
            faults: Arc::clone(&self.faults),
        };
        let receiver: Arc<dyn Receiver> = Arc::new(receiver);
        let config = ConsumerConfig {
            concurrency: NonZeroU32::new(CONCURRENCY).unwrap_or(NonZeroU32::MIN),
            workers: NonZeroU32::new(2).unwrap_or(NonZeroU32::MIN),
            lease_total_max: LEASE_TOTAL_MAX,
            ..ConsumerConfig::default()
        };
        let faults = Arc::clone(&self.faults);
        let handler = move |attempt| handle(Arc::clone(&faults), attempt);
        let consumer = Consumer::builder(receiver, self.context.clone()).config(config);
        Ok(consumer.handler(handler).start().await?)
    }

    /// Shows the oracle every dead letter.
    async fn count_dead(&self) -> Result<()> {
        let source = self.source.dead_letters();
        let receiver = self
            .provider
            .receiver(&source, ReceiverOptions::default())
            .await?;
        let request = ReceiveRequest::up_to(NonZeroU32::MAX);
        let mut dead = Vec::new();
        receiver.receive(request, &mut dead).await?;
        let now = self.context.clock.now();
        for delivery in &dead {
            self.watch.note(now, Entry::Dead(delivery));
        }
        Ok(())
    }
}

impl Outcome {
    /// Returns true if every message is accounted for.
    pub(crate) fn is_complete(&self) -> bool {
        let verdict = &self.verdict;
        verdict.sent + verdict.send_unknown + verdict.send_failed >= self.plan.messages
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            plan,
            verdict,
            trace,
            faults,
            crashes,
            took,
        } = self;
        writeln!(
            f,
            "seed {}, {} messages, {took:?} simulated",
            plan.seed, plan.messages
        )?;
        writeln!(f, "{faults} faults, {crashes} crashes")?;
        writeln!(f, "{verdict}")?;
        for told in &verdict.told {
            writeln!(f, "  {told}")?;
        }
        write!(f, "trace {trace:016x}")
    }
}
