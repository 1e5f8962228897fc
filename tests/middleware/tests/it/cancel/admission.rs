//! What lets calls in one after the other: somebody holds the only place, somebody waits for it
//! and is dropped, and somebody waits behind.

use std::{num::NonZeroU64, time::Duration};

use futures_util::FutureExt;
use relayhouse_core::{Context, Error, Instant, Message, Sent};
use relayhouse_middleware::{
    adaptive::{AdaptiveConfig, AdaptiveLayer, Reason},
    backpressure::{BackpressureConfig, BackpressureLayer, Load},
    rate_limit::{RateLimitConfig, RateLimitLayer},
};
use tower::{Layer, Service, ServiceExt, util::BoxCloneService};

use crate::cancel::harness::{Inner, Polls, at_every_poll, context, message};

type Boxed = BoxCloneService<Message, Sent, Error>;

/// Calls three services of `layer` at a time, of which the second one is dropped; the others come
/// to their end. Returns the calls of the first, the second, and the third.
async fn in_line<L, S>(polls: Polls, context: &Context, layer: &L) -> ([Inner; 3], bool)
where
    L: Layer<Boxed, Service = S>,
    S: Service<Message, Response = Sent, Error = Error>,
{
    let inners = [(); 3].map(|()| Inner::new(2, context));
    let [first, second, third] = inners
        .each_ref()
        .map(|it| layer.layer(Boxed::new(it.producer())));
    let (first, dropped, third) = tokio::join!(
        biased;
        first.oneshot(message()),
        polls.then_drop(second.oneshot(message())),
        third.oneshot(message()),
    );
    first.unwrap();
    third.unwrap();
    (inners, dropped.is_some())
}

#[tokio::test(start_paused = true)]
async fn dropped_caller_gives_its_permit_or_its_place_back() {
    at_every_poll(3, async |polls| {
        let context = context();
        let layer = BackpressureLayer::new(BackpressureConfig {
            messages_max: 1.try_into().unwrap(),
            ..BackpressureConfig::default()
        });
        let (inners, has_ended) = in_line(polls, &context, &layer).await;
        assert_eq!(layer.load(), Load::default());
        let in_flight = inners.each_ref().map(Inner::in_flight);
        assert_eq!(in_flight, [0; 3]);
        // The next comes in at once.
        let mut next = layer.layer(inners[0].producer());
        assert!(next.ready().now_or_never().is_some());
        has_ended
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn dropped_call_tells_an_adaptive_limit_nothing() {
    let config = AdaptiveConfig {
        initial: 1.try_into().unwrap(),
        ceiling: 1.try_into().unwrap(),
        samples_min: 1.try_into().unwrap(),
        window: Duration::ZERO,
        ..AdaptiveConfig::default()
    };
    at_every_poll(3, async |polls| {
        let context = context();
        let layer = AdaptiveLayer::with_config("orders", config.clone(), &context);
        let (inners, has_ended) = in_line(polls, &context, &layer).await;
        assert!(inners.iter().all(|it| it.in_flight() == 0));
        let mut next = layer.layer(inners[0].producer());
        assert!(next.ready().now_or_never().is_some());

        let layer = AdaptiveLayer::with_config("orders", config.clone(), &context);
        let call = layer.layer(Inner::new(2, &context).producer());
        let alone_has_ended = polls.then_drop(call.oneshot(message())).await.is_some();
        let has_learned = layer.explain().reason != Reason::Start;
        assert_eq!(has_learned, alone_has_ended);
        has_ended
    })
    .await;
}

/// Whoever leaves before its turn moves the others up; a call that has passed keeps its token.
#[tokio::test(start_paused = true)]
async fn dropped_caller_of_a_rate_limit_leaves_the_line() {
    let config = RateLimitConfig {
        burst: Some(NonZeroU64::MIN),
        ..RateLimitConfig::per_second(NonZeroU64::MIN)
    };
    at_every_poll(3, async |polls| {
        let context = context();
        let layer = RateLimitLayer::with_config(&config, &context);
        let (inners, has_ended) = in_line(polls, &context, &layer).await;
        let [first, second, third] = inners.each_ref().map(Inner::begun_at);
        let at = |seconds| Instant::START + Duration::from_secs(seconds);
        assert_eq!(first, [at(0)]);
        let has_passed = second == [at(1)];
        assert!(has_passed || second.is_empty());
        assert_eq!(third, [at(1 + u64::from(has_passed))]);
        has_ended
    })
    .await;
}
