//! Handlers that wait 10 ms, under paused time: how fast 10,000 messages go, by concurrency.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use relayhouse_core::{Settlement, Timestamp};

use super::{Scale, handled::Handled};
use crate::{
    report::{Goal, Table, Unit},
    subject::World,
};

const BODY: [u8; 100] = [7; 100];
const CONSUMER: &str = "Consumer";
const WAIT: Duration = Duration::from_millis(10);
const PER_SECOND: f64 = 100.0;
const WATCHED: Duration = Duration::from_secs(1);
const MESSAGES: u32 = 10_000;
const RATE_MIN: f64 = 0.95;
const SEED: u64 = 7;

pub(super) fn table(_: &World, _: Scale) -> Result<Table> {
    let mut table = Table::new("Handlers that wait 10 ms, paused time: 10,000 waiting");
    let mut half = None;
    for concurrency in [1, 2, 4, 8, 16, 32, 64] {
        let handled = f64::from(run(concurrency)?);
        let case = format!("concurrency {concurrency}, handled in 1 s");
        let line = table.push(&case, CONSUMER, handled, Unit::MessagesPerSecond);
        line.goal = Some(Goal::at_least(
            RATE_MIN * f64::from(concurrency) * PER_SECOND,
        ));
        let case = format!("concurrency {concurrency}, backlog after 1 s");
        table.push(&case, CONSUMER, f64::from(MESSAGES) - handled, Unit::Count);
        if let Some(half) = half.replace(handled) {
            let case = format!("concurrency {concurrency}, fall of the backlog by that of half");
            let line = table.push(&case, CONSUMER, handled / half, Unit::Ratio);
            line.goal = Some(Goal::at_least(1.0));
        }
    }
    Ok(table)
}

/// Returns how many messages were handled in one second of a clock that stands still while
/// anything runs.
fn run(concurrency: u32) -> Result<u32> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(async {
        let context = relayhouse_time::simulated(Timestamp::default(), SEED);
        let queue = Handled::open(&context).await?;
        queue.fill(&BODY, MESSAGES as usize).await?;
        let handled = Arc::new(AtomicU32::new(0));
        let (clock, count) = (Arc::clone(&context.clock), Arc::clone(&handled));
        let end = clock.now() + WATCHED;
        let running = queue
            .start(concurrency, move |_| {
                let (clock, count) = (Arc::clone(&clock), Arc::clone(&count));
                async move {
                    clock.sleep_until(clock.now() + WAIT).await;
                    count.fetch_add(1, Ordering::AcqRel);
                    Settlement::Ack
                }
            })
            .await?;
        context.clock.sleep_until(end).await;
        let handled = handled.load(Ordering::Acquire);
        running.shutdown(Duration::from_secs(1)).await?;
        Ok(handled)
    })
}
