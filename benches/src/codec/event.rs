//! An event with records in records, labels, and one of several payloads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::Record;

/// Is the kind of record that events are.
#[derive(Debug)]
pub(super) struct Events;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Event<S: Ord> {
    id: S,
    at: i64,
    source: Source<S>,
    trace: Option<Trace<S>>,
    labels: BTreeMap<S, S>,
    payload: Payload<S>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Source<S> {
    service: S,
    region: S,
    host: Host<S>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Host<S> {
    name: S,
    address: S,
    port: i32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Trace<S> {
    trace_id: S,
    span_id: S,
    sampled: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Payload<S> {
    Created(Created<S>),
    Changed(Changed<S>),
    Deleted(Deleted<S>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Created<S> {
    name: S,
    owner: S,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Changed<S> {
    changes: Vec<Change<S>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Change<S> {
    path: Vec<S>,
    before: Option<f64>,
    after: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Deleted<S> {
    reason: S,
}

impl Record for Events {
    const SCHEMA: &'static str = include_str!("schemas/event.avsc");
    type Owned = Event<String>;
    type Borrowed<'a> = Event<&'a str>;
}

pub(super) fn event() -> Event<String> {
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let change = |path: [&str; 2], before, after| Change {
        path: path.map(str::to_owned).into(),
        before,
        after,
    };
    let changes = vec![
        change(["limits", "daily"], Some(250.0), Some(400.5)),
        change(["limits", "monthly"], None, Some(9_000.0)),
        change(["rates", "night"], Some(0.075), None),
    ];
    Event {
        id: "7d444840-9dc0-11d1-b245-5ffdce74fad2".to_owned(),
        at: 1_795_719_600_123_456,
        source: Source {
            service: "accounts".to_owned(),
            region: "north-1".to_owned(),
            host: Host {
                name: "accounts-7f9c-4".to_owned(),
                address: "10.12.0.44".to_owned(),
                port: 8443,
            },
        },
        trace: Some(Trace {
            trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
            span_id: "00f067aa0ba902b7".to_owned(),
            sampled: true,
        }),
        labels: BTreeMap::from([
            label("environment", "production"),
            label("release", "2026.11.3"),
            label("team", "billing"),
        ]),
        payload: Payload::Changed(Changed { changes }),
    }
}
