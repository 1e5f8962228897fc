//! Null, boolean, numbers, bytes and strings, at their ends.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::{AnyCase, plain};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Primitives {
    nothing: (),
    flag: bool,
    small: i32,
    large: i64,
    single: f32,
    double: f64,
    raw: ByteBuf,
    text: String,
}

pub(super) fn case() -> Box<dyn AnyCase> {
    plain(
        "primitives",
        vec![
            primitives(false, (0, 0), (0.0, 0.0), b"", ""),
            primitives(
                true,
                (i32::MAX, i64::MAX),
                (1.5, 0.1),
                b"\x00\x7f\x80\xff",
                "plain",
            ),
            primitives(
                false,
                (i32::MIN, i64::MIN),
                (f32::MIN, f64::MIN),
                &[b'A'; 100],
                "\u{17e}lu\u{165}ou\u{10d}k\u{fd} \u{1f40e} \0 end",
            ),
            primitives(
                true,
                (-64, 8191),
                (f32::from_bits(1), f64::from_bits(1)),
                b"\xc3\x01",
                &"x".repeat(300),
            ),
        ],
    )
}

fn primitives(
    flag: bool,
    (small, large): (i32, i64),
    (single, double): (f32, f64),
    raw: &[u8],
    text: &str,
) -> Primitives {
    Primitives {
        nothing: (),
        flag,
        small,
        large,
        single,
        double,
        raw: ByteBuf::from(raw),
        text: text.to_owned(),
    }
}
