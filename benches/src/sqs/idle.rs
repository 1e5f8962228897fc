//! The calls of a consumer that has nothing to do, counted by the emulator while its time is moved.

use std::{future::ready, sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use relayhouse_core::{Context, SeededRandom, Settlement, Timestamp, extract::Attempt};
use relayhouse_runtime::Consumer;
use relayhouse_testkit::clock::ManualClock;
use sqs_emulator::{Operation, SqsEmulator};
use tokio::task::yield_now;

use super::{CONSUMER, QUEUE, client, ports::Ports};
use crate::{
    clock::Mark,
    report::{Goal, Table, Unit, ratio},
    subject::World,
    workload::Scale,
};

const CALLS_MAX: f64 = 3.0;

/// The wait of a receive: each step ends the one that waits.
const STEP: Duration = Duration::from_secs(20);
const STEPS_A_MINUTE: usize = 3;

/// How long nothing happens, by the machine's time, before time goes on.
const QUIET: Duration = Duration::from_millis(20);

/// How long a call may take to come, by the machine's time.
const PATIENCE: Duration = Duration::from_secs(10);

/// Is a consumer whose time, and that of its queue, is moved by hand.
struct Idle {
    emulator: SqsEmulator,
    clocks: (ManualClock, sqs_emulator::ManualClock),
    ports: Ports,
}

pub(super) fn table(_: &World, scale: Scale) -> Result<Table> {
    let minutes = scale.pick(60, 5);
    let mut table = super::new_table(format!(
        "A consumer with nothing or little to do, for {minutes} minutes of the emulator's time"
    ));
    for messages in [0, 1] {
        for workers in [1, 2, 8] {
            let calls = client::runtime()?.block_on(run(minutes, workers, messages))?;
            let of = if workers == 1 { "worker" } else { "workers" };
            let case = match messages {
                0 => format!("calls a minute, {workers} {of}"),
                _ => format!("calls a minute, a message a minute, {workers} {of}"),
            };
            let line = table.push(&case, CONSUMER, ratio(calls, minutes), Unit::PerMessage);
            line.goal = (messages == 0).then_some(Goal::at_most(CALLS_MAX));
        }
    }
    Ok(table)
}

/// Returns how many calls came in so many minutes, after the first one; so many messages are sent
/// in each.
async fn run(minutes: usize, workers: u32, messages: usize) -> Result<usize> {
    let clock = ManualClock::new(Timestamp::from_micros(1_767_225_600_000_000));
    let served = sqs_emulator::ManualClock::new();
    let emulator = SqsEmulator::builder().clock(served.clone()).start().await?;
    let random = Arc::new(SeededRandom::new(7));
    let context = Context::new(Arc::new(clock.clone()), random);
    let create = client::client(emulator.endpoint()).create_queue();
    create.queue_name(QUEUE).send().await?;
    let ports = Ports::open(emulator.endpoint(), &context).await?;
    let consumer = Consumer::builder(Arc::clone(&ports.receiver), context);
    let handler = |_: Attempt| ready(Settlement::Ack);
    let running = consumer.workers(workers).handler(handler).start().await?;
    let idle = Idle {
        emulator,
        clocks: (clock, served),
        ports,
    };
    idle.pass_minute(messages).await?;
    let before = idle.emulator.calls();
    for _ in 0..minutes {
        idle.pass_minute(messages).await?;
    }
    let calls = idle.emulator.calls() - before;
    drop(running);
    idle.emulator.close().await;
    Ok(usize::try_from(calls)?)
}

impl Idle {
    async fn pass_minute(&self, messages: usize) -> Result<()> {
        if 0 < messages {
            self.ports.send_batch(messages).await?;
        }
        for _ in 0..STEPS_A_MINUTE {
            self.quiet().await?;
            self.clocks.0.advance(STEP);
            self.clocks.1.advance(STEP);
        }
        Ok(())
    }

    /// Ends when a receive waits and nothing has happened for a while.
    async fn quiet(&self) -> Result<()> {
        let (start, mut since, mut seen) = (Mark::now(), Mark::now(), None);
        loop {
            let count = self.emulator.count(Operation::ReceiveMessage);
            let now_seen = Some((count, self.emulator.calls()));
            if seen != now_seen {
                (since, seen) = (Mark::now(), now_seen);
            }
            // No receive brings more than one message here.
            let is_waiting = count.empty + count.messages < count.calls;
            if is_waiting && QUIET <= since.elapsed() {
                return Ok(());
            }
            ensure!(start.elapsed() < PATIENCE, "no receive came: {count:?}");
            yield_now().await;
        }
    }
}
