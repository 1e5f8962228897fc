//! Small identifiers: of a message, and of one delivery of it.

use std::{
    fmt::{self, Debug, Display},
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::random::Random;

const HEX: &[u8; 16] = b"0123456789abcdef";
const HEX_LEN: usize = 32;

/// Names a message: given before its first send, and kept for its whole life.
///
/// Sixteen bytes are held inline and printed as 32 lowercase hexadecimal digits;
/// any other text is shared. Two ids are equal if they print alike.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MessageId(Repr);

/// Proves the lease of one delivery, and of no other delivery of the same message.
///
/// Only the adapter that made a receipt can read it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Receipt(Repr);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Inline([u8; 16]),
    Shared(Arc<str>),
}

impl MessageId {
    /// Makes an id of sixteen bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Repr::Inline(bytes))
    }

    /// Returns the sixteen bytes, if the id is held inline.
    #[must_use]
    pub const fn as_bytes(&self) -> Option<&[u8; 16]> {
        match &self.0 {
            Repr::Inline(bytes) => Some(bytes),
            Repr::Shared(_) => None,
        }
    }

    /// Makes an id of `text`, held inline if it is 32 lowercase hexadecimal digits.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(Repr::from_text(text))
    }
}

impl From<u128> for MessageId {
    fn from(number: u128) -> Self {
        Self::from_bytes(number.to_be_bytes())
    }
}

impl From<&str> for MessageId {
    fn from(text: &str) -> Self {
        Self::from_text(text)
    }
}

impl From<String> for MessageId {
    fn from(text: String) -> Self {
        Self::from_text(&text)
    }
}

impl Receipt {
    /// Makes a receipt of sixteen bytes, such as a slot with its generation, or a UUID.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Repr::Inline(bytes))
    }

    /// Makes a receipt of a provider's handle.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(Repr::Shared(text.into()))
    }

    /// Returns the sixteen bytes, if the receipt was made of bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> Option<&[u8; 16]> {
        match &self.0 {
            Repr::Inline(bytes) => Some(bytes),
            Repr::Shared(_) => None,
        }
    }

    /// Returns the provider's handle, if the receipt was made of text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.0 {
            Repr::Inline(_) => None,
            Repr::Shared(text) => Some(text),
        }
    }
}

impl Repr {
    fn from_text(text: &str) -> Self {
        parse_hex(text).map_or_else(|| Self::Shared(text.into()), Self::Inline)
    }
}

fn parse_hex(text: &str) -> Option<[u8; 16]> {
    let digits: &[u8; HEX_LEN] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl Display for Repr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline(bytes) => {
                let mut digits = [0; HEX_LEN];
                for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
                    pair[0] = HEX[usize::from(byte >> 4)];
                    pair[1] = HEX[usize::from(byte & 15)];
                }
                f.pad(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
            }
            Self::Shared(text) => f.pad(text),
        }
    }
}

impl Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}

impl Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({})", self.0)
    }
}

impl Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}

impl Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receipt({})", self.0)
    }
}

/// Makes message ids: a random prefix of eight bytes and a counter of eight bytes.
#[derive(Debug)]
pub struct MessageIds {
    prefix: u64,
    next: AtomicU64,
}

impl MessageIds {
    /// Draws the prefix from `random`.
    #[must_use]
    pub fn new(random: &dyn Random) -> Self {
        Self {
            prefix: random.next_u64(),
            next: AtomicU64::new(0),
        }
    }

    /// Makes the next id.
    #[must_use]
    pub fn next_id(&self) -> MessageId {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        MessageId::from(u128::from(self.prefix) << 64 | u128::from(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn id_is_equal_to_what_it_prints() {
        let ids = MessageIds::new(&SeededRandom::new(7));
        for id in [ids.next_id(), "order-7".into(), "".into()] {
            assert_eq!(MessageId::from_text(&id.to_string()), id);
        }
    }

    #[test]
    fn ids_differ() {
        let ids = MessageIds::new(&SeededRandom::new(7));
        assert_ne!(ids.next_id(), ids.next_id());
    }

    #[test]
    fn upper_case_digits_stay_text() {
        let text = "00000000000000000000000000000ABC";
        assert_eq!(MessageId::from_text(text).as_bytes(), None);
        assert_eq!(MessageId::from_text(text).to_string(), text);
    }

    #[test]
    fn small_values_stay_small() {
        assert_eq!(size_of::<MessageId>(), 24);
        assert_eq!(size_of::<Option<MessageId>>(), 24);
        assert_eq!(size_of::<Receipt>(), 24);
    }
}
