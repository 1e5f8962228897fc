//! Who may ask.

use relayhouse_core::ErrorKind;
use tokio::net::TcpListener;

use crate::{
    client::Client,
    fixture::{BEARER, Fixture, Served, TOKEN},
};

const GUARDED: [&str; 8] = [
    "GET /metrics",
    "GET /stats",
    "GET /scale",
    "GET /events",
    "GET /openapi.json",
    "GET /nothing/here",
    "POST /pause",
    "POST /resume",
];

#[tokio::test]
async fn nobody_gets_around_the_token() {
    let (fixture, _) = Fixture::still().await;
    let served = Served::new(fixture.guarded()).await;
    let mut client = Client::new(served.address).await;
    let short = &TOKEN[1..];
    let wrong = [
        String::new(),
        "authorization: Bearer \r\n".to_owned(),
        "authorization: Bearer wrong-token-of-some-length\r\n".to_owned(),
        format!("authorization: Bearer {short}\r\n"),
        format!("authorization: Bearer {TOKEN}x\r\n"),
        format!("authorization: Basic {TOKEN}\r\n"),
        format!("authorization: {TOKEN}\r\n"),
        format!("authorization: Bearer {TOKEN}\r\nauthorization: Bearer other\r\n"),
        format!("proxy-authorization: Bearer {TOKEN}\r\n"),
        format!("cookie: authorization=Bearer {TOKEN}\r\n"),
    ];
    for request in GUARDED {
        for headers in &wrong {
            let answer = client.ask(request, headers).await;
            assert_eq!(answer.status, 401, "{request} {headers}");
            let challenge = answer.header("www-authenticate");
            assert_eq!(challenge, Some("Bearer realm=\"relayhouse\""));
        }
        for query in [format!("?token={TOKEN}"), format!("?access_token={TOKEN}")] {
            let answer = client.ask(&format!("{request}{query}"), "").await;
            assert_eq!(answer.status, 401, "{request}");
        }
    }
    for around in [
        "GET /healthz/../stats",
        "GET //stats",
        "GET /healthz/stats",
        "GET /stats/",
        "GET /%73tats",
        "GET /healthz%2f..%2fstats",
        "OPTIONS /stats",
        "HEAD /stats",
        "PUT /pause",
    ] {
        assert_eq!(client.ask(around, "").await.status, 401, "{around}");
    }
    assert_eq!(fixture.running.remote().state().as_str(), "running");
    assert_eq!(client.ask("GET /stats", BEARER).await.status, 200);
    assert_eq!(client.ask("GET /nothing/here", BEARER).await.status, 404);
    served.end().await;
}

#[tokio::test]
async fn probes_need_no_token_and_name_nothing() {
    let (fixture, _) = Fixture::still().await;
    let served = Served::new(fixture.guarded()).await;
    let mut client = Client::new(served.address).await;
    let health = client.ask("GET /healthz", "").await;
    assert_eq!((health.status, &*health.body), (200, "ok\n"));
    let ready = client.ask("GET /readyz", "").await;
    assert_eq!(
        (ready.status, &*ready.body),
        (200, r#"{"ready":true,"reasons":[]}"#)
    );
    fixture.running.pause();
    let ready = client.ask("GET /readyz", "").await;
    assert_eq!(
        (ready.status, &*ready.body),
        (503, r#"{"ready":false,"reasons":["intake_stopped"]}"#)
    );
    served.end().await;
}

#[tokio::test]
async fn without_a_token_only_a_loopback_address_is_served() {
    let (fixture, _) = Fixture::still().await;
    let console = fixture.builder().build().unwrap();
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let error = console.serve(listener, async {}).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    let console = fixture.guarded().build().unwrap();
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    console.serve(listener, async {}).await.unwrap();
}

#[tokio::test]
async fn without_a_token_pages_of_other_sites_get_nothing() {
    let (fixture, _) = Fixture::still().await;
    let served = Served::new(fixture.builder()).await;
    let mut client = Client::new(served.address).await;
    assert_eq!(client.ask("GET /stats", "").await.status, 200);
    let answer = client
        .ask("POST /pause", "origin: http://evil.example\r\n")
        .await;
    assert_eq!(answer.status, 403);
    assert_eq!(fixture.running.remote().state().as_str(), "running");
    client
        .write("GET /stats HTTP/1.1\r\nhost: evil.example\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.status, 403);
    assert_eq!(client.ask("POST /pause", "").await.status, 200);
    assert_eq!(fixture.running.remote().state().as_str(), "paused");
    served.end().await;
}
