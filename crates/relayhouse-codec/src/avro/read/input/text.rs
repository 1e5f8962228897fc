//! Strings and bytes, which stand after their length.

use std::str;

use ascii::AsAsciiStr;

use super::{EIGHT, Input, NOT_SHORT, TOO_SHORT, signed};
use crate::avro::read::fault::Fault;

const NO_UTF8: &str = "a string is not UTF-8";

/// The longest text, in bytes, whose length is written as one.
const SHORT_BYTES_MAX: usize = 0x3f;

/// Returns the bits of a length that none of a short text has. Where some of these are beyond the
/// bound, no text is short but one without a byte.
pub(super) const fn not_short(text_bytes_max: usize) -> u8 {
    match SHORT_BYTES_MAX <= text_bytes_max {
        true => NOT_SHORT,
        false => u8::MAX,
    }
}

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
        match self.short_ascii() {
            Some(text) => Some(text),
            None => self.read_any_text(),
        }
    }

    /// Returns the text that comes next, if it is short, and ASCII together with what stands behind
    /// it in its last word: whole words are looked at in less time than single bytes.
    #[inline]
    fn short_ascii(&mut self) -> Option<&'d str> {
        let (length, rest) = self.short_length()?;
        let words = rest.get(..(length | (EIGHT - 1)) + 1)?;
        let text = words.as_ascii_str().ok()?;
        self.rest = rest.get(length..)?;
        Some(text[..length].as_str())
    }

    #[inline(never)]
    fn read_any_text(&mut self) -> Option<&'d str> {
        let bytes = self.read_bytes()?;
        // It may be ASCII by itself, which is found out faster than UTF-8.
        if let Ok(text) = bytes.as_ascii_str() {
            return Some(text.as_str());
        }
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

    /// Returns the bytes that come next, and what comes after them, if they are short.
    #[inline]
    fn short_bytes(&self) -> Option<(&'d [u8], &'d [u8])> {
        let (length, rest) = self.short_length()?;
        rest.split_at_checked(length)
    }

    /// Returns the length that comes next, and what comes after it, if it is one byte and within
    /// the bounds.
    #[inline]
    fn short_length(&self) -> Option<(usize, &'d [u8])> {
        let (byte, rest) = self.rest.split_first()?;
        (byte & self.not_short == 0).then(|| (usize::from(byte / 2), rest))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{avro::read::plan::Plan, bounds::Bounds};

    /// Reads what is written as `text`, with `behind` behind it.
    fn read(text: &[u8], behind: &[u8]) -> Option<String> {
        let length = u8::try_from(2 * text.len()).unwrap();
        let datum = [&[length], text, behind].concat();
        let (plan, bounds) = (Plan::default(), Bounds::default());
        let mut input = Input::new(&plan, &datum, &bounds);
        let read = input.text().ok()?.to_owned();
        assert_eq!(input.mark(), behind, "{text:x?}");
        Some(read)
    }

    #[test]
    fn text_is_read_whatever_stands_behind_it() {
        for length in 0..64 {
            let ascii: Vec<u8> = (b'A'..=b'z').cycle().take(length).collect();
            let mut texts = vec![ascii.clone()];
            if let Some(start) = length.checked_sub("é".len()) {
                texts.push([&ascii[..start], "é".as_bytes()].concat());
            }
            for text in texts {
                for behind in [
                    &b""[..],
                    b"a",
                    b"\x80",
                    b"fourteen bytes",
                    b"six ..\xff........",
                ] {
                    assert_eq!(read(&text, behind).unwrap().as_bytes(), text);
                }
            }
        }
    }

    #[test]
    fn what_is_no_utf8_is_refused_wherever_it_stands() {
        for length in 1..64 {
            for at in 0..length {
                let mut text = vec![b'a'; length];
                text[at] = 0xff;
                assert_eq!(read(&text, &[b'b'; 8]), None);
            }
        }
    }
}
