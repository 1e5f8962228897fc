//! What no codec that gives owned values can be faster than: the bytes copied, and the value cloned
//! and dropped, with all that it allocates.

use std::hint::black_box;

use anyhow::Result;
use bytes::BytesMut;
use relayhouse_codec::{avro::Framing, to_bytes};

use super::{measure::Plan, ours::avro, record::Record};
use crate::compare::Contender;

pub(super) const FLOOR: &str = "floor: copy and clone";

pub(super) fn contender<R: Record>(plan: Plan, value: &R::Owned) -> Result<Contender<'_>> {
    let body = to_bytes(&avro::<R>(Framing::Bare)?, value)?;
    Ok(plan.contender(
        FLOOR,
        move |buffer: &mut BytesMut| {
            buffer.extend_from_slice(black_box(&body));
            Ok(())
        },
        move |_| {
            drop(black_box(black_box(value).clone()));
            Ok(())
        },
    ))
}
