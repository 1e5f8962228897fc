//! The dedup store in the file of a queue: through restarts, and as one with acks at every cut.

use std::{fs, num::NonZeroU64, path::Path, sync::Arc, time::Duration};

use relayhouse_core::{
    Context, Delivery, Error, ErrorKind, Mark, Message, Outgoing, Result, SeededRandom, Sending,
    Settlement, Settling, Timestamp,
    port::{Claim, Claiming, DedupStore, Marking, Provider, ReceiveRequest, Receiver},
};
use relayhouse_local::{Local, LocalBuilder};
use relayhouse_testkit::{clock::ManualClock, conformance::stores};
use tempfile::TempDir;

use crate::support::{ack, admin, bodies, receiver, send, sender};

const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
const LEASE: Duration = Duration::from_secs(30);
const HOLD: Duration = Duration::from_secs(60);
const KEEP: Duration = Duration::from_secs(600);

/// A frame of the log: its head, and a page.
const FRAME: usize = 24 + 4096;
/// The head of the log.
const HEAD: usize = 32;

/// Is one machine, on which programs come and go, and its clock stands still unless told.
struct Machine {
    directory: TempDir,
    clock: ManualClock,
}

impl Machine {
    fn new() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
            clock: ManualClock::new(START),
        }
    }

    fn builder(&self, directory: &Path) -> LocalBuilder {
        let random = Arc::new(SeededRandom::new(7));
        let context = Context::new(Arc::new(self.clock.clone()), random);
        Local::builder(context, directory).lease(LEASE)
    }

    fn open(&self) -> Local {
        self.builder(self.directory.path()).build().unwrap()
    }
}

async fn store(local: &Local) -> Arc<dyn DedupStore> {
    local.dedup_store(&"orders".parse().unwrap()).await.unwrap()
}

async fn claim(store: &dyn DedupStore, key: &'static str, owner: u64) -> Result<Claim> {
    let mut batch = [Claiming::new(key, owner)];
    let call = store.claim(&mut batch, HOLD).await;
    let [item] = batch;
    item.outcome.settle(&call)
}

/// Receives what is there, without waiting for more.
async fn take(receiver: &dyn Receiver) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    let request = ReceiveRequest::up_to(10.try_into().unwrap());
    receiver.receive(request, &mut deliveries).await.unwrap();
    deliveries
}

/// Acks, and completes `key` for the owner 1.
fn marked(store: &Arc<dyn DedupStore>, key: &'static str) -> Settlement {
    let mark = Mark {
        store: Arc::clone(store),
        key: key.into(),
        owner: 1,
        keep: KEEP,
    };
    Outgoing::new().mark(mark).into()
}

async fn settle(receiver: &dyn Receiver, delivery: Delivery, how: Settlement) -> Result<()> {
    let mut batch = [Settling::new(delivery, how)];
    let call = receiver.settle(&mut batch).await;
    let [item] = batch;
    item.outcome.settle(&call)
}

#[tokio::test]
async fn store_in_a_file_keeps_the_rules_of_its_port() {
    let machine = Machine::new();
    let local = machine.open();
    stores::dedup(&*store(&local).await, &machine.clock)
        .await
        .unwrap();
}

/// The file may be that of a topic, and whoever has it open sees the same keys.
#[tokio::test]
async fn store_is_shared_by_all_that_have_its_file_open() {
    let machine = Machine::new();
    let (local, other) = (machine.open(), machine.open());
    let audit = receiver(&local, "orders/subscriptions/audit").await;
    let (here, there) = (store(&local).await, store(&other).await);
    assert_eq!(here.site(), there.site());
    let transactional = local.transactional().unwrap();
    assert_eq!(transactional.site(audit.source()).as_ref(), here.site());
    assert_eq!(claim(&*here, "7", 1).await.unwrap(), Claim::New);
    let held = Claim::Held { left: HOLD };
    assert_eq!(claim(&*there, "7", 2).await.unwrap(), held);
    send(&*sender(&local, "orders").await, "a").await.unwrap();
    let delivery = take(&*audit).await.remove(0);
    settle(&*audit, delivery, marked(&there, "7"))
        .await
        .unwrap();
    assert_eq!(claim(&*here, "7", 2).await.unwrap(), Claim::Done);
}

/// A claim outlives its program, and is in the way of the redelivery until it ends; what is done
/// then is not done again after the next restart.
#[tokio::test]
async fn claims_and_done_keys_survive_restarts() {
    let machine = Machine::new();
    let local = machine.open();
    send(&*sender(&local, "orders").await, "a").await.unwrap();
    let queue = receiver(&local, "orders").await;
    assert_eq!(take(&*queue).await.len(), 1);
    let claimed = claim(&*store(&local).await, "7", 9).await;
    assert_eq!(claimed.unwrap(), Claim::New);
    local.close().await.unwrap();

    let local = machine.open();
    machine.clock.advance(LEASE);
    let (queue, keys) = (receiver(&local, "orders").await, store(&local).await);
    let delivery = take(&*queue).await.remove(0);
    assert_eq!(delivery.attempt, 2);
    let left = HOLD - LEASE;
    assert_eq!(claim(&*keys, "7", 1).await.unwrap(), Claim::Held { left });
    settle(&*queue, delivery, Settlement::Release { delay: left })
        .await
        .unwrap();
    machine.clock.advance(left);
    let delivery = take(&*queue).await.remove(0);
    assert_eq!(claim(&*keys, "7", 1).await.unwrap(), Claim::New);
    settle(&*queue, delivery, marked(&keys, "7")).await.unwrap();
    local.close().await.unwrap();

    let local = machine.open();
    let keys = store(&local).await;
    assert_eq!(claim(&*keys, "7", 2).await.unwrap(), Claim::Done);
    assert!(take(&*receiver(&local, "orders").await).await.is_empty());
    machine.clock.advance(KEEP);
    assert_eq!(claim(&*keys, "7", 2).await.unwrap(), Claim::New);
}

#[tokio::test]
async fn full_store_refuses_claims_until_some_end() {
    let machine = Machine::new();
    let builder = machine.builder(machine.directory.path());
    let local = builder.dedup_keys_max(NonZeroU64::MIN).build().unwrap();
    let keys = store(&local).await;
    claim(&*keys, "a", 1).await.unwrap();
    let full = claim(&*keys, "b", 1).await.unwrap_err();
    assert_eq!(full.kind(), ErrorKind::Full);
    assert!(full.to_string().contains("dedup store is full"), "{full}");
    machine.clock.advance(HOLD);
    assert_eq!(claim(&*keys, "b", 1).await.unwrap(), Claim::New);
}

/// A key of another store cannot be one with the ack: nothing is done then.
#[tokio::test]
async fn mark_of_another_file_is_refused() {
    let machine = Machine::new();
    let local = machine.open();
    let other = local.dedup_store(&"others".parse().unwrap()).await.unwrap();
    send(&*sender(&local, "orders").await, "a").await.unwrap();
    let queue = receiver(&local, "orders").await;
    let delivery = take(&*queue).await.remove(0);
    let how = marked(&other, "7");
    let refused = settle(&*queue, delivery.clone(), how.clone()).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unsupported);
    let mut batch = [Settling::new(delivery.clone(), how)];
    let mut out = [Sending::new(Message::new("out"))];
    let transactional = local.transactional().unwrap();
    let to = "orders".parse().unwrap();
    let call = transactional.settle_and_send(queue.source(), &mut batch, &to, &mut out);
    call.await.unwrap();
    let refused = batch[0].outcome.error().map(Error::kind);
    assert_eq!(refused, Some(ErrorKind::Unsupported));
    assert_eq!(claim(&*other, "7", 2).await.unwrap(), Claim::New);
    ack(&*queue, delivery).await.unwrap();
}

/// Is what is found in a file that was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Nothing,
    /// The message, its key not done.
    Message,
    /// A part of what belongs together.
    Half,
    /// The key done, and what the message was made into.
    Done,
}

/// Opens what was left of the files, long after, and takes out what is there.
async fn found(machine: &Machine, directory: &Path, expected: &[&str]) -> Found {
    let local = machine.builder(directory).build().unwrap();
    let keys = store(&local).await;
    let is_done = claim(&*keys, "7", 2).await.unwrap() == Claim::Done;
    let left = bodies(&take(&*receiver(&local, "orders").await).await);
    let orders = "orders".parse().unwrap();
    let stats = admin(&local).stats(&orders).await.unwrap();
    assert_eq!(stats.ready + stats.delayed, 0, "all of it was taken");
    local.close().await.unwrap();
    match (is_done, left.as_slice()) {
        (false, []) => Found::Nothing,
        (false, [one]) if one == "in" => Found::Message,
        (true, left) if left == expected => Found::Done,
        _ => Found::Half,
    }
}

/// Cuts the log behind each of its pages, as a loss of power does, and tells what is found in what
/// is left: each state once, in order.
async fn cut_everywhere(machine: &Machine, expected: &[&str]) -> Vec<Found> {
    let [whole, log] = ["orders.queue", "orders.queue-wal"]
        .map(|name| fs::read(machine.directory.path().join(name)).unwrap());
    machine.clock.advance(LEASE);
    let frames = (log.len() - HEAD) / FRAME;
    let mut states = Vec::new();
    for frame in 0..=frames {
        let copy = TempDir::new().unwrap();
        fs::write(copy.path().join("orders.queue"), &whole).unwrap();
        let left = &log[..HEAD + frame * FRAME];
        fs::write(copy.path().join("orders.queue-wal"), left).unwrap();
        states.push(found(machine, copy.path(), expected).await);
    }
    states.dedup();
    states
}

/// Is a message that was received, and whose key is claimed.
struct Handled {
    machine: Machine,
    local: Local,
    queue: Arc<dyn Receiver>,
    keys: Arc<dyn DedupStore>,
    delivery: Delivery,
}

impl Handled {
    async fn new() -> Self {
        let machine = Machine::new();
        let local = machine.open();
        let keys = store(&local).await;
        send(&*sender(&local, "orders").await, "in").await.unwrap();
        let queue = receiver(&local, "orders").await;
        let delivery = take(&*queue).await.remove(0);
        claim(&*keys, "7", 1).await.unwrap();
        Self {
            machine,
            local,
            queue,
            keys,
            delivery,
        }
    }
}

const WHOLE: [Found; 3] = [Found::Nothing, Found::Message, Found::Done];

/// The message is there and its key not done, or the message is gone and its key done: both or
/// none.
#[tokio::test]
async fn ack_and_its_mark_are_one_wherever_the_log_is_cut() {
    let it = Handled::new().await;
    let how = marked(&it.keys, "7");
    settle(&*it.queue, it.delivery, how).await.unwrap();
    assert_eq!(cut_everywhere(&it.machine, &[]).await, WHOLE);
}

#[tokio::test]
async fn sends_mark_and_ack_are_one_wherever_the_log_is_cut() {
    let it = Handled::new().await;
    let expected = ["out", "further"];
    let mut send = expected.map(|body| Sending::new(Message::new(body)));
    let mut settle = [Settling::new(it.delivery, marked(&it.keys, "7"))];
    let transactional = it.local.transactional().unwrap();
    let (from, to) = (it.queue.source(), "orders".parse().unwrap());
    let call = transactional.settle_and_send(from, &mut settle, &to, &mut send);
    call.await.unwrap();
    assert!(settle[0].outcome.is_done(), "{:?}", settle[0].outcome);
    assert_eq!(cut_everywhere(&it.machine, &expected).await, WHOLE);
}

/// What is done in two steps is found half done, so that the two tests above mean something.
#[tokio::test]
async fn steps_that_are_not_one_are_found_half_done() {
    let it = Handled::new().await;
    let mut batch = [Marking::new("7", 1)];
    it.keys.complete(&mut batch, KEEP).await.unwrap();
    ack(&*it.queue, it.delivery).await.unwrap();
    let states = cut_everywhere(&it.machine, &[]).await;
    let expected = [Found::Nothing, Found::Message, Found::Half, Found::Done];
    assert_eq!(states, expected);
}

/// Returns what the files say when `cut` frames of the log are gone, and the bell still tells of
/// them: how the key stands, or why they cannot be opened.
async fn without_frames(machine: &Machine, cut: usize) -> Result<Claim> {
    let copy = TempDir::new().unwrap();
    for name in ["orders.queue", "orders.bell"] {
        let from = machine.directory.path().join(name);
        fs::copy(from, copy.path().join(name)).unwrap();
    }
    let name = "orders.queue-wal";
    let log = fs::read(machine.directory.path().join(name)).unwrap();
    let left = &log[..log.len() - cut * FRAME];
    fs::write(copy.path().join(name), left).unwrap();
    let local = machine.builder(copy.path()).build().unwrap();
    let keys = local.dedup_store(&"orders".parse().unwrap()).await?;
    claim(&*keys, "7", 2).await
}

/// Nothing is closed: the files are what a killed program leaves. That the disk has lost what was
/// flushed is noticed.
#[tokio::test]
async fn key_that_is_done_is_flushed_by_itself_and_with_its_ack() {
    let it = Handled::new().await;
    let mut batch = [Marking::new("7", 1)];
    it.keys.complete(&mut batch, KEEP).await.unwrap();
    let by_itself = it.machine;
    let it = Handled::new().await;
    let how = marked(&it.keys, "7");
    settle(&*it.queue, it.delivery, how).await.unwrap();
    for machine in [by_itself, it.machine] {
        let whole = without_frames(&machine, 0).await;
        assert_eq!(whole.unwrap(), Claim::Done);
        let cut = without_frames(&machine, 1).await.unwrap_err();
        assert_eq!(cut.kind(), ErrorKind::Corrupt, "{cut}");
    }
}
