//! One run: everything is opened, loaded, drained and counted.

use std::{sync::Arc, thread::available_parallelism, time::Duration};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use relayhouse_core::{Context, QueueName, Source, port::ReceiverOptions};
use relayhouse_middleware::{
    stack::{self, ConsumerConfig},
    timeout::TimeoutConfig,
};
use relayhouse_runtime::{Consumer, Producer, Report, Running};
use relayhouse_telemetry::{Metrics, Snapshot};

use super::{
    figures,
    ledger::{Balance, Ledger},
    load::Load,
    queue::{Kind, Queue},
    scenario::{self, Scenario},
    target::{self, Targets},
    watch::{self, Latency, Seen},
};
use crate::clock::Mark;

const QUEUE: &str = "soak";

/// The window whose figures are compared: a minute.
const WINDOW: Duration = Duration::from_secs(60);

/// The windows of a run that is shorter than so many minutes.
const WINDOWS_MIN: u32 = 3;

/// When the first message is due, so that all are ready by then.
const AHEAD: Duration = Duration::from_millis(200);

/// How long after the last send the last message may come; one that has not come then is missing.
const REST_MAX: Duration = Duration::from_secs(60);
const REST_LOOK: Duration = Duration::from_millis(50);

/// How long a receive may go on that waits for nothing, when everything was settled.
const DRAIN_MAX: Duration = Duration::from_secs(1);

/// Says what to run.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) name: scenario::Name,
    pub(super) scenario: Scenario,
    pub(super) set: target::Set,
    pub(super) targets: Targets,
    pub(super) queue: Kind,
    pub(super) lasts: Duration,
}

/// Is everything that a run found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) about: String,
    pub(super) offered: u64,
    pub(super) balance: Balance,
    pub(super) report: Report,
    /// What is left in the queue, and its dead letters.
    pub(super) left: (u64, u64),
    pub(super) seen: Seen,
    pub(super) snapshot: Snapshot,
    pub(super) latencies: Latencies,
    /// The connections that were made to the emulator, if there is one.
    pub(super) connections: Option<u64>,
}

/// Holds latencies, in short.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latencies {
    pub(super) p50: Duration,
    pub(super) p95: Duration,
    pub(super) p99: Duration,
    pub(super) most: Duration,
    /// The mean until a handler ended, in nanoseconds.
    pub(super) handled_mean: f64,
}

impl Plan {
    pub(super) fn window(&self) -> Duration {
        WINDOW.min(self.lasts / WINDOWS_MIN)
    }
}

impl Found {
    /// Returns by how many messages the books are wrong: what was sent and neither acked nor
    /// dead-lettered, and what is not where it was settled to.
    pub(super) fn unaccounted(&self) -> u64 {
        let Report {
            acked,
            dead_lettered,
            ..
        } = self.report;
        let unsettled = self.balance.sent.saturating_sub(acked + dead_lettered);
        unsettled + dead_lettered.abs_diff(self.left.1)
    }

    /// Returns the share of the messages that were not sent, not handled or not settled.
    pub(super) fn errors(&self) -> f64 {
        let errors = figures::errors(&self.snapshot);
        let errors = errors.iter().map(|(_, count)| count).sum();
        figures::float(errors) / figures::float(self.offered.max(1))
    }

    /// Whether a message is lost, or too many failed.
    pub(super) fn is_broken(&self, plan: &Plan) -> bool {
        let wrong = self.balance.missing + self.left.0 + self.unaccounted();
        0 < wrong || plan.targets.errors_max < self.errors()
    }
}

/// Runs what is planned.
pub(super) async fn run(plan: &Plan) -> Result<Found> {
    let context = relayhouse_time::context()?;
    let metrics = Metrics::new(Arc::clone(&context.clock));
    let context = context.observer(metrics.observer(plan.queue.scheme()));
    let queue = Queue::open(plan.queue, &context)?;
    let (name, about) = (QUEUE.parse::<QueueName>()?, queue.about());
    let source = Source::from(name.clone());
    let sender = queue.provider.sender(&name).await?;
    let producer = Producer::builder(sender, context.clone()).build()?;
    let burst = plan.scenario.burst.get() as usize;
    let offered = plan.scenario.bursts(plan.lasts).count() * burst;
    let load = Arc::new(Load {
        scenario: plan.scenario.clone(),
        start: Mark::now().after(AHEAD),
        clock: Arc::clone(&context.clock),
        ledger: Ledger::new(offered),
        latency: Latency::new()?,
    });
    let running = start(plan, &queue, &source, &context, &load).await?;
    let offering = tokio::spawn(Arc::clone(&load).offer(producer.clone(), plan.lasts));
    let seen = watch::watch(&load, &metrics, &queue, (plan.lasts, plan.window())).await;
    offering.await??;
    rest(&load, &running, plan.scenario.work).await;
    producer.close().await?;
    let snapshot = metrics.snapshot();
    let report = running.shutdown(DRAIN_MAX).await?;
    let admin = queue.provider.admin().context("no admin")?;
    let stats = admin.stats(&source).await?;
    let latencies = Latencies::of(&load.latency);
    Ok(Found {
        about,
        offered: offered as u64,
        balance: load.ledger.balance(),
        report,
        left: (stats.live(), stats.dead),
        seen,
        snapshot,
        latencies,
        connections: queue.close().await?,
    })
}

async fn start(
    plan: &Plan,
    queue: &Queue,
    source: &Source,
    context: &Context,
    load: &Arc<Load>,
) -> Result<Running> {
    let scenario = &plan.scenario;
    let options = ReceiverOptions {
        lease: scenario.lease,
    };
    let receiver = queue.provider.receiver(source, options).await?;
    let cores = u32::try_from(available_parallelism()?.get())?;
    let config = ConsumerConfig {
        timeout: TimeoutConfig {
            limit: scenario.time_limit,
            ..TimeoutConfig::default()
        },
        ..ConsumerConfig::default()
    };
    let load = Arc::clone(load);
    let consumer = Consumer::builder(receiver, context.clone())
        .concurrency(scenario.handlers_per_core.get() * cores)
        .layer(stack::consumer_with(QUEUE, config, context))
        .handler(move |body: Bytes| Arc::clone(&load).handle(body));
    Ok(consumer.start().await?)
}

/// Waits until everything that was sent is handled and settled, for so long as that may take.
async fn rest(load: &Load, running: &Running, work: Duration) {
    let clock = &load.clock;
    let end = clock.now() + REST_MAX + work;
    while clock.now() < end {
        let report = running.report();
        let balance = load.ledger.balance();
        let settled = report.acked + report.dead_lettered;
        if balance.missing == 0 && balance.sent <= settled {
            return;
        }
        clock.sleep_until(clock.now() + REST_LOOK).await;
    }
}

impl Latencies {
    fn of(latency: &Latency) -> Self {
        let all = latency.lock();
        Self {
            p50: watch::at(&all.begun, 0.50),
            p95: watch::at(&all.begun, 0.95),
            p99: watch::at(&all.begun, 0.99),
            most: Duration::from_micros(all.begun.max()),
            handled_mean: all.handled.mean() * 1e3,
        }
    }
}
