//! What a message may hold: characters, attributes, ids and bytes.

use super::names;
use crate::api::{
    Code, Error, Result,
    messages::{AttributeValue, Attributes, Send},
};

const ATTRIBUTES_MAX: usize = 10;
const NAME_LENGTH_MAX: usize = 256;
const TYPE_LENGTH_MAX: usize = 256;
const ID_LENGTH_MAX: usize = 128;
const TRACE: &str = "AWSTraceHeader";

/// Checks all but the size of what is sent.
pub(crate) fn check(send: &Send) -> Result<()> {
    if send.message_body.is_empty() {
        return Err(Error::missing("MessageBody"));
    }
    check_characters(&send.message_body)?;
    check_attributes(&send.message_attributes)?;
    check_system_attributes(&send.message_system_attributes)
}

/// Returns the bytes that count: the body, and name, type and value of each attribute.
pub(crate) fn bytes(send: &Send) -> usize {
    let attributes = send.message_attributes.iter();
    let attributes = attributes.map(|(name, value)| {
        let text = value.string_value.as_ref().map_or(0, String::len);
        let binary = value.binary_value.as_ref().map_or(0, |it| it.0.len());
        name.len() + value.data_type.len() + text + binary
    });
    send.message_body.len() + attributes.sum::<usize>()
}

/// Whether a receive that asks for `names` wants the attribute `name`.
pub(crate) fn is_wanted(names: &[String], name: &str) -> bool {
    names.iter().any(|it| match it.strip_suffix(".*") {
        Some(start) => name.starts_with(start),
        None => it == "All" || it == name,
    })
}

/// Checks a group id or a dedup id: up to 128 letters, digits and marks of ASCII.
pub(crate) fn check_id(parameter: &str, id: &str) -> Result<()> {
    let is_valid = !id.is_empty()
        && id.len() <= ID_LENGTH_MAX
        && id.bytes().all(|byte| byte.is_ascii_graphic());
    if is_valid {
        return Ok(());
    }
    let reason = format!(
        "{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length."
    );
    Err(Error::invalid(parameter, id, &reason))
}

/// Checks that text holds only what XML 1.0 does.
fn check_characters(text: &str) -> Result<()> {
    let is_valid = |character: char| match character {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        _ => ' ' <= character,
    };
    if text.chars().all(is_valid) {
        return Ok(());
    }
    Err(Error::new(
        Code::InvalidMessageContents,
        "Invalid characters found. Valid unicode characters are \
         #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
    ))
}

fn check_attributes(attributes: &Attributes) -> Result<()> {
    if ATTRIBUTES_MAX < attributes.len() {
        return Err(invalid(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{ATTRIBUTES_MAX}].",
            attributes.len()
        )));
    }
    for (name, value) in attributes {
        check_name(name)?;
        check_value(name, value)?;
    }
    Ok(())
}

fn check_system_attributes(attributes: &Attributes) -> Result<()> {
    for (name, value) in attributes {
        if name != TRACE {
            return Err(invalid(format!(
                "Message system attribute name '{name}' is invalid."
            )));
        }
        if value.data_type != "String" {
            return Err(invalid(format!(
                "The message system attribute '{name}' must be of type 'String'."
            )));
        }
        check_value(name, value)?;
    }
    Ok(())
}

fn check_name(name: &str) -> Result<()> {
    let lower = name.to_ascii_lowercase();
    let is_reserved = lower.starts_with("aws.") || lower.starts_with("amazon.");
    let is_valid = name.len() <= NAME_LENGTH_MAX && name.split('.').all(names::is_word);
    if is_valid && !is_reserved {
        return Ok(());
    }
    Err(invalid(format!(
        "Message (user) attribute name '{name}' is invalid: it can contain alphanumeric \
         characters, '_', '-' and '.', must not start or end with a period or hold two in a row, \
         must not start with AWS. or Amazon., and is at most 256 long."
    )))
}

fn check_value(name: &str, value: &AttributeValue) -> Result<()> {
    if !value.string_list_values.is_empty() || !value.binary_list_values.is_empty() {
        let message = "Message attribute list values in SendMessage operation are not supported.";
        return Err(Error::new(Code::UnsupportedOperation, message));
    }
    let kind = value.data_type.as_str();
    let base = kind.split('.').next().unwrap_or(kind);
    if !matches!(base, "String" | "Number" | "Binary") || TYPE_LENGTH_MAX < kind.len() {
        return Err(invalid(format!(
            "The message attribute '{name}' has an invalid message attribute type, the set of \
             supported type prefixes is Binary, Number, and String."
        )));
    }
    let is_binary = base == "Binary";
    let text = value.string_value.as_deref().unwrap_or_default();
    let bytes = value.binary_value.as_ref().map_or(0, |it| it.0.len());
    let (wanted, other) = if is_binary {
        (bytes, text.len())
    } else {
        (text.len(), bytes)
    };
    if wanted == 0 || other != 0 {
        return Err(invalid(format!(
            "The message attribute '{name}' must contain a non-empty value of its type, and no \
             other."
        )));
    }
    if base == "Number" && !is_number(text) {
        return Err(invalid(format!(
            "Can't cast the value of message attribute '{name}' to a number."
        )));
    }
    check_characters(text)
}

/// Whether text is a decimal number that SQS takes: up to 38 digits, from 1e-128 to 1e126.
fn is_number(text: &str) -> bool {
    let digits = text.split(['e', 'E']).next().unwrap_or(text);
    let digits = digits.trim_start_matches(['+', '-', '0', '.']);
    let digit_count = digits.bytes().filter(u8::is_ascii_digit).count();
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    let is_within = |number: f64| number == 0.0 || (1e-128..=1e126).contains(&number.abs());
    is_plain && digit_count <= 38 && text.parse().is_ok_and(is_within)
}

fn invalid(message: String) -> Error {
    Error::new(Code::InvalidParameterValue, message)
}
