//! Failover: dropping a call asks nobody else, and keeps nothing of an endpoint.

use std::time::Duration;

use relayhouse_core::Context;
use relayhouse_middleware::{
    breaker::{BreakerConfig, State},
    failover::Failover,
};
use tower::{ServiceExt, util::BoxCloneService};

use crate::cancel::harness::{Inner, at_every_poll, context, message, pass};

const OPEN_FOR: Duration = Duration::from_secs(30);

type Producer =
    BoxCloneService<relayhouse_core::Message, relayhouse_core::Sent, relayhouse_core::Error>;

fn failover(context: &Context, endpoints: [&Inner; 2]) -> Failover<Producer> {
    let [here, there] = endpoints.map(|it| BoxCloneService::new(it.producer()));
    let breaker = BreakerConfig {
        failures_in_a_row: 1.try_into().unwrap(),
        probes: 1.try_into().unwrap(),
        open_for: OPEN_FOR,
        ..BreakerConfig::default()
    };
    let builder = Failover::builder(context).breaker(breaker);
    let builder = builder.endpoint("here", here).endpoint("there", there);
    builder.build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn dropped_send_asks_no_further_endpoint() {
    at_every_poll(5, async |polls| {
        let context = context();
        let here = Inner::new(2, &context).failing(1);
        let there = Inner::new(2, &context);
        let failover = failover(&context, [&here, &there]);
        let ended = polls.then_drop(failover.clone().oneshot(message())).await;
        let begun = (here.begun(), there.begun());
        assert_eq!((here.in_flight(), there.in_flight()), (0, 0));
        assert_eq!(
            begun.1,
            here.ended(),
            "the other is asked once this one has failed"
        );
        pass(&context, OPEN_FOR / 2).await;
        assert_eq!((here.begun(), there.begun()), begun);
        // Whatever was dropped, the next message arrives.
        failover.oneshot(message()).await.unwrap();
        ended.is_some()
    })
    .await;
}

/// An endpoint that is tried again by a call that is dropped is tried by the next one.
#[tokio::test(start_paused = true)]
async fn dropped_probe_of_an_endpoint_is_left_to_the_next() {
    at_every_poll(3, async |polls| {
        let context = context();
        let here = Inner::new(2, &context).failing(1);
        let there = Inner::new(2, &context);
        let failover = failover(&context, [&here, &there]);
        failover.clone().oneshot(message()).await.unwrap();
        pass(&context, OPEN_FOR).await;
        let ended = polls.then_drop(failover.clone().oneshot(message())).await;
        failover.clone().oneshot(message()).await.unwrap();
        assert_eq!(there.begun(), 1, "the first endpoint is back");
        assert!(failover.states().all(|(_, state)| state == State::Closed));
        ended.is_some()
    })
    .await;
}
