//! Renews locks over the management node of an entity.

use fe2o3_amqp_types::primitives::{Array, Uuid, Value};
use relayhouse_core::{Error, ErrorKind, Instant, Operation, Result};

use super::anchor::Anchor;
use crate::{
    convert::Reading,
    link::{Question, items, tap::Token},
};

/// Asks for the locks of `tokens` to be renewed.
pub(super) fn question(tokens: &[Token]) -> Question {
    Question::new("renew-lock", [("lock-tokens", uuids(tokens))])
}

/// Writes lock tokens as the management node has them.
pub(super) fn uuids(tokens: &[Token]) -> Value {
    let tokens = tokens
        .iter()
        .map(|token| Value::Uuid(Uuid::from(swapped(*token))));
    Value::Array(Array::from(tokens.collect::<Vec<_>>()))
}

/// Turns the order of bytes of a delivery tag, that of a GUID of .NET, into that of a UUID.
fn swapped(token: Token) -> Token {
    let [a, b, c, d, e, f, g, h, rest @ ..] = token;
    let mut swapped = [d, c, b, a, f, e, h, g, 0, 0, 0, 0, 0, 0, 0, 0];
    swapped[8..].copy_from_slice(&rest);
    swapped
}

/// Reads until when `count` locks hold.
pub(super) fn ends(body: &Value, count: usize, anchor: &Anchor) -> Result<Vec<Instant>> {
    let times = items(body, "expirations").iter();
    let millis = times.filter_map(|time| match time {
        Value::Timestamp(time) => Some(time.clone().into_inner()),
        _ => None,
    });
    let ends: Vec<_> = millis.map(|it| anchor.instant_of_millis(it)).collect();
    if ends.len() == count {
        return Ok(ends);
    }
    Err(Error::new(
        ErrorKind::OutcomeUnknown,
        format!("the broker does not say until when {count} locks hold"),
    )
    .operation(Operation::Extend))
}

/// Returns until when a message is locked, as far as it says.
pub(super) fn lease(reading: &Reading, anchor: &Anchor) -> Instant {
    let until = reading.locked_until;
    until.map_or(Instant::NEVER, |until| anchor.instant(until))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_token_is_the_uuid_with_its_bytes_swapped() {
        let uuid = uuid::Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
        assert_eq!(swapped(uuid.to_bytes_le()), *uuid.as_bytes());
    }

    #[test]
    fn a_question_names_every_lock() {
        let question = question(&[[1; 16], [2; 16]]);
        let Value::Map(map) = question.body else {
            panic!("{:?}", question.body);
        };
        let Some(Value::Array(tokens)) = map.values().next() else {
            panic!("{map:?}");
        };
        assert_eq!(tokens.len(), 2);
    }
}
