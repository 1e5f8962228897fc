//! Messages offered at a fixed rate, whether or not the queue keeps up. Latency counts from the
//! time at which a message was due, not from the one at which the producer got round to it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use hdrhistogram::Histogram;
use relayhouse_core::Clock;
use tokio::task::JoinSet;

use super::{BODY_BYTES, Kind, Scale, Workload, contenders, push_all};
use crate::{
    clock::Mark,
    compare::{Contender, Rounds, compare},
    report::{Goal, Table, Unit},
    subject::{Consume, Produce, Subject, World},
    tally::{self, Tally},
};

pub(super) const PRODUCERS: u32 = 10;
const CONSUMERS: usize = 5;
const NANOS: f64 = 1e9;
const P95_MAX: f64 = 5e6;

/// The figures of a round, by place.
const FIGURES: [&str; 4] = ["p50", "p95", "p99", "delivered"];

const NOTES: [&str; 2] = [
    "The timer has a grain of 1 ms, so up to 2 ms of each latency are the producers' own.",
    "At once, the latency is the time in which the whole backlog is sent and worked off: read it \
     beside the limit's.",
];

/// Is a load that producers offer by the clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offered {
    /// How long after the one before the next message of a producer is due.
    every: Duration,
    /// The messages of one producer.
    messages: u32,
    batch: usize,
}

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let title = "Offered load, 10 producers × 5 consumers: 1 KiB, latency from the time it was due";
    let mut table = Table::new(title);
    let seconds = |full, quick| u32::try_from(scale.pick(full, quick));
    let (sustained, peak) = (seconds(60, 6)?, seconds(5, 1)?);
    let cases = [
        (
            format!("100,000/s for {sustained} s"),
            Offered::rate(100_000, sustained, 1),
            1,
        ),
        (
            format!("500,000/s for {peak} s"),
            Offered::rate(500_000, peak, 1),
            3,
        ),
        ("100,000 at once".to_owned(), Offered::at_once(100_000), 5),
    ];
    for (case, workload, count) in cases {
        let rounds = Rounds { count, warm_up: 0 };
        let contenders = contenders(
            &[Kind::Limit, Kind::Flume, Kind::Ports, Kind::Producer],
            &workload,
            world,
        )?;
        let comparison = compare(rounds, contenders)?;
        let messages = f64::from(workload.total());
        for (index, name) in FIGURES.iter().enumerate() {
            let (unit, goal) = match *name {
                "p95" => (Unit::Nanoseconds, Some(Goal::at_most(P95_MAX))),
                "delivered" => (Unit::Count, Some(Goal::at_least(messages))),
                _ => (Unit::Nanoseconds, None),
            };
            let case = format!("{case}, {name}");
            push_all(&mut table, &case, &comparison, (index, unit), |name| {
                goal.filter(|_| super::is_port(name))
            });
        }
    }
    table.notes.extend(NOTES.map(str::to_owned));
    Ok(table)
}

impl Offered {
    /// Offers `per_second` messages a second for some seconds.
    pub(super) fn rate(per_second: u32, seconds: u32, batch: usize) -> Self {
        Self {
            every: Duration::from_secs(1) * PRODUCERS / per_second,
            messages: per_second / PRODUCERS * seconds,
            batch,
        }
    }

    fn at_once(messages: u32) -> Self {
        Self {
            every: Duration::ZERO,
            messages: messages / PRODUCERS,
            batch: 100,
        }
    }
}

impl Workload for Offered {
    fn contender<'w, S: Subject>(&self, world: &'w World) -> Result<Contender<'w>> {
        let offered = *self;
        Ok(Contender::new(S::NAME, move || {
            let queue = world.open::<S>()?;
            world
                .runtime
                .block_on(run(offered, &*queue, &world.context.clock))
        }))
    }
}

async fn run<S: Subject>(offered: Offered, queue: &S, clock: &Arc<dyn Clock>) -> Result<Vec<f64>> {
    let tally = Arc::new(Tally::default());
    let end = tally.begin(offered.total() as usize);
    let latency = Arc::new(Mutex::new(Histogram::<u64>::new(3)?));
    let start = Mark::now();
    let mut consumers = JoinSet::new();
    for _ in 0..CONSUMERS {
        let (latency, tally) = (Arc::clone(&latency), Arc::clone(&tally));
        consumers.spawn(consume(
            queue.consumer(),
            offered.batch,
            start,
            latency,
            tally,
        ));
    }
    let mut producers = offered.start(|| queue.producer(), start, clock);
    while let Some(produced) = producers.join_next().await {
        produced??;
    }
    tally::end(end).await?;
    consumers.shutdown().await;
    let latency = latency.lock().unwrap_or_else(PoisonError::into_inner);
    let at =
        |quantile| Duration::from_nanos(latency.value_at_quantile(quantile)).as_secs_f64() * NANOS;
    let delivered = u32::try_from(latency.len())?;
    Ok(vec![at(0.5), at(0.95), at(0.99), f64::from(delivered)])
}

impl Offered {
    /// Returns the messages of all producers.
    pub(super) fn total(self) -> u32 {
        self.messages * PRODUCERS
    }

    /// Starts the producers, which write into each body how long after `start` it is due.
    pub(super) fn start<P: Produce>(
        self,
        producer: impl Fn() -> P,
        start: Mark,
        clock: &Arc<dyn Clock>,
    ) -> JoinSet<Result<()>> {
        let mut producers = JoinSet::new();
        for index in 0..PRODUCERS {
            // Producers take turns within the interval.
            let first = start.after(self.every * index / PRODUCERS);
            producers.spawn(self.produce(producer(), (start, first), Arc::clone(clock)));
        }
        producers
    }

    async fn produce(
        self,
        mut producer: impl Produce,
        (start, first): (Mark, Mark),
        clock: Arc<dyn Clock>,
    ) -> Result<()> {
        let mut body = vec![7; BODY_BYTES];
        let mut sent = 0;
        while sent < self.messages {
            let due = first.after(self.every * sent);
            wait_until(due, &clock).await;
            let nanos = u64::try_from(due.since(start).as_nanos())?;
            body[..size_of::<u64>()].copy_from_slice(&nanos.to_le_bytes());
            producer.send(&body, self.batch).await?;
            sent += u32::try_from(self.batch)?;
            tally::pause(self.batch).await;
        }
        Ok(())
    }
}

/// Waits until `due`, if that is not over.
pub(crate) async fn wait_until(due: Mark, clock: &Arc<dyn Clock>) {
    let wait = due.since(Mark::now());
    if !wait.is_zero() {
        clock.sleep_until(clock.now() + wait).await;
    }
}

async fn consume(
    mut consumer: impl Consume,
    batch: usize,
    start: Mark,
    latency: Arc<Mutex<Histogram<u64>>>,
    tally: Arc<Tally>,
) -> Result<()> {
    let mut due = Vec::with_capacity(batch);
    loop {
        let count = consumer
            .take(batch, |body| {
                due.extend(body.first_chunk().copied().map(u64::from_le_bytes));
            })
            .await?;
        let now = u64::try_from(start.elapsed().as_nanos()).context("the run is too long")?;
        {
            let mut latency = latency.lock().unwrap_or_else(PoisonError::into_inner);
            for due in due.drain(..) {
                latency.record(now.saturating_sub(due))?;
            }
        }
        tally.count(count);
        tally::pause(batch).await;
    }
}
