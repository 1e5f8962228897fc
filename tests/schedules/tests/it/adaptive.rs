//! The limit that is found: permits that are steered while others take them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use relayhouse_core::{Context, Event, Instant, Observer};
use relayhouse_schedules::adaptive::{AdaptiveConfig, AdaptiveLayer, Algorithm};
use shuttle::future::spawn;
use tower::{Layer, Service, ServiceExt};

use crate::support::{Inner, clock, context, explore, join, message, poll_and_drop};

const CEILING: u32 = 4;

/// Decides at each call that ends.
fn layer(context: &Context) -> AdaptiveLayer {
    let config = AdaptiveConfig {
        algorithm: Algorithm::Aimd,
        initial: 2.try_into().unwrap(),
        ceiling: CEILING.try_into().unwrap(),
        samples_min: 1.try_into().unwrap(),
        window: Duration::ZERO,
        failure_share: 0.5,
        ..AdaptiveConfig::default()
    };
    AdaptiveLayer::with_config("orders", config, context)
}

/// Knows the limit that was told last.
#[derive(Debug, Default)]
struct Heard(AtomicU32);

impl Observer for Heard {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        for event in events {
            // Others get far meanwhile.
            (0..10).for_each(|_| shuttle::thread::yield_now());
            if let Event::LimitChanged { limit, .. } = event {
                self.0.store(*limit, Ordering::Relaxed);
            }
        }
    }
}

/// Failures cut the limit and successes raise it, while others wait for it, and some leave.
#[test]
fn limit_that_is_found_is_kept_and_forgets_nobody() {
    explore(|| {
        let context = context(&clock());
        let (layer, inner) = (layer(&context), Inner::default());
        inner.fail(2);
        let callers = (0..3).map(|_| {
            let mut service = layer.layer(inner.service());
            spawn(async move {
                for _ in 0..2 {
                    // Two of them fail.
                    drop(service.ready().await.unwrap().call(message()).await);
                }
            })
        });
        let leaver = {
            let service = layer.layer(inner.service());
            spawn(async move { drop(poll_and_drop(service.oneshot(message())).await) })
        };
        join(callers.chain([leaver]).collect::<Vec<_>>());
        assert!(inner.most() <= CEILING, "{}", inner.most());
        assert_eq!(inner.now(), 0);
        let decision = layer.explain();
        assert!((1..=CEILING).contains(&decision.limit), "{decision}");
        // As many as the limit says are ready now: nothing is kept by nobody.
        let ready: Vec<_> = (0..decision.limit)
            .map(|_| {
                let mut service = layer.layer(inner.service());
                spawn(async move {
                    service.ready().await.unwrap();
                    service
                })
            })
            .collect();
        join(ready);
    });
}

/// What is told last is the limit, also if it changes again while somebody hears of it.
#[test]
fn limits_are_told_in_their_order() {
    explore(|| {
        let heard = Arc::<Heard>::default();
        let context = context(&clock()).observer(Arc::clone(&heard) as Arc<dyn Observer>);
        let (layer, inner) = (layer(&context), Inner::default());
        inner.fail(1);
        let callers = (0..3).map(|_| {
            let mut service = layer.layer(inner.service());
            spawn(async move {
                for _ in 0..2 {
                    let ready = service.ready().await.unwrap();
                    // One of them fails.
                    drop(ready.call(message()).await);
                }
            })
        });
        join(callers.collect::<Vec<_>>());
        let (told, decision) = (heard.0.load(Ordering::Relaxed), layer.explain());
        assert!(
            told == 0 || told == decision.limit,
            "{told} was told last: {decision}"
        );
    });
}
