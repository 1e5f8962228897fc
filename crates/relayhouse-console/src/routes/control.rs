//! Changes: pause and resume, each of them noted.

use std::sync::Arc;

use axum::{
    body::to_bytes,
    extract::{self, Request},
    response::Response,
};
use http::StatusCode;
use relayhouse_runtime::{Remote, State};
use serde::Serialize;

use super::{error, json};
use crate::{
    audit::{self, Origin},
    console::Shared,
};

/// Is a change that can be asked for.
struct Change {
    name: &'static str,
    make: fn(&Remote),
    /// What a consumer does afterwards.
    state: State,
}

#[derive(Serialize)]
struct States {
    sources: Vec<OfSource>,
}

#[derive(Serialize)]
struct OfSource {
    source: String,
    state: &'static str,
}

pub(super) async fn pause(
    extract::State(shared): extract::State<Arc<Shared>>,
    request: Request,
) -> Response {
    let pause = Change {
        name: "pause",
        make: Remote::pause,
        state: State::Paused,
    };
    change(&shared, request, &pause).await
}

pub(super) async fn resume(
    extract::State(shared): extract::State<Arc<Shared>>,
    request: Request,
) -> Response {
    let resume = Change {
        name: "resume",
        make: Remote::resume,
        state: State::Running,
    };
    change(&shared, request, &resume).await
}

/// Makes a change, once the request has come in whole.
async fn change(shared: &Shared, request: Request, change: &Change) -> Response {
    let origin = Origin::of(&request);
    let bytes_max = shared.limits.body_bytes_max;
    // Nothing is read from the body, but that it ends.
    if to_bytes(request.into_body(), bytes_max).await.is_err() {
        return error(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
    }
    let mut status = StatusCode::OK;
    let mut sources = Vec::with_capacity(shared.posts.len());
    for post in &shared.posts {
        let remote = &post.watched.remote;
        (change.make)(remote);
        let state = remote.state();
        let is_done = state == change.state;
        if !is_done {
            status = StatusCode::CONFLICT;
        }
        audit::changed(
            shared,
            &origin,
            change.name,
            remote.source(),
            state,
            is_done,
        );
        sources.push(OfSource {
            source: remote.source().to_string(),
            state: state.as_str(),
        });
    }
    shared.changes.send_replace(());
    json(status, &States { sources })
}
