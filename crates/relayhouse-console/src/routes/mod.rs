//! The routes, in one table, and the layers around them.

mod control;
mod events;
mod health;
mod metrics;
mod openapi;
mod scale;
mod stats;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
};
use serde::Serialize;
use serde_json::json;
use tower_http::{
    compression::CompressionLayer,
    limit::RequestBodyLimitLayer,
    request_id::{PropagateRequestIdLayer, SetRequestIdLayer},
    trace::TraceLayer,
};
use tracing::{Span, debug_span};

use crate::{
    access,
    console::Shared,
    identify::{self, Draw, REQUEST_ID},
};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Is one route: what answers it, and what the description says of it.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) about: &'static str,
    /// Whether everybody may ask, for probes that carry no token.
    pub(crate) is_open: bool,
    pub(crate) answers: &'static [Answer],
    make: fn() -> MethodRouter<Arc<Shared>>,
}

/// Is how a route may answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content: &'static str,
    /// The name of the schema of the content, or nothing for plain text.
    pub(crate) schema: &'static str,
    pub(crate) about: &'static str,
}

const fn answer(
    status: u16,
    content: &'static str,
    schema: &'static str,
    about: &'static str,
) -> Answer {
    Answer {
        status,
        content,
        schema,
        about,
    }
}

const APPLICATION_JSON: &str = "application/json";
const TEXT: &str = "text/plain";

/// All routes: the router and the description are made of it.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        method: "get",
        path: "/healthz",
        about: "Tells whether the program works: no consumer has stopped by itself",
        is_open: true,
        answers: &[
            answer(200, TEXT, "", "It works"),
            answer(503, TEXT, "", "A consumer cannot go on"),
        ],
        make: || get(health::healthz),
    },
    Route {
        method: "get",
        path: "/readyz",
        about: "Tells whether messages are taken: the provider answers, all consumers receive, and \
                every breaker is closed: none is open, and none half open",
        is_open: true,
        answers: &[
            answer(200, APPLICATION_JSON, "Readiness", "It is ready"),
            answer(503, APPLICATION_JSON, "Readiness", "It is not, and why"),
        ],
        make: || get(health::readyz),
    },
    Route {
        method: "get",
        path: "/metrics",
        about: "Shows metrics in the text format of Prometheus",
        is_open: false,
        answers: &[answer(200, TEXT, "", "The metrics")],
        make: || get(metrics::metrics),
    },
    Route {
        method: "get",
        path: "/stats",
        about: "Shows what each consumer did, what waits in its queue, and what is advised; and \
                which breakers are open, and which half open",
        is_open: false,
        answers: &[answer(200, APPLICATION_JSON, "Stats", "The figures")],
        make: || get(stats::stats),
    },
    Route {
        method: "get",
        path: "/scale",
        about: "Advises how many programs like this one are needed, at the path `consumers`",
        is_open: false,
        answers: &[
            answer(200, APPLICATION_JSON, "Scale", "The advice"),
            answer(503, APPLICATION_JSON, "Error", "Nothing is known yet"),
        ],
        make: || get(scale::scale),
    },
    Route {
        method: "get",
        path: "/events",
        about: "Sends what `/stats` shows when it changes, at most each second, as server-sent \
                events named `stats`",
        is_open: false,
        answers: &[
            answer(200, "text/event-stream", "Stats", "The stream"),
            answer(503, APPLICATION_JSON, "Error", "There are too many streams"),
        ],
        make: || get(events::events),
    },
    Route {
        method: "post",
        path: "/pause",
        about: "Stops receiving; what was received still runs",
        is_open: false,
        answers: CHANGE,
        make: || post(control::pause),
    },
    Route {
        method: "post",
        path: "/resume",
        about: "Receives again",
        is_open: false,
        answers: CHANGE,
        make: || post(control::resume),
    },
    Route {
        method: "get",
        path: "/openapi.json",
        about: "Shows this description",
        is_open: false,
        answers: &[answer(200, APPLICATION_JSON, "", "The description")],
        make: || get(openapi::openapi),
    },
];

const CHANGE: &[Answer] = &[
    answer(200, APPLICATION_JSON, "States", "All consumers do so"),
    answer(
        409,
        APPLICATION_JSON,
        "States",
        "A consumer drains or has ended, and stays so",
    ),
];

/// Whether everybody may ask for `path`. What is not in the table is nobody's.
pub(crate) fn is_open(path: &str) -> bool {
    let mut routes = ROUTES.iter();
    routes.any(|route| route.is_open && route.path == path)
}

/// Makes the router, with all layers. The one that is added last is outermost.
pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    let with = |router: Router<_>, route: &Route| router.route(route.path, (route.make)());
    let routes = ROUTES.iter().fold(Router::new(), with);
    let state = || Arc::clone(shared);
    routes
        .fallback(async || error(StatusCode::NOT_FOUND, "there is no such path"))
        .with_state(state())
        .layer(from_fn_with_state(state(), access::check))
        .layer(RequestBodyLimitLayer::new(shared.limits.body_bytes_max))
        .layer(from_fn_with_state(state(), in_time))
        .layer(from_fn(harden))
        .layer(CompressionLayer::new())
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .layer(SetRequestIdLayer::new(
            REQUEST_ID,
            Draw(Arc::clone(&shared.random)),
        ))
        .layer(from_fn(identify::sift))
}

/// Makes the span of a request. Neither headers nor the query are in it.
fn span<B>(request: &http::Request<B>) -> Span {
    debug_span!(
        "request",
        method = %request.method(),
        path = request.uri().path(),
        request_id = identify::id_of(request.headers()),
    )
}

/// Refuses a request whose answer takes too long to begin.
async fn in_time(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let clock = &shared.clock;
    let over = clock.sleep_until(clock.now() + shared.limits.request_time);
    tokio::select! {
        response = next.run(request) => response,
        () = over => error(StatusCode::REQUEST_TIMEOUT, "the request took too long"),
    }
}

/// Says that an answer is to be neither kept nor taken for something else.
async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Answers with JSON.
fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => (status, [(CONTENT_TYPE, JSON)], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Answers that something is wrong.
pub(crate) fn error(status: StatusCode, text: &str) -> Response {
    json(status, &json!({ "error": text }))
}
