//! Probes: whether the program works, and whether it takes messages.

use std::sync::Arc;

use axum::{
    extract,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use relayhouse_runtime::State;
use serde::Serialize;

use super::json;
use crate::{console::Shared, watch::Breaker, watched::Answer};

/// Is why messages are not taken. Names of queues are not told: everybody may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    IntakeStopped,
    ProviderUnreachable,
    BreakerOpen,
    BreakerHalfOpen,
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<Reason>,
}

pub(super) async fn healthz(extract::State(shared): extract::State<Arc<Shared>>) -> Response {
    let mut posts = shared.posts.iter();
    if posts.any(|post| post.watched.remote.state() == State::Failed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "a consumer cannot go on\n").into_response();
    }
    "ok\n".into_response()
}

pub(super) async fn readyz(extract::State(shared): extract::State<Arc<Shared>>) -> Response {
    let mut reasons = Vec::new();
    let mut posts = shared.posts.iter();
    if posts.any(|post| post.watched.remote.state() != State::Running) {
        reasons.push(Reason::IntakeStopped);
    }
    let readings = shared.read().await;
    let is_unreachable = |answer: &Answer| matches!(answer, Answer::Unreachable);
    if readings.iter().any(|(_, it)| is_unreachable(&it.answer)) {
        reasons.push(Reason::ProviderUnreachable);
    }
    if !shared.breakers_in(Breaker::Open).is_empty() {
        reasons.push(Reason::BreakerOpen);
    }
    // A few messages on trial are not the load: it is ready once the trial has gone well.
    if !shared.breakers_in(Breaker::HalfOpen).is_empty() {
        reasons.push(Reason::BreakerHalfOpen);
    }
    let ready = reasons.is_empty();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    json(status, &Readiness { ready, reasons })
}
