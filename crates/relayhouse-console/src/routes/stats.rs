//! Figures of all consumers.

use std::{collections::BTreeSet, sync::Arc};

use axum::{extract::State, response::Response};
use http::StatusCode;
use relayhouse_core::port;
use relayhouse_runtime::Report;
use serde::Serialize;

use super::json;
use crate::{
    console::Shared,
    scale::Advice,
    watch::Breaker,
    watched::{Answer, Post, Reading},
};

/// Is what is shown of all consumers.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Stats {
    sources: Vec<OfSource>,
    breakers_open: BTreeSet<String>,
    breakers_half_open: BTreeSet<String>,
}

#[derive(Debug, PartialEq, Serialize)]
struct OfSource {
    source: String,
    state: &'static str,
    provider: &'static str,
    /// The kind of error with which the provider refused to count.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    concurrency: u32,
    running: u64,
    waiting: u64,
    counts: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<Queue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<Advice>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Counts {
    received: u64,
    started: u64,
    failed: u64,
    panicked: u64,
    acked: u64,
    released: u64,
    dead_lettered: u64,
    lease_lost: u64,
    unknown: u64,
    settle_failed: u64,
    stalls: u64,
}

#[derive(Debug, PartialEq, Serialize)]
struct Queue {
    ready: u64,
    leased: Option<u64>,
    delayed: u64,
    dead: u64,
    bytes: Option<u64>,
    oldest_age_seconds: Option<f64>,
    is_approximate: bool,
}

pub(super) async fn stats(State(shared): State<Arc<Shared>>) -> Response {
    json(StatusCode::OK, &read(&shared).await)
}

/// Reads all consumers.
pub(super) async fn read(shared: &Shared) -> Stats {
    let readings = shared.read().await;
    Stats {
        sources: readings
            .iter()
            .map(|(post, reading)| of_source(post, reading))
            .collect(),
        breakers_open: shared.breakers_in(Breaker::Open),
        breakers_half_open: shared.breakers_in(Breaker::HalfOpen),
    }
}

fn of_source(post: &Post, reading: &Reading) -> OfSource {
    let (remote, heard) = (&post.watched.remote, post.watched.watch.heard());
    let (provider, error, queue) = match &reading.answer {
        Answer::Unknown => ("unknown", None, None),
        Answer::Stats(stats) => ("reachable", None, Some(Queue::of(stats))),
        Answer::Refused(kind) => ("reachable", Some(format!("{kind:?}")), None),
        Answer::Unreachable => ("unreachable", None, None),
    };
    OfSource {
        source: remote.source().to_string(),
        state: remote.state().as_str(),
        provider,
        error,
        concurrency: remote.concurrency().get(),
        running: heard.running,
        waiting: heard.waiting,
        counts: Counts::of(&remote.report()),
        queue,
        advice: reading.advice,
    }
}

impl Counts {
    const fn of(report: &Report) -> Self {
        Self {
            received: report.received,
            started: report.started,
            failed: report.failed,
            panicked: report.panicked,
            acked: report.acked,
            released: report.released,
            dead_lettered: report.dead_lettered,
            lease_lost: report.lease_lost,
            unknown: report.unknown,
            settle_failed: report.settle_failed,
            stalls: report.stalls,
        }
    }
}

impl Queue {
    fn of(stats: &port::Stats) -> Self {
        Self {
            ready: stats.ready,
            leased: stats.leased,
            delayed: stats.delayed,
            dead: stats.dead,
            bytes: stats.bytes,
            oldest_age_seconds: stats.oldest_age.map(|age| age.as_secs_f64()),
            is_approximate: stats.is_approximate,
        }
    }
}
