//! Many threads at once: producers that wait for room, consumers that wait for messages.

use std::{
    num::NonZeroU64,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use relayhouse_core::port::{Receiver, Sender};
use relayhouse_memory::Memory;

use crate::support::{SECOND, ack, bodies, receiver, send_texts, sender, up_to};

const THREADS: usize = 4;
const TASKS: usize = 8;
const EACH: usize = 250;

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().build().expect("a runtime")
}

async fn produce(sender: Arc<dyn Sender>, producer: usize) {
    for n in 0..EACH {
        send_texts(&*sender, &[&format!("{producer}-{n}")]).await;
    }
}

async fn consume(
    receiver: Arc<dyn Receiver>,
    seen: Arc<Mutex<Vec<String>>>,
    left: Arc<AtomicUsize>,
) {
    loop {
        let mut found = Vec::new();
        let request = up_to(3).wait(SECOND * 600);
        let received = receiver.receive(request, &mut found).await;
        if received.is_err() || found.is_empty() {
            // It is closed.
            return;
        }
        for delivery in &found {
            assert_eq!(ack(&*receiver, delivery).await, Ok(()));
        }
        seen.lock().expect("no panic").extend(bodies(&found));
        if left.fetch_sub(found.len(), Ordering::SeqCst) == found.len() {
            receiver.close().await.expect("closed");
        }
    }
}

/// Every message comes to one consumer, once, and nobody sleeps over one: else this never ends.
#[test]
fn threads_share_a_small_queue_and_lose_no_wake_up() {
    let room = NonZeroU64::new(16).expect("not zero");
    let context = relayhouse_time::context().expect("entropy");
    let memory = Memory::builder(context).messages_max(room);
    let memory = memory.build().expect("the options");
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let left = Arc::new(AtomicUsize::new(THREADS * EACH));
    let (sender, receiver) =
        runtime().block_on(async { (sender(&memory, "q").await, receiver(&memory, "q").await) });
    std::thread::scope(|scope| {
        for producer in 0..THREADS {
            let sender = Arc::clone(&sender);
            scope.spawn(move || runtime().block_on(produce(sender, producer)));
            let receiver = Arc::clone(&receiver);
            let (seen, left) = (Arc::clone(&seen), Arc::clone(&left));
            scope.spawn(move || {
                runtime().block_on(async {
                    let consumers = (0..TASKS).map(|_| {
                        let (seen, left) = (Arc::clone(&seen), Arc::clone(&left));
                        tokio::spawn(consume(Arc::clone(&receiver), seen, left))
                    });
                    for consumer in consumers.collect::<Vec<_>>() {
                        consumer.await.expect("no panic");
                    }
                });
            });
        }
    });
    let mut seen = std::mem::take(&mut *seen.lock().expect("no panic"));
    seen.sort_unstable();
    assert_eq!(seen.len(), THREADS * EACH);
    seen.dedup();
    assert_eq!(seen.len(), THREADS * EACH, "none came twice");
}
