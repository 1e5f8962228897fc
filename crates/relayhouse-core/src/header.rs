//! Headers of a message: a small list of keys and values, and the rules they keep on send.

use bytes::Bytes;

use crate::{
    error::{Error, ErrorKind, Result},
    text::Text,
};

/// The longest key, in bytes.
pub const HEADER_KEY_BYTES_MAX: usize = 256;

/// The longest value, in bytes.
pub const HEADER_VALUE_BYTES_MAX: usize = 8 * 1024;

/// The most headers of one message.
pub const HEADER_COUNT_MAX: usize = 64;

/// Holds the headers of a message, in the order they were set.
///
/// Empty headers do not allocate. Keys are compared as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(Text, HeaderValue)>);

/// Holds the value of a header.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderValue {
    /// Text without control characters.
    Text(Text),
    /// Any bytes.
    Bytes(Bytes),
}

impl Headers {
    /// Makes empty headers.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Returns the number of headers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true if there is no header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&HeaderValue> {
        self.iter()
            .find_map(|(k, value)| (k == key).then_some(value))
    }

    /// Returns the value of `key` if it is text.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(HeaderValue::as_text)
    }

    /// Sets `key` to `value`, in the place of an earlier value.
    pub fn set(&mut self, key: impl Into<Text>, value: impl Into<HeaderValue>) {
        let (key, value) = (key.into(), value.into());
        match self.0.iter_mut().find(|(k, _)| *k == key) {
            Some((_, earlier)) => *earlier = value,
            None => self.0.push((key, value)),
        }
    }

    /// Takes `key` and its value out.
    pub fn remove(&mut self, key: &str) -> Option<HeaderValue> {
        let index = self.0.iter().position(|(k, _)| k == key)?;
        Some(self.0.remove(index).1)
    }

    /// Walks over keys and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &HeaderValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Returns the bytes of all keys and values together.
    #[must_use]
    pub fn size(&self) -> usize {
        self.iter()
            .map(|(key, value)| key.len() + value.len())
            .sum()
    }

    /// Checks the rules that a header must keep to be sent.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::MessageInvalid`] that names the key and the rule it breaks.
    pub fn check(&self) -> Result<()> {
        if HEADER_COUNT_MAX < self.len() {
            let count = self.len();
            return Err(invalid(format!(
                "{count} headers, at most {HEADER_COUNT_MAX} are allowed"
            )));
        }
        self.iter()
            .try_for_each(|(key, value)| check_header(key, value))
    }
}

fn check_header(key: &str, value: &HeaderValue) -> Result<()> {
    let key_is_plain = key.bytes().all(|byte| byte.is_ascii_graphic());
    if key.is_empty() || !key_is_plain {
        let key = key.escape_default();
        return Err(invalid(format!(
            "header key \"{key}\" must be visible ASCII characters without spaces"
        )));
    }
    if HEADER_KEY_BYTES_MAX < key.len() {
        let (start, length) = (&key[..32], key.len());
        return Err(invalid(format!(
            "header key \"{start}...\" has {length} bytes, at most {HEADER_KEY_BYTES_MAX} are allowed"
        )));
    }
    if HEADER_VALUE_BYTES_MAX < value.len() {
        let length = value.len();
        return Err(invalid(format!(
            "header \"{key}\" has {length} bytes, at most {HEADER_VALUE_BYTES_MAX} are allowed"
        )));
    }
    if value.as_text().is_some_and(has_control) {
        return Err(invalid(format!(
            "header \"{key}\" has a control character in its value"
        )));
    }
    Ok(())
}

/// Returns true if `text` has a control character, line feeds and tabs included.
pub(crate) fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::MessageInvalid, message)
}

impl HeaderValue {
    /// Returns the text, if it is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bytes(_) => None,
        }
    }

    /// Returns the bytes of the value.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    /// Returns the number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Returns true if the value has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

impl<T: Into<Text>> From<T> for HeaderValue {
    fn from(text: T) -> Self {
        Self::Text(text.into())
    }
}

impl From<Bytes> for HeaderValue {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(key: impl Into<Text>, value: impl Into<HeaderValue>) -> Headers {
        let mut headers = Headers::new();
        headers.set(key, value);
        headers
    }

    #[test]
    fn last_value_of_a_key_wins() {
        let mut headers = headers("tenant", "a");
        headers.set("tenant", "b");
        assert_eq!(headers.text("tenant"), Some("b"));
        assert_eq!(headers.len(), 1);
        assert!(headers.remove("tenant").is_some());
        assert!(headers.is_empty());
    }

    #[test]
    fn control_characters_and_lengths_are_refused() {
        let cases = [
            headers("", "v"),
            headers("a b", "v"),
            headers("a\r\nb", "v"),
            headers("k".repeat(HEADER_KEY_BYTES_MAX + 1), "v"),
            headers("k", "line\nfeed"),
            headers("k", "nul\0"),
            headers("k", "v".repeat(HEADER_VALUE_BYTES_MAX + 1)),
        ];
        for headers in cases {
            let kind = headers.check().map_err(|error| error.kind());
            assert_eq!(kind, Err(ErrorKind::MessageInvalid), "{headers:?}");
        }
    }

    #[test]
    fn unicode_values_and_any_bytes_are_fine() {
        assert!(headers("k", "größe ✓").check().is_ok());
        assert!(
            headers("k", Bytes::from_static(b"\0\n\xff"))
                .check()
                .is_ok()
        );
    }
}
