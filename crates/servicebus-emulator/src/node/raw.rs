//! Values as the bytes that came, looked into without decoding them.
//!
//! What is looked into here was found well formed before.

use std::{iter, str};

use crate::amqp::value_bytes;

const DESCRIBED: u8 = 0x00;
pub(super) const NULL: u8 = 0x40;
const EMPTY_LIST: u8 = 0x45;

// The kinds of what has a size: the second half of a code, whose first half says how wide that is.
const BINARY: u8 = 0x00;
const STRING: u8 = 0x01;
const SYMBOL: u8 = 0x03;
const LIST: u8 = 0x00;
const MAP: u8 = 0x01;

/// Splits values that stand one behind the other.
pub(super) fn values(bytes: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    let mut rest = bytes;
    iter::from_fn(move || {
        let count = value_bytes(rest).ok()?;
        let (value, behind) = rest.split_at(count);
        rest = behind;
        Some(value)
    })
}

/// Splits the keys and values that a map holds.
pub(super) fn entries(content: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut values = values(content);
    iter::from_fn(move || Some((values.next()?, values.next()?)))
}

/// Returns what a map holds, if the value is one.
pub(super) fn map(value: &[u8]) -> Option<&[u8]> {
    compound(value, MAP)
}

/// Returns what a list holds, if the value is one.
pub(super) fn list(value: &[u8]) -> Option<&[u8]> {
    if value.first() == Some(&EMPTY_LIST) {
        return Some(&[]);
    }
    compound(value, LIST)
}

fn compound(value: &[u8], kind: u8) -> Option<&[u8]> {
    let &code = value.first()?;
    let head_bytes = match code >> 4 {
        0xc => 3,
        0xd => 9,
        _ => return None,
    };
    value.get(head_bytes..).filter(|_| code & 0x0f == kind)
}

/// Splits a described value into what describes it and what is described.
pub(super) fn described(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = value.strip_prefix(&[DESCRIBED])?;
    rest.split_at_checked(value_bytes(rest).ok()?)
}

/// Returns a field of a described list, if it is there and is not null.
pub(super) fn field(value: &[u8], index: usize) -> Option<&[u8]> {
    let (_, fields) = described(value)?;
    let field = values(list(fields)?).nth(index)?;
    (!is_null(field)).then_some(field)
}

/// Returns true for lists, maps, arrays, and what is described.
pub(super) fn holds_others(value: &[u8]) -> bool {
    matches!(value.first(), Some(&(DESCRIBED | EMPTY_LIST | 0xc0..)))
}

pub(super) fn is_null(value: &[u8]) -> bool {
    value == [NULL]
}

/// Returns the text of a string or a symbol.
pub(super) fn text(value: &[u8]) -> Option<&str> {
    match variable(value)? {
        (STRING | SYMBOL, text) => str::from_utf8(text).ok(),
        _ => None,
    }
}

/// Returns the bytes of a binary.
pub(super) fn binary(value: &[u8]) -> Option<&[u8]> {
    match variable(value)? {
        (BINARY, bytes) => Some(bytes),
        _ => None,
    }
}

/// Returns the kind of a value of any size, and its content.
fn variable(value: &[u8]) -> Option<(u8, &[u8])> {
    let &code = value.first()?;
    let head_bytes = match code >> 4 {
        0xa => 2,
        0xb => 5,
        _ => return None,
    };
    Some((code & 0x0f, value.get(head_bytes..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_binaries_are_found_at_both_widths() {
        for (value, expected) in [
            (&b"\xa1\x02it"[..], Some("it")),
            (b"\xb1\0\0\0\x02it", Some("it")),
            (b"\xa3\x02it", Some("it")),
            (b"\xb3\0\0\0\x02it", Some("it")),
            (b"\xa1\x00", Some("")),
            (b"\xa0\x02it", None),
            (b"\x40", None),
            (b"", None),
        ] {
            assert_eq!(text(value), expected, "{value:02x?}");
        }
        assert_eq!(binary(b"\xa0\x02it"), Some(&b"it"[..]));
        assert_eq!(binary(b"\xb0\0\0\0\x02it"), Some(&b"it"[..]));
        assert_eq!(binary(b"\xa1\x02it"), None);
    }

    #[test]
    fn compounds_are_split() {
        for value in [
            &b"\xc1\x05\x02\xa1\x01a\x41"[..],
            b"\xd1\0\0\0\x08\0\0\0\x02\xa1\x01a\x41",
        ] {
            let content = map(value).unwrap();
            let entries = entries(content).collect::<Vec<_>>();
            assert_eq!(entries, [(&b"\xa1\x01a"[..], &b"\x41"[..])]);
            assert_eq!(list(value), None);
        }
        assert_eq!(list(b"\x45"), Some(&b""[..]));
        assert_eq!(list(b"\xc0\x03\x02\x40\x41"), Some(&b"\x40\x41"[..]));
        // An array holds values without a code of their own.
        assert_eq!(list(b"\xe0\x03\x01\x54\x07"), None);
        assert_eq!(map(b"\xc0\x01\x00"), None);
    }

    #[test]
    fn fields_of_described_lists_are_found() {
        let value = b"\x00\x53\x27\xc0\x05\x03\x41\x40\x54\x07";
        assert_eq!(field(value, 0), Some(&b"\x41"[..]));
        assert_eq!(field(value, 1), None);
        assert_eq!(field(value, 2), Some(&b"\x54\x07"[..]));
        assert_eq!(field(value, 3), None);
        assert_eq!(field(b"\xc0\x03\x01\x54\x07", 0), None);
    }
}
