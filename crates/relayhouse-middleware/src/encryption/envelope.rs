//! The bytes of an envelope: how its head is written and read. All input is hostile.

use relayhouse_core::{Error, ErrorKind, Result, Timestamp};

use super::{
    Suite,
    cipher::{NONCE_BYTES, TAG_BYTES},
};

/// How an envelope begins, and no text does: the first byte cannot begin a character in UTF-8.
const MAGIC: [u8; 4] = *b"\x9eRHE";

const VERSION: u8 = 1;

/// The flag that says that the id of the message is bound.
const ID_IS_BOUND: u8 = 1;

/// The most names of headers that an envelope lists.
pub(super) const NAMES_MAX: usize = u8::MAX as usize;

/// What stands before the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head<'a> {
    pub(super) suite: Suite,
    pub(super) id_is_bound: bool,
    pub(super) key: &'a str,
    pub(super) sealed_at: Timestamp,
    pub(super) nonce: [u8; NONCE_BYTES],
    pub(super) names: Vec<&'a str>,
}

/// An envelope in its parts.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) head: Head<'a>,
    pub(super) head_bytes: &'a [u8],
    pub(super) text: &'a [u8],
    pub(super) tag: [u8; TAG_BYTES],
}

impl Head<'_> {
    /// Writes the head, with room behind it for a text of `length` bytes and the tag.
    ///
    /// The lengths of key id and names fit, since a key id and the key of a header are checked.
    pub(super) fn write(&self, length: usize) -> Vec<u8> {
        let names: usize = self.names.iter().map(|name| 2 + name.len()).sum();
        let head = MAGIC.len() + 3 + 1 + self.key.len() + 8 + NONCE_BYTES + 1 + names;
        let mut bytes = Vec::with_capacity(head + length + TAG_BYTES);
        bytes.extend(MAGIC);
        bytes.push(VERSION);
        bytes.push(suite_byte(self.suite));
        bytes.push(if self.id_is_bound { ID_IS_BOUND } else { 0 });
        bytes.push(u8::try_from(self.key.len()).unwrap_or(u8::MAX));
        bytes.extend(self.key.as_bytes());
        bytes.extend(self.sealed_at.as_micros().to_be_bytes());
        bytes.extend(self.nonce);
        bytes.push(u8::try_from(self.names.len()).unwrap_or(u8::MAX));
        for name in &self.names {
            bytes.extend(u16::try_from(name.len()).unwrap_or(u16::MAX).to_be_bytes());
            bytes.extend(name.as_bytes());
        }
        bytes
    }
}

impl<'a> Envelope<'a> {
    /// Reads `body`: `None` if it is no envelope.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Unsupported`] for a version, suite or flag that is not known, and
    /// [`ErrorKind::Forged`] for what nobody writes.
    pub(super) fn read(body: &'a [u8]) -> Result<Option<Self>> {
        let Some(rest) = body.strip_prefix(&MAGIC) else {
            return Ok(None);
        };
        let mut rest = Rest(rest);
        let version = rest.byte()?;
        if version != VERSION {
            return Err(unsupported("version", version));
        }
        let suite = rest.byte()?;
        let suite = suite_of(suite).ok_or_else(|| unsupported("suite", suite))?;
        let flags = rest.byte()?;
        if flags & !ID_IS_BOUND != 0 {
            return Err(unsupported("flags", flags));
        }
        let key_length = rest.byte()?.into();
        let key = rest.text(key_length)?;
        let sealed_at = Timestamp::from_micros(u64::from_be_bytes(rest.array()?));
        let nonce = rest.array()?;
        let names = rest.names()?;
        let head_bytes = &body[..body.len() - rest.0.len()];
        let (text, tag) = rest.0.split_last_chunk().ok_or_else(cut_short)?;
        let head = Head {
            suite,
            id_is_bound: flags & ID_IS_BOUND != 0,
            key,
            sealed_at,
            nonce,
            names,
        };
        Ok(Some(Self {
            head,
            head_bytes,
            text,
            tag: *tag,
        }))
    }
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| cut_short())
    }

    fn byte(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    fn text(&mut self, length: usize) -> Result<&'a str> {
        std::str::from_utf8(self.take(length)?)
            .map_err(|_| forged("envelope names what is no text"))
    }

    fn names(&mut self) -> Result<Vec<&'a str>> {
        let count = self.byte()?;
        let mut names = Vec::new();
        for _ in 0..count {
            let length = u16::from_be_bytes(self.array()?);
            names.push(self.text(length.into())?);
        }
        Ok(names)
    }
}

const fn suite_byte(suite: Suite) -> u8 {
    match suite {
        Suite::Aes256Gcm => 1,
        Suite::ChaCha20Poly1305 => 2,
    }
}

const fn suite_of(byte: u8) -> Option<Suite> {
    match byte {
        1 => Some(Suite::Aes256Gcm),
        2 => Some(Suite::ChaCha20Poly1305),
        _ => None,
    }
}

fn unsupported(what: &str, byte: u8) -> Error {
    let text = format!("envelope has the {what} {byte}, which is not known here");
    Error::new(ErrorKind::Unsupported, text)
}

fn cut_short() -> Error {
    forged("envelope is cut short")
}

fn forged(text: &'static str) -> Error {
    Error::new(ErrorKind::Forged, text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head() -> Head<'static> {
        Head {
            suite: Suite::ChaCha20Poly1305,
            id_is_bound: true,
            key: "2026-11",
            sealed_at: Timestamp::from_micros(1_700_000_000_000_000),
            nonce: [7; NONCE_BYTES],
            names: vec!["tenant", "content-encoding"],
        }
    }

    fn written() -> Vec<u8> {
        let mut bytes = head().write(4);
        bytes.extend(b"text");
        bytes.extend([9; TAG_BYTES]);
        bytes
    }

    #[test]
    fn envelope_is_read_as_it_was_written() {
        let bytes = written();
        assert_eq!(bytes.capacity(), bytes.len(), "its length was foreseen");
        let envelope = Envelope::read(&bytes).unwrap().unwrap();
        assert_eq!(envelope.head, head());
        assert_eq!(envelope.text, b"text");
        assert_eq!(envelope.tag, [9; TAG_BYTES]);
        let whole = [envelope.head_bytes, b"text", &[9; TAG_BYTES]].concat();
        assert_eq!(whole, bytes);
    }

    #[test]
    fn what_is_not_known_is_unsupported() {
        for (place, name) in [(4, "version"), (5, "suite"), (6, "flags")] {
            let mut bytes = written();
            bytes[place] = 0x82;
            let error = Envelope::read(&bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            let text = format!("envelope has the {name} 130, which is not known here");
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn what_is_cut_is_forged_or_none() {
        let bytes = written();
        let head_length = bytes.len() - 4 - TAG_BYTES;
        for length in 0..head_length + TAG_BYTES {
            let kind = Envelope::read(&bytes[..length]).map_err(|error| error.kind());
            match kind {
                Ok(none) => assert!(none.is_none() && length < MAGIC.len()),
                Err(kind) => assert_eq!(kind, ErrorKind::Forged),
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_panic(rest: Vec<u8>) {
            drop(Envelope::read(&rest));
            drop(Envelope::read(&[&MAGIC[..], &[VERSION, 1, 0], &rest].concat()));
        }
    }
}
