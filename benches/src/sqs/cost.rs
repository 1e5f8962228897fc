//! The calls that messages cost, counted by the emulator, for each preset.

use std::{future::ready, sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use bytes::Bytes;
use relayhouse_core::{Context, Settlement, extract::Attempt};
use relayhouse_runtime::{Consumer, ConsumerConfig, Preset, Producer, ProducerConfig};
use relayhouse_sqs::{Config, Preset as Sqs};
use sqs_emulator::{Operation, SqsEmulator};

use super::{
    QUEUE,
    callers::{CALLERS, send_singly},
    client,
    ports::Ports,
};
use crate::{
    report::{Goal, Table, Unit, ratio},
    subject::World,
    tally::{self, Tally},
    workload::Scale,
};

const CALLS_MAX: f64 = 310.0;

/// How long an idle receive may go on when all messages were acked.
const DRAIN_MAX: Duration = Duration::from_millis(500);

/// Says how producer, consumer and adapter are set up.
#[derive(Debug)]
struct Setup {
    name: &'static str,
    producer: ProducerConfig,
    consumer: ConsumerConfig,
    adapter: Config,
}

/// Says what is on the queue when the consumer starts.
#[derive(Clone, Copy, Debug)]
enum Load {
    /// All messages.
    Backlog,
    /// Nothing: they are sent while it runs.
    Flow,
}

/// Is what was counted, of as many messages as were sent.
#[derive(Clone, Copy, Debug)]
struct Calls {
    send: usize,
    receive: usize,
    delete: usize,
    all: usize,
}

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let messages = scale.pick(20_000, 2_000);
    let mut table = super::new_table(format!(
        "Calls, counted by the emulator: {messages} messages, {CALLERS} callers that send one at a \
         time, one consumer"
    ));
    for (load, case) in [
        (Load::Backlog, "sent, then consumed"),
        (Load::Flow, "consumed while sent"),
    ] {
        for setup in setups() {
            let calls = client::runtime()?.block_on(run(&world.context, &setup, load, messages))?;
            push(&mut table, case, setup.name, calls, messages);
        }
    }
    Ok(table)
}

fn setups() -> Vec<Setup> {
    let preset = |name, preset: Preset, adapter: Sqs| Setup {
        name,
        producer: preset.producer(),
        consumer: preset.consumer(),
        adapter: adapter.config(),
    };
    vec![
        Setup {
            name: "default",
            producer: ProducerConfig::default(),
            consumer: ConsumerConfig::default(),
            adapter: Config::default(),
        },
        preset(
            "high throughput",
            Preset::HighThroughput,
            Sqs::HighThroughput,
        ),
        preset("low cost", Preset::LowCost, Sqs::LowCost),
        preset("low latency", Preset::LowLatency, Sqs::LowLatency),
    ]
}

fn push(table: &mut Table, case: &str, name: &str, calls: Calls, messages: usize) {
    let Calls {
        send,
        receive,
        delete,
        all,
    } = calls;
    let line = table.push(
        &format!("{case}: calls for 1,000 messages"),
        name,
        1000.0 * ratio(all, messages),
        Unit::Count,
    );
    line.goal = ["default", "high throughput"]
        .contains(&name)
        .then_some(Goal::at_most(CALLS_MAX));
    for (what, count) in [("send", send), ("receive", receive), ("delete", delete)] {
        let case = format!("{case}: messages of one {what}");
        table.push(&case, name, ratio(messages, count), Unit::PerMessage);
    }
}

async fn run(context: &Context, setup: &Setup, load: Load, messages: usize) -> Result<Calls> {
    let emulator = SqsEmulator::builder().start().await?;
    let endpoint = emulator.endpoint();
    let create = client::client(endpoint).create_queue();
    create.queue_name(QUEUE).send().await?;
    let ports = Ports::open_with(endpoint, context, setup.adapter.clone()).await?;
    let producer = Producer::builder(Arc::clone(&ports.sender), context.clone());
    let producer = producer.config(setup.producer.clone()).build()?;
    let before = count(&emulator);
    match load {
        Load::Backlog => {
            send_singly(&producer, &ports, messages).await?;
            consume(context, &ports, &setup.consumer, messages).await?;
        }
        Load::Flow => {
            tokio::try_join!(
                send_singly(&producer, &ports, messages),
                consume(context, &ports, &setup.consumer, messages),
            )?;
        }
    }
    let after = count(&emulator);
    producer.close().await?;
    emulator.close().await;
    Ok(Calls {
        send: after.send - before.send,
        receive: after.receive - before.receive,
        delete: after.delete - before.delete,
        all: after.all - before.all,
    })
}

fn count(emulator: &SqsEmulator) -> Calls {
    let calls = |operation| usize::try_from(emulator.count(operation).calls).unwrap_or(usize::MAX);
    Calls {
        send: calls(Operation::SendMessageBatch),
        receive: calls(Operation::ReceiveMessage),
        delete: calls(Operation::DeleteMessageBatch),
        all: usize::try_from(emulator.calls()).unwrap_or(usize::MAX),
    }
}

/// Runs a consumer until all messages were acked.
async fn consume(
    context: &Context,
    ports: &Ports,
    config: &ConsumerConfig,
    messages: usize,
) -> Result<()> {
    let tally = Arc::new(Tally::default());
    let end = tally.begin(messages);
    let consumer = Consumer::builder(Arc::clone(&ports.receiver), context.clone());
    let consumer = consumer.config(config.clone());
    let handler = move |_: Bytes, _: Attempt| {
        tally.count(1);
        ready(Settlement::Ack)
    };
    let running = consumer.handler(handler).start().await?;
    tally::end(end).await?;
    let report = running.shutdown(DRAIN_MAX).await?;
    let is_right = report.acked == messages as u64 && report.failed == 0;
    ensure!(is_right, "{messages} should be acked: {report:?}");
    Ok(())
}
