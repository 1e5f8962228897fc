//! Claims on both sides, against stores and queues that fail.

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

#[tokio::test]
async fn files_keep_the_rules_of_the_port() {
    let fixture = Fixture::new();
    stores::blobs(&fixture.store.files, &fixture.clock)
        .await
        .unwrap();
}

#[tokio::test]
async fn sweep_removes_unfinished_blobs_and_no_other_files() {
    let fixture = Fixture::new();
    fixture.sent(vec![large("a")]).await;
    let name = fixture.files().remove(0);
    let directory = fixture.directory.path().join("blobs").join(&name[..2]);
    std::fs::write(directory.join(format!("{name}.0123456789abcdef.part")), "").unwrap();
    std::fs::write(directory.join("README"), "").unwrap();
    // What the test wrote is as old as the machine's clock has it: later than the fixture's.
    fixture
        .clock
        .advance(Duration::from_secs(100 * 365 * 24 * 3600));
    assert_eq!(fixture.store.sweep(Duration::ZERO).await.unwrap(), 2);
    assert_eq!(fixture.files(), ["README"]);
}

#[tokio::test]
async fn large_body_comes_out_as_it_went_in_and_never_enters_the_queue() {
    let fixture = Fixture::new();
    let small = Message::new("small").id("b");
    fixture
        .sent(vec![large("a"), small.clone(), large("c")])
        .await;
    assert!(fixture.sender.taken().iter().all(|it| it.size() < 200));
    let receiver = fixture.receiver();
    let deliveries = fixture.received(&receiver).await;
    let bodies: Vec<usize> = deliveries.iter().map(|it| it.message.body.len()).collect();
    assert_eq!(bodies, [LARGE, 5, LARGE]);
    assert_eq!(deliveries[0].message.body, large("a").body);
    assert_eq!(deliveries[0].message.headers().text("tenant"), Some("acme"));
    assert_eq!(deliveries[1].message, small);
    assert!(fixture.settled().is_empty());
}

#[tokio::test]
async fn layer_stores_what_the_port_would_store() {
    let fixture = Fixture::new();
    let layer = ClaimCheckLayer::new(fixture.blobs(), &fixture.context).bytes_min(200);
    let service = service_fn(|message: Message| async move { Ok::<_, Error>(message) });
    let small = Message::new("small");
    let passed = layer.layer(service).oneshot(small.clone()).await.unwrap();
    assert_eq!(passed, small);
    let sent = layer.layer(service).oneshot(large("a")).await.unwrap();
    fixture.receiver.put(sent, 1);
    let receiver = fixture.receiver();
    let deliveries = fixture.received(&receiver).await;
    assert_eq!(deliveries[0].message.body, large("a").body);
    fixture.store.is_down.store(true, Ordering::Relaxed);
    let error = layer.layer(service).oneshot(large("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionFailed);
}

#[tokio::test]
async fn claim_of_somebody_else_is_not_sent_along() {
    let fixture = Fixture::new();
    fixture.sent(vec![large("a")]).await;
    let claim = fixture.sender.taken()[0].clone();
    let mut copy = Message::new("small");
    copy.details_mut().headers = claim.headers().clone();
    let mut batch = [Sending::new(copy)];
    fixture.sender().send(&mut batch).await.unwrap();
    let sent = fixture.sender.taken().pop().unwrap();
    assert_eq!(sent.body, "small");
    assert_eq!(sent.headers().text("relayhouse-claim"), None);
}

#[tokio::test]
async fn sender_welcomes_large_messages_and_splits_what_the_queue_would_refuse() {
    let fixture = Fixture::new();
    let sender = fixture.sender();
    let max = fixture.config.bytes_max;
    assert_eq!(sender.capabilities().message_bytes_max, Some(max));
    assert_eq!(sender.capabilities().send_bytes_max, None);
    let messages = (0..5).map(|_| Message::new(vec![7; 120]));
    fixture.sent(messages.collect()).await;
    assert_eq!(fixture.sender.batches(), [2, 2, 1]);
}

#[tokio::test]
async fn body_above_the_limit_is_refused_alone() {
    let mut fixture = Fixture::new();
    fixture.config.bytes_max = NonZeroU64::new(LARGE as u64 - 1).unwrap();
    let mut batch = [large("a"), Message::new("small")].map(Sending::new);
    fixture.sender().send(&mut batch).await.unwrap();
    let error = batch[0].outcome.error().unwrap();
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge);
    assert_eq!(
        error.message(),
        "body has 1000 bytes, at most 999 are allowed"
    );
    assert!(batch[1].outcome.is_done());
    assert!(fixture.files().is_empty());
}

#[tokio::test]
async fn message_whose_blob_is_not_stored_is_not_sent() {
    let fixture = Fixture::new();
    fixture.store.is_down.store(true, Ordering::Relaxed);
    let mut batch = [large("a"), Message::new("small")].map(Sending::new);
    fixture.sender().send(&mut batch).await.unwrap();
    let kind = batch[0].outcome.error().map(Error::kind);
    assert_eq!(kind, Some(ErrorKind::ConnectionFailed));
    assert_eq!(batch[0].message, large("a"), "it can be sent again");
    assert!(batch[1].outcome.is_done());
}

#[tokio::test]
async fn blob_of_a_message_that_was_not_sent_is_removed_and_that_of_an_unknown_one_is_not() {
    for (call, kept) in [
        (Call::all(Reply::Failed(ErrorKind::Throttled)), 0),
        (Call::fails(ErrorKind::ConnectionFailed), 0),
        (Call::all(Reply::UnknownDone), 1),
        (Call::all(Reply::UnknownLost), 1),
        (Call::all(Reply::MissingDone), 1),
        (Call::DONE, 1),
    ] {
        let fixture = Fixture::new();
        fixture.sender.script(Script::new().then(call.clone()));
        let mut batch = [Sending::new(large("a"))];
        drop(fixture.sender().send(&mut batch).await);
        assert_eq!(fixture.files().len(), kept, "{call:?}");
        if !batch[0].outcome.is_done() {
            assert_eq!(batch[0].message, large("a"), "it can be sent again");
        }
    }
}

#[tokio::test]
async fn message_without_a_whole_blob_is_a_dead_letter_that_tells_why() {
    type Harm = fn(&std::path::Path);
    let harms: [(Harm, &str); 3] = [
        (|path| std::fs::remove_file(path).unwrap(), "blob-missing"),
        (
            |path| std::fs::write(path, "other").unwrap(),
            "blob-damaged",
        ),
        (
            |path| std::fs::write(path, [7; 2 * LARGE]).unwrap(),
            "blob-too-large",
        ),
    ];
    for (harm, expected) in harms {
        let mut fixture = Fixture::new();
        fixture.config.bytes_max = NonZeroU64::new(LARGE as u64).unwrap();
        fixture.sent(vec![large("a"), large("b")]).await;
        let name = fixture.store.names.lock().unwrap()[0].clone();
        let blobs = fixture.directory.path().join("blobs");
        harm(&blobs.join(&name[..2]).join(&name));
        let receiver = fixture.receiver();
        let deliveries = fixture.received(&receiver).await;
        let ids: Vec<&MessageId> = deliveries.iter().map(|it| &it.id).collect();
        assert_eq!(ids, [&MessageId::from("b")], "its neighbour comes");
        let settled = fixture.settled();
        assert_eq!(
            settled.iter().map(reason).collect::<Vec<_>>(),
            [Some(expected)]
        );
        let Settlement::DeadLetter(dead_letter) = &settled[0] else {
            unreachable!("it has a reason");
        };
        assert!(
            dead_letter.description.contains(&name),
            "{}",
            dead_letter.description
        );
    }
}

#[tokio::test]
async fn claim_that_cannot_be_read_is_a_dead_letter() {
    let fixture = Fixture::new();
    let path = Message::new("").header("relayhouse-claim", "1 ../../etc/passwd 0 0");
    fixture.receiver.put(path, 1);
    let receiver = fixture.receiver();
    assert!(fixture.received(&receiver).await.is_empty());
    let settled = fixture.settled();
    assert_eq!(reason(&settled[0]), Some("not-decodable"));
}

#[tokio::test]
async fn message_waits_while_the_store_does_not_answer() {
    let fixture = Fixture::new();
    fixture.sent(vec![large("a")]).await;
    fixture.store.is_down.store(true, Ordering::Relaxed);
    let receiver = fixture.receiver();
    assert!(fixture.received(&receiver).await.is_empty());
    let delay = Duration::from_secs(5);
    assert_eq!(fixture.settled(), [Settlement::Release { delay }]);
}

#[tokio::test]
async fn claims_are_settled_not_bodies() {
    let fixture = Fixture::new();
    fixture
        .sent(vec![large("a"), Message::new("small").id("b")])
        .await;
    let receiver = fixture.receiver();
    let deliveries = fixture.received(&receiver).await;
    let dead_letter = Settlement::dead_letter("rejected", "no such order");
    let settling = |delivery| Settling::new(delivery, dead_letter.clone());
    let mut batch: Vec<Settling> = deliveries.into_iter().map(settling).collect();
    receiver.settle(&mut batch).await.unwrap();
    assert!(batch.iter().all(|item| item.outcome.is_done()));
    assert_eq!(
        batch[0].delivery.message.body.len(),
        LARGE,
        "the caller's is untouched"
    );
    assert_eq!(fixture.settled(), [dead_letter.clone(), dead_letter]);
    assert_eq!(fixture.files().len(), 1, "a dead letter keeps its blob");
}

#[tokio::test]
async fn blob_is_removed_after_a_confirmed_ack_alone() {
    for (cleanup, reply, kept) in [
        (Cleanup::Keep, Reply::Done, 1),
        (Cleanup::Acked, Reply::Done, 0),
        (Cleanup::Acked, Reply::UnknownDone, 1),
        (Cleanup::Acked, Reply::Failed(ErrorKind::LeaseLost), 1),
    ] {
        let mut fixture = Fixture::new();
        fixture.config.cleanup = cleanup;
        let settles = Script::new().then(Call::all(reply));
        let lease = Duration::from_secs(60);
        let clock = Arc::clone(&fixture.context.clock);
        let source = "orders".parse().unwrap();
        let receiver = HostileReceiver::new(source, CAPABILITIES, clock, lease);
        fixture.receiver = Arc::new(receiver.settles(settles));
        fixture.sent(vec![large("a")]).await;
        let receiver = fixture.receiver();
        let delivery = fixture.received(&receiver).await.remove(0);
        let mut batch = [Settling::new(delivery, Settlement::Ack)];
        receiver.settle(&mut batch).await.unwrap();
        assert_eq!(fixture.files().len(), kept, "{cleanup:?} {reply:?}");
    }
}

#[tokio::test]
async fn dropped_receive_leaves_its_deliveries_to_the_next() {
    let fixture = Fixture::new();
    fixture.sent(vec![large("a"), large("b")]).await;
    let receiver = fixture.receiver();
    let mut into = Vec::new();
    fixture.store.hangs.store(true, Ordering::Relaxed);
    let two = ReceiveRequest::up_to(2.try_into().unwrap());
    let receive = receiver.receive(two, &mut into);
    assert!(poll_and_drop(receive, 1).await.is_none());
    fixture.store.hangs.store(false, Ordering::Relaxed);
    assert!(into.is_empty());
    let mut deliveries = Vec::new();
    for number in 1..=2 {
        let one = receiver.receive(ReceiveRequest::ONE, &mut deliveries);
        one.await.unwrap();
        assert_eq!(deliveries.len(), number, "no more than is asked for");
    }
    assert!(deliveries.iter().all(|it| it.message.body.len() == LARGE));
}

#[tokio::test]
async fn close_gives_back_what_a_dropped_receive_left() {
    let fixture = Fixture::new();
    fixture.sent(vec![large("a")]).await;
    let receiver = fixture.receiver();
    let mut into = Vec::new();
    fixture.store.hangs.store(true, Ordering::Relaxed);
    let receive = receiver.receive(ReceiveRequest::ONE, &mut into);
    assert!(poll_and_drop(receive, 1).await.is_none());
    receiver.close().await.unwrap();
    assert_eq!(fixture.settled(), [Settlement::RELEASE]);
    assert!(fixture.receiver.is_closed());
}

#[tokio::test]
async fn dropped_send_keeps_its_messages() {
    let fixture = Fixture::new();
    let mut batch = [Sending::new(large("a"))];
    let sender = fixture.sender();
    fixture.store.hangs.store(true, Ordering::Relaxed);
    assert!(poll_and_drop(sender.send(&mut batch), 1).await.is_none());
    fixture.store.hangs.store(false, Ordering::Relaxed);
    assert_eq!(batch[0].message, large("a"));
    sender.send(&mut batch).await.unwrap();
    assert!(batch[0].outcome.is_done());
}

#[test]
fn options_are_read_from_text() {
    let pairs = [("bytes_min", "64KiB"), ("cleanup", "acked")];
    let params = relayhouse_core::config::Params::from_pairs(pairs).unwrap();
    let config: ClaimCheckConfig = params.read().unwrap();
    assert_eq!(config.bytes_min, 64 << 10);
    assert_eq!(config.cleanup, Cleanup::Acked);
}
