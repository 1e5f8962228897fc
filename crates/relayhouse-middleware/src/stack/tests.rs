//! What the order of the layers comes to, under paused time.

use std::{
    future::pending,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use relayhouse_core::{
    Context, DeadLetter, Delivery, Error, ErrorKind, Instant, Message, Result, Retry as Hint, Sent,
    Settlement,
};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::{
    ConsumerConfig, consumer, high_throughput, high_throughput_with, low_cost, low_latency,
    producer,
};
use crate::{
    adaptive::AdaptiveConfig,
    testing::{context, delivery},
};

/// Is what a service does in one call.
#[derive(Clone, Copy, Debug)]
enum Act {
    Answer,
    Fail(Hint),
    Hang,
    Panic,
}

/// Makes a service that answers with `answer`, or does else what `act` says of the number of a
/// call, and counts its calls.
fn acting<R, T: Clone + Send>(
    answer: T,
    act: impl Fn(u32) -> Act + Clone,
) -> (
    Arc<AtomicU32>,
    impl Service<R, Response = T, Error = Error, Future: Send> + Clone,
) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let service = service_fn(move |_: R| {
        let act = act(counted.fetch_add(1, Ordering::Relaxed));
        let answer = answer.clone();
        async move {
            tokio::task::yield_now().await;
            match act {
                Act::Answer => Ok(answer),
                Act::Fail(hint) => Err(failure().retry(hint)),
                Act::Hang => pending().await,
                Act::Panic => panic!("no such order"),
            }
        }
    });
    (calls, service)
}

/// Makes a handler that acks, unless `act` says otherwise.
fn handler(
    act: impl Fn(u32) -> Act + Clone,
) -> (
    Arc<AtomicU32>,
    impl Service<Delivery, Response = Settlement, Error = Error, Future: Send> + Clone,
) {
    acting(Settlement::Ack, act)
}

fn failure() -> Error {
    Error::new(ErrorKind::ConnectionFailed, "nobody is there")
}

/// Makes a delivery whose lease does not end.
fn order(id: &str) -> Delivery {
    delivery(id, 1, Instant::NEVER)
}

/// Makes a delivery whose deadline has passed.
fn late(context: &Context) -> Delivery {
    let mut delivery = order("late");
    delivery.message = Message::new("").deadline(context.clock.wall());
    delivery
}

fn passed(context: &Context) -> Duration {
    context.clock.now().since(Instant::START)
}

fn count(calls: &AtomicU32) -> u32 {
    calls.load(Ordering::Relaxed)
}

/// Waits until a clone of `service` is ready.
async fn readiness(service: &(impl Service<Delivery, Error = Error> + Clone)) {
    service.clone().ready().await.map(drop).unwrap();
}

fn is_late(settlement: &Settlement) -> bool {
    matches!(settlement, Settlement::DeadLetter(letter) if letter.reason == DeadLetter::EXPIRED)
}

#[tokio::test(start_paused = true)]
async fn panic_is_a_failure_that_is_tried_again() {
    let context = context();
    let (calls, handler) = handler(|call| if call == 0 { Act::Panic } else { Act::Answer });
    let service = consumer("orders", &context).layer(handler);
    let settlement = service.oneshot(order("7")).await.unwrap();
    assert_eq!((settlement, count(&calls)), (Settlement::Ack, 2));
}

/// All tries of a message that always panics leave the breaker closed, and those of two open it.
#[tokio::test(start_paused = true)]
async fn panics_count_for_the_breaker_and_one_message_does_not_open_it() {
    let context = context();
    let (calls, handler) = handler(|_| Act::Panic);
    let service = low_cost("orders", &context).layer(handler);
    let error = service.clone().oneshot(order("7")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Panicked);
    assert_eq!((error.retry_hint(), count(&calls)), (Hint::Exhausted, 5));
    assert!(readiness(&service).now_or_never().is_some());
    service.clone().oneshot(order("8")).await.unwrap_err();
    assert_eq!(count(&calls), 10);
    let opened = passed(&context);
    readiness(&service).await;
    assert_eq!(passed(&context) - opened, Duration::from_secs(120));
}

#[tokio::test(start_paused = true)]
async fn handler_that_hangs_is_cut_off_and_tried_again() {
    let context = context();
    let (calls, handler) = handler(|call| if call == 0 { Act::Hang } else { Act::Answer });
    let service = consumer("orders", &context).layer(handler);
    let settlement = service.oneshot(order("7")).await.unwrap();
    assert_eq!((settlement, count(&calls)), (Settlement::Ack, 2));
    let limit = Duration::from_secs(30);
    let longest = limit + Duration::from_millis(100);
    assert!((limit..=longest).contains(&passed(&context)));
}

/// A handler whose calls all hang opens the breaker: what was cut off is a failure.
#[tokio::test(start_paused = true)]
async fn calls_that_are_cut_off_count_for_the_breaker() {
    let context = context();
    let limit = Duration::from_millis(200);
    let (calls, handler) = handler(|_| Act::Hang);
    let service = low_latency("orders", limit, &context).layer(handler);
    for id in ["7", "8"] {
        let error = service.clone().oneshot(order(id)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(error.retry_hint(), Hint::Exhausted);
    }
    assert_eq!(count(&calls), 10);
    // The delays are 10 to 80 ms at most, and less by chance.
    let (least, most) = (limit * 10, limit * 10 + Duration::from_millis(300));
    assert!((least..=most).contains(&passed(&context)));
    let opened = passed(&context);
    readiness(&service).await;
    assert_eq!(passed(&context) - opened, Duration::from_secs(5));
}

/// What is late ends before anything that counts or waits has seen it: where the only permit is
/// taken, and as often as it comes.
#[tokio::test(start_paused = true)]
async fn late_delivery_takes_no_permit_and_is_no_failure() {
    let context = context();
    let adaptive = AdaptiveConfig {
        initial: NonZeroU32::MIN,
        ceiling: NonZeroU32::MIN,
        ..AdaptiveConfig::default()
    };
    let config = ConsumerConfig::default();
    let (calls, handler) = handler(|_| Act::Hang);
    let stack = high_throughput_with("orders", config, adaptive, &context);
    let service = stack.layer(handler);
    let mut busy = service.clone();
    ServiceExt::<Delivery>::ready(&mut busy).await.unwrap();
    let mut running = Box::pin(busy.call(order("7")));
    assert!(running.as_mut().now_or_never().is_none());
    assert!(readiness(&service).now_or_never().is_none());
    for _ in 0..20 {
        let settlement = service.clone().call(late(&context)).await.unwrap();
        assert!(is_late(&settlement));
    }
    assert_eq!(passed(&context), Duration::ZERO);
    drop(running);
    assert!(readiness(&service).now_or_never().is_some());
    assert_eq!(count(&calls), 1);
}

/// A delay that a consumer gives to the queue is waited for where each call is paid for.
#[tokio::test(start_paused = true)]
async fn low_cost_waits_where_others_release() {
    let context = context();
    let delay = Hint::After(Duration::from_secs(5));
    let act = move |call: u32| {
        if call == 0 {
            Act::Fail(delay)
        } else {
            Act::Answer
        }
    };
    let (calls, released) = handler(act);
    let service = consumer("orders", &context).layer(released);
    let error = service.oneshot(order("7")).await.unwrap_err();
    assert_eq!((error.retry_hint(), count(&calls)), (delay, 1));
    assert_eq!(passed(&context), Duration::ZERO);
    let (calls, held) = handler(act);
    let service = low_cost("orders", &context).layer(held);
    service.oneshot(order("7")).await.unwrap();
    assert_eq!(count(&calls), 2);
    assert_eq!(passed(&context), Duration::from_secs(5));
}

/// Clones of a stack share a circuit: what fails for one consumer rests for the other.
#[tokio::test(start_paused = true)]
async fn clones_of_a_stack_share_its_circuit() {
    let context = context();
    let stack = low_cost("orders", &context);
    let (_, broken) = handler(|_| Act::Fail(Hint::Temporary));
    let (_, whole) = handler(|_| Act::Answer);
    let (broken, whole) = (stack.clone().layer(broken), stack.layer(whole));
    for id in ["7", "8"] {
        assert!(readiness(&whole).now_or_never().is_some());
        broken.clone().oneshot(order(id)).await.unwrap_err();
    }
    assert!(readiness(&whole).now_or_never().is_none());
}

/// Each stack goes around a handler of several deliveries as well.
#[tokio::test(start_paused = true)]
async fn stacks_go_around_handlers_of_batches() {
    let context = context();
    let answers = vec![Ok(Settlement::Ack), Err(failure())];
    let batch = || vec![order("7"), late(&context), order("8")];
    let (calls, handler) = acting::<Vec<Delivery>, _>(answers, |_| Act::Answer);
    let check = |answers: Vec<Result<Settlement>>| {
        let [first, late, last] = answers.try_into().unwrap();
        assert_eq!(first.unwrap(), Settlement::Ack);
        assert!(is_late(&late.unwrap()));
        assert_eq!(last.unwrap_err().kind(), ErrorKind::ConnectionFailed);
    };
    let service = consumer("orders", &context).layer(handler.clone());
    check(service.oneshot(batch()).await.unwrap());
    let service = high_throughput("orders", &context).layer(handler);
    check(service.oneshot(batch()).await.unwrap());
    assert_eq!(count(&calls), 2);
}

fn broker(
    act: impl Fn(u32) -> Act + Clone,
) -> (
    Arc<AtomicU32>,
    impl Service<Message, Response = Sent, Error = Error, Future: Send> + Clone,
) {
    acting(Sent::default(), act)
}

/// Five tries of one send open the breaker, and the next send fails without a call or a wait.
#[tokio::test(start_paused = true)]
async fn send_into_an_outage_fails_at_once_when_that_is_known() {
    let context = context();
    let (calls, broker) = broker(|_| Act::Fail(Hint::Temporary));
    let service = producer("broker", &context).layer(broker);
    let error = service.clone().oneshot(Message::new("")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionFailed);
    let known = passed(&context);
    let error = service.clone().oneshot(Message::new("")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!((passed(&context), count(&calls)), (known, 5));
}

/// A send that hangs may have happened: it is tried again where a dedup id makes that one send.
#[tokio::test(start_paused = true)]
async fn send_that_hangs_is_repeated_if_it_has_a_dedup_id() {
    let context = context();
    let act = |call: u32| if call == 0 { Act::Hang } else { Act::Answer };
    let (calls, broker) = broker(act);
    let service = producer("broker", &context).layer(broker.clone());
    let error = service.oneshot(Message::new("")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(count(&calls), 1);
    assert_eq!(passed(&context), Duration::from_secs(15));

    calls.store(0, Ordering::Relaxed);
    let service = producer("broker", &context).layer(broker);
    let message = Message::new("").dedup_id("order-7");
    service.oneshot(message).await.unwrap();
    assert_eq!(count(&calls), 2);
}

/// The deadline of a message ends its retries: it is looked at before each.
#[tokio::test(start_paused = true)]
async fn deadline_that_passes_between_two_tries_ends_them() {
    let context = context();
    let (calls, broker) = broker(|_| Act::Fail(Hint::After(Duration::from_secs(2))));
    let service = producer("broker", &context).layer(broker);
    let deadline = context.clock.wall() + Duration::from_secs(3);
    let message = Message::new("").deadline(deadline);
    let error = service.oneshot(message).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.retry_hint(), Hint::Permanent);
    assert_eq!(passed(&context), Duration::from_secs(4));
    assert_eq!(count(&calls), 2);
}
