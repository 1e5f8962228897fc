//! The token is a canary: it must not be seen anywhere.

use std::{cell::RefCell, io};

use tracing_subscriber::fmt::MakeWriter;

use crate::{
    client::Client,
    fixture::{BEARER, Fixture, Served, TOKEN, token},
};

thread_local! {
    /// What was logged by this thread, on which all of a test runs.
    static PAGE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Keeps what is logged.
#[derive(Clone)]
struct Page;

impl Page {
    fn text() -> String {
        PAGE.with_borrow(|page| String::from_utf8(page.clone()).unwrap())
    }
}

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        PAGE.with_borrow_mut(|page| page.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Page {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

#[tokio::test]
async fn changes_are_audited_and_the_token_is_shown_nowhere() {
    // One of this thread alone would miss what another thread was the first to log.
    let logs = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(Page)
        .finish();
    tracing::subscriber::set_global_default(logs).unwrap();
    let (fixture, _) = Fixture::still().await;
    let served = Served::new(fixture.guarded()).await;
    let mut client = Client::new(served.address).await;
    let id = "x-request-id: change-7\r\n";
    let mut answers = String::new();
    for (request, headers) in [
        ("GET /healthz", BEARER.to_owned()),
        ("GET /readyz", BEARER.to_owned()),
        ("GET /metrics", BEARER.to_owned()),
        ("GET /stats", BEARER.to_owned()),
        ("GET /scale", BEARER.to_owned()),
        ("GET /openapi.json", BEARER.to_owned()),
        ("GET /nothing", BEARER.to_owned()),
        ("POST /pause", format!("{BEARER}{id}")),
        (
            "POST /resume",
            format!("{BEARER}x-request-id: {TOKEN} {TOKEN}\r\n"),
        ),
        (&format!("POST /pause?token={TOKEN}"), String::new()),
        ("POST /pause", format!("authorization: Basic {TOKEN}\r\n")),
    ] {
        let answer = client.ask(request, &headers).await;
        answers.push_str(&answer.head);
        answers.push_str(&answer.body);
    }
    served.end().await;
    let logs = Page::text();
    let console = fixture.guarded().build().unwrap();
    for (text, what) in [
        (answers, "answers"),
        (logs.clone(), "logs"),
        (
            format!("{console:?} {:?} {:?}", fixture.guarded(), token()),
            "debug",
        ),
    ] {
        assert!(!text.contains(TOKEN), "{what}: {text}");
    }
    let audited: Vec<_> = logs
        .lines()
        .filter(|line| line.contains("relayhouse::audit"))
        .collect();
    assert_eq!(audited.len(), 4, "{logs}");
    for part in [
        "who=\"token\"",
        "action=\"pause\"",
        "source=orders",
        "outcome=\"done\"",
        "request_id=\"change-7\"",
        "at=1970-01-01T00:00:00.000000Z",
        "peer=\"127.0.0.1:",
    ] {
        assert!(audited[0].contains(part), "{part}: {}", audited[0]);
    }
    for refused in &audited[2..] {
        assert!(refused.contains("outcome=\"refused\""), "{refused}");
        assert!(refused.contains("who=\"nobody\""), "{refused}");
    }
}
