//! Deadlines of sends and handlers, and how many timers they take.

use std::{
    future::{pending, ready},
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use futures_util::{FutureExt, future::join_all};
use relayhouse_core::{
    Context, Delivery, Error, ErrorKind, Instant, Lease, LeaseSlot, LeaseTable, Message, Result,
    Settlement,
};
use relayhouse_testkit::clock::CountingClock;
use tower::{Service, ServiceExt, service_fn};
use tower_layer::Layer;

use super::{TimeoutConfig, TimeoutLayer};
use crate::{
    sync::lock,
    testing::{context, delivery, poll_and_drop},
};

const SECOND: Duration = Duration::from_secs(1);

async fn wait(context: &Context, time: Duration) {
    let clock = &context.clock;
    clock.sleep_until(clock.now() + time).await;
}

/// A handler that takes as long as the text of its message says, in milliseconds.
fn slow(
    context: &Context,
) -> impl Service<Message, Response = (), Error = Error, Future: Send> + Clone + use<> {
    let clock = Arc::clone(&context.clock);
    service_fn(move |message: Message| {
        let text = String::from_utf8(message.body.to_vec()).unwrap();
        let time = Duration::from_millis(text.parse().unwrap());
        let sleep = clock.sleep_until(clock.now() + time);
        async move {
            sleep.await;
            Ok::<_, Error>(())
        }
    })
}

fn taking(milliseconds: u64) -> Message {
    Message::new(milliseconds.to_string())
}

#[tokio::test(start_paused = true)]
async fn late_send_is_unknown_and_late_handler_is_timeout() {
    let context = context();
    let layer = TimeoutLayer::new(SECOND, &context);
    let send = layer.layer(service_fn(|_: Message| pending::<Result<()>>()));
    let error = send.oneshot(Message::new("")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(error.to_string(), "no answer within 1s");
    let handle = layer.layer(service_fn(|_: Delivery| pending::<Result<Settlement>>()));
    let delivery = delivery("7", 1, Instant::NEVER);
    let error = handle.oneshot(delivery).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(context.clock.now().since(Instant::START), 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn call_in_time_is_answered() {
    let context = context();
    let service = TimeoutLayer::new(SECOND, &context).layer(slow(&context));
    service.clone().oneshot(taking(990)).await.unwrap();
    service.oneshot(taking(1_010)).await.unwrap_err();
}

/// A delivery ends a margin before its lease, whatever the limit.
#[tokio::test(start_paused = true)]
async fn handler_is_cut_off_before_its_lease_ends() {
    let context = context();
    let layer = TimeoutLayer::new(60 * SECOND, &context);
    let service = layer.layer(service_fn(|_: Delivery| pending::<Result<Settlement>>()));
    let until = context.clock.now() + 10 * SECOND;
    let error = service.oneshot(delivery("7", 1, until)).await.unwrap_err();
    assert_eq!(error.to_string(), "no answer before the lease ends");
    assert_eq!(context.clock.now().since(Instant::START), 9 * SECOND);
}

/// The most urgent lease of a batch counts.
#[tokio::test(start_paused = true)]
async fn batch_is_cut_off_before_its_first_lease_ends() {
    let context = context();
    let layer = TimeoutLayer::new(60 * SECOND, &context);
    let service = layer.layer(service_fn(|_: Vec<Delivery>| pending::<Result<()>>()));
    let until = |seconds: u32| context.clock.now() + seconds * SECOND;
    let batch = vec![delivery("7", 1, until(30)), delivery("8", 1, until(5))];
    service.oneshot(batch).await.unwrap_err();
    assert_eq!(context.clock.now().since(Instant::START), 4 * SECOND);
}

#[derive(Debug)]
struct Renewed(Mutex<Instant>);

impl LeaseTable for Renewed {
    fn until(&self, _: LeaseSlot) -> Instant {
        *lock(&self.0)
    }

    fn poll_lost(&self, _: LeaseSlot, _: &mut std::task::Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

/// While a lease is renewed, the limit alone counts.
#[tokio::test(start_paused = true)]
async fn renewed_lease_gives_more_time() {
    let context = context();
    let layer = TimeoutLayer::new(60 * SECOND, &context);
    let service = layer.layer(service_fn(|_: Delivery| pending::<Result<Settlement>>()));
    let table = Arc::new(Renewed(Mutex::new(context.clock.now() + 10 * SECOND)));
    let mut leased = delivery("7", 1, Instant::START);
    let mut lease = Lease::new(Instant::START, 1);
    lease.track(Arc::<Renewed>::clone(&table), LeaseSlot::default());
    leased.lease = lease;
    let call = tokio::spawn(service.oneshot(leased));
    for _ in 0..8 {
        wait(&context, 5 * SECOND).await;
        *lock(&table.0) = context.clock.now() + 10 * SECOND;
    }
    assert!(!call.is_finished());
    // Renewals stop at 40 s, so that the lease ends at 50 s.
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "no answer before the lease ends");
    assert_eq!(context.clock.now().since(Instant::START), 49 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn call_that_is_ready_reads_no_clock() {
    let (context, clock) = CountingClock::around(&context());
    let layer = TimeoutLayer::new(SECOND, &context);
    let mut service = layer.layer(service_fn(|_: Message| ready(Ok::<_, Error>(()))));
    for _ in 0..100 {
        service.call(Message::new("")).await.unwrap();
    }
    assert_eq!(clock.reads(), 0);
    assert_eq!(clock.sleeps(), 0);
}

/// A thousand seconds of calls that end in time arm the timer once in each limit.
#[tokio::test(start_paused = true)]
async fn calls_in_time_make_no_timers_of_their_own() {
    let uncounted = context();
    let (context, clock) = CountingClock::around(&uncounted);
    let inner = slow(&uncounted);
    let layer = TimeoutLayer::new(10 * SECOND, &context);
    let service = layer.layer(inner);
    for _ in 0..1_000 {
        let calls = (0..10).map(|_| service.clone().oneshot(taking(1_000)));
        for result in join_all(calls).await {
            result.unwrap();
        }
    }
    let timers = clock.sleeps();
    assert!(timers <= 112, "{timers} timers for 10,000 calls");
}

/// Each call ends at its own deadline, also where others around it come and go.
#[tokio::test(start_paused = true)]
async fn every_late_call_is_cut_off_at_its_own_time() {
    let context = context();
    let layer = TimeoutLayer::new(SECOND, &context);
    let mut calls = Vec::new();
    for number in 0_u64..50 {
        let service = layer.layer(slow(&context));
        let clock = Arc::clone(&context.clock);
        let began = clock.now();
        let is_late = number.is_multiple_of(3);
        let message = taking(if is_late { 5_000 } else { 500 });
        calls.push(tokio::spawn(async move {
            let result = service.oneshot(message).await;
            (is_late, result, clock.now().since(began))
        }));
        wait(&context, Duration::from_millis(30)).await;
    }
    for call in calls {
        let (is_late, result, took) = call.await.unwrap();
        assert_eq!(result.is_err(), is_late);
        let expected = if is_late { 1_000 } else { 500 };
        assert!(took.as_millis().abs_diff(expected) <= 1, "{took:?}");
    }
}

/// The call that the timer wakes may be dropped instead of polled; another then looks.
#[tokio::test(start_paused = true)]
async fn timer_goes_on_when_the_call_it_woke_is_dropped() {
    let context = context();
    let layer = TimeoutLayer::new(SECOND, &context);
    let call = || {
        let service = layer.layer(service_fn(|_: Message| pending::<Result<()>>()));
        Box::pin(service.oneshot(Message::new("")))
    };
    let mut first = call();
    assert!((&mut first).now_or_never().is_none());
    wait(&context, Duration::from_millis(500)).await;
    let second = tokio::spawn(call());
    wait(&context, Duration::from_millis(600)).await;
    // The timer has rung for the first, whose task never looked at it.
    drop(first);
    second.await.unwrap().unwrap_err();
    let took = context.clock.now().since(Instant::START);
    assert_eq!(took.as_millis(), 1_500);
}

/// Wherever calls are dropped, the others end in time, and no place is left behind.
#[tokio::test(start_paused = true)]
async fn call_can_be_dropped_at_any_poll() {
    let context = context();
    let layer = TimeoutLayer::new(SECOND, &context);
    for polls in 0..4 {
        let dropped = layer.layer(slow(&context)).oneshot(taking(2_000));
        let other = layer.layer(slow(&context)).oneshot(taking(2_000));
        let (dropped, other) = tokio::join!(poll_and_drop(dropped, polls), other);
        assert_eq!(dropped.is_some(), 2 < polls, "{polls}");
        other.unwrap_err();
    }
    assert!(format!("{layer:?}").contains("pending: 0"), "{layer:?}");
}

#[test]
fn limits_are_read_from_text() {
    let params = relayhouse_core::config::Params::from_pairs([("limit", "5s")]).unwrap();
    let config: TimeoutConfig = params.read().unwrap();
    assert_eq!(config.limit, 5 * SECOND);
    assert_eq!(config.lease_margin, SECOND);
}
