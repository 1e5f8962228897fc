//! A fixed rate through `Producer` and `Consumer` for long: the last sixth of the run beside the
//! second one. The first one warms up.

use std::{
    future::ready,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use hdrhistogram::Histogram;
use relayhouse_core::Settlement;
use relayhouse_runtime::Producer;

use super::{
    Scale,
    handled::Handled,
    offered::{Offered, PRODUCERS, wait_until},
};
use crate::{
    clock::Mark,
    machine,
    ours::RuntimeProducer,
    report::{Goal, Table, Unit, rate},
    subject::World,
    tally::{self, Tally},
};

const QUEUE: &str = "Producer and Consumer";
const PER_SECOND: u32 = 100_000;
const CONCURRENCY: u32 = 16;
const SIXTHS: u32 = 6;
const RATE_MIN: f64 = 0.95;
const RESIDENT_MAX: f64 = 1.05;

/// How long after the last send the last message may come; one that has not come then is missing.
const REST_MAX: Duration = Duration::from_secs(30);
const DRAIN_MAX: Duration = Duration::from_millis(20);

const NO_MEMORY: &str =
    "The row of resident memory is left out: this system has no `/proc/self/statm`.";

/// Holds what was seen of one sixth of a run.
#[derive(Clone, Copy, Debug)]
struct Sixth {
    /// Messages a second, by the time at which they were handled.
    rate: f64,
    /// The 95th percentile of the time since a message was due, in nanoseconds.
    p95: f64,
    /// The resident pages of this program at its end, where the system tells.
    pages: Option<u32>,
}

/// Holds what was handled since the last look. There is one for the whole run, so that the
/// measurement itself takes no more memory in the last sixth than in the first.
#[derive(Debug)]
struct Window {
    start: Mark,
    latency: Histogram<u64>,
}

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let seconds = u32::try_from(scale.pick(120, 6))?;
    let title = format!(
        "Sustained, 100,000/s for {seconds} s, {PRODUCERS} producers, concurrency {CONCURRENCY}, \
         1 round: 1 KiB"
    );
    let mut table = Table::new(title);
    let offered = Offered::rate(PER_SECOND, seconds, 1);
    let sixth = Duration::from_secs(seconds.into()) / SIXTHS;
    let (sixths, delivered) = world.runtime.block_on(run(world, offered, sixth))?;
    let [_, early, .., last] = sixths[..] else {
        anyhow::bail!("a run has {SIXTHS} sixths");
    };
    push(&mut table, early, last);
    let line = table.push("delivered", QUEUE, delivered, Unit::Count);
    line.goal = Some(Goal::at_least(f64::from(offered.total())));
    Ok(table)
}

fn push(table: &mut Table, early: Sixth, last: Sixth) {
    let rate = Unit::MessagesPerSecond;
    table.push("rate, early", QUEUE, early.rate, rate);
    table.push("rate, last", QUEUE, last.rate, rate);
    let by_early = last.rate / early.rate;
    let line = table.push("rate, last by early", QUEUE, by_early, Unit::Ratio);
    line.goal = Some(Goal::at_least(RATE_MIN));
    table.push("p95, early", QUEUE, early.p95, Unit::Nanoseconds);
    table.push("p95, last", QUEUE, last.p95, Unit::Nanoseconds);
    let by_early = last.p95 / early.p95;
    table.push("p95, last by early", QUEUE, by_early, Unit::Ratio);
    let (Some(early), Some(last)) = (early.pages, last.pages) else {
        table.notes.push(NO_MEMORY.to_owned());
        return;
    };
    let (early, last) = (f64::from(early), f64::from(last));
    table.push("resident pages, early", QUEUE, early, Unit::Count);
    table.push("resident pages, last", QUEUE, last, Unit::Count);
    let case = "resident memory, last by early";
    let line = table.push(case, QUEUE, last / early, Unit::Ratio);
    line.goal = Some(Goal::at_most(RESIDENT_MAX));
}

/// Returns what was seen of each sixth, and how many messages were acked in all.
async fn run(world: &World, offered: Offered, sixth: Duration) -> Result<(Vec<Sixth>, f64)> {
    let (context, clock) = (&world.context, &world.context.clock);
    let queue = Handled::open(context).await?;
    let producer = Producer::builder(queue.sender(), context.clone()).build()?;
    let tally = Arc::new(Tally::default());
    let end = tally.begin(offered.total() as usize);
    let start = Mark::now();
    let window = Arc::new(Mutex::new(Window::new(start)?));
    let seen = Arc::clone(&window);
    let running = queue
        .start(CONCURRENCY, move |body| {
            let due = body.first_chunk().copied().map(u64::from_le_bytes);
            let now = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
            let latency = now.saturating_sub(due.unwrap_or_default());
            let mut window = seen.lock().unwrap_or_else(PoisonError::into_inner);
            window.latency.saturating_record(latency);
            drop(window);
            tally.count(1);
            ready(Settlement::Ack)
        })
        .await?;
    let make = || RuntimeProducer::new(producer.clone());
    let mut producers = offered.start(make, start, clock);
    let mut sixths = Vec::with_capacity(SIXTHS as usize);
    for index in 1..=SIXTHS {
        wait_until(start.after(sixth * index), clock).await;
        // Read before the lock, which handlers wait for.
        let pages = machine::resident_pages();
        let mut window = window.lock().unwrap_or_else(PoisonError::into_inner);
        sixths.push(window.close(pages)?);
    }
    while let Some(produced) = producers.join_next().await {
        produced??;
    }
    tokio::select! {
        end = tally::end(end) => { end?; }
        () = clock.sleep_until(clock.now() + REST_MAX) => {}
    }
    producer.close().await?;
    let report = running.shutdown(DRAIN_MAX).await?;
    Ok((sixths, f64::from(u32::try_from(report.acked)?)))
}

impl Window {
    fn new(start: Mark) -> Result<Self> {
        let longest = u64::try_from(Duration::from_secs(600).as_nanos())?;
        let latency = Histogram::new_with_bounds(1, longest, 3)?;
        Ok(Self { start, latency })
    }

    /// Returns what was handled in this window, and begins the next one.
    fn close(&mut self, pages: Option<u32>) -> Result<Sixth> {
        ensure!(
            !self.latency.is_empty(),
            "nothing came for a sixth of the run"
        );
        let end = Mark::now();
        let handled = usize::try_from(self.latency.len()).context("the run is too long")?;
        let p95 = Duration::from_nanos(self.latency.value_at_quantile(0.95));
        let sixth = Sixth {
            rate: rate(handled, end.since(self.start)),
            p95: super::nanos(p95),
            pages,
        };
        self.latency.reset();
        self.start = end;
        Ok(sixth)
    }
}
