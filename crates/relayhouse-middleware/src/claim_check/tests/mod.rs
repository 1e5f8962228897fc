//! Claims on both sides, against stores and queues that fail.

mod files;
mod receive;
mod send;
mod session;

use std::{
    future::pending,
    num::NonZeroU64,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Context, Delivery, Error, ErrorKind, Message, MessageId, Result, SeededRandom,
    Sending, Settlement, Settling, Support, Timestamp,
    port::{BlobStore, Deleting, Fetching, ReceiveRequest, Receiver, Sender, Storing},
};
use relayhouse_testkit::{
    clock::ManualClock,
    conformance::stores,
    hostile::{Call, HostileReceiver, HostileSender, Reply, Script},
};
use tempfile::TempDir;
use tower::{Layer, ServiceExt, service_fn};

use super::*;
use crate::testing::poll_and_drop;

const LARGE: usize = 1_000;

const CAPABILITIES: Capabilities = Capabilities {
    dead_letter: Support::Native,
    release_delay: Support::Native,
    send_bytes_max: NonZeroU64::new(300),
    message_bytes_max: NonZeroU64::new(300),
    ..Capabilities::NONE
};

/// A queue and a store, with claim checks at both ends.
struct Fixture {
    clock: ManualClock,
    context: Context,
    directory: TempDir,
    store: Arc<Store>,
    sender: Arc<HostileSender>,
    receiver: Arc<HostileReceiver>,
    config: ClaimCheckConfig,
}

/// Keeps blobs in files, unless it is out of order.
#[derive(Debug)]
struct Store {
    files: FileBlobs,
    is_down: AtomicBool,
    hangs: AtomicBool,
    names: Mutex<Vec<String>>,
}

impl Store {
    async fn check(&self) -> Result<()> {
        if self.hangs.load(Ordering::Relaxed) {
            pending::<()>().await;
        }
        if self.is_down.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::ConnectionFailed, "refused"));
        }
        Ok(())
    }
}

#[async_trait]
impl BlobStore for Store {
    async fn put(&self, batch: &mut [Storing]) -> Result<()> {
        self.check().await?;
        let names = batch.iter().map(|item| item.name.to_string());
        self.names.lock().unwrap().extend(names);
        self.files.put(batch).await
    }

    async fn get(&self, batch: &mut [Fetching], bytes_max: u64) -> Result<()> {
        self.check().await?;
        self.files.get(batch, bytes_max).await
    }

    async fn delete(&self, batch: &mut [Deleting]) -> Result<()> {
        self.check().await?;
        self.files.delete(batch).await
    }

    async fn sweep(&self, age: Duration) -> Result<u64> {
        self.files.sweep(age).await
    }
}

impl Fixture {
    fn new() -> Self {
        let clock = ManualClock::new(Timestamp::from_micros(1_700_000_000_000_000));
        let random = Arc::new(SeededRandom::new(7));
        let context = Context::new(Arc::new(clock.clone()), random);
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(Store {
            files: FileBlobs::new(directory.path().join("blobs"), &context),
            is_down: AtomicBool::new(false),
            hangs: AtomicBool::new(false),
            names: Mutex::default(),
        });
        let orders = || "orders".parse().unwrap();
        let clock_of = || Arc::clone(&context.clock);
        let sender = HostileSender::new(orders(), CAPABILITIES, clock_of(), Script::new());
        let lease = Duration::from_secs(60);
        let source = "orders".parse().unwrap();
        let receiver = HostileReceiver::new(source, CAPABILITIES, clock_of(), lease);
        let config = ClaimCheckConfig {
            bytes_min: 200,
            ..ClaimCheckConfig::default()
        };
        Self {
            sender: Arc::new(sender),
            receiver: Arc::new(receiver),
            clock,
            context,
            directory,
            store,
            config,
        }
    }

    fn blobs(&self) -> Arc<dyn BlobStore> {
        Arc::clone(&self.store) as Arc<dyn BlobStore>
    }

    fn sender(&self) -> ClaimSender {
        let inner: Arc<dyn Sender> = Arc::<HostileSender>::clone(&self.sender);
        ClaimSender::new(inner, self.blobs(), self.config.clone(), &self.context)
    }

    fn receiver(&self) -> ClaimReceiver {
        let inner: Arc<dyn Receiver> = Arc::<HostileReceiver>::clone(&self.receiver);
        ClaimReceiver::new(inner, self.blobs(), self.config.clone(), &self.context)
    }

    /// Sends `messages`, and brings what arrived to the receiver.
    async fn sent(&self, messages: Vec<Message>) {
        let mut batch: Vec<Sending> = messages.into_iter().map(Sending::new).collect();
        self.sender().send(&mut batch).await.unwrap();
        assert!(batch.iter().all(|item| item.outcome.is_done()));
        for message in self.sender.taken() {
            self.receiver.put(message, 1);
        }
    }

    async fn received(&self, receiver: &ClaimReceiver) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        let request = ReceiveRequest::up_to(10.try_into().unwrap());
        receiver.receive(request, &mut deliveries).await.unwrap();
        deliveries
    }

    /// Lists the files of the store.
    fn files(&self) -> Vec<String> {
        let blobs = self.directory.path().join("blobs");
        let directories = std::fs::read_dir(blobs).into_iter().flatten();
        let files = directories.flat_map(|it| std::fs::read_dir(it.unwrap().path()).unwrap());
        let name = |file: std::io::Result<std::fs::DirEntry>| {
            file.unwrap().file_name().into_string().unwrap()
        };
        files.map(name).collect()
    }

    /// Returns how the messages were settled that no handler saw.
    fn settled(&self) -> Vec<Settlement> {
        let settled = self.receiver.settled().into_iter();
        settled.map(|settled| settled.settlement).collect()
    }
}

fn large(id: &'static str) -> Message {
    Message::new(vec![7; LARGE]).id(id).header("tenant", "acme")
}

fn reason(settlement: &Settlement) -> Option<&str> {
    match settlement {
        Settlement::DeadLetter(dead_letter) => Some(&dead_letter.reason),
        _ => None,
    }
}

#[test]
fn options_are_read_from_text() {
    let pairs = [("bytes_min", "64KiB"), ("cleanup", "acked")];
    let params = relayhouse_core::config::Params::from_pairs(pairs).unwrap();
    let config: ClaimCheckConfig = params.read().unwrap();
    assert_eq!(config.bytes_min, 64 << 10);
    assert_eq!(config.cleanup, Cleanup::Acked);
}
