//! The task that writes: what is answered waits for it, and a failure ends the waiting.

use std::{
    future::Future,
    sync::Arc,
    task::{Context, Waker},
};

use super::*;
use crate::{
    clock::ManualClock,
    fault::Rules,
    shared::{Access, Shared, State},
    store::{Keeper, Kept},
};

/// Makes what connections share, of a directory with a queue "q", and what begins to write.
fn shared(directory: &TempDir) -> (Arc<Shared>, impl FnOnce() -> Keeper) {
    let store = Store::open(directory.path()).unwrap();
    let now = Time::default();
    let mut model = store.load(SEED).unwrap();
    let changed = model.resume(now);
    let created = model.create_queue(now, &Path::new("q"), QueueSettings::default());
    created.unwrap();
    let state = State {
        model,
        rules: Rules::new(0),
    };
    let (kept, clock) = (Kept::new(), Arc::new(ManualClock::new()));
    let shared = Shared::new(clock, Access::Everybody, state, Some(kept.clone()));
    let shared = Arc::new(shared);
    let begin = {
        let shared = Arc::clone(&shared);
        || Keeper::start(store, changed, shared, kept)
    };
    (shared, begin)
}

fn send(shared: &Shared) {
    let (call, path) = (Call::at(Time::default()), Path::new("q"));
    let sent = shared
        .state()
        .model
        .send(call, &path, None, vec![text("it")]);
    sent.unwrap();
}

fn receive(shared: &Shared) {
    let receive = Receive {
        max: 1,
        mode: Mode::PeekLock,
        session: None,
    };
    let (now, at) = (Time::default(), address("q"));
    let received = shared.state().model.receive(now, &at, receive);
    assert_eq!(received.unwrap().len(), 1);
}

#[tokio::test]
async fn answer_waits_for_the_disk_and_a_lock_does_not() {
    let directory = TempDir::new().unwrap();
    let (shared, begin) = shared(&directory);
    send(&shared);
    let owed = shared.owed();
    assert!(owed.is_some());
    let mut paid = Box::pin(shared.pay(owed));
    let mut context = Context::from_waker(Waker::noop());
    assert!(paid.as_mut().poll(&mut context).is_pending());
    let keeper = begin();
    paid.await.unwrap();
    assert_eq!(shared.owed(), None);
    receive(&shared);
    assert_eq!(shared.owed(), None);
    keeper.end().await;
    let store = Store::open(directory.path()).unwrap();
    let mut model = store.load(SEED).unwrap();
    let peeked = model.peek(Time::default(), &address("q"), 0, 10, None);
    assert_eq!(peeked.unwrap().len(), 1);
}

#[tokio::test]
async fn what_nobody_waits_for_is_written_at_the_end() {
    let directory = TempDir::new().unwrap();
    let (shared, begin) = shared(&directory);
    let keeper = begin();
    send(&shared);
    keeper.end().await;
    assert_eq!(shared.owed(), None);
}

#[tokio::test]
async fn failure_is_told_to_whoever_waits() {
    let directory = TempDir::new().unwrap();
    let (shared, begin) = shared(&directory);
    send(&shared);
    begin().end().await;
    assert_eq!(shared.owed(), None);
    let store = Store::open(directory.path()).unwrap();
    store
        .connection
        .execute_batch("DROP TABLE messages")
        .unwrap();
    let changed = shared.state().model.resume(Time::default());
    let kept = shared.kept().unwrap().clone();
    let keeper = Keeper::start(store, changed, Arc::clone(&shared), kept.clone());
    send(&shared);
    assert!(shared.pay(shared.owed()).await.is_err());
    let failure = kept.failure().await.unwrap();
    assert_eq!(failure.kind(), DataErrorKind::Failed);
    keeper.end().await;
}
