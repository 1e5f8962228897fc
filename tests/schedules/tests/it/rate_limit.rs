//! The bucket of a rate limit, and the line of those who wait for it.

use std::{num::NonZeroU64, time::Duration};

use relayhouse_core::{Clock, Instant};
use relayhouse_schedules::rate_limit::{RateLimitConfig, RateLimitLayer};
use relayhouse_testkit::clock::ManualClock;
use shuttle::future::{spawn, yield_now};
use tower::{Layer, ServiceExt};

use crate::support::{Inner, Time, clock, context, explore, join, message, poll_and_drop};

/// So many pass in a second, one at a time.
const RATE: u32 = 2;

fn config(rate: u32) -> RateLimitConfig {
    RateLimitConfig {
        burst: Some(NonZeroU64::MIN),
        ..RateLimitConfig::per_second(NonZeroU64::new(rate.into()).unwrap())
    }
}

/// Checks that no more have passed than the bucket had: its burst, and what came since.
fn check(inner: &Inner, clock: &ManualClock) {
    let elapsed = clock.now().since(Instant::START);
    let filled = 1 + (elapsed * RATE).as_secs();
    assert!(u64::from(inner.calls()) <= filled, "{elapsed:?}");
}

#[test]
fn bucket_is_never_overdrawn_and_everybody_passes() {
    explore(|| {
        let clock = clock();
        let layer = RateLimitLayer::with_config(&config(RATE), &context(&clock));
        let inner = Inner::default();
        let callers = (0..4).map(|_| {
            let clock = clock.clone();
            let service = inner.watched(move |inner| check(inner, &clock));
            let service = layer.layer(service);
            spawn(async move { drop(service.oneshot(message()).await.unwrap()) })
        });
        let callers: Vec<_> = callers.collect();
        let _time = Time::pass(&clock);
        join(callers);
        assert_eq!(inner.calls(), 4);
        // Four tokens, of which one was there: nobody waited for more than that.
        let took = clock.now().since(Instant::START);
        assert_eq!(took, Duration::from_millis(1_500));
    });
}

/// Who leaves while it waits for a token, or with one, costs the others nothing.
#[test]
fn waiters_that_leave_take_nothing_along() {
    explore(|| {
        let clock = clock();
        let layer = RateLimitLayer::with_config(&config(RATE), &context(&clock));
        let inner = Inner::default();
        let callers = (0..2).map(|_| {
            let clock = clock.clone();
            let service = inner.watched(move |inner| check(inner, &clock));
            let service = layer.layer(service);
            spawn(async move { drop(service.oneshot(message()).await.unwrap()) })
        });
        let leavers = (0..2).map(|_| {
            let mut service = layer.layer(inner.service());
            spawn(async move {
                poll_and_drop(service.ready()).await;
                drop(service);
            })
        });
        let tasks: Vec<_> = callers.chain(leavers).collect();
        let _time = Time::pass(&clock);
        join(tasks);
        assert_eq!(inner.calls(), 2);
    });
}

/// A token that was taken and is not used goes to who waits, at once: no time passes here.
#[test]
fn token_that_is_given_back_goes_to_who_waits() {
    explore(|| {
        let clock = clock();
        let layer = RateLimitLayer::with_config(&config(RATE), &context(&clock));
        let inner = Inner::default();
        let leaver = {
            let mut service = layer.layer(inner.service());
            spawn(async move {
                poll_and_drop(service.ready()).await;
                drop(service);
            })
        };
        let service = layer.layer(inner.service());
        let caller = spawn(async move { drop(service.oneshot(message()).await.unwrap()) });
        join([leaver, caller]);
        assert_eq!(inner.calls(), 1);
    });
}

/// A rate that changes is that of those who wait already.
#[test]
fn rate_that_changes_lets_everybody_pass() {
    explore(|| {
        let clock = clock();
        let layer = RateLimitLayer::with_config(&config(RATE), &context(&clock));
        let inner = Inner::default();
        let callers = (0..3).map(|_| {
            let service = layer.layer(inner.service());
            spawn(async move { drop(service.oneshot(message()).await.unwrap()) })
        });
        let callers: Vec<_> = callers.collect();
        let changed = layer.clone();
        let changes = spawn(async move {
            for rate in [1, 100] {
                changed.set(&config(rate));
                yield_now().await;
            }
        });
        let _time = Time::pass(&clock);
        join(callers.into_iter().chain([changes]));
        assert_eq!(inner.calls(), 3);
    });
}
