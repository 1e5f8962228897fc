//! Live updates.

use relayhouse_console::Limits;

use crate::{
    client::Client,
    fixture::{BEARER, Fixture, Served},
};

#[tokio::test]
async fn updates_come_when_something_changes_and_end_with_the_server() {
    let (fixture, _) = Fixture::still().await;
    let limits = Limits {
        streams_max: 1,
        ..Limits::default()
    };
    let served = Served::new(fixture.guarded().limits(limits)).await;
    let mut stream = Client::new(served.address).await;
    let request = format!("GET /events HTTP/1.1\r\nhost: localhost\r\n{BEARER}\r\n");
    stream.write(&request).await;
    let head = stream.read_until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(
        head.contains("\r\ncontent-type: text/event-stream\r\n"),
        "{head}"
    );
    let event = stream.read_until("\n\n").await;
    assert!(event.contains("event: stats\ndata: {"), "{event}");
    assert!(event.contains(r#""state":"running""#), "{event}");

    let mut other = Client::new(served.address).await;
    assert_eq!(
        other.ask("GET /events", BEARER).await.status,
        503,
        "one is all there may be"
    );
    assert_eq!(other.ask("POST /pause", BEARER).await.status, 200);
    let event = stream.read_until("\n\n").await;
    assert!(event.contains(r#""state":"paused""#), "{event}");

    served.end().await;
    assert!(stream.read_to_end().await.ends_with("0\r\n\r\n"), "whole");
}
