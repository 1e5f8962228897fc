//! Delays beyond those of SQS, in hops: kept to the second, uncounted, and never lost.

use std::{collections::BTreeSet, num::NonZeroU32, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use libtest_mimic::{Failed, Trial};
use relayhouse_conformance::{SQS_HOP, SqsHarness};
use relayhouse_core::{
    Delivery, Instant, Message, QueueName, Sending, Settlement, Settling, Source,
    port::{Provider, QueueConfig, ReceiveRequest, Receiver, ReceiverOptions},
};
use relayhouse_testkit::Harness;
use sqs_emulator::{Fault, Operation, Times};

const HOUR: Duration = Duration::from_secs(3600);
const DELAY: Duration = Duration::from_secs(2 * 3600 + 7);
const TEN: NonZeroU32 = NonZeroU32::new(10).unwrap();

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, run: fn() -> Result<()>| {
        let run = move || run().map_err(|error| Failed::from(error.to_string()));
        Trial::test(format!("{}::{name}", SQS_HOP.name), run)
    };
    vec![
        trial("delay_of_hours_is_kept", || on_queue(delay_is_kept)),
        trial("release_of_thirteen_hours_is_kept", || {
            on_queue(release_is_kept)
        }),
        trial("hops_lose_nothing", || on_queue(hops_lose_nothing)),
    ]
}

fn on_queue(work: impl AsyncFnOnce(&Opened<'_>) -> Result<()>) -> Result<()> {
    let harness = SQS_HOP.sqs_harness()?;
    harness.drive(async { work(&open(&harness).await?).await })
}

/// A queue, opened both ways.
struct Opened<'a> {
    harness: &'a SqsHarness,
    provider: Arc<dyn Provider>,
    queue: QueueName,
    source: Source,
    receiver: Arc<dyn Receiver>,
}

async fn open(harness: &SqsHarness) -> Result<Opened<'_>> {
    let provider = harness.provider().await?;
    let config = QueueConfig {
        lease: Some(Duration::from_secs(30)),
        ..QueueConfig::default()
    };
    let queue = harness.queue(&*provider, &config).await?;
    let source = Source::queue(queue.clone());
    let options = ReceiverOptions::default();
    let receiver = provider.receiver(&source, options).await?;
    Ok(Opened {
        harness,
        provider,
        queue,
        source,
        receiver,
    })
}

impl Opened<'_> {
    async fn send(&self, messages: Vec<Message>) -> Result<()> {
        let sender = self.provider.sender(&self.queue).await?;
        let mut batch: Vec<_> = messages.into_iter().map(Sending::new).collect();
        sender.send(&mut batch).await?;
        ensure!(batch.iter().all(|item| item.outcome.is_done()), "not sent");
        Ok(())
    }

    fn now(&self) -> Instant {
        self.harness.clock().now()
    }

    /// Receives as a consumer does, until something comes or `patience` is over.
    async fn receive(&self, patience: Duration) -> Result<Vec<Delivery>> {
        let until = self.now() + patience;
        let mut came = Vec::new();
        while came.is_empty() && self.now() < until {
            let request = ReceiveRequest::up_to(TEN).wait(Duration::from_secs(20));
            if let Err(error) = self.receiver.receive(request, &mut came).await {
                ensure!(error.is_temporary(), "a receive failed for good: {error}");
            }
        }
        Ok(came)
    }

    async fn settle(&self, delivery: &Delivery, settlement: Settlement) -> Result<()> {
        let mut batch = [Settling::new(delivery.clone(), settlement)];
        let call = self.receiver.settle(&mut batch).await;
        let [item] = batch;
        Ok(item.outcome.settle(&call)?)
    }

    async fn left(&self) -> Result<u64> {
        let admin = self.provider.admin().context("administration")?;
        let stats = admin.stats(&self.source).await?;
        Ok(stats.live())
    }
}

/// What is delayed for hours comes once, then, and as its first delivery.
async fn delay_is_kept(queue: &Opened<'_>) -> Result<()> {
    let start = queue.now();
    let message = Message::new("later").header("tenant", "acme").delay(DELAY);
    queue.send(vec![message]).await?;
    let came = queue.receive(2 * DELAY).await?;
    let took = queue.now().since(start);
    let late = Duration::from_secs(2);
    ensure!(DELAY <= took && took <= DELAY + late, "after {took:?}");
    let [delivery] = &came[..] else {
        anyhow::bail!("{} messages came", came.len());
    };
    ensure!(delivery.attempt == 1, "attempt {}", delivery.attempt);
    ensure!(delivery.message.headers().text("tenant") == Some("acme"));
    queue.settle(delivery, Settlement::Ack).await?;
    ensure!(queue.left().await? == 0, "something is left");
    Ok(())
}

/// What is released for longer than SQS can hold it stays away as long, with its attempts.
async fn release_is_kept(queue: &Opened<'_>) -> Result<()> {
    queue.send(vec![Message::new("x")]).await?;
    let first = queue.receive(HOUR).await?.remove(0);
    let released = queue.now();
    let delay = 13 * HOUR;
    queue.settle(&first, Settlement::Release { delay }).await?;
    let again = queue.receive(2 * delay).await?.remove(0);
    let took = queue.now().since(released);
    ensure!(
        delay <= took && took <= delay + Duration::from_secs(2),
        "after {took:?}"
    );
    ensure!(again.attempt == 2, "attempt {}", again.attempt);
    ensure!(again.id == first.id && again.enqueued_at == first.enqueued_at);
    queue.settle(&again, Settlement::Ack).await
}

/// Hops whose answers are lost may double a message, and lose none.
async fn hops_lose_nothing(queue: &Opened<'_>) -> Result<()> {
    const MESSAGES: usize = 100;
    let message = |number: usize| Message::new(number.to_string()).delay(HOUR);
    for numbers in (0..MESSAGES).collect::<Vec<_>>().chunks(10) {
        queue
            .send(numbers.iter().copied().map(message).collect())
            .await?;
    }
    let faults = queue.harness.faults();
    for operation in [Operation::SendMessageBatch, Operation::DeleteMessageBatch] {
        for fault in [Fault::DropAnswer, Fault::DropRequest] {
            faults.inject(operation, fault, Times::Chance(0.1));
        }
    }
    let start = queue.now();
    let mut came = BTreeSet::new();
    loop {
        let deliveries = queue.receive(2 * HOUR).await?;
        if deliveries.is_empty() {
            break;
        }
        let took = queue.now().since(start);
        ensure!(HOUR <= took + Duration::from_secs(1), "after {took:?}");
        faults.clear();
        for delivery in deliveries {
            came.insert(delivery.message.body.to_vec());
            queue.settle(&delivery, Settlement::Ack).await?;
        }
    }
    ensure!(came.len() == MESSAGES, "{} messages came", came.len());
    ensure!(queue.left().await? == 0, "something is left");
    Ok(())
}
