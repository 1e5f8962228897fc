//! Unions: of null and one type, in both orders, and of many.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AnyCase, plain};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Unions {
    maybe: Option<String>,
    perhaps: Option<i64>,
    colour: Option<Colour>,
    choice: Choice,
    many: Vec<Shape>,
    names: Option<BTreeMap<String, String>>,
    flag: Option<bool>,
    amount: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Colour {
    Red,
    Green,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Choice {
    #[default]
    Null,
    Long(i64),
    String(String),
    Array(Vec<i64>),
    Square(Square),
    Circle(Circle),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Null,
    Square(Square),
    Circle(Circle),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Square {
    side: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Circle {
    radius: f64,
}

pub(super) fn case() -> Box<dyn AnyCase> {
    let [square, circle] = [
        Shape::Square(Square { side: 3 }),
        Shape::Circle(Circle { radius: 0.5 }),
    ];
    let full = Unions {
        maybe: Some("here".to_owned()),
        perhaps: Some(7),
        colour: Some(Colour::Green),
        choice: Choice::Array(Vec::new()),
        many: vec![Shape::Null, square, circle],
        names: None,
        flag: Some(true),
        amount: None,
    };
    let amount = Unions {
        amount: Some(2.5),
        ..Unions::default()
    };
    let names = Unions {
        names: Some([("k".to_owned(), "v".to_owned())].into()),
        ..Unions::default()
    };
    plain(
        "unions",
        vec![
            Unions::default(),
            full,
            of(Choice::Long(-5)),
            amount,
            of(Choice::String("text".to_owned())),
            of(Choice::Array(vec![1, 2, 3])),
            names,
            of(Choice::Square(Square { side: 9 })),
            of(Choice::Circle(Circle { radius: -1.0 })),
        ],
    )
}

fn of(choice: Choice) -> Unions {
    Unions {
        choice,
        ..Unions::default()
    }
}
