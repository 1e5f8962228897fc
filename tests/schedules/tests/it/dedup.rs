//! Keys that several deliveries of one message claim at the same time.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use relayhouse_core::{
    Delivery, Error, ErrorKind, Settlement,
    port::{Claim, Claiming, DedupStore, Marking},
};
use relayhouse_schedules::idempotency::{IdempotencyLayer, MemoryDedup};
use shuttle::future::{spawn, yield_now};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{SECOND, clock, context, delivery, explore, join};

const KEYS: NonZeroUsize = NonZeroUsize::new(10).unwrap();

/// Of copies at the same time one is handled, and none while it runs; the others wait or are done.
#[test]
fn copies_are_handled_once() {
    explore(|| {
        let context = context(&clock());
        let store = Arc::new(MemoryDedup::new(KEYS, &context));
        let layer = IdempotencyLayer::new(Arc::clone(&store) as Arc<dyn DedupStore>, &context);
        let (handled, failing) = (Arc::<AtomicU32>::default(), Arc::new(AtomicU32::new(1)));
        let running = Arc::<AtomicU32>::default();
        let copies = (0..4).map(|_| {
            let (handled, failing) = (Arc::clone(&handled), Arc::clone(&failing));
            let running = Arc::clone(&running);
            let service = layer.layer(service_fn(move |_: Delivery| {
                let (handled, running) = (Arc::clone(&handled), Arc::clone(&running));
                let fails = failing.swap(0, Ordering::Relaxed) == 1;
                async move {
                    assert_eq!(running.fetch_add(1, Ordering::Relaxed), 0);
                    yield_now().await;
                    running.fetch_sub(1, Ordering::Relaxed);
                    if fails {
                        return Err(Error::new(ErrorKind::Handler, "not this time"));
                    }
                    handled.fetch_add(1, Ordering::Relaxed);
                    Ok(Settlement::Ack)
                }
            }));
            spawn(async move {
                // What is released or has failed comes again.
                while !matches!(
                    service.clone().oneshot(delivery("7", 1)).await,
                    Ok(Settlement::Ack)
                ) {
                    yield_now().await;
                }
            })
        });
        join(copies.collect::<Vec<_>>());
        assert_eq!(handled.load(Ordering::Relaxed), 1);
        assert_eq!(store.len(), 1);
    });
}

/// Of claims of one key one is new, and what is given up is there for the next.
#[test]
fn one_claim_of_a_key_is_new_until_it_is_given_up() {
    explore(|| {
        let context = context(&clock());
        let store = Arc::new(MemoryDedup::new(KEYS, &context));
        let held = Arc::<AtomicU32>::default();
        let claimers = (0..3_u64).map(|owner| {
            let (store, held) = (Arc::clone(&store), Arc::clone(&held));
            spawn(async move {
                loop {
                    let mut batch = [Claiming::new("a", owner)];
                    store.claim(&mut batch, SECOND).await.unwrap();
                    let [claiming] = batch;
                    match claiming.outcome.settle(&Ok(())).unwrap() {
                        Claim::New => break,
                        other => assert_eq!(other, Claim::Held { left: SECOND }),
                    }
                    yield_now().await;
                }
                assert_eq!(held.fetch_add(1, Ordering::Relaxed), 0, "two have it");
                yield_now().await;
                held.fetch_sub(1, Ordering::Relaxed);
                let mut batch = [Marking::new("a", owner)];
                store.abandon(&mut batch).await.unwrap();
            })
        });
        join(claimers.collect::<Vec<_>>());
        assert!(store.is_empty());
    });
}
