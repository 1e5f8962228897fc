//! Breakers: a probe that is dropped gives its place to who waits, and no dropped call counts.

use std::time::Duration;

use relayhouse_core::Context;
use relayhouse_middleware::breaker::{BreakerConfig, BreakerLayer, Open, State};
use tower::{Layer, ServiceExt};

use crate::cancel::harness::{Inner, at_every_poll, context, message, pass};

const OPEN_FOR: Duration = Duration::from_secs(30);

fn layer(context: &Context) -> BreakerLayer {
    let config = BreakerConfig {
        failures_in_a_row: 1.try_into().unwrap(),
        probes: 1.try_into().unwrap(),
        open_for: OPEN_FOR,
        ..BreakerConfig::default()
    };
    BreakerLayer::with_config("orders", Open::Pause, config, context)
}

#[tokio::test(start_paused = true)]
async fn dropped_failure_opens_no_breaker() {
    at_every_poll(3, async |polls| {
        let context = context();
        let (layer, inner) = (layer(&context), Inner::new(2, &context).failing(1));
        let call = layer.layer(inner.producer()).oneshot(message());
        let has_ended = polls.then_drop(call).await.is_some();
        let state = if has_ended {
            State::Open
        } else {
            State::Closed
        };
        assert_eq!(layer.state(), state);
        assert_eq!(inner.in_flight(), 0);
        has_ended
    })
    .await;
}

/// It is dropped while it waits for the breaker, and under way as the only probe.
#[tokio::test(start_paused = true)]
async fn dropped_probe_leaves_its_place_to_who_waits() {
    at_every_poll(4, async |polls| {
        let context = context();
        let (layer, inner) = (layer(&context), Inner::new(2, &context).failing(1));
        let failed = layer.layer(inner.producer()).oneshot(message()).await;
        failed.unwrap_err();
        assert_eq!(layer.state(), State::Open);
        let dropped = layer.layer(inner.producer()).oneshot(message());
        let waiting = layer.layer(inner.producer()).oneshot(message());
        let (dropped, waited) = tokio::join!(biased; polls.then_drop(dropped), waiting);
        waited.unwrap();
        assert_eq!(layer.state(), State::Closed);
        assert_eq!(inner.in_flight(), 0);
        pass(&context, OPEN_FOR).await;
        assert_eq!(layer.state(), State::Closed, "nothing came of it later");
        dropped.is_some()
    })
    .await;
}
