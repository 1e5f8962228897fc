//! The advice, for whoever starts and stops programs like this one.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use http::StatusCode;
use serde::Serialize;

use super::{error, json};
use crate::{console::Shared, scale::Advice};

#[derive(Serialize)]
struct Scale {
    /// What the neediest queue needs: one program has a consumer of each.
    consumers: u32,
    sources: Vec<OfSource>,
}

#[derive(Serialize)]
struct OfSource {
    source: String,
    #[serde(flatten)]
    advice: Advice,
}

pub(super) async fn scale(State(shared): State<Arc<Shared>>) -> Response {
    let readings = shared.read().await;
    let sources = readings.iter().filter_map(|(post, reading)| {
        Some(OfSource {
            source: post.watched.remote.source().to_string(),
            advice: reading.advice?,
        })
    });
    let sources: Vec<_> = sources.collect();
    let consumers = sources.iter().map(|it| it.advice.consumers).max();
    match consumers {
        Some(consumers) => json(StatusCode::OK, &Scale { consumers, sources }),
        None => error(StatusCode::SERVICE_UNAVAILABLE, "nothing is known yet"),
    }
}
