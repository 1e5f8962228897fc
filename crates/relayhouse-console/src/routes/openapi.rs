//! The description of the routes, as OpenAPI has it.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Answer, ROUTES, Route, json as answer};

const VERSION: &str = "3.1.0";
/// Why messages are not taken.
const REASONS: [&str; 4] = [
    "intake_stopped",
    "provider_unreachable",
    "breaker_open",
    "breaker_half_open",
];

pub(super) async fn openapi() -> Response {
    answer(StatusCode::OK, &document())
}

fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method] = operation(route);
    }
    json!({
        "openapi": VERSION,
        "info": {
            "title": "relayhouse console",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": schemas(),
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut answers: Map<String, Value> = Map::new();
    for answer in route.answers {
        answers.insert(answer.status.to_string(), response(answer));
    }
    let error =
        |about| json!({ "description": about, "content": content("application/json", "Error") });
    if !route.is_open {
        answers.insert("401".to_owned(), error("A bearer token is needed"));
        answers.insert(
            "403".to_owned(),
            error("Only programs of this machine may ask"),
        );
    }
    answers.insert("408".to_owned(), error("The request took too long"));
    if route.method == "post" {
        answers.insert("413".to_owned(), error("The body is too large"));
    }
    let security = if route.is_open {
        json!([])
    } else {
        json!([{ "token": [] }])
    };
    json!({
        "operationId": route.path.trim_start_matches('/').replace('.', "_"),
        "summary": route.about,
        "security": security,
        "responses": answers,
    })
}

fn response(answer: &Answer) -> Value {
    json!({
        "description": answer.about,
        "content": content(answer.content, answer.schema),
    })
}

fn content(kind: &str, schema: &str) -> Value {
    let schema = match (kind, schema) {
        ("text/plain", _) => json!({ "type": "string" }),
        (_, "") => json!({ "type": "object" }),
        (_, schema) => json!({ "$ref": format!("#/components/schemas/{schema}") }),
    };
    json!({ kind: { "schema": schema } })
}

fn schemas() -> Value {
    let text = json!({ "type": "string" });
    let count = json!({ "type": "integer", "minimum": 0 });
    let number = json!({ "type": "number", "minimum": 0 });
    let state = json!({ "enum": ["running", "paused", "draining", "ended", "failed"] });
    let limit = json!({ "enum": ["consumers_max", "in_flight_max", "lease_time", null] });
    let seconds = json!({ "type": ["number", "null"], "minimum": 0 });
    let perhaps = json!({ "type": ["integer", "null"], "minimum": 0 });
    let reason = json!({ "enum": REASONS });
    let counts = [
        "received",
        "started",
        "failed",
        "panicked",
        "acked",
        "released",
        "dead_lettered",
        "lease_lost",
        "unknown",
        "settle_failed",
        "stalls",
    ];
    let counts: Vec<_> = counts.map(|name| (name, count.clone())).into();
    let advice = [
        ("consumers", count.clone()),
        ("arrival_rate", number),
        ("handler_seconds", seconds.clone()),
        ("consumers_now", count.clone()),
        ("limited_by", limit),
    ];
    let mut of_scale = vec![("source", text.clone())];
    of_scale.extend(advice.clone());
    let queue = object(&[
        ("ready", count.clone()),
        ("leased", perhaps.clone()),
        ("delayed", count.clone()),
        ("dead", count.clone()),
        ("bytes", perhaps),
        ("oldest_age_seconds", seconds),
        ("is_approximate", json!({ "type": "boolean" })),
    ]);
    let mut of_stats = object(&[
        ("source", text.clone()),
        ("state", state.clone()),
        (
            "provider",
            json!({ "enum": ["reachable", "unreachable", "unknown"] }),
        ),
        ("concurrency", count.clone()),
        ("running", count.clone()),
        ("waiting", count.clone()),
        ("counts", object(&counts)),
    ]);
    of_stats["properties"]["error"] = text.clone();
    of_stats["properties"]["queue"] = queue;
    of_stats["properties"]["advice"] = object(&advice);
    let of_states = object(&[("source", text.clone()), ("state", state)]);
    json!({
        "Error": object(&[("error", text.clone())]),
        "Readiness": object(&[
            ("ready", json!({ "type": "boolean" })),
            ("reasons", list(&reason)),
        ]),
        "Scale": object(&[("consumers", count), ("sources", list(&object(&of_scale)))]),
        "States": object(&[("sources", list(&of_states))]),
        "Stats": stats(&of_stats, &list(&text)),
    })
}

fn stats(of_source: &Value, names: &Value) -> Value {
    object(&[
        ("sources", list(of_source)),
        ("breakers_open", names.clone()),
        ("breakers_half_open", names.clone()),
    ])
}

/// Describes an object that has all of `properties`.
fn object(properties: &[(&str, Value)]) -> Value {
    let names: Vec<_> = properties.iter().map(|(name, _)| *name).collect();
    let properties = properties
        .iter()
        .map(|(name, schema)| ((*name).to_owned(), schema.clone()));
    let properties: Map<String, Value> = properties.collect();
    json!({ "type": "object", "required": names, "properties": properties })
}

fn list(items: &Value) -> Value {
    json!({ "type": "array", "items": items })
}
