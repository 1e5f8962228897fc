//! The circuit of a breaker, and those who wait for it to let calls through.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use relayhouse_core::{Clock, Context, Event, Instant, Observer, Sleep};
use relayhouse_schedules::breaker::{BreakerConfig, BreakerLayer, Open, State};
use relayhouse_testkit::clock::ManualClock;
use shuttle::future::spawn;
use tower::{Layer, Service, ServiceExt};

use crate::support::{Inner, SECOND, Time, clock, context, explore, join, message, poll_and_drop};

const PROBES: u32 = 2;
const OPEN_FOR: Duration = SECOND;

/// Counts the changes that were told, and takes its time to hear of one.
#[derive(Debug, Default)]
struct Heard {
    opened: AtomicU32,
    half_opened: AtomicU32,
    closed: AtomicU32,
    is_closed: AtomicBool,
}

impl Observer for Heard {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        for event in events {
            // Others get far meanwhile.
            (0..10).for_each(|_| shuttle::thread::yield_now());
            let (count, is_closed) = match event {
                Event::BreakerOpened { .. } => (&self.opened, false),
                Event::BreakerHalfOpened { .. } => (&self.half_opened, false),
                Event::BreakerClosed { .. } => (&self.closed, true),
                _ => continue,
            };
            count.fetch_add(1, Ordering::Relaxed);
            self.is_closed.store(is_closed, Ordering::Relaxed);
        }
    }
}

fn layer(context: &Context) -> BreakerLayer {
    let config = BreakerConfig {
        failures_in_a_row: PROBES.try_into().unwrap(),
        probes: PROBES.try_into().unwrap(),
        open_for: OPEN_FOR,
        ..BreakerConfig::default()
    };
    BreakerLayer::with_config("orders", Open::Pause, config, context)
}

/// Opens the breaker of `layer`, with nothing left under way.
fn open(layer: &BreakerLayer, inner: &Inner) {
    inner.fail(PROBES);
    let mut service = layer.layer(inner.service());
    join([spawn(async move {
        for _ in 0..PROBES {
            let ready = service.ready().await.unwrap();
            drop(ready.call(message()).await.unwrap_err());
        }
    })]);
    assert_eq!(layer.state(), State::Open);
}

/// Checks a call that begins after the breaker was opened, on a clock that began then: it is late
/// enough, and one of the probes unless these have succeeded.
fn check(inner: &Inner, clock: &ManualClock) {
    assert!(Instant::START + OPEN_FOR <= clock.now(), "it is open");
    let succeeded = inner.done() - PROBES;
    assert!(
        PROBES <= succeeded || inner.now() <= PROBES,
        "too many probes"
    );
}

/// Those who wait are let in as probes, no more than may at a time, and then all of them.
#[test]
fn open_circuit_lets_probes_in_and_then_everybody() {
    explore(|| {
        let (clock, heard) = (clock(), Arc::<Heard>::default());
        let context = context(&clock).observer(Arc::clone(&heard) as Arc<dyn Observer>);
        let (layer, inner) = (layer(&context), Inner::default());
        open(&layer, &inner);
        let callers = (0..4).map(|_| {
            let clock = clock.clone();
            let service = inner.watched(move |inner| check(inner, &clock));
            let service = layer.layer(service);
            spawn(async move { drop(service.oneshot(message()).await.unwrap()) })
        });
        let callers: Vec<_> = callers.collect();
        let _time = Time::pass(&clock);
        join(callers);
        assert_eq!(inner.calls(), PROBES + 4);
        assert_eq!(layer.state(), State::Closed);
        assert_eq!(heard.opened.load(Ordering::Relaxed), 1);
        assert_eq!(heard.half_opened.load(Ordering::Relaxed), 1);
        assert_eq!(heard.closed.load(Ordering::Relaxed), 1);
    });
}

/// A probe that is dropped, before its call or under way, gives its place to somebody who waits.
#[test]
fn dropped_probes_give_their_places_back() {
    explore(|| {
        let clock = clock();
        let (layer, inner) = (layer(&context(&clock)), Inner::default());
        open(&layer, &inner);
        let callers = (0..3).map(|_| {
            let clock = clock.clone();
            let service = inner.watched(move |inner| check(inner, &clock));
            let service = layer.layer(service);
            spawn(async move { drop(service.oneshot(message()).await.unwrap()) })
        });
        let leavers = (0..2).map(|_| {
            let (layer, inner, sleep) = (layer.clone(), inner.clone(), until_open(&clock));
            spawn(async move {
                sleep.await;
                let mut service = layer.layer(inner.service());
                if poll_and_drop(service.ready()).await.is_some() {
                    drop(poll_and_drop(service.call(message())).await);
                }
            })
        });
        let tasks: Vec<_> = callers.chain(leavers).collect();
        let _time = Time::pass(&clock);
        join(tasks);
        assert_eq!(inner.now(), 0);
        let mut service = layer.layer(inner.service());
        // Whatever the probes have come to, the circuit lets the next one in.
        join([spawn(async move {
            for _ in 0..PROBES {
                drop(
                    service
                        .ready()
                        .await
                        .unwrap()
                        .call(message())
                        .await
                        .unwrap(),
                );
            }
        })]);
        assert_eq!(layer.state(), State::Closed);
    });
}

fn until_open(clock: &ManualClock) -> Sleep {
    // The clock is moved by the scenario.
    clock.sleep_until(Instant::START + OPEN_FOR)
}

/// However failures and successes of many callers meet, what is told adds up to the state.
#[test]
fn changes_add_up_while_calls_fail_and_succeed() {
    explore(|| {
        let (clock, heard) = (clock(), Arc::<Heard>::default());
        let context = context(&clock).observer(Arc::clone(&heard) as Arc<dyn Observer>);
        let (layer, inner) = (layer(&context), Inner::default());
        inner.fail(5);
        let callers = (0..3).map(|_| {
            let mut service = layer.layer(inner.service());
            spawn(async move {
                for _ in 0..4 {
                    // Some of them fail: that is what it is about.
                    drop(service.ready().await.unwrap().call(message()).await);
                }
            })
        });
        let callers: Vec<_> = callers.collect();
        let time = Time::pass(&clock);
        join(callers);
        drop(time);
        assert_eq!(inner.calls(), 12);
        let opened = heard.opened.load(Ordering::Relaxed);
        let half_opened = heard.half_opened.load(Ordering::Relaxed);
        let closed = heard.closed.load(Ordering::Relaxed);
        assert!(1 <= opened, "the first five calls to end have failed");
        // It opens any number of times before it closes once, and is tried after each of them.
        assert!(half_opened <= opened && opened <= half_opened + 1);
        assert!(closed <= half_opened);
        assert!(layer.state() != State::Closed || 1 <= closed);
    });
}

/// What is told last is how it is, also if the circuit changes again while somebody hears of it.
#[test]
fn changes_are_told_in_their_order() {
    explore(|| {
        let heard = Arc::<Heard>::default();
        let context = context(&clock()).observer(Arc::clone(&heard) as Arc<dyn Observer>);
        // It opens with each failure, and tries again at once.
        let config = BreakerConfig {
            failures_in_a_row: 1.try_into().unwrap(),
            probes: 1.try_into().unwrap(),
            open_for: Duration::ZERO,
            ..BreakerConfig::default()
        };
        let layer = BreakerLayer::with_config("orders", Open::Pause, config, &context);
        let inner = Inner::default();
        inner.fail(1);
        let callers = (0..3).map(|_| {
            let mut service = layer.layer(inner.service());
            spawn(async move {
                for _ in 0..2 {
                    // One of them fails.
                    drop(service.ready().await.unwrap().call(message()).await);
                }
            })
        });
        join(callers.collect::<Vec<_>>());
        assert_eq!(heard.opened.load(Ordering::Relaxed), 1);
        let is_closed = layer.state() == State::Closed;
        assert_eq!(heard.is_closed.load(Ordering::Relaxed), is_closed);
    });
}
