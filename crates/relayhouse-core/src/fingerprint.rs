//! What failures of the same cause have in common: a hash of their texts without what differs.

use std::fmt::{self, Debug, Display};

/// Groups failures of the same cause: a hash of the error's texts, without their numbers, ids and
/// quoted values.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u64);

/// Stands for whatever differs from one failure to the next.
const PLACEHOLDER: u8 = b'#';

/// A word of so many characters may be an id.
const ID_CHARS_MIN: usize = 8;

impl Fingerprint {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;

    /// Takes the fingerprint of `texts`: FNV-1a, with a placeholder for each number, each id (of
    /// hexadecimal digits, or of letters and digits mixed) and each quoted value.
    #[must_use]
    pub fn of(texts: &[&str]) -> Self {
        let mut hash = Self(Self::OFFSET);
        for text in texts {
            hash.take(text);
            hash.step(0);
        }
        hash
    }

    /// Makes a fingerprint of the number that [`as_u64`](Self::as_u64) gave.
    #[must_use]
    pub const fn from_u64(hash: u64) -> Self {
        Self(hash)
    }

    /// Returns the fingerprint as a number.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    fn take(&mut self, text: &str) {
        let mut rest = text;
        let mut is_after_word = false;
        while let Some(first) = rest.chars().next() {
            let word = word(rest);
            if !word.is_empty() {
                self.take_word(word);
                rest = &rest[word.len()..];
            } else if let Some(after) = quoted(rest).filter(|_| !is_after_word) {
                self.step(PLACEHOLDER);
                rest = after;
            } else {
                let (one, after) = rest.split_at(first.len_utf8());
                self.take_bytes(one);
                rest = after;
            }
            is_after_word = !word.is_empty();
        }
    }

    fn take_word(&mut self, word: &str) {
        if is_uuid(word) {
            return self.step(PLACEHOLDER);
        }
        for (index, part) in word.split('-').enumerate() {
            if 0 < index {
                self.step(b'-');
            }
            self.take_part(part);
        }
    }

    fn take_part(&mut self, part: &str) {
        if is_id(part) {
            return self.step(PLACEHOLDER);
        }
        let mut is_in_number = false;
        for byte in part.bytes() {
            let is_digit = byte.is_ascii_digit();
            if !(is_digit && is_in_number) {
                self.step(if is_digit { PLACEHOLDER } else { byte });
            }
            is_in_number = is_digit;
        }
    }

    fn take_bytes(&mut self, text: &str) {
        for byte in text.bytes() {
            self.step(byte);
        }
    }

    const fn step(&mut self, byte: u8) {
        self.0 = (self.0 ^ byte as u64).wrapping_mul(Self::PRIME);
    }
}

/// Returns the word that `text` begins with: letters and digits, with dashes between them.
fn word(text: &str) -> &str {
    let is_outside = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    let end = text.find(is_outside).unwrap_or(text.len());
    match text.starts_with('-') {
        true => "",
        false => text[..end].trim_end_matches('-'),
    }
}

/// Returns what follows the quoted value that `text` begins with.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| "\"'`".contains(*c))?;
    let (value, after) = text[1..].split_once(quote)?;
    let is_one_line = !value.contains('\n');
    is_one_line.then_some(after)
}

fn is_uuid(word: &str) -> bool {
    let lengths = word.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && word.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// Returns true for what looks like a number in hexadecimal digits, or a random text.
fn is_id(part: &str) -> bool {
    let is_hex = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit());
    if let Some(digits) = part.strip_prefix("0x") {
        return is_hex(digits);
    }
    let is_mixed = match runs(part) {
        0 => false,
        1 => is_hex(part),
        _ => true,
    };
    is_mixed && ID_CHARS_MIN <= part.len()
}

/// Counts the runs of digits.
fn runs(part: &str) -> usize {
    let parts = part.split(|c: char| !c.is_ascii_digit());
    parts.filter(|part| !part.is_empty()).count()
}

impl Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Fingerprint {
        Fingerprint::of(&[text])
    }

    #[test]
    fn what_differs_from_one_failure_to_the_next_is_forgotten() {
        for (one, other) in [
            ("order 17 not found", "order 4711 not found"),
            ("no stock of 'blue mug'", "no stock of 'tea'"),
            (
                "unknown field `a`, expected \"b\"",
                "unknown field `c`, expected \"d\"",
            ),
            ("at 0x7f3a12", "at 0xdeadbeef"),
            ("trace 4bf92f3577b34da6", "trace 00f067aa0ba902b7"),
            (
                "id 6f1c0c1e-9d2b-4c7a-8a54-0d8f6e1b2c3d is gone",
                "id abcdabcd-abcd-abcd-abcd-abcdabcdab12 is gone",
            ),
            ("token a8Zk3Qp0 refused", "token 7Qm2xWv9Lp refused"),
            ("timeout after 1.5s", "timeout after 30.25s"),
            ("order-a8Zk3Qp0 refused", "order-7Qm2xWv9Lp refused"),
        ] {
            assert_eq!(of(one), of(other), "{one} / {other}");
        }
    }

    #[test]
    fn what_is_said_is_not_forgotten() {
        for (one, other) in [
            ("order 17 not found", "order 17 not paid"),
            ("can't open it", "can't close it"),
            (
                "the customer's card isn't valid",
                "the customer's name isn't valid",
            ),
            ("facade is broken", "deadline is broken"),
            ("call of pay-v1 failed", "call of ship-v1 failed"),
            ("a-b", "a--b"),
            ("", "#"),
        ] {
            assert_ne!(of(one), of(other), "{one} / {other}");
        }
        assert_ne!(Fingerprint::of(&["a", "b"]), Fingerprint::of(&["ab", ""]));
        assert_eq!(of("").to_string().len(), 16);
    }

    proptest::proptest! {
        /// Any text has a fingerprint, and a number in it makes no difference.
        #[test]
        fn numbers_make_no_difference(before in ".*", after in ".*", one: u32, other: u32) {
            let text = |number| of(&format!("{before} {number} {after}"));
            proptest::prop_assert_eq!(text(one), text(other));
        }
    }
}
