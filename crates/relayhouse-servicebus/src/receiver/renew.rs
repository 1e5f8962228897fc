//! Renews locks over the management node of an entity.

use fe2o3_amqp_types::primitives::{Array, OrderedMap, SimpleValue, Uuid, Value};
use relayhouse_core::{Clock, Error, ErrorKind, Instant, Operation, Result, Timestamp};

use crate::link::{Question, tap::Token};

/// Asks for the locks of `tokens` to be renewed.
pub(super) fn question(tokens: &[Token]) -> Question {
    let tokens = tokens
        .iter()
        .map(|token| Value::Uuid(Uuid::from(swapped(*token))));
    let mut body = OrderedMap::new();
    let name = Value::String("lock-tokens".to_owned());
    body.insert(name, Value::Array(Array::from(tokens.collect::<Vec<_>>())));
    let mut properties = OrderedMap::new();
    let operation = SimpleValue::String("com.microsoft:renew-lock".to_owned());
    properties.insert("operation".to_owned(), operation);
    Question {
        properties,
        body: Value::Map(body),
    }
}

/// Turns the order of bytes of a delivery tag, that of a GUID of .NET, into that of a UUID.
fn swapped(token: Token) -> Token {
    let [a, b, c, d, e, f, g, h, rest @ ..] = token;
    let mut swapped = [d, c, b, a, f, e, h, g, 0, 0, 0, 0, 0, 0, 0, 0];
    swapped[8..].copy_from_slice(&rest);
    swapped
}

/// Reads until when `count` locks hold.
pub(super) fn ends(body: &Value, count: usize, clock: &dyn Clock) -> Result<Vec<Instant>> {
    let ends = expirations(body).map(|times| {
        let times = times.iter().filter_map(|time| match time {
            Value::Timestamp(time) => Some(time.clone().into_inner()),
            _ => None,
        });
        times.map(|millis| end(millis, clock)).collect::<Vec<_>>()
    });
    ends.filter(|ends| ends.len() == count).ok_or_else(|| {
        Error::new(
            ErrorKind::OutcomeUnknown,
            format!("the broker does not say until when {count} locks hold"),
        )
        .operation(Operation::Extend)
    })
}

fn expirations(body: &Value) -> Option<&[Value]> {
    let Value::Map(map) = body else {
        return None;
    };
    let is_it = |name: &Value| matches!(name, Value::String(name) if name == "expirations");
    let found = map
        .iter()
        .find_map(|(name, value)| is_it(name).then_some(value));
    match found? {
        Value::Array(times) => Some(&times[..]),
        Value::List(times) => Some(times),
        _ => None,
    }
}

fn end(millis: i64, clock: &dyn Clock) -> Instant {
    let micros = u64::try_from(millis).unwrap_or(0).saturating_mul(1000);
    instant_of(Timestamp::from_micros(micros), clock)
}

/// Turns a time of the broker into one of our clock, as far as the two agree.
pub(super) fn instant_of(time: Timestamp, clock: &dyn Clock) -> Instant {
    clock.now() + time.since(clock.wall())
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
