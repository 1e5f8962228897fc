//! Pause and resume from outside.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;

use crate::fixture::{Fixture, ask};

#[tokio::test(start_paused = true)]
async fn consumer_is_paused_and_resumed() {
    let clock = relayhouse_time::context().unwrap().clock;
    let pass = |seconds| clock.sleep_until(clock.now() + Duration::from_secs(seconds));
    let fixture = Fixture::new(std::sync::Arc::clone(&clock)).await;
    let router = fixture.guarded().build().unwrap().router();
    fixture.send("first").await;
    fixture.handled(1).await;

    let (status, answer) = ask(&router, "POST", "/pause").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        answer,
        json!({ "sources": [{ "source": "orders", "state": "paused" }] })
    );
    // A receive in flight may still bring what was there before it ends.
    pass(60).await;
    fixture.send("second").await;
    pass(60).await;
    assert_eq!(fixture.count(), 1);
    let (status, ready) = ask(&router, "GET", "/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready["reasons"], json!(["intake_stopped"]));
    let (_, stats) = ask(&router, "GET", "/stats").await;
    assert_eq!(stats["sources"][0]["queue"]["ready"], 1);

    let (status, answer) = ask(&router, "POST", "/resume").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["sources"][0]["state"], "running");
    fixture.handled(2).await;
    assert_eq!(ask(&router, "GET", "/readyz").await.0, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn consumer_that_has_ended_stays_so_and_can_be_read() {
    let clock = relayhouse_time::context().unwrap().clock;
    let fixture = Fixture::new(clock).await;
    let router = fixture.guarded().build().unwrap().router();
    fixture.send("first").await;
    fixture.handled(1).await;
    fixture
        .running
        .shutdown(Duration::from_secs(1))
        .await
        .unwrap();
    let (status, answer) = ask(&router, "POST", "/resume").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(answer["sources"][0]["state"], "ended");
    let (_, stats) = ask(&router, "GET", "/stats").await;
    assert_eq!(stats["sources"][0]["counts"]["acked"], 1);
}

#[tokio::test]
async fn changes_are_made_by_post_alone() {
    let (fixture, _) = Fixture::still().await;
    let router = fixture.guarded().build().unwrap().router();
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        let (status, _) = ask(&router, method, "/pause").await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
    assert_eq!(fixture.running.remote().state().as_str(), "running");
}
