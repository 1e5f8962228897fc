//! An incident: a service gets slow, fails, comes back in an older version, and is mended.
//!
//! `cargo run -p relayhouse --example incident --features metrics,middleware`
//!
//! Ten orders a second go to a service for payments, through the recommended stack for high
//! throughput. Each minute the metrics are read as Prometheus reads them, and shown by what an
//! operator would look at; `docs/operations.md` walks through it. With `-- --series` the same run
//! is printed as a test of `monitoring/prometheus/alerts.yaml`, by which promtool says whether the
//! alerts of the last column are those that fire. Time is simulated.
#![cfg_attr(
    not(test),
    expect(clippy::print_stdout, reason = "an example shows what it does")
)]

mod payments;
mod scraper;
mod shown;

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc, time::Duration};

use relayhouse::{
    Instant, Timestamp,
    middleware::stack,
    port::Redrive,
    prelude::*,
    telemetry::{Metrics, Poller},
    time,
};

use self::{
    payments::{PHASES, Payments},
    scraper::{Row, Scraper},
};

const MINUTE: Duration = Duration::from_secs(60);
const ORDER_EVERY: Duration = Duration::from_millis(100);
/// When the dead letters are sent back, and when the last order comes.
const REDRIVE_AT: u64 = 66;
const LAST: u64 = 82;

/// Is how it went.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) rows: Vec<Row>,
    /// The values of each series, by minute, as Prometheus reads them.
    series: BTreeMap<String, Vec<Option<String>>>,
    pub(crate) sent: u64,
    pub(crate) acked: u64,
    /// The dead letters before they were sent back, by reason.
    pub(crate) reasons: BTreeMap<String, u64>,
    pub(crate) sent_back: u64,
    pub(crate) left: u64,
    pub(crate) dead: u64,
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<()> {
    let outcome = run().await?;
    let is_series = std::env::args().any(|argument| argument == "--series");
    let text = match is_series {
        true => shown::test(&outcome),
        false => shown::told(&outcome),
    };
    print!("{text}");
    Ok(())
}

pub(crate) async fn run() -> Result<Outcome> {
    let context = time::simulated(Timestamp::default(), 7);
    let metrics = Metrics::new(Arc::clone(&context.clock));
    let context = context.observer(metrics.observer("memory"));
    let registry = Registry::with_context(context.clone());
    let queue = registry.open("memory://orders").await?;
    let payments = Arc::new(Payments::new(Arc::clone(&context.clock)));
    let asked = Arc::clone(&payments);
    let handler = move |Json(order): Json<u32>| {
        let payments = Arc::clone(&asked);
        async move { payments.pay(order).await }
    };
    // One worker: more of them would take turns, in another way on each machine.
    let consumer = queue.consumer().concurrency(256).workers(1);
    let consumer = consumer.layer(stack::high_throughput("payments", &context));
    let mut outcome = Outcome::default();
    let day = async {
        let (sent, watched) = tokio::join!(
            send(&queue),
            watch(&queue, &metrics, &payments, &mut outcome),
        );
        watched?;
        outcome.sent = sent?;
        until_empty(&queue).await
    };
    let report = consumer.handler(handler).run_until(day).await?;
    let stats = queue.admin()?.stats(queue.source()).await?;
    (outcome.acked, outcome.left) = (report.acked, stats.live());
    outcome.dead = stats.dead;
    Ok(outcome)
}

/// Sends an order each tenth of a second, and returns how many there were.
async fn send(queue: &Queue) -> Result<u64> {
    let (producer, clock) = (queue.producer().json(), &queue.context().clock);
    let orders = LAST * 60 * 10;
    for order in 1..=orders {
        producer.send(&order).await?;
        let due = Instant::START + ORDER_EVERY * u32::try_from(order).unwrap_or(u32::MAX);
        clock.sleep_until(due).await;
    }
    Ok(orders)
}

/// Looks each minute, lets the service change when it does, and sends the dead letters back.
async fn watch(
    queue: &Queue,
    metrics: &Metrics,
    payments: &Payments,
    outcome: &mut Outcome,
) -> Result<()> {
    let (admin, clock) = (queue.admin()?, &queue.context().clock);
    let poller = Poller::new(metrics, "memory", Arc::clone(&admin));
    let mut scraper = Scraper::new(metrics, poller.source(queue.source().clone()));
    for minute in 0..=LAST {
        let due = Instant::START + MINUTE * u32::try_from(minute).unwrap_or(u32::MAX);
        clock.sleep_until(due).await;
        scraper.scrape(minute, outcome).await;
        if let Some(phase) = PHASES.iter().find(|phase| phase.from == minute) {
            payments.become_as(phase);
        }
        if minute == REDRIVE_AT {
            outcome.reasons = reasons(queue).await?;
            outcome.sent_back = admin.redrive(queue.source(), &Redrive::default()).await?;
        }
    }
    Ok(())
}

/// Waits until nothing is left to handle.
async fn until_empty(queue: &Queue) -> Result<()> {
    let (admin, clock) = (queue.admin()?, &queue.context().clock);
    while 0 < admin.stats(queue.source()).await?.live() {
        clock
            .sleep_until(clock.now() + Duration::from_secs(1))
            .await;
    }
    Ok(())
}

/// Counts the dead letters by their reasons, a page at a time, without taking them.
async fn reasons(queue: &Queue) -> Result<BTreeMap<String, u64>> {
    let (admin, source) = (queue.admin()?, queue.source().dead_letters());
    let (mut reasons, mut from) = (BTreeMap::new(), 0);
    loop {
        let letters = admin.peek(&source, from, NonZeroU32::MAX).await?;
        let Some(last) = letters.last().and_then(|it| it.sequence) else {
            return Ok(reasons);
        };
        from = last + 1;
        for envelope in letters.iter().filter_map(|it| it.envelope.as_ref()) {
            let reason = envelope.dead_letter.reason.to_string();
            *reasons.entry(reason).or_default() += 1;
        }
    }
}
