//! The SQS adapter while calls fail: answers that are lost after the fact, requests that never
//! arrive, throttling, and batches of which some entries fail.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use anyhow::{Context, Result, ensure};
use libtest_mimic::{Failed, Trial};
use relayhouse_conformance::{SQS, SQS_FIFO, SQS_SHARDED, SqsHarness, Target};
use relayhouse_core::{
    ErrorKind, Message, MessageId, Sending, Settlement, Settling, Source,
    port::{QueueConfig, ReceiveRequest, Receiver, ReceiverOptions, Sender},
};
use relayhouse_testkit::Harness;
use sqs_emulator::{Fault, Faults, Operation, Refusal, Times};

const MESSAGES: usize = 3_000;
const TEN: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// How long the queue is looked at after the last message, for what may come again.
const QUIET: Duration = Duration::from_secs(90);

/// One test for each kind of queue: nothing is lost, and a FIFO queue doubles nothing by sends.
/// And one that what the cases about TLS refuse is refused for its certificate alone.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (target, is_fifo) in [(SQS, false), (SQS_FIFO, true), (SQS_SHARDED, true)] {
        let run = move || run(target, is_fifo).map_err(|error| Failed::from(error.to_string()));
        let name = format!("{}::faults_lose_nothing", target.name);
        trials.push(Trial::test(name, run));
    }
    let run = || trusted().map_err(|error| Failed::from(error.to_string()));
    trials.push(Trial::test("sqs::trusted_certificate_is_accepted", run));
    trials
}

fn trusted() -> Result<()> {
    let harness = SqsHarness::new("sqs", false)?;
    harness.drive(async {
        let provider = harness.provider_over_trusted_tls().await?;
        let queue = harness.queue(&*provider, &QueueConfig::default()).await?;
        provider.sender(&queue).await?;
        Ok(())
    })
}

fn run(target: Target, is_fifo: bool) -> Result<()> {
    let harness = target.sqs_harness()?;
    harness.drive(faulty(&harness, is_fifo))
}

fn inject(faults: &Faults) {
    for operation in [
        Operation::SendMessageBatch,
        Operation::ReceiveMessage,
        Operation::DeleteMessageBatch,
    ] {
        for fault in [
            Fault::DropAnswer,
            Fault::DropRequest,
            Fault::Refuse(Refusal::Throttled),
            Fault::Refuse(Refusal::Internal),
        ] {
            faults.inject(operation, fault, Times::Chance(0.05));
        }
    }
    for operation in [Operation::SendMessageBatch, Operation::DeleteMessageBatch] {
        let fault = Fault::FailEntries(vec![1, 4]);
        faults.inject(operation, fault, Times::Chance(0.1));
    }
}

async fn faulty(harness: &SqsHarness, is_fifo: bool) -> Result<()> {
    let provider = harness.provider().await?;
    let config = QueueConfig::default();
    let queue = harness.queue(&*provider, &config).await?;
    let sender = provider.sender(&queue).await?;
    let source = Source::queue(queue);
    let options = ReceiverOptions::default();
    let receiver = provider.receiver(&source, options).await?;
    inject(&harness.faults());

    send_all(&*sender).await?;
    let came = take_all(harness, &*receiver).await?;
    ensure!(came.len() == MESSAGES, "{} messages came", came.len());

    harness.faults().clear();
    let admin = provider.admin().context("no port for administration")?;
    let stats = admin.stats(&source).await?;
    ensure!(stats.live() == 0, "left behind: {stats:?}");
    // Each message that a send doubled would come with another sequence number.
    let doubled = came
        .values()
        .filter(|sequences| 1 < sequences.len())
        .count();
    ensure!(!is_fifo || doubled == 0, "{doubled} messages were doubled");
    Ok(())
}

/// Sends until each message was taken: on what nobody knows, too.
async fn send_all(sender: &dyn Sender) -> Result<()> {
    let message = |number: usize| {
        let message = Message::new(number.to_string()).id(MessageId::from(number as u128));
        Sending::new(message.ordering_key(format!("key-{}", number % 7)))
    };
    let all: Vec<usize> = (0..MESSAGES).collect();
    for numbers in all.chunks(10) {
        let mut batch: Vec<_> = numbers.iter().copied().map(message).collect();
        while !batch.is_empty() {
            sender.send(&mut batch).await?;
            for error in batch.iter().filter_map(|item| item.outcome.error()) {
                ensure!(error.is_temporary(), "it cannot be tried again: {error}");
            }
            batch.retain(|item| !item.outcome.is_done());
        }
    }
    Ok(())
}

type Came = BTreeMap<Vec<u8>, Vec<Option<u64>>>;

/// Receives and acks until nothing comes for a while.
async fn take_all(harness: &SqsHarness, receiver: &dyn Receiver) -> Result<Came> {
    let mut came = Came::new();
    let clock = harness.clock();
    let mut last = clock.now();
    while clock.now().since(last) < QUIET {
        let mut deliveries = Vec::new();
        let request = ReceiveRequest::up_to(TEN).wait(Duration::from_secs(20));
        if let Err(error) = receiver.receive(request, &mut deliveries).await {
            ensure!(error.is_temporary(), "a receive failed for good: {error}");
        }
        if deliveries.is_empty() {
            continue;
        }
        last = clock.now();
        for delivery in &deliveries {
            let sequences = came.entry(delivery.message.body.to_vec()).or_default();
            if !sequences.contains(&delivery.sequence) {
                sequences.push(delivery.sequence);
            }
        }
        let acks = deliveries.into_iter();
        let acks = acks.map(|it| Settling::new(it, Settlement::Ack));
        ack(receiver, acks.collect()).await?;
    }
    Ok(came)
}

/// Acks until each ack is done, or the lease is lost.
async fn ack(receiver: &dyn Receiver, mut batch: Vec<Settling>) -> Result<()> {
    while !batch.is_empty() {
        receiver.settle(&mut batch).await?;
        let lost = |item: &Settling| {
            let error = item.outcome.error();
            error.is_some_and(|error| error.kind() == ErrorKind::LeaseLost)
        };
        batch.retain(|item| !item.outcome.is_done() && !lost(item));
        for error in batch.iter().filter_map(|item| item.outcome.error()) {
            ensure!(error.is_temporary(), "it cannot be tried again: {error}");
        }
    }
    Ok(())
}
