//! Arithmetic as in C#: whole numbers stay whole and wrap, and a float makes the rest floats.

use super::{
    super::Value,
    compare::{number, text},
    evaluate::EvaluationError,
    node::{Arithmetic, Signed},
};

type Result<T> = std::result::Result<T, EvaluationError>;

pub(super) fn signed(sign: Signed, value: Value) -> Result<Value> {
    let sign_text = match sign {
        Signed::Plus => "+",
        Signed::Minus => "-",
    };
    if number(&value).is_none() {
        return Err(EvaluationError::Operands(sign_text));
    }
    match (sign, whole(&value)) {
        (Signed::Plus, _) => Ok(value),
        (Signed::Minus, Some(whole)) => Ok(Value::Long(whole.wrapping_neg())),
        (Signed::Minus, None) => Ok(Value::Double(-number(&value).unwrap_or_default())),
    }
}

pub(super) fn combine(operator: Arithmetic, left: &Value, right: &Value) -> Result<Value> {
    if let (Some(left), Some(right)) = (whole(left), whole(right)) {
        return wholes(operator, left, right).map(Value::Long);
    }
    if let (Some(left), Some(right)) = (number(left), number(right)) {
        return Ok(Value::Double(floats(operator, left, right)));
    }
    let is_text = text(left).is_some() || text(right).is_some();
    if operator == Arithmetic::Add
        && is_text
        && let (Some(left), Some(right)) = (written(left), written(right))
    {
        return Ok(Value::String((left + &right).into()));
    }
    Err(EvaluationError::Operands(sign(operator)))
}

/// Makes a value one of the type of another, if it can be.
pub(super) fn convert(value: Value, like: &Value) -> Value {
    let converted = match like {
        Value::String(_) => written(&value).map(|text| Value::String(text.into())),
        Value::Double(_) => as_number(&value).map(Value::Double),
        Value::Long(_) => as_whole(&value).map(Value::Long),
        Value::Int(_) => narrow(&value).map(Value::Int),
        Value::Uint(_) => narrow(&value).map(Value::Uint),
        Value::Short(_) => narrow(&value).map(Value::Short),
        Value::Ushort(_) => narrow(&value).map(Value::Ushort),
        Value::Byte(_) => narrow(&value).map(Value::Byte),
        Value::Ubyte(_) => narrow(&value).map(Value::Ubyte),
        Value::Ulong(_) => narrow(&value).map(Value::Ulong),
        _ => None,
    };
    converted.unwrap_or(value)
}

fn wholes(operator: Arithmetic, left: i64, right: i64) -> Result<i64> {
    let divides = matches!(operator, Arithmetic::Divide | Arithmetic::Remainder);
    if divides && right == 0 {
        return Err(EvaluationError::Division);
    }
    Ok(match operator {
        Arithmetic::Add => left.wrapping_add(right),
        Arithmetic::Subtract => left.wrapping_sub(right),
        Arithmetic::Multiply => left.wrapping_mul(right),
        Arithmetic::Divide => left.wrapping_div(right),
        Arithmetic::Remainder => left.wrapping_rem(right),
    })
}

fn floats(operator: Arithmetic, left: f64, right: f64) -> f64 {
    match operator {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide => left / right,
        Arithmetic::Remainder => left % right,
    }
}

/// Returns a whole number that a long can hold; a larger one counts as a float.
fn whole(value: &Value) -> Option<i64> {
    value.as_integer().and_then(|it| i64::try_from(it).ok())
}

fn as_number(value: &Value) -> Option<f64> {
    number(value).or_else(|| text(value)?.parse().ok())
}

fn as_whole(value: &Value) -> Option<i64> {
    whole(value).or_else(|| text(value)?.parse().ok())
}

fn narrow<T: TryFrom<i64>>(value: &Value) -> Option<T> {
    T::try_from(as_whole(value)?).ok()
}

/// Returns a simple value as a text.
pub(super) fn written(value: &Value) -> Option<String> {
    let text = match value {
        Value::Boolean(true) => "True".to_owned(),
        Value::Boolean(false) => "False".to_owned(),
        Value::Float(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Uuid(uuid) => uuid.to_string(),
        other => match other.as_integer() {
            Some(number) => number.to_string(),
            None => text(other)?.into_owned(),
        },
    };
    Some(text)
}

const fn sign(operator: Arithmetic) -> &'static str {
    match operator {
        Arithmetic::Add => "+",
        Arithmetic::Subtract => "-",
        Arithmetic::Multiply => "*",
        Arithmetic::Divide => "/",
        Arithmetic::Remainder => "%",
    }
}
