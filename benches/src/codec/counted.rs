//! What encoding into a buffer that is there already allocates.

use std::io;

use anyhow::Result;
use bytes::BytesMut;
use relayhouse_codec::{Encoder, JsonCodec, MessagePackCodec, avro::Framing};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region};

use super::{
    EVENT, ORDER, WIDE,
    event::{self, Events},
    order::{self, Orders},
    ours::{AVRO, COMPACT, JSON, NAMED, SINGLE, avro},
    record::Record,
    wide::{self, Wides},
};
use crate::report::{Goal, Table, Unit, float};

const CALLS: usize = 100;

type AnyEncoder<T> = Box<dyn Encoder<T>>;

/// Counts, and prints a table in JSON. The program's allocator must be the counting one.
///
/// # Errors
///
/// Returns the error of a codec, or of standard output.
pub fn count() -> Result<()> {
    let mut table = Table::new("Allocations of encoding into a buffer that is there already");
    add::<Orders>(ORDER, &order::order(2), &mut table)?;
    add::<Wides>(WIDE, &wide::wide(), &mut table)?;
    add::<Events>(EVENT, &event::event(), &mut table)?;
    Ok(serde_json::to_writer(io::stdout().lock(), &table)?)
}

fn add<R: Record>(case: &str, value: &R::Owned, table: &mut Table) -> Result<()> {
    let codecs: [(&str, AnyEncoder<R::Owned>); 5] = [
        (JSON, Box::new(JsonCodec::new())),
        (NAMED, Box::new(MessagePackCodec::new())),
        (COMPACT, Box::new(MessagePackCodec::new().compact())),
        (AVRO, Box::new(avro::<R>(Framing::Bare)?)),
        (SINGLE, Box::new(avro::<R>(Framing::SingleObject)?)),
    ];
    for (name, codec) in codecs {
        let allocations = allocations(&*codec, value)?;
        let line = table.push(case, name, allocations, Unit::PerMessage);
        line.goal = Some(Goal::at_most(0.0));
    }
    Ok(())
}

/// Returns the allocations of one call, after a first one that sizes the buffer.
fn allocations<T>(codec: &dyn Encoder<T>, value: &T) -> Result<f64> {
    let mut body = BytesMut::new();
    codec.encode_into(value, &mut body)?;
    let region = Region::new(&INSTRUMENTED_SYSTEM);
    for _ in 0..CALLS {
        body.clear();
        codec.encode_into(value, &mut body)?;
    }
    let change = region.change();
    Ok(float(change.allocations + change.reallocations) / float(CALLS))
}
