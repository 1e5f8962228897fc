//! One value or more of every shape that serde knows.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::Range,
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;

/// Is what a codec is held to for each value.
pub(crate) trait Check {
    /// Looks at `value`, whose shape has `name`.
    fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(
        &mut self,
        name: &'static str,
        value: &T,
    );
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unit;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Newtype(pub(crate) u32);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pair(pub(crate) String, pub(crate) i16);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Point {
    pub(crate) x: i32,
    pub(crate) y: Option<i32>,
}

/// A struct in a struct, with names that differ from its fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Nested {
    pub(crate) first_point: Point,
    #[serde(rename = "the rest")]
    pub(crate) others: Vec<Point>,
    pub(crate) by_name: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Colour {
    Red,
    Green,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum External {
    Unit,
    Newtype(Point),
    Option(Option<u8>),
    Tuple(u8, String),
    Struct { a: u8, b: Vec<External> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub(crate) enum Internal {
    Unit,
    Newtype(Point),
    Struct { a: u8, b: Option<String> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value")]
pub(crate) enum Adjacent {
    Unit,
    Newtype(Point),
    Tuple(u8, String),
    Struct { a: u8 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Untagged {
    Number(i64),
    Text(String),
    Point(Point),
    List(Vec<Untagged>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Flat {
    pub(crate) id: u64,
    #[serde(flatten)]
    pub(crate) point: Point,
    #[serde(flatten)]
    pub(crate) rest: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sparse {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first: Option<u8>,
    #[serde(default)]
    pub(crate) second: u8,
    #[serde(skip)]
    pub(crate) cached: u8,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tree {
    pub(crate) value: u8,
    pub(crate) left: Option<Box<Tree>>,
    pub(crate) right: Option<Box<Tree>>,
}

/// Holds `check` to every value.
pub(crate) fn all(check: &mut impl Check) {
    numbers(check);
    texts(check);
    options(check);
    structs(check);
    collections(check);
    enums(check);
    library(check);
}

pub(crate) fn numbers(check: &mut impl Check) {
    check.check("bool", &[true, false]);
    check.check("i8", &[i8::MIN, -33, -32, -1, 0, i8::MAX]);
    check.check("i16", &[i16::MIN, i16::MAX]);
    check.check("i32", &[i32::MIN, i32::MAX]);
    check.check("i64", &[i64::MIN, i64::from(i32::MIN) - 1, i64::MAX]);
    check.check("u8", &[127_u8, 128, u8::MAX]);
    check.check("u16", &[256, u16::MAX]);
    check.check("u32", &[65_536, u32::MAX]);
    check.check("u64", &[1 << 32, u64::MAX]);
    check.check("i128", &[i128::MIN, -1, 0, i128::MAX]);
    check.check("u128", &[0, 1 << 64, u128::MAX]);
    check.check("f32", &[0.1, -0.0, f32::MIN, f32::MIN_POSITIVE, 1e-45]);
    let shortest = 5e-324;
    check.check(
        "f64",
        &[0.1, 0.1 + 0.2, -0.0, f64::MAX, f64::MIN_POSITIVE, shortest],
    );
}

pub(crate) fn texts(check: &mut impl Check) {
    check.check("char", &['a', 'ß', '€', '\u{10ffff}', '\0']);
    for text in ["", "plain", "größe ✓ \u{1f600}", "\"\\/\u{8}\n\r\t\0"] {
        check.check("string", &text.to_owned());
        check.check("cow", &Cow::<'static, str>::Owned(text.to_owned()));
    }
    for size in [0, 31, 32, 255, 256, 65_535, 65_536] {
        check.check("long string", &"x".repeat(size));
        check.check("bytes", &ByteBuf::from(vec![0xff; size]));
        check.check("numbers as bytes", &vec![7_u8; size]);
    }
}

pub(crate) fn options(check: &mut impl Check) {
    check.check("none", &None::<u8>);
    check.check("some", &Some(7_u8));
    check.check("options", &vec![Some("a".to_owned()), None]);
    check.check("result", &[Ok::<u8, String>(7), Err("no".to_owned())]);
}

pub(crate) fn structs(check: &mut impl Check) {
    check.check("unit", &());
    check.check("unit struct", &Unit);
    check.check("newtype", &Newtype(7));
    check.check("tuple struct", &Pair("a".to_owned(), -7));
    check.check("tuple", &(1_u8, "a".to_owned(), (true, 'x')));
    check.check("array", &[[1_u16, 2], [3, 4]]);
    let point = Point { x: -1, y: Some(2) };
    check.check("struct", &point);
    check.check("struct with none", &Point { x: 7, y: None });
    let by_name = BTreeMap::from([("a".to_owned(), BTreeMap::from([(String::new(), vec![1])]))]);
    let nested = Nested {
        first_point: point.clone(),
        others: vec![point.clone(), Point { x: 0, y: None }],
        by_name,
    };
    check.check("nested struct", &nested);
    let rest = BTreeMap::from([("note".to_owned(), "x".to_owned())]);
    check.check("flat struct", &Flat { id: 7, point, rest });
    let leaf = |value| {
        Some(Box::new(Tree {
            value,
            left: None,
            right: None,
        }))
    };
    let tree = Tree {
        value: 1,
        left: leaf(2),
        right: leaf(3),
    };
    check.check("recursive struct", &tree);
}

pub(crate) fn collections(check: &mut impl Check) {
    check.check("empty list", &Vec::<Point>::new());
    for size in [15, 16, 65_536] {
        check.check("list", &vec![(); size]);
        check.check("list of numbers", &vec![-1_i32; size]);
    }
    check.check("lists", &vec![vec![vec![1_u8], vec![]], vec![]]);
    check.check("set", &BTreeSet::from(["a".to_owned(), "b".to_owned()]));
    check.check("empty map", &BTreeMap::<String, u8>::new());
    let long = (0..70_000_u32).map(|key| (key.to_string(), key));
    check.check("map", &long.collect::<BTreeMap<_, _>>());
    check.check(
        "map of numbers",
        &BTreeMap::from([(i64::MIN, 1_u8), (7, 2)]),
    );
    check.check("map of chars", &BTreeMap::from([('€', 1_u8)]));
    check.check("map of booleans", &BTreeMap::from([(true, 1_u8)]));
    check.check(
        "map of names",
        &BTreeMap::from([(Colour::Green, Colour::Red)]),
    );
}

pub(crate) fn enums(check: &mut impl Check) {
    let point = Point { x: 1, y: None };
    let inner = vec![External::Unit, External::Tuple(1, String::new())];
    check.check(
        "external enum",
        &vec![
            External::Unit,
            External::Newtype(point.clone()),
            External::Option(None),
            External::Option(Some(1)),
            External::Tuple(7, "a".to_owned()),
            External::Struct { a: 1, b: inner },
        ],
    );
    check.check(
        "internal enum",
        &vec![
            Internal::Unit,
            Internal::Newtype(point.clone()),
            Internal::Struct { a: 1, b: None },
        ],
    );
    check.check(
        "adjacent enum",
        &vec![
            Adjacent::Newtype(point.clone()),
            Adjacent::Tuple(1, "a".to_owned()),
        ],
    );
    check.check("adjacent enum without content", &Adjacent::Unit);
    check.check("adjacent enum with names", &Adjacent::Struct { a: 1 });
    check.check(
        "untagged enum",
        &vec![
            Untagged::Number(-7),
            Untagged::Text("a".to_owned()),
            Untagged::Point(point),
            Untagged::List(vec![Untagged::Number(1)]),
        ],
    );
}

pub(crate) fn library(check: &mut impl Check) {
    check.check("duration", &Duration::new(7, 999_999_999));
    check.check(
        "range",
        &Range {
            start: 1_u8,
            end: 7,
        },
    );
    check.check("address", &IpAddr::from(Ipv4Addr::LOCALHOST));
    check.check("socket", &SocketAddr::from((Ipv4Addr::LOCALHOST, 80)));
}
