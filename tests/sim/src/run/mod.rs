//! One simulated run, from the first send to the empty queue.

mod consume;
mod outcome;
mod produce;
mod stacked;

use std::{
    num::NonZeroU64,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use relayhouse_core::{
    Context, QueueName, Source, Timestamp,
    port::{Admin, Provider, Stats},
};
use relayhouse_memory::Memory;
use relayhouse_middleware::idempotency::MemoryDedup;
use relayhouse_runtime::FailurePolicy;
use relayhouse_testkit::oracle::{Order, Rules, Watch};
use tokio::runtime::Builder;

pub(crate) use self::outcome::Outcome;
use self::{consume::CONCURRENCY, produce::PRODUCERS};
use crate::{
    fault::Faults,
    handler::{LEASE, silence_panics},
    ledger::Ledger,
    trace::Trace,
};

const QUEUE_MAX: NonZeroU64 = NonZeroU64::new(10_000).unwrap();
/// After the last send and with faults off, everything must be done within this time.
const DRAIN_MAX: Duration = Duration::from_secs(3600);
/// How often the simulation looks whether the queue is empty, in simulated time.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// Says what to simulate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) messages: u64,
    pub(crate) seed: u64,
    pub(crate) keys: u64,
    pub(crate) has_faults: bool,
    pub(crate) layers: Layers,
}

/// Says what stands around producers, handlers and the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layers {
    /// Nothing.
    None,
    /// The recommended stacks, idempotency, and dead letters sent to a queue of their own.
    Recommended,
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
    ledger: Arc<Ledger>,
    /// What consumers remember of what they handled; it stays when they are killed.
    dedup: Arc<MemoryDedup>,
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
    let base = relayhouse_time::simulated(START, plan.seed);
    let queue = QueueName::new("simulated")?;
    let watch = Arc::new(Watch::new(&Source::queue(queue.clone()), rules(&plan)));
    let trace = Arc::new(Trace::new(Arc::clone(&watch)));
    let context = base.observer(Arc::clone(&trace) as _);
    let world = Arc::new(World::new(plan, context, queue, watch)?);
    let left = world.live().await?;
    Ok(world.outcome(left, trace.hash()))
}

/// A retry in the process is a try without a delivery, so that a message may be exhausted before
/// its deliveries are: with layers the ledger counts tries in place of that.
fn rules(plan: &Plan) -> Rules {
    let attempts_max = FailurePolicy::default().attempts_max;
    Rules {
        attempts_max: attempts_max.filter(|_| plan.layers == Layers::None),
        order: Order::Key,
        handlers_max: Some(u64::from(CONCURRENCY)),
        ..Rules::default()
    }
}

impl World {
    fn new(plan: Plan, context: Context, queue: QueueName, watch: Arc<Watch>) -> Result<Self> {
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
        Ok(Self {
            plan,
            source: Source::queue(queue.clone()),
            queue,
            provider,
            admin,
            watch,
            faults,
            ledger: Arc::default(),
            dedup: Arc::new(consume::dedup(&plan, &context)),
            crashes: AtomicU64::new(0),
            context,
        })
    }

    /// Lives from the first send to the empty queue, and returns what is left there.
    async fn live(self: &Arc<Self>) -> Result<u64> {
        let mut consumers = tokio::spawn(Arc::clone(self).consume());
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|number| match self.plan.layers {
                Layers::None => tokio::spawn(Arc::clone(self).produce(number)),
                Layers::Recommended => tokio::spawn(Arc::clone(self).produce_stacked(number)),
            })
            .collect();
        for producer in producers {
            producer.await??;
        }
        self.faults.is_on.store(false, Relaxed);
        tokio::select! {
            biased;
            drained = self.drained() => drained?,
            ended = &mut consumers => bail!("the consumers are gone: {ended:?}"),
        }
        consumers.abort();
        self.count_dead().await?;
        let stats = self.stats().await?;
        Ok(stats.live())
    }

    async fn stats(&self) -> Result<Stats> {
        Ok(self.admin.stats(&self.source).await?)
    }

    /// Waits until nothing is left, which must come in time once faults have stopped.
    async fn drained(&self) -> Result<()> {
        let began = self.context.clock.now();
        loop {
            let stats = self.stats().await?;
            if stats.live() == 0 {
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
}
