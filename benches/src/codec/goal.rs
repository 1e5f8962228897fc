//! The goals, and how they did.

use super::{
    EVENT, LARGE_ORDER, ORDER, WIDE,
    found::Case,
    measure::Figure,
    ours::{AVRO, BORROWED, COMPACT, NAMED, RESOLVING},
    peer::{FAST, FAST_BORROWED, SERDE_JSON},
};
use crate::report::{Goal, Table, Unit};

/// Is the least that a figure of a codec has to be, by that of another.
type Bound = (&'static str, Figure, &'static str, f64);

const ORDERS: &[Bound] = &[
    (AVRO, Figure::RoundTrip, SERDE_JSON, 2.5),
    (AVRO, Figure::RoundTrip, FAST, 1.0),
    (RESOLVING, Figure::RoundTrip, SERDE_JSON, 2.0),
    (BORROWED, Figure::Decode, SERDE_JSON, 4.0),
    (BORROWED, Figure::Decode, FAST_BORROWED, 1.0),
    (NAMED, Figure::RoundTrip, SERDE_JSON, 1.3),
    (COMPACT, Figure::RoundTrip, SERDE_JSON, 2.5),
];

const WIDES: &[Bound] = &[
    (AVRO, Figure::RoundTrip, SERDE_JSON, 2.0),
    (AVRO, Figure::RoundTrip, FAST, 1.0),
    (BORROWED, Figure::Decode, FAST_BORROWED, 1.0),
];

const EVENTS: &[Bound] = &[
    (AVRO, Figure::RoundTrip, SERDE_JSON, 2.5),
    (AVRO, Figure::RoundTrip, FAST, 1.0),
    (BORROWED, Figure::Decode, FAST_BORROWED, 1.0),
];

/// Returns the goals of the cases that ran.
pub(super) fn table(cases: &[Case]) -> Table {
    let mut table = Table::new("Goals: how often it fits into the time of another");
    for case in cases {
        for (codec, figure, base, least) in bounds(case.name) {
            let name = format!("{}, {}, {base}", case.name, figure.name());
            if let Some(ratio) = case.ratio(codec, base, *figure) {
                let line = table.push(&name, codec, ratio, Unit::Ratio);
                line.goal = Some(Goal::at_least(*least));
            }
        }
    }
    table
}

fn bounds(case: &str) -> &'static [Bound] {
    match case {
        ORDER | LARGE_ORDER => ORDERS,
        WIDE => WIDES,
        EVENT => EVENTS,
        _ => &[],
    }
}
