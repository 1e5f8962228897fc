//! Tries, delays, leases and budgets, under paused time.

use std::{
    fmt::Debug,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use relayhouse_core::{
    Context, Delivery, Error, ErrorKind, Instant, Jitter, Message, Result, Retry as Hint,
    Settlement,
};
use tower::{Service, ServiceExt, service_fn};
use tower_layer::Layer;
use tower_test::mock;

use super::{RetryConfig, RetryLayer, Retryable, Unknown};
use crate::testing::{context, delivery, poll_and_drop};

const LEASE: Duration = Duration::from_secs(30);

/// A service that fails `failures` times, counts its calls, and then answers.
fn failing<R>(
    failures: u32,
    error: Error,
) -> (
    Arc<AtomicU32>,
    impl Service<R, Response = Settlement, Error = Error, Future: Send> + Clone,
) {
    let calls = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&calls);
    let service = service_fn(move |_: R| {
        let is_failure = count.fetch_add(1, Ordering::Relaxed) < failures;
        let result = if is_failure {
            Err(error.clone())
        } else {
            Ok(Settlement::Ack)
        };
        async move {
            tokio::task::yield_now().await;
            result
        }
    });
    (calls, service)
}

fn plain() -> RetryConfig {
    RetryConfig {
        jitter: Jitter::None,
        ..RetryConfig::default()
    }
}

fn throttled() -> Error {
    Error::new(ErrorKind::Throttled, "slow down")
}

fn leased(context: &Context, attempt: u32) -> Delivery {
    delivery("7", attempt, context.clock.now() + LEASE)
}

fn hint(result: Result<Settlement>) -> Hint {
    result.unwrap_err().retry_hint()
}

/// A send waits between its tries, and the waits double.
#[tokio::test(start_paused = true)]
async fn send_is_tried_five_times_and_then_is_exhausted() {
    let context = context();
    let (calls, service) = failing(u32::MAX, throttled());
    let service = RetryLayer::with_config(plain(), &context).layer(service);
    let result = service.oneshot(Message::new("")).await;
    assert_eq!(hint(result), Hint::Exhausted);
    assert_eq!(calls.load(Ordering::Relaxed), 5);
    let waited = context.clock.now().since(Instant::START);
    assert_eq!(waited.as_millis(), 100 + 200 + 400 + 800);
}

#[tokio::test(start_paused = true)]
async fn success_ends_the_tries() {
    let context = context();
    let (calls, service) = failing(2, throttled());
    let service = RetryLayer::new(&context).layer(service);
    let settlement = service.oneshot(Message::new("")).await.unwrap();
    assert_eq!(settlement, Settlement::Ack);
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn permanent_and_exhausted_errors_go_through() {
    let context = context();
    for retry in [Hint::Permanent, Hint::Exhausted] {
        let (calls, service) = failing(u32::MAX, throttled().retry(retry));
        let service = RetryLayer::new(&context).layer(service);
        assert_eq!(hint(service.oneshot(Message::new("")).await), retry);
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }
}

/// An inner retry that gave up is not multiplied by an outer one.
#[tokio::test(start_paused = true)]
async fn retries_around_retries_do_not_multiply() {
    let context = context();
    let (calls, service) = failing(u32::MAX, throttled());
    let inner = RetryLayer::new(&context).layer(service);
    let outer = RetryLayer::new(&context).layer(inner);
    outer.oneshot(Message::new("")).await.unwrap_err();
    assert_eq!(calls.load(Ordering::Relaxed), 5);
}

#[tokio::test(start_paused = true)]
async fn delay_that_the_error_asks_for_is_waited() {
    let context = context();
    let delay = Duration::from_secs(7);
    let (_, service) = failing(1, throttled().retry(Hint::After(delay)));
    let service = RetryLayer::new(&context).layer(service);
    service.oneshot(Message::new("")).await.unwrap();
    assert_eq!(context.clock.now().since(Instant::START), delay);
}

/// A delay that would go beyond the total time is not waited for.
#[tokio::test(start_paused = true)]
async fn total_time_ends_the_tries() {
    let context = context();
    let config = RetryConfig {
        total_max: Some(Duration::from_millis(350)),
        ..plain()
    };
    let (calls, service) = failing(u32::MAX, throttled());
    let service = RetryLayer::with_config(config, &context).layer(service);
    let result = service.oneshot(Message::new("")).await;
    assert_eq!(hint(result), Hint::Exhausted);
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn unknown_send_is_repeated_only_where_that_is_safe_or_asked_for() {
    let context = context();
    let deduplicated = Message::new("").dedup_id("7");
    let cases = [
        (Unknown::Deduplicated, Message::new(""), 1),
        (Unknown::Deduplicated, deduplicated.clone(), 5),
        (Unknown::Repeat, Message::new(""), 5),
        (Unknown::Keep, deduplicated, 1),
    ];
    for (unknown, message, expected) in cases {
        let config = RetryConfig { unknown, ..plain() };
        let (calls, service) = failing(u32::MAX, Error::new(ErrorKind::OutcomeUnknown, "cut"));
        let service = RetryLayer::with_config(config, &context).layer(service);
        let error = service.oneshot(message).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
        assert_eq!(calls.load(Ordering::Relaxed), expected, "{unknown:?}");
    }
}

/// 100 and 200 ms are waited for with the lease in hand; 400 ms are not.
#[tokio::test(start_paused = true)]
async fn delivery_is_released_for_a_long_delay() {
    let context = context();
    let (calls, service) = failing(u32::MAX, throttled());
    let service = RetryLayer::with_config(plain(), &context).layer(service);
    let result = service.oneshot(leased(&context, 1)).await;
    assert_eq!(hint(result), Hint::After(Duration::from_millis(400)));
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

/// Three tries in the first delivery and two in the second are five.
#[tokio::test(start_paused = true)]
async fn tries_and_redeliveries_share_one_budget() {
    let context = context();
    let (calls, service) = failing(u32::MAX, throttled());
    let service = RetryLayer::with_config(plain(), &context).layer(service);
    let first = service.clone().oneshot(leased(&context, 1)).await;
    assert_eq!(hint(first), Hint::After(Duration::from_millis(400)));
    let second = service.clone().oneshot(leased(&context, 2)).await;
    assert_eq!(hint(second), Hint::After(Duration::from_millis(800)));
    assert_eq!(calls.load(Ordering::Relaxed), 4);
    let third = service.oneshot(leased(&context, 3)).await;
    assert_eq!(hint(third), Hint::Exhausted);
    assert_eq!(calls.load(Ordering::Relaxed), 5);
}

/// A process that does not know the earlier tries counts each delivery as one.
#[tokio::test(start_paused = true)]
async fn deliveries_elsewhere_count_as_one_try_each() {
    let context = context();
    let (calls, service) = failing(u32::MAX, throttled());
    let service = RetryLayer::new(&context).layer(service);
    let result = service.oneshot(leased(&context, 5)).await;
    assert_eq!(hint(result), Hint::Exhausted);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

/// With 1.05 s left of the lease, a delay of 100 ms would leave less than the margin.
#[tokio::test(start_paused = true)]
async fn delivery_whose_lease_is_short_is_released() {
    let context = context();
    let (calls, service) = failing(u32::MAX, throttled());
    let service = RetryLayer::with_config(plain(), &context).layer(service);
    let until = context.clock.now() + Duration::from_millis(1_050);
    let result = service.oneshot(delivery("7", 1, until)).await;
    assert_eq!(hint(result), Hint::After(Duration::from_millis(100)));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

/// The consumer cuts a batch that failed in two, so it is not tried as it is.
#[tokio::test(start_paused = true)]
async fn several_deliveries_are_not_tried_again() {
    let context = context();
    let (calls, service) = failing::<Vec<Delivery>>(u32::MAX, throttled());
    let mut service = RetryLayer::with_config(plain(), &context).layer(service);
    let both = vec![leased(&context, 1), leased(&context, 1)];
    assert_eq!(hint(service.call(both).await), Hint::Temporary);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    let alone = vec![leased(&context, 1)];
    assert!(matches!(hint(service.call(alone).await), Hint::After(_)));
    assert_eq!(calls.load(Ordering::Relaxed), 4);
}

/// Where everything fails, retries are what was saved up and a tenth of the calls.
#[tokio::test(start_paused = true)]
async fn budget_keeps_retries_to_a_share_of_all_calls() {
    let context = context();
    let config = RetryConfig {
        budget_max: 10,
        ..plain()
    };
    let (calls, service) = failing(u32::MAX, throttled());
    let service = RetryLayer::with_config(config, &context).layer(service);
    for _ in 0..500 {
        // Each call is one of a clone, and all of them share the budget.
        let result = service.clone().oneshot(Message::new("")).await;
        assert_eq!(hint(result), Hint::Exhausted);
    }
    // The first call finds the purse full, and pays nothing in.
    assert_eq!(calls.load(Ordering::Relaxed), 500 + 10 + 499 / 10);
}

/// Others' failures empty the budget; a delivery is not dead-lettered for that.
#[tokio::test(start_paused = true)]
async fn empty_budget_releases_a_delivery() {
    let context = context();
    let config = RetryConfig {
        budget_max: 0,
        ..plain()
    };
    let (_, service) = failing(u32::MAX, throttled());
    let service = RetryLayer::with_config(config, &context).layer(service);
    let result = service.oneshot(leased(&context, 1)).await;
    assert_eq!(hint(result), Hint::After(Duration::from_millis(100)));
}

/// A next try starts when the service is ready, and not before.
#[tokio::test(start_paused = true)]
async fn next_try_waits_for_readiness() {
    let context = context();
    let layer = tower::ServiceBuilder::new()
        .layer(RetryLayer::with_config(plain(), &context))
        .map_err(Error::from_boxed);
    let (mut service, mut handle) = mock::spawn_layer::<Message, (), _>(layer);
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let call = tokio::spawn(service.call(Message::new("body")));
    let (_, answer) = handle.next_request().await.unwrap();
    handle.allow(0);
    answer.send_error(throttled());
    let minute = context.clock.now() + Duration::from_secs(60);
    context.clock.sleep_until(minute).await;
    assert!(handle.poll_request().is_pending());
    handle.allow(1);
    let (request, answer) = handle.next_request().await.unwrap();
    assert_eq!(request, Message::new("body"));
    answer.send_response(());
    call.await.unwrap().unwrap();
}

/// Makes a call whose second try finds the service not ready for a minute, and returns how it ends;
/// `None` if the try is made.
async fn late<R: Retryable + Debug + Send + 'static>(
    config: RetryConfig,
    request: R,
) -> Option<Error> {
    let context = context();
    let layer = tower::ServiceBuilder::new()
        .layer(RetryLayer::with_config(config, &context))
        .map_err(Error::from_boxed);
    let (mut service, mut handle) = mock::spawn_layer::<R, (), _>(layer);
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let call = tokio::spawn(service.call(request));
    let (_, answer) = handle.next_request().await.unwrap();
    handle.allow(0);
    answer.send_error(throttled());
    let minute = context.clock.now() + Duration::from_secs(60);
    context.clock.sleep_until(minute).await;
    assert!(!call.is_finished());
    handle.allow(1);
    tokio::task::yield_now().await;
    if handle.poll_request().is_ready() {
        return None;
    }
    call.await.unwrap().err()
}

/// Whoever waits for readiness may lose the lease meanwhile: then somebody else has the message.
#[tokio::test(start_paused = true)]
async fn try_is_not_made_after_the_end_of_its_lease() {
    let until = |seconds| Instant::START + Duration::from_secs(seconds);
    let error = late(plain(), delivery("7", 1, until(30))).await;
    assert!(error.unwrap().is_temporary(), "it is delivered again");
    assert!(late(plain(), delivery("7", 1, until(90))).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn try_is_not_made_after_the_total_time() {
    let within = |seconds| RetryConfig {
        total_max: Some(Duration::from_secs(seconds)),
        ..plain()
    };
    let error = late(within(30), Message::new("")).await.unwrap();
    assert_eq!(error.retry_hint(), Hint::Exhausted);
    assert!(late(within(90), Message::new("")).await.is_none());
}

/// Whenever a call is dropped, no more than the tries it had begun were made.
#[tokio::test(start_paused = true)]
async fn call_can_be_dropped_at_any_poll() {
    let context = context();
    let config = RetryConfig {
        attempts_max: NonZeroU32::MIN.saturating_add(2),
        ..plain()
    };
    let layer = RetryLayer::with_config(config, &context);
    let mut polls = 0;
    loop {
        let (calls, service) = failing(u32::MAX, throttled());
        let service = layer.layer(service);
        let ended = poll_and_drop(service.oneshot(Message::new("")), polls).await;
        let made = calls.load(Ordering::Relaxed);
        let later = context.clock.now() + Duration::from_secs(60);
        context.clock.sleep_until(later).await;
        assert_eq!(calls.load(Ordering::Relaxed), made);
        if ended.is_some() {
            assert_eq!(made, 3);
            break;
        }
        polls += 1;
    }
    assert!(5 < polls, "{polls}");
}
