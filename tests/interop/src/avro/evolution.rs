//! Values written with one schema and read with a later one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AnyCase, resolving};

mod old {
    use super::{BTreeMap, Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub(super) struct Order {
        pub(super) id: i32,
        pub(super) gone: String,
        pub(super) weight: f32,
        pub(super) state: State,
        pub(super) note: String,
        pub(super) lines: Vec<Line>,
        pub(super) dropped: BTreeMap<String, Option<f64>>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
    pub(super) enum State {
        New,
        Paid,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub(super) struct Line {
        pub(super) sku: String,
        pub(super) count: i32,
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    lines: Vec<Line>,
    id: i64,
    weight: f64,
    state: State,
    currency: String,
    tags: Vec<String>,
    extra: Option<i64>,
    note: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum State {
    Paid,
    New,
    Sent,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    count: i64,
    sku: Option<String>,
    price: f64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Person {
    name: String,
    home: Address,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Address {
    street: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct User {
    address: Place,
    label: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Place {
    line: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Shipment<S> {
    state: S,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Before {
    New,
    Lost,
    Done,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum After {
    Unknown,
    Done,
    New,
}

/// Fields are dropped, added, moved and promoted, and a type becomes one branch of a union.
pub(super) fn case() -> Box<dyn AnyCase> {
    let small = old::Order {
        id: 1,
        gone: "g".to_owned(),
        weight: 0.5,
        state: old::State::New,
        note: "n".to_owned(),
        lines: Vec::new(),
        dropped: BTreeMap::new(),
    };
    let dropped = [("x".to_owned(), None), ("y".to_owned(), Some(1.0))];
    let large = old::Order {
        id: i32::MAX,
        gone: String::new(),
        weight: -1.25,
        state: old::State::Paid,
        note: String::new(),
        lines: vec![old_line("a", 3), old_line("b", -4)],
        dropped: dropped.into(),
    };
    let resolved = vec![
        order(1, (0.5, State::New, "n"), Vec::new()),
        order(
            i64::from(i32::MAX),
            (-1.25, State::Paid, ""),
            vec![line("a", 3), line("b", -4)],
        ),
    ];
    resolving("evolution", vec![small, large], resolved)
}

/// Records and fields have other names, with the old ones as aliases.
pub(super) fn aliases() -> Box<dyn AnyCase> {
    let home = Address {
        street: "Long Row".to_owned(),
    };
    let address = Place {
        line: "Long Row".to_owned(),
    };
    let (name, label) = ("Ada".to_owned(), "Ada".to_owned());
    resolving(
        "aliases",
        vec![Person { name, home }],
        vec![User { address, label }],
    )
}

/// A symbol that the reader does not know becomes its default.
pub(super) fn enum_default() -> Box<dyn AnyCase> {
    let before = [Before::New, Before::Lost, Before::Done].map(|state| Shipment { state });
    let after = [After::New, After::Unknown, After::Done].map(|state| Shipment { state });
    resolving("enum_default", before.into(), after.into())
}

fn order(id: i64, (weight, state, note): (f64, State, &str), lines: Vec<Line>) -> Order {
    Order {
        lines,
        id,
        weight,
        state,
        currency: "EUR".to_owned(),
        tags: vec!["new".to_owned()],
        extra: None,
        note: Some(note.to_owned()),
    }
}

fn old_line(sku: &str, count: i32) -> old::Line {
    let sku = sku.to_owned();
    old::Line { sku, count }
}

fn line(sku: &str, count: i64) -> Line {
    Line {
        count,
        sku: Some(sku.to_owned()),
        price: 9.75,
    }
}
