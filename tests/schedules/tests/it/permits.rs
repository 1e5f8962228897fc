//! Permits: what is in flight, and the line of those who wait.

use relayhouse_schedules::backpressure::{BackpressureConfig, BackpressureLayer, Load};
use shuttle::future::{spawn, yield_now};
use tower::{Layer, Service, ServiceExt};

use crate::support::{Inner, explore, join, message, poll_and_drop};

fn layer(messages_max: u32) -> BackpressureLayer {
    BackpressureLayer::new(BackpressureConfig {
        messages_max: messages_max.try_into().unwrap(),
        ..BackpressureConfig::default()
    })
}

#[test]
fn no_more_run_than_may_and_nobody_is_forgotten() {
    explore(|| {
        let (layer, inner) = (layer(2), Inner::default());
        let callers = (0..4).map(|_| {
            let mut service = layer.layer(inner.service());
            spawn(async move {
                for _ in 0..2 {
                    let ready = service.ready().await.unwrap();
                    ready.call(message()).await.unwrap();
                }
            })
        });
        join(callers.collect::<Vec<_>>());
        assert!(inner.most() <= 2, "{}", inner.most());
        assert_eq!(inner.calls(), 8);
        assert_eq!(layer.load(), Load::default());
    });
}

/// Who leaves the line, or gives a permit back unused, passes the turn on.
#[test]
fn waiters_that_leave_pass_their_turn_on() {
    explore(|| {
        let (layer, inner) = (layer(1), Inner::default());
        let callers = (0..2).map(|_| {
            let service = layer.layer(inner.service());
            spawn(async move { drop(service.oneshot(message()).await.unwrap()) })
        });
        let leavers = (0..2).map(|_| {
            let mut service = layer.layer(inner.service());
            spawn(async move {
                poll_and_drop(service.ready()).await;
                drop(service);
            })
        });
        join(callers.chain(leavers).collect::<Vec<_>>());
        assert_eq!((inner.calls(), inner.most()), (2, 1));
        assert_eq!(layer.load(), Load::default());
    });
}

/// A call that is dropped under way gives its room to the next.
#[test]
fn dropped_calls_give_their_permits_back() {
    explore(|| {
        let (layer, inner) = (layer(1), Inner::default());
        let tasks = (0..4).map(|number| {
            let service = layer.layer(inner.service());
            let call = service.oneshot(message());
            spawn(async move {
                if number % 2 == 0 {
                    drop(call.await.unwrap());
                } else {
                    drop(poll_and_drop(call).await);
                }
            })
        });
        join(tasks.collect::<Vec<_>>());
        assert_eq!((inner.now(), inner.most()), (0, 1));
        assert_eq!(layer.load(), Load::default());
    });
}

/// Whatever the limit changes to meanwhile, everybody comes in.
#[test]
fn limit_that_changes_forgets_nobody() {
    explore(|| {
        let (layer, inner) = (layer(1), Inner::default());
        let callers = (0..4).map(|_| {
            let service = layer.layer(inner.service());
            spawn(async move { drop(service.oneshot(message()).await.unwrap()) })
        });
        let callers: Vec<_> = callers.collect();
        let steered = layer.clone();
        let changes = spawn(async move {
            for limit in [3, 1, 2] {
                steered.set_messages_max(limit.try_into().unwrap());
                yield_now().await;
            }
        });
        join(callers.into_iter().chain([changes]));
        assert_eq!(inner.calls(), 4);
        assert!(inner.most() <= 3);
        assert_eq!(layer.load(), Load::default());
    });
}

/// Room that a change of the limit brings is for who waits already: nobody has to end before.
#[test]
fn limit_that_grows_wakes_who_waits() {
    explore(|| {
        let (layer, inner) = (layer(1), Inner::default());
        let holder = {
            let (mut service, seen) = (layer.layer(inner.service()), inner.clone());
            spawn(async move {
                let ready = service.ready().await.unwrap();
                while seen.calls() == 0 {
                    yield_now().await;
                }
                drop(ready.call(message()).await.unwrap());
            })
        };
        let waiter = {
            let service = layer.layer(inner.service());
            spawn(async move { drop(service.oneshot(message()).await.unwrap()) })
        };
        let steered = layer.clone();
        let change = spawn(async move { steered.set_messages_max(2.try_into().unwrap()) });
        join([holder, waiter, change]);
        assert_eq!(inner.calls(), 2);
        assert_eq!(layer.load(), Load::default());
    });
}
