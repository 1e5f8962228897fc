//! The port that gives keys of encryption, and the keys.

use std::{
    fmt::{self, Debug, Display},
    sync::Arc,
};

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::{
    error::{Error, ErrorKind, Result},
    text::Text,
};

/// The bytes of a key.
pub const KEY_BYTES: usize = 32;

/// The longest id of a key, in bytes.
pub const KEY_ID_BYTES_MAX: usize = 64;

/// Gives the keys that messages are encrypted with.
#[async_trait]
pub trait KeyProvider: Debug + Send + Sync {
    /// Reads all keys as they are now: the one that encrypts, and those that still decrypt.
    ///
    /// The caller keeps the answer, and asks again when it is old or lacks a key. A key that is not
    /// in the next answer is removed: what was encrypted with it cannot be read any more. The
    /// caller retries. Calls may overlap. Dropping the future has no effect.
    async fn keys(&self) -> Result<KeyRing>;
}

/// Names a key: it travels in clear text with what the key encrypted.
///
/// 1 to 64 bytes of ASCII letters, digits and `-` `_` `.`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Text);

/// Holds a key of 256 bits, which cannot be printed, and is wiped from memory when its last clone
/// is dropped.
///
/// It must be random: it is no password.
#[derive(Clone)]
pub struct Key {
    id: KeyId,
    bytes: Arc<Zeroizing<[u8; KEY_BYTES]>>,
}

/// Holds the key that encrypts, and those that only decrypt any more. It is the provider of keys
/// that do not change.
#[derive(Clone, Debug)]
pub struct KeyRing {
    current: Key,
    older: Vec<Key>,
}

impl KeyId {
    /// Checks `id`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] that names the rule `id` breaks.
    pub fn new(id: impl Into<Text>) -> Result<Self> {
        let id = id.into();
        let is_plain = id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if id.is_empty() || KEY_ID_BYTES_MAX < id.len() || !is_plain {
            let rule = format!(
                "key id must be 1 to {KEY_ID_BYTES_MAX} ASCII letters, digits or any of -_."
            );
            return Err(Error::new(ErrorKind::ConfigInvalid, rule));
        }
        Ok(Self(id))
    }

    /// Returns the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", self.0)
    }
}

impl Key {
    /// Copies a key of `bytes`, which are the caller's to wipe.
    #[must_use]
    pub fn new(id: KeyId, bytes: &[u8; KEY_BYTES]) -> Self {
        // Made in its place, so that no copy is left on the way.
        let mut held = Arc::new(Zeroizing::new([0; KEY_BYTES]));
        Arc::make_mut(&mut held).copy_from_slice(bytes);
        Self { id, bytes: held }
    }

    /// Reads a key of 64 hexadecimal digits.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] if that is not what `text` is; it does not repeat it.
    pub fn from_hex(id: KeyId, text: &str) -> Result<Self> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        let digits = text.as_bytes();
        let is_key = digits.len() == 2 * KEY_BYTES && digits.iter().all(u8::is_ascii_hexdigit);
        if !is_key {
            let rule = format!("key {id} must be {} hexadecimal digits", 2 * KEY_BYTES);
            return Err(Error::new(ErrorKind::ConfigInvalid, rule));
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0]) << 4 | nibble(pair[1]);
        }
        Ok(Self::new(id, &bytes))
    }

    /// Returns the id.
    #[must_use]
    pub const fn id(&self) -> &KeyId {
        &self.id
    }

    /// Returns the key. Do not store, print or log what it returns.
    #[must_use]
    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }
}

/// Returns the value of a hexadecimal digit.
const fn nibble(digit: u8) -> u8 {
    match digit {
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => digit.wrapping_sub(b'0'),
    }
}

impl Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, bytes: _ } = self;
        write!(f, "Key({id}, ..)")
    }
}

impl KeyRing {
    /// Encrypts and decrypts with `current`.
    #[must_use]
    pub const fn new(current: Key) -> Self {
        Self {
            current,
            older: Vec::new(),
        }
    }

    /// Decrypts with `key` too.
    #[must_use]
    pub fn older(mut self, key: Key) -> Self {
        self.older.push(key);
        self
    }

    /// Returns the key that encrypts.
    #[must_use]
    pub const fn current(&self) -> &Key {
        &self.current
    }

    /// Walks over all keys, the current one first.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.current).chain(&self.older)
    }
}

#[async_trait]
impl KeyProvider for KeyRing {
    async fn keys(&self) -> Result<KeyRing> {
        Ok(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: &'static str) -> KeyId {
        KeyId::new(id).unwrap()
    }

    #[test]
    fn key_is_read_from_digits_and_never_printed() {
        let key = Key::from_hex(id("2026-11"), &"0aF9".repeat(16)).unwrap();
        assert_eq!(key.expose()[..4], [0x0a, 0xf9, 0x0a, 0xf9]);
        assert_eq!(format!("{key:?}"), "Key(2026-11, ..)");
        let ring = format!("{:?}", KeyRing::new(key));
        assert!(!ring.contains("10, 249"), "{ring}");
    }

    #[test]
    fn wrong_keys_and_ids_are_refused_without_repeating_them() {
        for text in ["", "0af9", &"g".repeat(64), &"0".repeat(65)] {
            let error = Key::from_hex(id("a"), text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
            assert_eq!(error.to_string(), "key a must be 64 hexadecimal digits");
        }
        for wrong in ["", "a/b", "a b", &"k".repeat(65)] {
            let error = KeyId::new(wrong.to_owned()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        }
    }

    /// What is wiped is gone by then, and cannot be looked at: the type is what can be shown.
    #[test]
    fn key_is_wiped_by_its_type() {
        fn is_wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        let key = Key::new(id("a"), &[7; KEY_BYTES]);
        is_wiped(&*key.bytes);
    }

    #[test]
    fn current_key_comes_first() {
        let key = |name| Key::new(id(name), &[7; KEY_BYTES]);
        let ring = KeyRing::new(key("b")).older(key("a"));
        assert_eq!(ring.current().id(), &id("b"));
        let ids: Vec<&str> = ring.iter().map(|key| key.id().as_str()).collect();
        assert_eq!(ids, ["b", "a"]);
    }
}
