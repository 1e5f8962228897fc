//! The budget of retries, and what is remembered of deliveries.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use relayhouse_core::{Context, Delivery, Error, ErrorKind, Jitter, Retry as Hint, Settlement};
use relayhouse_schedules::retry::{RetryConfig, RetryLayer};
use shuttle::future::{spawn, yield_now};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{Inner, clock, context, delivery, explore, join, message};

/// Tries at once, as often as the budget allows.
fn layer(budget_share: f64, budget_max: u32, context: &Context) -> RetryLayer {
    let config = RetryConfig {
        attempts_max: 10.try_into().unwrap(),
        delay_first: Duration::ZERO,
        jitter: Jitter::None,
        budget_share,
        budget_max,
        ..RetryConfig::default()
    };
    RetryLayer::with_config(config, context)
}

/// What is saved is spent once, whoever is first, and all of it.
#[test]
fn budget_is_spent_once() {
    explore(|| {
        let context = context(&clock());
        let layer = layer(0.0, 3, &context);
        let inner = Inner::default();
        inner.fail(u32::MAX);
        let callers = (0..3).map(|_| {
            let service = layer.layer(inner.service());
            spawn(async move { service.oneshot(message()).await.unwrap_err() })
        });
        let errors = join(callers.collect::<Vec<_>>());
        let is_exhausted = |error: &Error| error.retry_hint() == Hint::Exhausted;
        assert!(errors.iter().all(is_exhausted));
        assert_eq!(inner.calls(), 3 + 3);
    });
}

/// First tries and retries at the same time add up: none is paid for twice, no payment is lost.
#[test]
fn budget_adds_up_while_it_is_paid_into() {
    explore(|| {
        let context = context(&clock());
        let layer = layer(0.5, 1, &context);
        let inner = Inner::default();
        inner.fail(u32::MAX);
        let callers = (0..3).map(|_| {
            let service = layer.layer(inner.service());
            spawn(async move {
                for _ in 0..2 {
                    drop(service.clone().oneshot(message()).await.unwrap_err());
                }
            })
        });
        join(callers.collect::<Vec<_>>());
        // Six first tries pay for three retries at most, and one was saved.
        let retries = inner.calls() - 6;
        assert!((1..=4).contains(&retries), "{retries}");
        // What is left is less than a retry, whatever the order was.
        let after = inner.calls();
        for _ in 0..2 {
            let service = layer.layer(inner.service());
            join([spawn(async move {
                drop(service.oneshot(message()).await.unwrap_err());
            })]);
        }
        let retries = inner.calls() - after - 2;
        assert_eq!(retries, 1);
    });
}

/// Tries of all deliveries of a message add up to what it may have, however others come between.
#[test]
fn tries_of_a_message_add_up_over_its_deliveries() {
    explore(|| {
        let context = context(&clock());
        let layer = layer(0.0, 3, &context);
        let tasks = ["a", "b", "c"].map(|id| {
            let tries = Arc::<AtomicU32>::default();
            let counted = Arc::clone(&tries);
            let service = layer.layer(service_fn(move |_: Delivery| {
                counted.fetch_add(1, Ordering::Relaxed);
                async {
                    yield_now().await;
                    Err::<Settlement, _>(Error::new(ErrorKind::Throttled, "slow down"))
                }
            }));
            spawn(async move {
                for attempt in 1.. {
                    let call = service.clone().oneshot(delivery(id, attempt));
                    if call.await.unwrap_err().retry_hint() == Hint::Exhausted {
                        break;
                    }
                }
                tries.load(Ordering::Relaxed)
            })
        });
        assert_eq!(join(tasks), [10; 3]);
    });
}
