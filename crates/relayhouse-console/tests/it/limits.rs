//! Requests that are too large, too slow, too many, or that mean harm.

use std::{pin::pin, time::Duration};

use relayhouse_console::Limits;
use tokio::task::yield_now;

use crate::{
    client::Client,
    fixture::{BEARER, Fixture, Served},
};

const LIMITS: Limits = Limits {
    connections_max: 2,
    streams_max: 1,
    body_bytes_max: 100,
    request_time: Duration::from_secs(7),
    idle_time: Duration::from_secs(11),
};

#[tokio::test]
async fn oversized_bodies_and_heads_are_refused() {
    let (fixture, _) = Fixture::still().await;
    let served = Served::new(fixture.guarded().limits(LIMITS)).await;
    let mut client = Client::new(served.address).await;
    let length = format!("{BEARER}content-length: 101\r\n");
    assert_eq!(client.ask("POST /pause", &length).await.status, 413);

    // One that does not say how long it is.
    let mut client = Client::new(served.address).await;
    let chunks = format!("{BEARER}transfer-encoding: chunked\r\n");
    let chunk = format!("32\r\n{}\r\n", "x".repeat(50));
    let request = format!("POST /pause HTTP/1.1\r\nhost: localhost\r\n{chunks}\r\n");
    client.write(format!("{request}{}", chunk.repeat(3))).await;
    assert_eq!(client.answer().await.status, 413);

    let mut client = Client::new(served.address).await;
    let header = format!("x-large: {}\r\n", "x".repeat(20 << 10));
    assert_eq!(client.ask("GET /stats", &header).await.status, 431);

    let mut client = Client::new(served.address).await;
    let headers = "x-one: 1\r\n".repeat(100);
    assert_eq!(client.ask("GET /stats", &headers).await.status, 431);

    assert_eq!(fixture.running.remote().state().as_str(), "running");
    served.end().await;
}

#[tokio::test]
async fn body_that_does_not_come_is_not_waited_for() {
    let (fixture, clock) = Fixture::still().await;
    let served = Served::new(fixture.guarded().limits(LIMITS)).await;
    let mut client = Client::new(served.address).await;
    let head = format!("POST /pause HTTP/1.1\r\nhost: localhost\r\n{BEARER}content-length: 5\r\n");
    client.write(format!("{head}\r\n12")).await;
    clock.awaited(LIMITS.request_time).await;
    clock.advance(LIMITS.request_time);
    assert_eq!(client.answer().await.status, 408);
    assert_eq!(fixture.running.remote().state().as_str(), "running");
    served.end().await;
}

#[tokio::test]
async fn head_that_does_not_come_and_idle_connections_are_not_waited_for() {
    let (fixture, clock) = Fixture::still().await;
    let served = Served::new(fixture.guarded().limits(LIMITS)).await;
    let mut slow = Client::new(served.address).await;
    slow.write("GET /stats HTTP/1.1\r\nhost: loc").await;
    clock.awaited(LIMITS.idle_time).await;
    clock.advance(LIMITS.idle_time);
    assert_eq!(slow.read_to_end().await, "");

    let mut idle = Client::new(served.address).await;
    assert_eq!(idle.ask("GET /stats", BEARER).await.status, 200);
    // Nobody tells when the server has noticed that its answer is gone.
    let mut closed = pin!(idle.read_to_end());
    loop {
        tokio::select! {
            biased;
            rest = &mut closed => break assert_eq!(rest, ""),
            () = yield_now() => clock.advance(LIMITS.idle_time),
        }
    }
    served.end().await;
}

#[tokio::test]
async fn client_beyond_the_bound_waits_until_another_has_gone() {
    let (fixture, _) = Fixture::still().await;
    let served = Served::new(fixture.guarded().limits(LIMITS)).await;
    let mut first = Client::new(served.address).await;
    let mut second = Client::new(served.address).await;
    assert_eq!(first.ask("GET /healthz", "").await.status, 200);
    assert_eq!(second.ask("GET /healthz", "").await.status, 200);
    let mut third = Client::new(served.address).await;
    third
        .write("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await;
    for _ in 0..10 {
        assert_eq!(second.ask("GET /stats", BEARER).await.status, 200);
    }
    assert!(third.is_silent(), "two connections are served, no third");
    drop(first);
    assert_eq!(third.answer().await.status, 200);
    served.end().await;
}

#[tokio::test]
async fn ids_of_requests_carry_nothing_into_answers() {
    let (fixture, _) = Fixture::still().await;
    let served = Served::new(fixture.guarded()).await;
    let mut client = Client::new(served.address).await;
    let answer = client
        .ask("GET /stats", &format!("{BEARER}x-request-id: a-b.c_7\r\n"))
        .await;
    assert_eq!(answer.header("x-request-id"), Some("a-b.c_7"));
    let long = "x".repeat(65);
    for harmful in [
        "",
        "a b",
        "a;b",
        "<script>",
        "\"quoted\"",
        "a\tb",
        "%0d%0aset-cookie:x",
        &long,
    ] {
        let header = format!("{BEARER}x-request-id: {harmful}\r\n");
        let answer = client.ask("GET /stats", &header).await;
        let id = answer.header("x-request-id").unwrap();
        assert_eq!(id.len(), 32, "drawn anew, not {id}");
        assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    }
    let twice = format!("{BEARER}x-request-id: one\r\nx-request-id: two\r\n");
    let answer = client.ask("GET /stats", &twice).await;
    assert_eq!(answer.header("x-request-id").unwrap().len(), 32);

    // A bare carriage return is no part of a header: nothing is answered but that.
    let mut client = Client::new(served.address).await;
    let answer = client
        .ask("GET /stats", "x-request-id: a\rset-cookie: b\r\n")
        .await;
    assert_eq!(answer.status, 400);
    assert!(!answer.head.contains("set-cookie"));
    served.end().await;
}
