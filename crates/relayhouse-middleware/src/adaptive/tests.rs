//! The layer around a service: room, failures, and what is told of them.

use std::{
    future::pending,
    num::{NonZeroU32, NonZeroU64},
    sync::{Arc, Mutex},
    time::Duration,
};

use relayhouse_core::{
    Context, Error, ErrorKind, Event, Instant, Message, Observer, Result, Sent, config::Params,
};
use tower::{Service, ServiceExt, service_fn};
use tower_layer::Layer;
use tower_test::mock;

use super::{AdaptiveConfig, AdaptiveLayer, Algorithm, Reason};
use crate::{
    sync::lock,
    testing::{Door, context, poll_and_drop},
    verdict::Verdict,
};

fn config(limit: u32) -> AdaptiveConfig {
    AdaptiveConfig {
        initial: NonZeroU32::new(limit).unwrap(),
        ..AdaptiveConfig::default()
    }
}

fn slow(
    context: &Context,
) -> impl Service<Message, Response = Sent, Error = Error, Future: Send> + Clone + use<> {
    let clock = Arc::clone(&context.clock);
    service_fn(move |_: Message| {
        let sleep = clock.sleep_until(clock.now() + Duration::from_millis(10));
        async move {
            sleep.await;
            Ok::<_, Error>(Sent::default())
        }
    })
}

/// Returns how many calls of the layer can be in flight now.
fn room(layer: &AdaptiveLayer) -> usize {
    let mut service = layer.layer(service_fn(|_: Message| pending::<Result<Sent>>()));
    let calls = (0..1_000).map(|_| service.call(Message::new("")));
    let calls: Vec<_> = calls.collect();
    let refused = |call| futures_util::FutureExt::now_or_never(call).is_some();
    1_000
        - calls
            .into_iter()
            .filter_map(|call| refused(call).then_some(()))
            .count()
}

#[tokio::test(start_paused = true)]
async fn readiness_waits_for_room_and_probes_give_it_back() {
    let context = context();
    let layer = AdaptiveLayer::with_config("orders", config(1), &context);
    let mut first = layer.layer(slow(&context));
    first.ready().await.unwrap();
    let mut second = layer.layer(slow(&context));
    assert!(poll_and_drop(second.ready(), 1).await.is_none());
    drop(first);
    second.ready().await.unwrap();
}

/// An instance in the line whose service is ready no more lets those behind it go on.
#[tokio::test(start_paused = true)]
async fn blocked_instance_does_not_hold_up_the_line() {
    let layer = AdaptiveLayer::with_config("orders", config(1), &context());
    let door = Door::default();
    let mut holder = mock::Spawn::new(layer.layer(Door::default()));
    let mut blocked = mock::Spawn::new(layer.layer(door.clone()));
    let mut behind = mock::Spawn::new(layer.layer(Door::default()));
    assert!(holder.poll_ready().is_ready());
    assert!(blocked.poll_ready().is_pending());
    assert!(behind.poll_ready().is_pending());
    door.close();
    drop(holder);
    assert!(blocked.poll_ready().is_pending());
    assert!(behind.is_woken());
    assert!(behind.poll_ready().is_ready());
}

#[tokio::test(start_paused = true)]
async fn limit_that_grew_lets_more_in() {
    let context = context();
    let layer = AdaptiveLayer::with_config("orders", config(4), &context);
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let mut service = layer.layer(slow(&context));
        callers.spawn(async move {
            for _ in 0..20 {
                let ready = service.ready().await.unwrap();
                ready.call(Message::new("")).await.unwrap();
            }
        });
    }
    callers.join_all().await;
    let decision = layer.explain();
    assert!(decision.limit == 16 || decision.limit == 32, "{decision}");
    assert_eq!(decision.reason, Reason::WarmUp);
}

#[tokio::test(start_paused = true)]
async fn bytes_are_bounded_as_well() {
    let config = AdaptiveConfig {
        bytes_max: NonZeroU64::new(100).unwrap(),
        request_bytes: 10,
        ..config(50)
    };
    let context = context();
    let layer = AdaptiveLayer::with_config("orders", config, &context);
    let mut service = layer.layer(slow(&context));
    let _held = service
        .ready()
        .await
        .unwrap()
        .call(Message::new(vec![0; 95]));
    assert!(poll_and_drop(service.ready(), 1).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn call_without_readiness_is_refused_when_full() {
    let context = context();
    let layer = AdaptiveLayer::with_config("orders", config(2), &context);
    let mut service = layer.layer(slow(&context));
    let _held = [(); 2].map(|()| service.call(Message::new("")));
    let error = service.call(Message::new("")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
}

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<(u32, u32)>>);

impl Observer for Heard {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        for event in events {
            if let Event::LimitChanged {
                name: "orders",
                before,
                limit,
            } = event
            {
                lock(&self.0).push((*before, *limit));
            }
        }
    }
}

/// What a handler answers can count as a failure, and operators hear of what follows.
#[tokio::test(start_paused = true)]
async fn what_counts_as_failure_can_be_said_and_changes_are_heard() {
    let heard = Arc::new(Heard::default());
    let context = Context {
        observer: Some(Arc::<Heard>::clone(&heard)),
        ..context()
    };
    let layer = AdaptiveLayer::with_config("orders", config(10), &context)
        .classify(|_: &Result<Sent>| Verdict::Failure);
    let mut service = layer.layer(slow(&context));
    for _ in 0..20 {
        let ready = service.ready().await.unwrap();
        ready.call(Message::new("")).await.unwrap();
    }
    assert_eq!(layer.explain().reason, Reason::Failures);
    assert_eq!(*lock(&heard.0), [(10, 7)]);
}

/// A call that is dropped at whatever poll gives its permit back, and tells nothing.
#[tokio::test(start_paused = true)]
async fn call_can_be_dropped_at_any_poll() {
    let context = context();
    let layer = AdaptiveLayer::with_config("orders", config(1), &context);
    for polls in 0..4 {
        let call = layer.layer(slow(&context)).oneshot(Message::new(""));
        let ended = poll_and_drop(call, polls).await;
        assert_eq!(ended.is_some(), 2 <= polls, "{polls}");
        assert_eq!(room(&layer), 1, "after {polls} polls");
    }
    assert_eq!(layer.explain().reason, Reason::Start);
}

#[test]
fn bounds_are_read_from_text() {
    let params = Params::from_pairs([
        ("algorithm", "aimd"),
        ("ceiling", "64"),
        ("latency_max", "50ms"),
        ("tolerance", "2"),
    ]);
    let config: AdaptiveConfig = params.unwrap().read().unwrap();
    assert_eq!(config.algorithm, Algorithm::Aimd);
    assert_eq!(config.ceiling.get(), 64);
    assert_eq!(config.latency_max, Some(Duration::from_millis(50)));
}
