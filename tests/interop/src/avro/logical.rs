//! Logical types, as the types that they annotate.

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::{AnyCase, plain};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Logical {
    /// The unscaled number, big-endian.
    price: ByteBuf,
    rate: ByteArray<8>,
    id: String,
    day: i32,
    clock_ms: i32,
    clock_us: i64,
    at_ms: i64,
    at_us: i64,
    local_ms: i64,
    local_us: i64,
    /// Months, days and milliseconds, each little-endian.
    span: ByteArray<12>,
    due: Option<i64>,
}

pub(super) fn case() -> Box<dyn AnyCase> {
    plain("logical", vec![zero(), late(), early()])
}

fn zero() -> Logical {
    Logical {
        price: ByteBuf::from([0]),
        rate: ByteArray::new([0; 8]),
        id: "00000000-0000-0000-0000-000000000000".to_owned(),
        day: 0,
        clock_ms: 0,
        clock_us: 0,
        at_ms: 0,
        at_us: 0,
        local_ms: 0,
        local_us: 0,
        span: ByteArray::new([0; 12]),
        due: None,
    }
}

fn late() -> Logical {
    Logical {
        price: ByteBuf::from(12_345_i16.to_be_bytes()),
        rate: ByteArray::new(123_456_i64.to_be_bytes()),
        id: "7d444840-9dc0-11d1-b245-5ffdce74fad2".to_owned(),
        day: 20_783,
        clock_ms: 86_399_999,
        clock_us: 86_399_999_999,
        at_ms: 1_795_719_600_123,
        at_us: 1_795_719_600_123_456,
        local_ms: 1_795_719_600_123,
        local_us: 1_795_719_600_123_456,
        span: ByteArray::new([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]),
        due: Some(1_795_719_600_000),
    }
}

fn early() -> Logical {
    Logical {
        price: ByteBuf::from((-12_345_i16).to_be_bytes()),
        rate: ByteArray::new((-123_456_i64).to_be_bytes()),
        id: "f81d4fae-7dec-11d0-a765-00a0c91e6bf6".to_owned(),
        day: -1,
        clock_ms: 1,
        clock_us: 1,
        at_ms: -1,
        at_us: -1,
        local_ms: -1,
        local_us: -1,
        span: ByteArray::new([255, 0, 0, 0, 0, 255, 0, 0, 0, 0, 255, 0]),
        due: Some(-86_400_000),
    }
}
