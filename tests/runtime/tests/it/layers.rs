//! Tower's own layers on both sides.

use std::time::Duration;

use relayhouse_core::Message;
use tower::{
    Service, ServiceBuilder, ServiceExt,
    limit::{ConcurrencyLimitLayer, GlobalConcurrencyLimitLayer},
};

use crate::fixture::{Fixture, Gauge, LEASE, Latch};

#[tokio::test(start_paused = true)]
async fn layer_around_the_handler_bounds_it() {
    let fixture = Fixture::new();
    fixture.send((0..50).map(|number| number.to_string())).await;
    let (gauge, latch) = (Gauge::default(), Latch::default());
    fixture
        .consumer()
        .concurrency(16)
        .layer(GlobalConcurrencyLimitLayer::new(3))
        .handler(fixture.busy(Duration::from_millis(10), &gauge, &latch))
        .run_until(latch.reached(50))
        .await
        .unwrap();
    assert_eq!(gauge.max(), 3);
}

#[tokio::test(start_paused = true)]
async fn idle_consumer_holds_no_permit_that_another_one_shares() {
    let (idle, busy) = (Fixture::new(), Fixture::new());
    let limit = GlobalConcurrencyLimitLayer::new(1);
    let latch = Latch::default();
    let handler = {
        let latch = latch.clone();
        move || {
            latch.hit();
            async {}
        }
    };
    let waiting = idle
        .consumer()
        .layer(limit.clone())
        .handler(handler.clone());
    let waiting = waiting.start().await.unwrap();
    idle.pass(Duration::from_secs(1)).await;
    busy.send((0..100).map(|number| number.to_string())).await;
    let consumer = busy.consumer().layer(limit).handler(handler);
    let report = consumer.run_until(latch.reached(100)).await.unwrap();
    assert_eq!(report.acked, 100);
    waiting.shutdown(Duration::from_secs(1)).await.unwrap();
}

/// A worker that waits for a permit when another one has a suspect to run alone lets go of its
/// place in the line, and of the permit if it comes.
#[tokio::test(start_paused = true)]
async fn suspect_waits_for_no_permit_of_a_worker_that_rests() {
    let fixture = Fixture::new();
    fixture.send(["suspect"]).await;
    // Its consumer crashed: it comes back in the middle of the others.
    assert_eq!(fixture.take(&fixture.source()).await.len(), 1);
    fixture.pass(LEASE - Duration::from_secs(1)).await;
    fixture
        .send((0..400).map(|number| number.to_string()))
        .await;
    let (gauge, latch) = (Gauge::default(), Latch::default());
    let consumer = fixture
        .consumer()
        .concurrency(8)
        .workers(2)
        .layer(GlobalConcurrencyLimitLayer::new(1))
        .handler(fixture.busy(Duration::from_millis(10), &gauge, &latch));
    let enough = async {
        tokio::select! {
            biased;
            () = latch.reached(401) => {}
            () = fixture.pass(Duration::from_secs(60)) => {}
        }
    };
    let report = consumer.run_until(enough).await.unwrap();
    assert_eq!(report.acked, 401);
}

#[tokio::test(start_paused = true)]
async fn any_tower_service_can_be_the_handler() {
    let fixture = Fixture::new();
    fixture.send(["a"]).await;
    let latch = Latch::default();
    let service = tower::service_fn({
        let latch = latch.clone();
        move |_: relayhouse_core::Delivery| {
            latch.hit();
            async { Ok::<_, relayhouse_core::Error>(relayhouse_core::Settlement::Ack) }
        }
    });
    let report = fixture
        .consumer()
        .service(service)
        .run_until(latch.reached(1))
        .await
        .unwrap();
    assert_eq!(report.acked, 1);
}

#[tokio::test(start_paused = true)]
async fn producer_is_a_tower_service() {
    let fixture = Fixture::new();
    let mut stack = ServiceBuilder::new()
        .layer(ConcurrencyLimitLayer::new(2))
        .map_request(|body: &'static str| Message::new(body))
        .service(fixture.producer());
    for body in ["a", "b", "c"] {
        stack.ready().await.unwrap().call(body).await.unwrap();
    }
    assert_eq!(fixture.stats().await.ready, 3);
}

#[tokio::test(start_paused = true)]
async fn send_outlives_the_service_that_began_it() {
    let fixture = Fixture::new();
    fixture.producer().oneshot(Message::new("a")).await.unwrap();
    assert_eq!(fixture.stats().await.ready, 1);
}
