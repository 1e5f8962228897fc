//! Probes, where the provider or the consumer fails.

use std::{
    future::pending,
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use axum::Router;
use http::StatusCode;
use relayhouse_core::{
    Delivery, Entity, Error, ErrorKind, QueueName, Result, Source,
    port::{Admin, Page, Provider, QueueConfig, Redrive, Settings, Stats},
};
use serde_json::json;

use crate::fixture::{Fixture, ask};

/// How long a provider has to answer, and how often it is asked.
const TIMEOUT: Duration = Duration::from_secs(4);
const EVERY: Duration = Duration::from_secs(5);

/// Says how a provider answers when it is asked for its counts.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Counts,
    Fails(ErrorKind),
    Never,
}

/// Is the admin port of a provider that answers as it is told.
#[derive(Debug)]
struct Desk(Mutex<Answer>);

impl Desk {
    fn set(&self, answer: Answer) {
        *self.0.lock().unwrap() = answer;
    }
}

fn unsupported<T>() -> Result<T> {
    Err(Error::new(
        ErrorKind::Unsupported,
        "only the counts are asked for",
    ))
}

#[async_trait]
impl Admin for Desk {
    async fn list(&self, _: Option<&str>) -> Result<Page> {
        unsupported()
    }

    async fn create(&self, _: &Entity, _: &QueueConfig) -> Result<()> {
        unsupported()
    }

    async fn delete(&self, _: &Entity) -> Result<()> {
        unsupported()
    }

    async fn purge(&self, _: &Source) -> Result<u64> {
        unsupported()
    }

    async fn stats(&self, _: &Source) -> Result<Stats> {
        let answer = *self.0.lock().unwrap();
        match answer {
            Answer::Counts => Ok(Stats::default()),
            Answer::Fails(kind) => Err(Error::new(kind, "told to")),
            Answer::Never => pending().await,
        }
    }

    async fn peek(&self, _: &Source, _: u64, _: NonZeroU32) -> Result<Vec<Delivery>> {
        unsupported()
    }

    async fn redrive(&self, _: &Source, _: &Redrive) -> Result<u64> {
        unsupported()
    }

    async fn cancel(&self, _: &QueueName, _: u64) -> Result<()> {
        unsupported()
    }

    async fn settings(&self, _: &Source) -> Result<Settings> {
        unsupported()
    }
}

fn router(fixture: &Fixture, answer: Answer) -> (Router, Arc<Desk>) {
    let desk = Arc::new(Desk(Mutex::new(answer)));
    let console = fixture.before(Arc::clone(&desk) as _);
    (console.build().unwrap().router(), desk)
}

/// Asks both probes; returns what they answer, and why it is not ready.
async fn probe(router: &Router) -> (StatusCode, StatusCode, serde_json::Value) {
    let (ready, answer) = ask(router, "GET", "/readyz").await;
    let (healthy, _) = ask(router, "GET", "/healthz").await;
    (healthy, ready, answer["reasons"].clone())
}

const OK: StatusCode = StatusCode::OK;
const NO: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

#[tokio::test]
async fn provider_that_cannot_be_reached_is_not_ready_until_it_is() {
    for kind in [
        ErrorKind::ConnectionFailed,
        ErrorKind::Timeout,
        ErrorKind::Unavailable,
    ] {
        let (fixture, clock) = Fixture::still().await;
        let (router, desk) = router(&fixture, Answer::Fails(kind));
        let reasons = json!(["provider_unreachable"]);
        assert_eq!(probe(&router).await, (OK, NO, reasons.clone()), "{kind:?}");
        desk.set(Answer::Counts);
        assert_eq!(probe(&router).await, (OK, NO, reasons), "not asked anew");
        clock.advance(EVERY);
        assert_eq!(probe(&router).await, (OK, OK, json!([])), "{kind:?}");
    }
}

#[tokio::test]
async fn provider_that_does_not_answer_in_time_is_not_ready() {
    let (fixture, clock) = Fixture::still().await;
    let (router, _) = router(&fixture, Answer::Never);
    let asked = tokio::spawn(async move { probe(&router).await });
    clock.awaited(TIMEOUT).await;
    clock.advance(TIMEOUT);
    let expected = (OK, NO, json!(["provider_unreachable"]));
    assert_eq!(asked.await.unwrap(), expected);
}

/// A provider that answers, if only to say no, is there.
#[tokio::test]
async fn provider_that_refuses_its_counts_is_ready() {
    for kind in [ErrorKind::Unauthorized, ErrorKind::Unsupported] {
        let (fixture, _) = Fixture::still().await;
        let (router, _) = router(&fixture, Answer::Fails(kind));
        assert_eq!(probe(&router).await, (OK, OK, json!([])), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn consumer_that_cannot_go_on_is_not_healthy() {
    let clock = relayhouse_time::context().unwrap().clock;
    let fixture = Fixture::new(clock).await;
    let (router, _) = router(&fixture, Answer::Counts);
    assert_eq!(probe(&router).await, (OK, OK, json!([])));
    let admin = fixture.memory.admin().unwrap();
    let orders = Entity::Queue("orders".parse().unwrap());
    admin.delete(&orders).await.unwrap();
    fixture.running.failed().await;
    let expected = (NO, NO, json!(["intake_stopped"]));
    assert_eq!(probe(&router).await, expected);
    let (_, text) = ask(&router, "GET", "/healthz").await;
    assert_eq!(text, "a consumer cannot go on\n");
}
