//! Endpoints that fail, and what the caller hears.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use relayhouse_core::{Context, Error, ErrorKind, Event, Instant, Message, Observer, Result, Sent};
use tower::{Service, ServiceExt, util::BoxCloneService};

use super::*;
use crate::{
    breaker::State,
    retry::Unknown,
    testing::{context, poll_and_drop},
};

/// An endpoint that does as it is told, and writes down what it was sent.
#[derive(Clone, Debug)]
struct Region {
    context: Context,
    state: Arc<Mutex<RegionState>>,
}

#[derive(Debug, Default)]
struct RegionState {
    fails: Option<ErrorKind>,
    takes: Duration,
    sent: usize,
}

impl Region {
    fn new(context: &Context) -> Self {
        Self {
            context: context.clone(),
            state: Arc::default(),
        }
    }

    fn fail(&self, kind: Option<ErrorKind>) {
        self.state.lock().unwrap().fails = kind;
    }

    fn take(&self, time: Duration) {
        self.state.lock().unwrap().takes = time;
    }

    fn sent(&self) -> usize {
        self.state.lock().unwrap().sent
    }

    async fn send(self) -> Result<Sent> {
        let takes = self.state.lock().unwrap().takes;
        let clock = &self.context.clock;
        if !takes.is_zero() {
            // Paused time jumps here at once.
            clock.sleep_until(clock.now() + takes).await;
        }
        let mut state = self.state.lock().unwrap();
        state.sent += 1;
        match state.fails {
            Some(kind) => Err(Error::new(kind, "as it was told")),
            None => Ok(Sent::default()),
        }
    }

    fn service(&self) -> BoxCloneService<Message, Sent, Error> {
        let region = self.clone();
        BoxCloneService::new(tower::service_fn(move |_: Message| region.clone().send()))
    }
}

type Boxed = BoxCloneService<Message, Sent, Error>;

fn regions<const N: usize>(context: &Context) -> ([Region; N], FailoverBuilder<Boxed>) {
    let regions = [(); N].map(|()| Region::new(context));
    let mut builder = Failover::builder(context);
    for (region, name) in regions.iter().zip(["a", "b", "c"]) {
        builder = builder.endpoint(name, region.service());
    }
    (regions, builder)
}

async fn send(failover: &Failover<Boxed>, message: Message) -> Result<Sent> {
    failover.clone().oneshot(message).await
}

fn message() -> Message {
    Message::new("order 7")
}

fn sent<const N: usize>(regions: &[Region; N]) -> [usize; N] {
    regions.each_ref().map(Region::sent)
}

#[tokio::test(start_paused = true)]
async fn first_endpoint_gets_all_while_it_works() {
    let (regions, builder) = regions::<2>(&context());
    let failover = builder.build().unwrap();
    for _ in 0..5 {
        send(&failover, message()).await.unwrap();
    }
    assert_eq!(sent(&regions), [5, 0]);
}

#[tokio::test(start_paused = true)]
async fn next_endpoint_gets_what_the_first_fails() {
    let (regions, builder) = regions::<3>(&context());
    let failover = builder.build().unwrap();
    regions[0].fail(Some(ErrorKind::ConnectionFailed));
    regions[1].fail(Some(ErrorKind::Throttled));
    send(&failover, message()).await.unwrap();
    assert_eq!(sent(&regions), [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn endpoint_that_keeps_failing_is_left_alone_and_tried_again() {
    let context = context();
    let (regions, builder) = regions::<2>(&context);
    let failover = builder.build().unwrap();
    regions[0].fail(Some(ErrorKind::ConnectionFailed));
    for _ in 0..20 {
        send(&failover, message()).await.unwrap();
    }
    assert_eq!(sent(&regions), [5, 20], "5 in a row open its breaker");
    let states: Vec<_> = failover.states().collect();
    assert_eq!(states, [("a", State::Open), ("b", State::Closed)]);
    regions[0].fail(None);
    let clock = &context.clock;
    // Paused time jumps here at once.
    clock
        .sleep_until(clock.now() + Duration::from_secs(30))
        .await;
    for _ in 0..10 {
        send(&failover, message()).await.unwrap();
    }
    assert_eq!(sent(&regions), [15, 20], "it is back");
}

#[tokio::test(start_paused = true)]
async fn error_of_the_message_goes_nowhere_else() {
    let (regions, builder) = regions::<2>(&context());
    let failover = builder.build().unwrap();
    for kind in [ErrorKind::MessageTooLarge, ErrorKind::MessageInvalid] {
        regions[0].fail(Some(kind));
        let error = send(&failover, message()).await.unwrap_err();
        assert_eq!(error.kind(), kind);
    }
    assert_eq!(sent(&regions), [2, 0]);
}

#[tokio::test(start_paused = true)]
async fn unknown_outcome_goes_on_only_where_that_is_safe_or_wanted() {
    let dedup = || message().dedup_id("payment-7");
    for (unknown, message, goes_on) in [
        (Unknown::Deduplicated, message(), false),
        (Unknown::Deduplicated, dedup(), true),
        (Unknown::Repeat, message(), true),
        (Unknown::Keep, dedup(), false),
    ] {
        let (regions, builder) = regions::<2>(&context());
        let failover = builder.unknown(unknown).build().unwrap();
        regions[0].fail(Some(ErrorKind::OutcomeUnknown));
        let result = send(&failover, message).await;
        assert_eq!(sent(&regions), [1, usize::from(goes_on)], "{unknown:?}");
        let kind = result.map_err(|error| error.kind()).err();
        assert_eq!(kind, (!goes_on).then_some(ErrorKind::OutcomeUnknown));
    }
}

#[tokio::test(start_paused = true)]
async fn message_that_may_have_arrived_is_never_said_to_have_failed() {
    let (regions, builder) = regions::<2>(&context());
    let failover = builder.unknown(Unknown::Repeat).build().unwrap();
    regions[0].fail(Some(ErrorKind::OutcomeUnknown));
    regions[1].fail(Some(ErrorKind::ConnectionFailed));
    let error = send(&failover, message()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
}

#[tokio::test(start_paused = true)]
async fn open_breakers_do_not_hide_the_error() {
    let (regions, builder) = regions::<2>(&context());
    let failover = builder.build().unwrap();
    regions[1].fail(Some(ErrorKind::Throttled));
    regions[0].fail(Some(ErrorKind::ConnectionFailed));
    for _ in 0..5 {
        let error = send(&failover, message()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionFailed);
    }
    let error = send(&failover, message()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "all are left alone");
    assert_eq!(sent(&regions), [5, 5]);
}

#[tokio::test(start_paused = true)]
async fn nearest_label_is_asked_first() {
    let context = context();
    let regions = [(); 3].map(|()| Region::new(&context));
    let labels = ["us", "eu", "eu"];
    let mut builder = Failover::builder(&context);
    for (region, label) in regions.iter().zip(labels) {
        builder = builder.labelled(label, label, region.service());
    }
    let failover = builder.clone().near("eu").build().unwrap();
    send(&failover, message()).await.unwrap();
    assert_eq!(sent(&regions), [0, 1, 0]);
    regions[1].fail(Some(ErrorKind::ConnectionFailed));
    send(&failover, message()).await.unwrap();
    assert_eq!(sent(&regions), [0, 2, 1]);
    let error = builder.near("asia").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    let none = Failover::<Boxed>::builder(&context).build().unwrap_err();
    assert_eq!(none.kind(), ErrorKind::ConfigInvalid);
}

#[tokio::test(start_paused = true)]
async fn fastest_endpoint_is_found_by_measuring() {
    let (regions, builder) = regions::<2>(&context());
    let failover = builder.policy(Policy::Fastest).build().unwrap();
    regions[0].take(Duration::from_millis(80));
    regions[1].take(Duration::from_millis(20));
    for _ in 0..1_000 {
        send(&failover, message()).await.unwrap();
    }
    let [slow, fast] = sent(&regions);
    assert!(slow < 150 && 850 < fast, "{slow} and {fast}");
}

#[tokio::test(start_paused = true)]
async fn dropped_call_asks_nobody_else() {
    let (regions, builder) = regions::<2>(&context());
    let failover = builder.build().unwrap();
    regions[0].take(Duration::from_secs(1));
    let dropped = poll_and_drop(send(&failover, message()), 1).await;
    assert!(dropped.is_none());
    assert_eq!(sent(&regions), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn readiness_is_that_of_the_first_endpoint_that_works() {
    let context = context();
    let (first, mut handle) = tower_test::mock::pair::<Message, Sent>();
    let first = tower::ServiceBuilder::new()
        .map_err(Error::from_boxed)
        .service(first);
    let second = Region::new(&context);
    let mut failover = Failover::builder(&context)
        .endpoint("a", BoxCloneService::new(first))
        .endpoint("b", second.service())
        .build()
        .unwrap();
    handle.allow(0);
    assert!(poll_and_drop(failover.ready(), 1).await.is_none());
    drop(handle);
    failover.ready().await.unwrap();
    failover.call(message()).await.unwrap();
    assert_eq!(second.sent(), 1, "the first cannot be made ready");
}

/// Writes down what it hears.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl Observer for Heard {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        let told = events.iter().filter_map(|event| match event {
            Event::FailedOver { from, to, error } => {
                Some(format!("{from} to {to}: {}", error.message()))
            }
            _ => None,
        });
        self.0.lock().unwrap().extend(told);
    }
}

#[tokio::test(start_paused = true)]
async fn each_failover_is_told() {
    let heard = Arc::new(Heard::default());
    let context = context().observer(Arc::clone(&heard) as Arc<dyn Observer>);
    let (regions, builder) = regions::<2>(&context);
    let failover = builder.build().unwrap();
    regions[0].fail(Some(ErrorKind::ConnectionFailed));
    send(&failover, message()).await.unwrap();
    assert_eq!(*heard.0.lock().unwrap(), ["a to b: as it was told"]);
}

#[test]
fn options_are_read_from_text() {
    let pairs = [
        ("policy", "fastest"),
        ("unknown", "repeat"),
        ("faster_by", "0.5"),
    ];
    let params = relayhouse_core::config::Params::from_pairs(pairs).unwrap();
    let config: FailoverConfig = params.read().unwrap();
    assert_eq!(config.policy, Policy::Fastest);
    assert_eq!(config.unknown, Unknown::Repeat);
    assert!((config.faster_by - 0.5).abs() < 1e-9);
}
