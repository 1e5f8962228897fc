//! Retry, timeout and faults: what is dropped makes no further call.

use std::{future::pending, time::Duration};

use relayhouse_core::{Context, Error, ErrorKind, Growth, Jitter, Message, Retry as Hint, Sent};
use relayhouse_middleware::{
    fault::{FaultConfig, FaultLayer},
    retry::{RetryConfig, RetryLayer},
    timeout::TimeoutLayer,
};
use tower::{Layer, ServiceExt, service_fn};

use crate::cancel::harness::{Inner, STEP, at_every_poll, context, delivery, message, pass};

const HOUR: Duration = Duration::from_secs(3_600);
const BUDGET: u32 = 3;

fn retry(attempts_max: u32, context: &Context) -> RetryLayer {
    let config = RetryConfig {
        attempts_max: attempts_max.try_into().unwrap(),
        growth: Growth::Fixed,
        delay_first: STEP,
        jitter: Jitter::None,
        budget_share: 0.0,
        budget_max: BUDGET,
        ..RetryConfig::default()
    };
    RetryLayer::with_config(config, context)
}

/// A retry is paid for when its wait begins, and once: what one does not spend others have.
#[tokio::test(start_paused = true)]
async fn dropped_send_tries_no_more_and_spends_nothing_twice() {
    at_every_poll(6, async |polls| {
        let context = context();
        let layer = retry(100, &context);
        let inner = Inner::new(1, &context).failing(u32::MAX);
        let send = layer.layer(inner.producer()).oneshot(message());
        let ended = polls.then_drop(send).await;
        let tried = inner.begun();
        let waited = ended.is_none() && 0 < tried && inner.ended() == tried;
        assert_eq!(inner.in_flight(), 0);
        pass(&context, HOUR).await;
        assert_eq!(inner.begun(), tried, "nobody tries any more");

        let spent = tried.saturating_sub(1) + u32::from(waited);
        let other = layer.layer(inner.producer()).oneshot(message()).await;
        assert_eq!(other.unwrap_err().retry_hint(), Hint::Exhausted);
        assert_eq!(inner.begun() - tried, 1 + BUDGET - spent);
        ended.is_some()
    })
    .await;
}

/// The tries of a delivery whose handler is dropped are forgotten: its next one has as many left
/// as if it had been one.
#[tokio::test(start_paused = true)]
async fn dropped_delivery_counts_as_one() {
    at_every_poll(4, async |polls| {
        let context = context();
        let layer = retry(3, &context);
        let inner = Inner::new(1, &context).failing(u32::MAX);
        let call = layer.layer(inner.handler()).oneshot(delivery("7", 1));
        let ended = polls.then_drop(call).await;
        let tried = inner.begun();
        let again = layer.layer(inner.handler()).oneshot(delivery("7", 2));
        assert_eq!(again.await.unwrap_err().retry_hint(), Hint::Exhausted);
        assert_eq!(inner.begun() - tried, 2);
        ended.is_some()
    })
    .await;
}

/// The deadline of a dropped call is taken out, and those of others stay what they are, also if it
/// was the one that was to look at the timer.
#[tokio::test(start_paused = true)]
async fn dropped_call_leaves_the_deadlines_of_others() {
    let limit = 5 * STEP;
    at_every_poll(3, async |polls| {
        let context = context();
        let layer = TimeoutLayer::new(limit, &context);
        let inner = Inner::new(100, &context);
        let hang = service_fn(|_: Message| pending::<Result<Sent, Error>>());
        let dropped = layer.layer(inner.producer()).oneshot(message());
        let hanging = async {
            pass(&context, STEP).await;
            let began = context.clock.now();
            let error = layer.layer(hang).oneshot(message()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
            assert_eq!(context.clock.now().since(began), limit);
        };
        let (dropped, ()) = tokio::join!(biased; polls.then_drop(dropped), hanging);
        assert_eq!(inner.in_flight(), 0);
        assert!(format!("{layer:?}").contains("pending: 0"), "{layer:?}");
        dropped.is_some()
    })
    .await;
}

/// A call that is to be made twice may have been made once; one that waits to be overtaken, or for
/// a delay, is not made; and whoever waits for one that is gone waits no longer than it would.
#[tokio::test(start_paused = true)]
async fn dropped_fault_makes_no_further_call() {
    let config = FaultConfig {
        delay: 1.0,
        duplicate: 1.0,
        reorder: 1.0,
        ..FaultConfig::default()
    };
    at_every_poll(5, async |polls| {
        let context = context();
        let layer = FaultLayer::new(config.clone(), 7, &context);
        let (dropped, other) = (Inner::new(1, &context), Inner::new(1, &context));
        let call = layer.layer(dropped.producer()).oneshot(message());
        let overtaking = layer.layer(other.producer()).oneshot(message());
        let began = context.clock.now();
        let overtaking = async {
            overtaking.await.unwrap();
            context.clock.now().since(began)
        };
        let (ended, took) = tokio::join!(biased; polls.then_drop(call), overtaking);
        assert!(took <= config.delay_max + config.reorder_max + 2 * STEP);
        assert_eq!((dropped.in_flight(), other.ended()), (0, 2));
        let made = dropped.begun();
        assert!(made <= 2);
        pass(&context, HOUR).await;
        assert_eq!(dropped.begun(), made);
        ended.is_some()
    })
    .await;
}
