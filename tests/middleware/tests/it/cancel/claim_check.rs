//! Claim checks: a blob may be left over, and a message is neither lost nor without its blob.

use std::{
    collections::BTreeMap,
    num::NonZeroU64,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use relayhouse_core::{
    Capabilities, Context, Delivery, Error, ErrorKind, Message, Outcome, Result, Sending,
    port::{BlobName, BlobStore, Deleting, Fetching, ReceiveRequest, Receiver, Sender, Storing},
};
use relayhouse_middleware::claim_check::{
    ClaimCheckConfig, ClaimCheckLayer, ClaimReceiver, ClaimSender,
};
use relayhouse_testkit::hostile::{Call, HostileReceiver, HostileSender, Script};
use tower::{Layer, ServiceExt};

use crate::cancel::harness::{Inner, STEP, at_every_poll, context, pass};

const LARGE: usize = 1_000;
const LEASE: Duration = Duration::from_secs(300);

/// Keeps blobs in memory, and takes a step before it does something, and one after that.
#[derive(Debug)]
pub(super) struct Blobs {
    context: Context,
    blobs: Mutex<BTreeMap<BlobName, Bytes>>,
}

impl Blobs {
    pub(super) fn new(context: &Context) -> Arc<Self> {
        Arc::new(Self {
            context: context.clone(),
            blobs: Mutex::default(),
        })
    }

    async fn step<T>(&self, work: impl FnOnce(&mut BTreeMap<BlobName, Bytes>) -> T) -> Result<T> {
        pass(&self.context, STEP).await;
        let done = work(&mut self.blobs.lock().unwrap());
        pass(&self.context, STEP).await;
        Ok(done)
    }

    fn count(&self) -> usize {
        self.blobs.lock().unwrap().len()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl BlobStore for Blobs {
    async fn put(&self, batch: &mut [Storing]) -> Result<()> {
        self.step(|blobs| {
            for item in batch {
                blobs.insert(item.name, item.bytes.clone());
                item.outcome = Outcome::Done(());
            }
        })
        .await
    }

    async fn get(&self, batch: &mut [Fetching], _: u64) -> Result<()> {
        let missing = || Error::new(ErrorKind::BlobNotFound, "it is not there");
        self.step(|blobs| {
            for item in batch {
                item.outcome = blobs.get(&item.name).cloned().ok_or_else(missing).into();
            }
        })
        .await
    }

    async fn delete(&self, batch: &mut [Deleting]) -> Result<()> {
        self.step(|blobs| {
            for item in batch {
                blobs.remove(&item.name);
                item.outcome = Outcome::Done(());
            }
        })
        .await
    }

    async fn sweep(&self, _: Duration) -> Result<u64> {
        Ok(0)
    }
}

pub(super) fn config() -> ClaimCheckConfig {
    ClaimCheckConfig {
        bytes_min: 100,
        ..ClaimCheckConfig::default()
    }
}

pub(super) fn large(digit: u8) -> Message {
    Message::new(vec![digit; LARGE])
}

fn slow() -> Script {
    let slow = || Call::DONE.before(STEP).after(STEP);
    (0..10).fold(Script::new(), |script, _| script.then(slow()))
}

/// Makes a queue that claims of a store are sent to.
fn sender(context: &Context, store: &Arc<Blobs>) -> (Arc<HostileSender>, ClaimSender) {
    let capabilities = Capabilities {
        send_bytes_max: NonZeroU64::new(300),
        ..Capabilities::NONE
    };
    let clock = Arc::clone(&context.clock);
    let queue = "orders".parse().unwrap();
    let queue = Arc::new(HostileSender::new(queue, capabilities, clock, slow()));
    let inner: Arc<dyn Sender> = Arc::<HostileSender>::clone(&queue);
    let store: Arc<dyn BlobStore> = Arc::<Blobs>::clone(store);
    (queue, ClaimSender::new(inner, store, config(), context))
}

/// Makes a queue that holds `messages`, with claims of a store.
fn receiver(
    context: &Context,
    store: &Arc<Blobs>,
    messages: Vec<Message>,
) -> (Arc<HostileReceiver>, ClaimReceiver) {
    let source = "orders".parse().unwrap();
    let clock = Arc::clone(&context.clock);
    let queue = HostileReceiver::new(source, Capabilities::NONE, clock, LEASE).receives(slow());
    let queue = Arc::new(queue);
    messages
        .into_iter()
        .for_each(|message| queue.put(message, 1));
    let inner: Arc<dyn Receiver> = Arc::<HostileReceiver>::clone(&queue);
    let store: Arc<dyn BlobStore> = Arc::<Blobs>::clone(store);
    (queue, ClaimReceiver::new(inner, store, config(), context))
}

async fn receive(receiver: &ClaimReceiver) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    let request = ReceiveRequest::up_to(10.try_into().unwrap());
    receiver.receive(request, &mut deliveries).await.unwrap();
    deliveries
}

#[tokio::test(start_paused = true)]
async fn dropped_call_may_leave_a_blob_and_sends_nothing_later() {
    at_every_poll(3, async |polls| {
        let context = context();
        let (store, inner) = (Blobs::new(&context), Inner::new(1, &context));
        let blobs: Arc<dyn BlobStore> = Arc::<Blobs>::clone(&store);
        let layer = ClaimCheckLayer::new(blobs, &context).config(config());
        let call = layer.layer(inner.producer()).oneshot(large(7));
        let ended = polls.then_drop(call).await;
        let begun = inner.begun();
        assert!(
            begun <= u32::try_from(store.count()).unwrap(),
            "the blob comes first"
        );
        assert_eq!(inner.in_flight(), 0);
        pass(&context, LEASE).await;
        assert_eq!(inner.begun(), begun);
        ended.is_some()
    })
    .await;
}

/// The messages stay in their batch until they are done, and what is in the queue can be received.
#[tokio::test(start_paused = true)]
async fn dropped_send_keeps_its_messages_and_names_no_missing_blob() {
    at_every_poll(5, async |polls| {
        let context = context();
        let store = Blobs::new(&context);
        let (queue, sender) = sender(&context, &store);
        let mut batch = [7, 8].map(|digit| Sending::new(large(digit)));
        let ended = polls.then_drop(sender.send(&mut batch)).await;
        for (item, digit) in batch.iter().zip([7, 8]) {
            assert!(item.outcome.is_done() || item.message == large(digit));
        }
        if ended.is_none() {
            sender.send(&mut batch).await.unwrap();
        }
        assert!(batch.iter().all(|item| item.outcome.is_done()));
        let taken = queue.taken();
        assert!((2..=4).contains(&taken.len()), "unknown ones came twice");
        let (_, receiver) = receiver(&context, &store, taken);
        let arrived = receive(&receiver).await;
        let is_whole = |it: &Delivery| it.message.body.len() == LARGE;
        assert!(arrived.iter().all(is_whole));
        ended.is_some()
    })
    .await;
}

/// What a dropped receive has brought comes with the next, whole and once.
#[tokio::test(start_paused = true)]
async fn dropped_receive_leaves_its_deliveries_to_the_next() {
    at_every_poll(4, async |polls| {
        let context = context();
        let store = Blobs::new(&context);
        let (queue, sender) = sender(&context, &store);
        let mut batch = [7, 8].map(|digit| Sending::new(large(digit)));
        sender.send(&mut batch).await.unwrap();
        let (_, receiver) = receiver(&context, &store, queue.taken());
        let dropped = polls.then_drop(receive(&receiver)).await;
        let has_ended = dropped.is_some();
        let deliveries = match dropped {
            Some(deliveries) => deliveries,
            None => receive(&receiver).await,
        };
        let bodies: Vec<_> = deliveries
            .iter()
            .map(|it| it.message.body.clone())
            .collect();
        assert_eq!(bodies, [vec![7; LARGE], vec![8; LARGE]]);
        has_ended
    })
    .await;
}
