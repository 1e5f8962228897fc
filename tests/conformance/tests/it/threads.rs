//! Receivers on several threads: what a single thread cannot show.

use std::{collections::BTreeSet, num::NonZeroU32, sync::Arc};

use anyhow::{Result, ensure};
use libtest_mimic::{Failed, Trial};
use relayhouse_conformance::{LOCAL, TARGETS, Target};
use relayhouse_core::{
    Message, MessageId, Sending, Settlement, Settling, Source,
    port::{Provider, QueueConfig, ReceiveRequest, Receiver, ReceiverOptions},
};
use tokio::{runtime::Builder, task::JoinSet};

const RUNS: u32 = 20;
/// Fewer, since each makes a file.
const LOCAL_RUNS: u32 = 3;
const MESSAGES: u128 = 1_000;
const RECEIVERS: usize = 100;

/// One test for each adapter in process: a thousand messages and a hundred receivers on four
/// threads, each message once.
pub(crate) fn trials() -> [Trial; 2] {
    let [memory, ..] = TARGETS;
    [(memory, RUNS), (LOCAL, LOCAL_RUNS)].map(|(target, runs)| {
        let name = format!("{}::threads_share_messages_once_each", target.name);
        Trial::test(name, move || {
            run(target, runs).map_err(|error| Failed::from(error.to_string()))
        })
    })
}

fn run(target: Target, runs: u32) -> Result<()> {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(4).enable_time().build()?;
    for _ in 0..runs {
        let ids = runtime.block_on(share(target))?;
        let different: BTreeSet<_> = ids.iter().collect();
        ensure!(ids.len() == different.len(), "a message came twice");
        ensure!(ids.len() as u128 == MESSAGES, "{} messages came", ids.len());
    }
    Ok(())
}

/// Sends, and lets all receivers take what they can: returns the ids of what came.
async fn share(target: Target) -> Result<Vec<String>> {
    let harness = target.harness()?;
    let provider: Arc<dyn Provider> = harness.provider().await?;
    let queue = harness.queue(&*provider, &QueueConfig::default()).await?;
    let message = |number| Message::new("x").id(MessageId::from(number));
    let mut batch: Vec<_> = (0..MESSAGES)
        .map(|number| Sending::new(message(number)))
        .collect();
    provider.sender(&queue).await?.send(&mut batch).await?;
    let source = Source::queue(queue);
    let mut receivers = JoinSet::new();
    for _ in 0..RECEIVERS {
        let receiver = provider
            .receiver(&source, ReceiverOptions::default())
            .await?;
        receivers.spawn(take(receiver));
    }
    let mut ids = Vec::new();
    while let Some(taken) = receivers.join_next().await {
        ids.extend(taken??);
    }
    Ok(ids)
}

/// Receives and acks until nothing is there.
async fn take(receiver: Arc<dyn Receiver>) -> Result<Vec<String>> {
    let request = ReceiveRequest::up_to(NonZeroU32::MIN.saturating_add(6));
    let mut ids = Vec::new();
    loop {
        let mut deliveries = Vec::new();
        receiver.receive(request, &mut deliveries).await?;
        if deliveries.is_empty() {
            return Ok(ids);
        }
        ids.extend(deliveries.iter().map(|delivery| delivery.id.to_string()));
        let settling = |delivery| Settling::new(delivery, Settlement::Ack);
        let mut batch: Vec<_> = deliveries.into_iter().map(settling).collect();
        receiver.settle(&mut batch).await?;
        let is_done = batch.iter().all(|item| item.outcome.is_done());
        ensure!(is_done, "a leased message could not be acked");
        tokio::task::yield_now().await;
    }
}
