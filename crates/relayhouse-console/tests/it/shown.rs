//! What is shown: figures, advice, readiness, and the description of all routes.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use relayhouse_core::{ErrorKind, Event, Instant, Observer};
use serde_json::json;

use crate::{
    client::Client,
    fixture::{BEARER, Fixture, Served, ask},
};

#[tokio::test(start_paused = true)]
async fn figures_are_those_of_consumer_and_queue() {
    let clock = relayhouse_time::context().unwrap().clock;
    let pass = |seconds| clock.sleep_until(clock.now() + Duration::from_secs(seconds));
    let fixture = Fixture::new(Arc::clone(&clock)).await;
    let console = fixture.guarded().metrics(|| "other_metric 1\n".to_owned());
    let router = console.build().unwrap().router();
    ask(&router, "GET", "/scale").await;
    for number in 1..=3 {
        fixture.send("body").await;
        fixture.handled(number).await;
    }
    pass(60).await;
    let (status, stats) = ask(&router, "GET", "/stats").await;
    assert_eq!(status, StatusCode::OK);
    let source = &stats["sources"][0];
    assert_eq!(source["source"], "orders");
    assert_eq!(
        (&source["state"], &source["provider"]),
        (&json!("running"), &json!("reachable"))
    );
    assert_eq!(source["counts"]["acked"], 3);
    assert_eq!(source["queue"]["ready"], 0);

    let (status, scale) = ask(&router, "GET", "/scale").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(scale["consumers"], 1, "at the path that KEDA is told");
    let rate = scale["sources"][0]["arrival_rate"].as_f64().unwrap();
    assert!((0.04..=0.051).contains(&rate), "three in a minute: {rate}");
    let (_, metrics) = ask(&router, "GET", "/metrics").await;
    let lines: Vec<_> = metrics.as_str().unwrap().lines().collect();
    assert_eq!(lines[0], "other_metric 1");
    let advice = "relayhouse_scale_consumers{messaging_destination_name=\"orders\"} 1";
    assert!(lines.contains(&advice), "{lines:?}");
}

#[tokio::test]
async fn breaker_is_not_ready_until_it_has_closed() {
    let (fixture, _) = Fixture::still().await;
    let router = fixture.guarded().build().unwrap().router();
    let name = "payments";
    let until = Instant::NEVER;
    let opened = || Event::BreakerOpened { name, until };
    let half_opened = || Event::BreakerHalfOpened { name };
    let (none, one) = (json!([]), json!([name]));
    let told = [
        (opened(), "breaker_open", &one, &none),
        (half_opened(), "breaker_half_open", &none, &one),
        (opened(), "breaker_open", &one, &none),
        (half_opened(), "breaker_half_open", &none, &one),
    ];
    for (event, reason, open, half_open) in told {
        fixture.watch.observe(Instant::START, &[event]);
        let (status, ready) = ask(&router, "GET", "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(ready["reasons"], json!([reason]));
        let (_, stats) = ask(&router, "GET", "/stats").await;
        assert_eq!(&stats["breakers_open"], open);
        assert_eq!(&stats["breakers_half_open"], half_open);
    }
    let closed = Event::BreakerClosed { name };
    fixture.watch.observe(Instant::START, &[closed]);
    assert_eq!(ask(&router, "GET", "/readyz").await.0, StatusCode::OK);
    let (_, stats) = ask(&router, "GET", "/stats").await;
    assert_eq!(stats["breakers_half_open"], none);
}

#[tokio::test]
async fn description_lists_every_route_and_every_route_is_there() {
    let (fixture, _) = Fixture::still().await;
    let router = fixture.guarded().build().unwrap().router();
    let (status, description) = ask(&router, "GET", "/openapi.json").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(description["openapi"], "3.1.0");
    let paths = description["paths"].as_object().unwrap();
    let mut names: Vec<_> = paths.keys().collect();
    names.sort();
    let known = [
        "/events",
        "/healthz",
        "/metrics",
        "/openapi.json",
        "/pause",
        "/readyz",
        "/resume",
        "/scale",
        "/stats",
    ];
    assert_eq!(names, known);
    for (path, methods) in paths.iter().filter(|(path, _)| *path != "/events") {
        for (method, operation) in methods.as_object().unwrap() {
            let (status, _) = ask(&router, &method.to_uppercase(), path).await;
            let answers = operation["responses"].as_object().unwrap();
            assert!(
                answers.contains_key(status.as_str()),
                "{method} {path}: {status}"
            );
            let is_open = operation["security"].as_array().unwrap().is_empty();
            assert_eq!(
                is_open,
                ["/healthz", "/readyz"].contains(&path.as_str()),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn descriptions_name_schemas_that_are_there_and_fit() {
    let (fixture, _) = Fixture::still().await;
    let router = fixture.guarded().build().unwrap().router();
    let (_, description) = ask(&router, "GET", "/openapi.json").await;
    let text = description.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(
            description["components"]["schemas"][name].is_object(),
            "{name}"
        );
    }
    let (_, stats) = ask(&router, "GET", "/stats").await;
    let schema = &description["components"]["schemas"]["Stats"]["properties"]["sources"]["items"];
    for (name, value) in stats["sources"][0].as_object().unwrap() {
        assert!(schema["properties"][name].is_object(), "{name}: {value}");
    }
    for name in schema["required"].as_array().unwrap() {
        assert!(
            !stats["sources"][0][name.as_str().unwrap()].is_null(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn answers_are_compressed_and_not_kept() {
    let (fixture, _) = Fixture::still().await;
    let served = Served::new(fixture.guarded()).await;
    let mut client = Client::new(served.address).await;
    let answer = client.ask("GET /openapi.json", BEARER).await;
    assert_eq!(answer.header("content-encoding"), None);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let gzip = format!(
        "GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n{BEARER}accept-encoding: gzip\r\n\r\n"
    );
    client.write(gzip).await;
    let head = client.read_until("\r\n\r\n").await;
    assert!(head.contains("\r\ncontent-encoding: gzip\r\n"), "{head}");
    served.end().await;
}

#[tokio::test]
async fn two_consumers_of_one_source_are_refused() {
    let (fixture, _) = Fixture::still().await;
    let watched = || {
        let remote = fixture.running.remote();
        relayhouse_console::Watched::new(remote, Arc::clone(&fixture.watch))
    };
    let error = fixture.builder().consumer(watched()).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
}
