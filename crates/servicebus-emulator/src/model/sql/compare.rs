//! How values are compared: numbers by what they are, texts by their characters, and others with
//! their own kind alone.

use std::{borrow::Cow, cmp::Ordering};

use super::{super::Value, node::Comparison};

/// Compares two values. Values of two kinds are not equal, and which is greater is unknown.
pub(super) fn compare(comparison: Comparison, left: &Value, right: &Value) -> Option<bool> {
    match comparison {
        Comparison::Equal => Some(is_equal(left, right)),
        Comparison::Unequal => Some(!is_equal(left, right)),
        Comparison::Greater => order(left, right).map(Ordering::is_gt),
        Comparison::GreaterOrEqual => order(left, right).map(Ordering::is_ge),
        Comparison::Less => order(left, right).map(Ordering::is_lt),
        Comparison::LessOrEqual => order(left, right).map(Ordering::is_le),
    }
}

pub(super) fn is_equal(left: &Value, right: &Value) -> bool {
    match order(left, right) {
        Some(ordering) => ordering.is_eq(),
        None => left == right,
    }
}

/// Returns which of two values is greater, if they have an order.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (left.as_integer(), right.as_integer()) {
        return Some(left.cmp(&right));
    }
    if let (Some(left), Some(right)) = (number(left), number(right)) {
        return left.partial_cmp(&right);
    }
    if let (Value::Timestamp(left), Value::Timestamp(right)) = (left, right) {
        return Some(left.cmp(right));
    }
    if let (Value::Duration(left), Value::Duration(right)) = (left, right) {
        return Some(left.cmp(right));
    }
    Some(text(left)?.cmp(&text(right)?))
}

/// Returns a number as a float, which loses what is beyond 53 bits.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some((*number).into()),
        Value::Double(number) => Some(*number),
        other => other.as_integer().map(|number| number as f64),
    }
}

pub(super) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) | Value::Symbol(text) => Some(Cow::Borrowed(text)),
        Value::Char(character) => Some(Cow::Owned(character.to_string())),
        _ => None,
    }
}
