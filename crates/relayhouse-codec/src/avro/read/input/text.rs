//! Strings and bytes, which stand after their length.

use std::str;

use ascii::AsAsciiStr;

use super::{Input, TOO_SHORT, short, signed};
use crate::avro::read::fault::Fault;

const NO_UTF8: &str = "a string is not UTF-8";

impl<'d> Input<'_, 'd> {
    #[inline]
    pub(in crate::avro::read) fn bytes(&mut self) -> Result<&'d [u8], Fault> {
        let bytes = self.read_bytes();
        self.or_fault(bytes)
    }

    #[inline]
    pub(in crate::avro::read) fn text(&mut self) -> Result<&'d str, Fault> {
        let text = self.read_text();
        self.or_fault(text)
    }

    #[inline]
    fn read_text(&mut self) -> Option<&'d str> {
        // Most texts are short and ASCII.
        if let Some((bytes, rest)) = self.short_bytes()
            && let Ok(text) = bytes.as_ascii_str()
        {
            self.rest = rest;
            return Some(text.as_str());
        }
        self.read_any_text()
    }

    #[inline(never)]
    fn read_any_text(&mut self) -> Option<&'d str> {
        let bytes = self.read_bytes()?;
        match str::from_utf8(bytes) {
            Ok(text) => Some(text),
            Err(_) => self.fail(NO_UTF8),
        }
    }

    /// Reads bytes that stand after their length, which is held against what is left.
    #[inline]
    fn read_bytes(&mut self) -> Option<&'d [u8]> {
        if let Some((bytes, rest)) = self.short_bytes() {
            self.rest = rest;
            return Some(bytes);
        }
        self.read_bytes_of_any_length()
    }

    /// Returns the bytes that come next, and what comes after them, if their length is one byte
    /// and they are within the bounds.
    #[inline]
    fn short_bytes(&self) -> Option<(&'d [u8], &'d [u8])> {
        let (byte, rest) = self.rest.split_first()?;
        let length = short(*byte)?;
        if self.text_bytes_max < length {
            return None;
        }
        rest.split_at_checked(length)
    }

    #[inline(never)]
    fn read_bytes_of_any_length(&mut self) -> Option<&'d [u8]> {
        let length = match self.rest.split_first() {
            Some((&byte, rest)) if byte < 0x80 => {
                self.rest = rest;
                signed(byte.into())
            }
            _ => self.long_of_many()?,
        };
        let Ok(length) = usize::try_from(length) else {
            return self.fail("a length is negative");
        };
        if self.text_bytes_max < length {
            return self.too_long(length);
        }
        match self.rest.split_at_checked(length) {
            Some((bytes, rest)) => {
                self.rest = rest;
                Some(bytes)
            }
            None => self.fail(TOO_SHORT),
        }
    }

    #[cold]
    fn too_long<T>(&mut self, length: usize) -> Option<T> {
        let max = self.text_bytes_max;
        self.fail(format!(
            "a string or bytes of {length} bytes, at most {max} are decoded"
        ))
    }

    pub(in crate::avro::read) fn utf8(&mut self, bytes: &'d [u8]) -> Result<&'d str, Fault> {
        str::from_utf8(bytes).map_err(|_| self.fault(NO_UTF8))
    }
}
