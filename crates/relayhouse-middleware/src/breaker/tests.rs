//! The breaker around a service that fails on demand, under paused time.

use std::{
    num::NonZeroU32,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use relayhouse_core::{
    Context, Error, ErrorKind, Event, Instant, Message, Observer, Result, Retry, Sent,
    config::Params,
};
use tower::{Service, ServiceExt, service_fn};
use tower_layer::Layer;
use tower_test::mock;

use super::{BreakerConfig, BreakerLayer, Open, State};
use crate::{
    sync::lock,
    testing::{context, poll_and_drop},
    verdict::Verdict,
};

const SECOND: Duration = Duration::from_secs(1);

async fn wait(context: &Context, time: Duration) {
    let clock = &context.clock;
    clock.sleep_until(clock.now() + time).await;
}

/// A service that fails while it is told to, and counts its calls.
#[derive(Clone, Debug, Default)]
struct Switch {
    is_down: Arc<AtomicBool>,
    calls: Arc<AtomicU32>,
}

impl Switch {
    fn service(
        &self,
    ) -> impl Service<Message, Response = Sent, Error = Error, Future: Send> + Clone + use<> {
        let Self { is_down, calls } = self.clone();
        service_fn(move |_: Message| {
            calls.fetch_add(1, Ordering::Relaxed);
            let is_down = is_down.load(Ordering::Relaxed);
            async move {
                tokio::task::yield_now().await;
                if is_down {
                    return Err(Error::new(ErrorKind::ConnectionFailed, "nobody is there"));
                }
                Ok(Sent::default())
            }
        })
    }

    fn down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::Relaxed);
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }
}

async fn call(layer: &BreakerLayer, switch: &Switch) -> Result<Sent> {
    let service = layer.layer(switch.service());
    service.oneshot(Message::new("")).await
}

async fn trip(layer: &BreakerLayer, switch: &Switch) {
    switch.down(true);
    for _ in 0..5 {
        call(layer, switch).await.unwrap_err();
    }
    assert_eq!(layer.state(), State::Open);
}

/// An outage costs five calls and three probes each half minute, and the first success heals it.
#[tokio::test(start_paused = true)]
async fn outage_costs_few_calls_and_is_recovered_from() {
    let context = context();
    let layer = BreakerLayer::new("orders", Open::Fail, &context);
    let switch = Switch::default();
    switch.down(true);
    for _ in 0..1_200 {
        let kind = call(&layer, &switch).await.unwrap_err().kind();
        assert!(matches!(
            kind,
            ErrorKind::ConnectionFailed | ErrorKind::Unavailable
        ));
        wait(&context, Duration::from_millis(100)).await;
    }
    // Two minutes of ten calls a second: five, and one probe after each half minute.
    assert!(switch.calls() <= 5 + 4, "{} calls", switch.calls());
    switch.down(false);
    wait(&context, 30 * SECOND).await;
    for _ in 0..10 {
        call(&layer, &switch).await.unwrap();
    }
    assert_eq!(layer.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn open_breaker_says_when_to_come_again() {
    let context = context();
    let layer = BreakerLayer::new("orders", Open::Fail, &context);
    let switch = Switch::default();
    trip(&layer, &switch).await;
    wait(&context, 10 * SECOND).await;
    let error = call(&layer, &switch).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.retry_hint(), Retry::After(20 * SECOND));
    assert_eq!(switch.calls(), 5);
}

/// What keeps a consumer from asking its queue for more.
#[tokio::test(start_paused = true)]
async fn open_breaker_pauses_readiness() {
    let context = context();
    let layer = BreakerLayer::new("orders", Open::Pause, &context);
    let switch = Switch::default();
    trip(&layer, &switch).await;
    let mut service = layer.layer(switch.service());
    assert!(poll_and_drop(service.ready(), 1).await.is_none());
    service.ready().await.unwrap();
    assert_eq!(context.clock.now().since(Instant::START), 30 * SECOND);
    assert_eq!(switch.calls(), 5);
    // The next call fails, and so readiness waits for another half minute.
    service.call(Message::new("")).await.unwrap_err();
    service.ready().await.unwrap();
    assert_eq!(context.clock.now().since(Instant::START), 60 * SECOND);
}

/// A consumer asks for readiness on a clone and lets it go: no probe's place is lost by that.
#[tokio::test(start_paused = true)]
async fn instance_that_is_dropped_gives_its_probe_back() {
    let context = context();
    let layer = BreakerLayer::new("orders", Open::Pause, &context);
    let switch = Switch::default();
    trip(&layer, &switch).await;
    switch.down(false);
    wait(&context, 30 * SECOND).await;
    for _ in 0..10 {
        let mut probes = [(); 3].map(|()| layer.layer(switch.service()));
        for probe in &mut probes {
            assert!(poll_and_drop(probe.ready(), 1).await.is_some());
        }
        let mut fourth = layer.layer(switch.service());
        assert!(poll_and_drop(fourth.ready(), 1).await.is_none());
        let (_, ready) = tokio::join!(async { drop(probes) }, fourth.ready());
        ready.unwrap();
    }
    assert_eq!(layer.state(), State::HalfOpen);
}

/// While three probes are under way the fourth waits, and goes on when they have closed it.
#[tokio::test(start_paused = true)]
async fn others_wait_for_the_probes() {
    let context = context();
    let layer = BreakerLayer::new("orders", Open::Pause, &context);
    trip(&layer, &Switch::default()).await;
    wait(&context, 30 * SECOND).await;
    let (mock, mut handle) = mock::pair::<Message, Sent>();
    let inner = mock.map_err(Error::from_boxed as fn(_) -> _);
    let mut service = mock::Spawn::new(layer.layer(inner));
    let mut probes = Vec::new();
    for _ in 0..3 {
        assert!(service.poll_ready().is_ready());
        probes.push(tokio::spawn(service.call(Message::new(""))));
    }
    assert!(service.poll_ready().is_pending());
    for _ in 0..3 {
        assert!(!service.is_woken() || service.poll_ready().is_pending());
        let (_, answer) = handle.next_request().await.unwrap();
        answer.send_response(Sent::default());
    }
    for probe in probes {
        probe.await.unwrap().unwrap();
    }
    assert!(service.is_woken());
    assert!(service.poll_ready().is_ready());
    assert_eq!(layer.state(), State::Closed);
}

/// Readiness that was given while it was closed is not good once it has opened.
#[tokio::test(start_paused = true)]
async fn stale_readiness_is_taken_back() {
    let context = context();
    let layer = BreakerLayer::new("orders", Open::Pause, &context);
    let switch = Switch::default();
    let mut service = layer.layer(switch.service());
    service.ready().await.unwrap();
    trip(&layer, &switch).await;
    assert!(poll_and_drop(service.ready(), 1).await.is_none());
}

/// A success can be what fills the window, of which half has failed.
#[tokio::test(start_paused = true)]
async fn breaker_that_a_success_opens_is_open_from_then_on() {
    let context = context();
    let layer = BreakerLayer::new("orders", Open::Fail, &context);
    let switch = Switch::default();
    wait(&context, 60 * SECOND).await;
    for number in 0..20 {
        switch.down(number % 2 == 0);
        assert_eq!(call(&layer, &switch).await.is_err(), number % 2 == 0);
    }
    assert_eq!(layer.state(), State::Open);
    let error = call(&layer, &switch).await.unwrap_err();
    assert_eq!(error.retry_hint(), Retry::After(30 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn slow_calls_open_where_they_are_counted() {
    let context = context();
    let config = BreakerConfig {
        slow_after: Some(SECOND),
        ..BreakerConfig::default()
    };
    let layer = BreakerLayer::with_config("orders", Open::Fail, config, &context);
    let clock = Arc::clone(&context.clock);
    let service = service_fn(move |_: Message| {
        let sleep = clock.sleep_until(clock.now() + 2 * SECOND);
        async move {
            sleep.await;
            Ok::<_, Error>(Sent::default())
        }
    });
    let service = layer.layer(service);
    for _ in 0..20 {
        assert_eq!(layer.state(), State::Closed);
        service.clone().oneshot(Message::new("")).await.unwrap();
    }
    assert_eq!(layer.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn what_counts_as_failure_can_be_said() {
    let context = context();
    let nothing = |_: &Result<Sent>| Verdict::Neutral;
    let layer = BreakerLayer::new("orders", Open::Fail, &context).classify(nothing);
    let switch = Switch::default();
    switch.down(true);
    for _ in 0..100 {
        let service = layer.layer(switch.service());
        let error = service.oneshot(Message::new("")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionFailed);
    }
}

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl Observer for Heard {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        for event in events {
            let text = match event {
                Event::BreakerOpened { name, until } => format!("{name} open until {until:?}"),
                Event::BreakerHalfOpened { name } => format!("{name} half open"),
                Event::BreakerClosed { name } => format!("{name} closed"),
                other => format!("{other:?}"),
            };
            lock(&self.0).push(text);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn operators_hear_of_each_state_in_its_order() {
    let heard = Arc::new(Heard::default());
    let context = Context {
        observer: Some(Arc::<Heard>::clone(&heard)),
        ..context()
    };
    let layer = BreakerLayer::new("orders", Open::Fail, &context);
    let switch = Switch::default();
    let told = || lock(&heard.0).drain(..).collect::<Vec<_>>();
    trip(&layer, &switch).await;
    assert_eq!(told(), ["orders open until Instant(30s)"]);
    wait(&context, 30 * SECOND).await;
    assert_eq!(told(), [""; 0], "nothing is tried yet");
    call(&layer, &switch).await.unwrap_err();
    let again = ["orders half open", "orders open until Instant(60s)"];
    assert_eq!(told(), again);
    switch.down(false);
    wait(&context, 30 * SECOND).await;
    call(&layer, &switch).await.unwrap();
    assert_eq!(told(), ["orders half open"], "said once, of the first try");
    call(&layer, &switch).await.unwrap();
    call(&layer, &switch).await.unwrap();
    assert_eq!(told(), ["orders closed"]);
}

/// A consumer that asks for readiness is told of as well: the try has begun by that.
#[tokio::test(start_paused = true)]
async fn readiness_that_is_given_on_trial_is_told() {
    let heard = Arc::new(Heard::default());
    let context = Context {
        observer: Some(Arc::<Heard>::clone(&heard)),
        ..context()
    };
    let layer = BreakerLayer::new("orders", Open::Pause, &context);
    let switch = Switch::default();
    trip(&layer, &switch).await;
    layer.layer(switch.service()).ready().await.unwrap();
    let expected = ["orders open until Instant(30s)", "orders half open"];
    assert_eq!(*lock(&heard.0), expected);
    assert_eq!(layer.state(), State::HalfOpen);
}

#[derive(Debug)]
struct Panics;

impl Observer for Panics {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        let is_trial = |event: &Event<'_>| matches!(event, Event::BreakerHalfOpened { .. });
        assert!(!events.iter().any(is_trial), "stop");
    }
}

/// The only probe is that of whom the observer has ended, and its place is free again.
#[tokio::test(start_paused = true)]
async fn observer_that_panics_costs_no_probe_its_place() {
    let context = Context {
        observer: Some(Arc::new(Panics)),
        ..context()
    };
    let config = BreakerConfig {
        probes: NonZeroU32::MIN,
        ..BreakerConfig::default()
    };
    let layer = BreakerLayer::with_config("orders", Open::Fail, config, &context);
    let switch = Switch::default();
    trip(&layer, &switch).await;
    switch.down(false);
    wait(&context, 30 * SECOND).await;
    let mut service = layer.layer(switch.service());
    let ended = catch_unwind(AssertUnwindSafe(|| drop(service.call(Message::new("")))));
    assert!(ended.is_err());
    call(&layer, &switch).await.unwrap();
    assert_eq!(layer.state(), State::Closed);
}

/// A call that is dropped at whatever poll counts neither way, and keeps no probe's place.
#[tokio::test(start_paused = true)]
async fn call_can_be_dropped_at_any_poll() {
    let context = context();
    let config = BreakerConfig {
        probes: NonZeroU32::MIN,
        ..BreakerConfig::default()
    };
    for open in [Open::Pause, Open::Fail] {
        let layer = BreakerLayer::with_config("orders", open, config.clone(), &context);
        let switch = Switch::default();
        trip(&layer, &switch).await;
        switch.down(false);
        wait(&context, 30 * SECOND).await;
        for polls in 0..2 {
            let dropped = layer.layer(switch.service()).oneshot(Message::new(""));
            assert!(poll_and_drop(dropped, polls).await.is_none());
            assert_eq!(layer.state(), State::HalfOpen);
        }
        call(&layer, &switch).await.unwrap();
        assert_eq!(layer.state(), State::Closed);
    }
}

#[test]
fn thresholds_are_read_from_text() {
    let params = Params::from_pairs([
        ("failure_share", "0.25"),
        ("failures_in_a_row", "3"),
        ("slow_after", "2s"),
        ("open_for", "1min"),
    ]);
    let config: BreakerConfig = params.unwrap().read().unwrap();
    assert_eq!(config.failures_in_a_row.get(), 3);
    assert_eq!(config.slow_after, Some(2 * SECOND));
    assert_eq!(config.open_for, 60 * SECOND);
    assert_eq!(config.probes, BreakerConfig::default().probes);
}
