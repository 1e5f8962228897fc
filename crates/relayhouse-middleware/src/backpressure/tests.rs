//! Room that is taken, waited for, given back, and refused.

use std::{
    future::pending,
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use relayhouse_core::{Error, ErrorKind, Message, Result, Retry, config::Params};
use tower::{Service, ServiceExt, service_fn};
use tower_layer::Layer;
use tower_test::mock::{self, Mock};

use super::{Backpressure, BackpressureConfig, BackpressureLayer, Full, Load};
use crate::testing::{Door, poll_and_drop};

fn config(messages: u32, bytes: u64, full: Full) -> BackpressureConfig {
    BackpressureConfig {
        messages_max: NonZeroU32::new(messages).unwrap(),
        bytes_max: NonZeroU64::new(bytes).unwrap(),
        request_bytes: 10,
        full,
        ..BackpressureConfig::default()
    }
}

type Mocked = Backpressure<tower::util::MapErr<Mock<Message, ()>, fn(tower::BoxError) -> Error>>;

fn service(
    config: BackpressureConfig,
) -> (
    mock::Spawn<Mocked>,
    mock::Handle<Message, ()>,
    BackpressureLayer,
) {
    let layer = BackpressureLayer::new(config);
    let (mock, handle) = mock::pair::<Message, ()>();
    let inner = mock.map_err(Error::from_boxed as fn(_) -> _);
    (mock::Spawn::new(layer.layer(inner)), handle, layer)
}

fn load(messages: u64, bytes: u64, waiting: usize) -> Load {
    Load {
        messages,
        bytes,
        waiting,
    }
}

#[tokio::test]
async fn readiness_waits_for_room_and_call_gives_it_back() {
    let (mut first, mut handle, layer) = service(config(1, 100, Full::Wait));
    let mut second = first.clone();
    assert!(first.poll_ready().is_ready());
    assert!(second.poll_ready().is_pending());
    assert_eq!(layer.load(), load(1, 10, 1));
    let call = tokio::spawn(first.call(Message::new("1234")));
    assert_eq!(layer.load(), load(1, 4, 1));
    let (_, answer) = handle.next_request().await.unwrap();
    assert!(!second.is_woken());
    answer.send_response(());
    call.await.unwrap().unwrap();
    assert!(second.is_woken());
    assert!(second.poll_ready().is_ready());
    assert!(first.poll_ready().is_pending());
}

/// What a consumer does before a receive: it asks an instance, and lets it go.
#[tokio::test]
async fn probe_that_is_dropped_gives_its_room_back() {
    let (mut service, _handle, layer) = service(config(1, 100, Full::Wait));
    let mut probe = service.clone();
    assert!(probe.poll_ready().is_ready());
    assert!(service.poll_ready().is_pending());
    drop(probe);
    assert!(service.is_woken());
    assert!(service.poll_ready().is_ready());
    drop(service);
    assert_eq!(layer.load(), load(0, 0, 0));
}

/// Who waits and goes away wakes the next; who is served first is who came first.
#[tokio::test]
async fn waiters_are_served_in_order() {
    let (mut holder, _handle, _) = service(config(1, 100, Full::Wait));
    assert!(holder.poll_ready().is_ready());
    let mut waiting = [0; 3].map(|_| holder.clone());
    for waiter in &mut waiting {
        assert!(waiter.poll_ready().is_pending());
    }
    let [first, mut second, mut third] = waiting;
    drop(holder);
    assert!(first.is_woken() && !second.is_woken());
    // The first has been woken, and goes away instead.
    drop(first);
    assert!(second.is_woken() && !third.is_woken());
    let mut late = third.clone();
    assert!(late.poll_ready().is_pending());
    assert!(third.poll_ready().is_pending());
    assert!(second.poll_ready().is_ready());
}

#[tokio::test]
async fn bytes_are_bounded_as_well() {
    let (mut first, mut handle, layer) = service(config(100, 30, Full::Wait));
    handle.allow(100);
    assert!(first.poll_ready().is_ready());
    let call = first.call(Message::new(vec![0; 25]));
    assert_eq!(layer.load(), load(1, 25, 0));
    // 25 bytes are in flight, and readiness keeps 10.
    assert!(first.poll_ready().is_pending());
    drop(call);
    assert!(first.is_woken());
    assert!(first.poll_ready().is_ready());
}

/// A request greater than what readiness keeps goes beyond the bound by itself, and nothing
/// follows it.
#[tokio::test]
async fn greater_request_overshoots_once() {
    let (mut first, _handle, layer) = service(config(100, 30, Full::Wait));
    assert!(first.poll_ready().is_ready());
    let _call = first.call(Message::new(vec![0; 1_000]));
    assert_eq!(layer.load().bytes, 1_000);
    assert!(first.poll_ready().is_pending());
}

#[tokio::test]
async fn full_means_shed_or_fail_where_that_is_asked_for() {
    let hints = [
        (Full::Shed, Retry::After(Duration::from_secs(1))),
        (Full::Fail, Retry::Temporary),
    ];
    for (full, hint) in hints {
        let (mut service, _handle, layer) = service(config(1, 100, full));
        assert!(service.poll_ready().is_ready());
        let held = service.call(Message::new(""));
        assert!(service.poll_ready().is_ready());
        let error = service.call(Message::new("")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full);
        assert_eq!(error.retry_hint(), hint);
        drop(held);
        assert_eq!(layer.load(), load(0, 0, 0));
    }
}

#[tokio::test]
async fn call_without_readiness_is_refused_when_full() {
    let layer = BackpressureLayer::new(config(1, 100, Full::Wait));
    let mut service = layer.layer(service_fn(|_: Message| pending::<Result<()>>()));
    let _held = service.call(Message::new(""));
    let error = service.call(Message::new("")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
}

/// An instance whose service is not ready keeps no room from others.
#[tokio::test]
async fn room_is_taken_after_the_service_is_ready() {
    let (mut service, mut handle, layer) = service(config(1, 100, Full::Wait));
    handle.allow(0);
    assert!(service.poll_ready().is_pending());
    assert_eq!(layer.load(), load(0, 0, 0));
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    assert_eq!(layer.load(), load(1, 10, 0));
}

/// An instance in the line whose service is ready no more lets those behind it go on.
#[tokio::test]
async fn blocked_instance_does_not_hold_up_the_line() {
    let layer = BackpressureLayer::new(config(1, 100, Full::Wait));
    let door = Door::default();
    let [holder, blocked, behind] = [Door::default(), door.clone(), Door::default()];
    let service = |door| mock::Spawn::new(layer.layer(door));
    let (mut holder, mut blocked, mut behind) =
        (service(holder), service(blocked), service(behind));
    assert!(holder.poll_ready().is_ready());
    assert!(blocked.poll_ready().is_pending());
    assert!(behind.poll_ready().is_pending());
    door.close();
    drop(holder);
    assert!(blocked.is_woken());
    assert!(blocked.poll_ready().is_pending());
    assert!(behind.is_woken());
    assert!(behind.poll_ready().is_ready());
    assert_eq!(layer.load(), load(1, 10, 0));
}

/// A limit inside that is reached means full as well, so that nobody waits for it.
#[tokio::test]
async fn service_that_is_not_ready_is_full() {
    let (mut service, mut handle, _) = service(config(1, 100, Full::Fail));
    handle.allow(0);
    assert!(service.poll_ready().is_ready());
    let error = service.call(Message::new("")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let call = tokio::spawn(service.call(Message::new("")));
    handle.next_request().await.unwrap().1.send_response(());
    call.await.unwrap().unwrap();
}

#[tokio::test]
async fn call_can_be_dropped_at_any_poll() {
    let layer = BackpressureLayer::new(config(1, 100, Full::Wait));
    let inner = service_fn(|_: Message| async {
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        Ok::<_, Error>(())
    });
    for polls in 0..4 {
        let call = layer.layer(inner).oneshot(Message::new(""));
        let ended = poll_and_drop(call, polls).await;
        assert_eq!(ended.is_some(), polls == 3);
        assert_eq!(layer.load(), load(0, 0, 0), "after {polls} polls");
    }
}

#[tokio::test]
async fn bound_can_be_changed_while_calls_wait() {
    let (mut first, _handle, layer) = service(config(1, 100, Full::Wait));
    assert!(first.poll_ready().is_ready());
    let mut second = first.clone();
    assert!(second.poll_ready().is_pending());
    layer.set_messages_max(NonZeroU32::MIN.saturating_add(1));
    assert!(second.is_woken());
    assert!(second.poll_ready().is_ready());
}

#[test]
fn bounds_are_read_from_text() {
    let params = Params::from_pairs([
        ("messages_max", "8"),
        ("bytes_max", "1MiB"),
        ("full", "shed"),
        ("shed_delay", "5s"),
    ]);
    let config: BackpressureConfig = params.unwrap().read().unwrap();
    assert_eq!(config.messages_max.get(), 8);
    assert_eq!(config.bytes_max.get(), 1 << 20);
    assert_eq!(config.full, Full::Shed);
    assert_eq!(config.shed_delay, Duration::from_secs(5));
}
