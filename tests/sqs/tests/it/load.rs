//! Producers and a consumer with everything that the runtime has, until the queue is empty.

use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};

use relayhouse_core::{
    Clock as _, Context, Error, ErrorKind, Message, Result, Settlement,
    extract::Attempt,
    port::{ReceiveRequest, ReceiverOptions},
};
use relayhouse_runtime::{Consumer, ConsumerConfig, Order, Producer, Report, Running};
use relayhouse_testkit::{
    generate::Stream,
    oracle::{Entry, Verdict},
};
use sqs_emulator::Faults;
use tokio::join;

use crate::{
    causes::Causes,
    world::{Kind, LEASE, World},
};

const CONCURRENCY: NonZeroU32 = NonZeroU32::new(64).unwrap();
const BATCH: u64 = 100;
/// The ordering keys on a FIFO queue.
const KEYS: u64 = 40;
/// Once faults have stopped, everything must be done within this time.
const DRAIN_MAX: Duration = Duration::from_secs(3_600);
const LOOK_EVERY: Duration = Duration::from_secs(5);
const SHUTDOWN_MAX: Duration = Duration::from_secs(60);
/// How long a producer waits before it sends again what failed.
const PAUSE: Duration = Duration::from_millis(50);

/// Is what a run came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    pub(crate) causes: Causes,
    pub(crate) report: Report,
    pub(crate) doubled: u64,
    pub(crate) calls: u64,
    pub(crate) took: Duration,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            verdict,
            causes,
            calls,
            took,
            ..
        } = self;
        write!(
            f,
            "{verdict}\n  {causes}\n  {calls} calls, {took:?} simulated"
        )
    }
}

/// Sends `messages` and handles them, with the faults that `inject` sets once everything is open;
/// then takes the faults back, and waits until nothing is left.
pub(crate) async fn run(world: &World, messages: u64, inject: impl FnOnce(&Faults)) -> Outcome {
    let running = consume(world).await;
    let faults = world.emulator.faults();
    inject(&faults);
    join!(
        produce(world, 1, messages / 2),
        produce(world, 2, messages - messages / 2)
    );
    heal(&faults);
    finish(world, running).await
}

/// Waits until nothing is left, and tells what was found.
pub(crate) async fn finish(world: &World, running: Running) -> Outcome {
    drained(world).await;
    let report = running.shutdown(SHUTDOWN_MAX).await.unwrap();
    let abandoned = report.abandoned;
    note(world, Entry::ShutDown { abandoned });
    show_dead(world).await;
    let stats = world.stats().await;
    Outcome {
        verdict: world.verdict(stats.ready + stats.leased + stats.delayed),
        causes: world.causes(),
        report,
        doubled: world.emulator.doubled().len() as u64,
        calls: world.emulator.calls(),
        took: world.manual.now().since(relayhouse_core::Instant::START),
    }
}

impl Outcome {
    /// Returns whether all messages are accounted for, and every duplicate is explained.
    pub(crate) fn is_sound(&self, messages: u64) -> bool {
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

fn note(world: &World, entry: Entry<'_>) {
    world.watch.note(world.manual.now(), entry);
}

/// Takes all faults back.
fn heal(faults: &Faults) {
    faults.clear();
    faults.duplicate(0.0);
    faults.reorder(1);
    faults.limit_in_flight(120_000);
}

/// Sends a share of the messages. What was not confirmed is sent again, also where nobody knows
/// whether it was taken.
pub(crate) async fn produce(world: &World, number: u64, messages: u64) {
    let provider = Arc::clone(&world.provider);
    let producer = Producer::of(provider, world.queue.clone(), world.context.clone());
    let producer = producer.build().unwrap();
    let mut stream = Stream::new(number);
    while stream.made() < messages {
        let left = messages - stream.made();
        send_all(world, &producer, batch(world, &mut stream, left)).await;
    }
    producer.close().await.unwrap();
}

/// Makes messages that may be sent together: on a FIFO queue one of each key, since SQS may fail
/// one entry of a call and take another one of its group.
fn batch(world: &World, stream: &mut Stream, left: u64) -> Vec<Message> {
    let random = &*world.context.random;
    match world.kind {
        Kind::Standard => {
            let count = left.min(BATCH);
            (0..count).map(|_| stream.message(random)).collect()
        }
        Kind::Fifo => {
            let keys = 0..left.min(KEYS);
            keys.map(|key| stream.message(random).ordering_key(format!("key-{key}")))
                .collect()
        }
    }
}

async fn send_all(world: &World, producer: &Producer, mut messages: Vec<Message>) {
    loop {
        let now = world.manual.now();
        for message in &messages {
            world.watch.sending(now, message);
        }
        let answers = producer.send_all(messages.iter().cloned()).await;
        let mut answers = answers.into_iter();
        messages.retain(|_| match answers.next().unwrap() {
            Ok(_) => false,
            Err(error) => {
                assert!(may_pass(&error), "it cannot be sent again: {error:?}");
                true
            }
        });
        if messages.is_empty() {
            return;
        }
        world.pass(PAUSE).await;
    }
}

/// Starts a consumer.
pub(crate) async fn consume(world: &World) -> Running {
    let config = ConsumerConfig {
        concurrency: CONCURRENCY,
        workers: NonZeroU32::new(2).unwrap(),
        order: match world.kind {
            Kind::Standard => Order::Handled,
            Kind::Fifo => Order::Settled,
        },
        ..ConsumerConfig::default()
    };
    let context = world.context.clone();
    let handler = move |attempt| handle(context.clone(), attempt);
    loop {
        let provider = Arc::clone(&world.provider);
        let consumer = Consumer::of(provider, world.source.clone(), world.context.clone());
        let consumer = consumer.config(config.clone()).handler(handler.clone());
        match consumer.start().await {
            Ok(running) => return running,
            Err(error) => pause(world, &error).await,
        }
    }
}

/// Waits before a call is tried again that may go well the next time.
async fn pause(world: &World, error: &Error) {
    assert!(may_pass(error), "it cannot be tried again: {error:?}");
    world.pass(PAUSE).await;
}

fn may_pass(error: &Error) -> bool {
    error.is_temporary() || error.kind() == ErrorKind::OutcomeUnknown
}

/// Handles one message: mostly at once, sometimes for a moment, seldom for longer than a lease
/// lasts, and sometimes in vain.
async fn handle(context: Context, Attempt(_): Attempt) -> Result<Settlement> {
    let random = &*context.random;
    let takes = match random.below(1_000) {
        0 => LEASE + LEASE / 2,
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

/// Waits until nothing is left, which must come in time once faults have stopped.
pub(crate) async fn drained(world: &World) {
    let began = world.manual.now();
    loop {
        let stats = world.stats().await;
        if stats.ready + stats.leased + stats.delayed == 0 {
            return;
        }
        let since = world.manual.now().since(began);
        assert!(since < DRAIN_MAX, "{stats:?} is left after {since:?}");
        world.pass(LOOK_EVERY).await;
    }
}

/// Shows the oracle every dead letter.
async fn show_dead(world: &World) {
    let source = world.source.dead_letters();
    let options = ReceiverOptions::default();
    let receiver = world.direct.receiver(&source, options).await.unwrap();
    let ten = NonZeroU32::new(10).unwrap();
    loop {
        let mut dead = Vec::new();
        let request = ReceiveRequest::up_to(ten);
        receiver.receive(request, &mut dead).await.unwrap();
        if dead.is_empty() {
            return;
        }
        for delivery in &dead {
            note(world, Entry::Dead(delivery));
        }
    }
}
