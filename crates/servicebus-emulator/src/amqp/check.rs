//! Encoded values, looked over before they are decoded.
//!
//! What decodes them trusts sizes and counts, and goes one call deeper with each level: so they are
//! walked first, without allocating, and only what is well formed and within bounds is decoded.

use std::{error, fmt, str};

/// How deep values may be nested in each other.
const DEPTH_MAX: usize = 32;
/// How many values one value may hold, at all depths.
const ITEMS_MAX: usize = 65_536;

const DESCRIBED: u8 = 0x00;

/// An encoded value that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Where, from the start of the value, in bytes.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read a value: {} at byte {}", self.what, self.at)
    }
}

impl error::Error for Malformed {}

/// Returns how many bytes the first value takes.
///
/// # Errors
///
/// Returns what is wrong if the value is cut short, if sizes and counts contradict each other, if
/// there is a code that AMQP does not know, if text is no text, or if the value is nested deeper
/// than 32 levels or holds more than 65,536 values.
pub fn value_bytes(bytes: &[u8]) -> Result<usize, Malformed> {
    let mut walker = Walker {
        bytes,
        at: 0,
        end: bytes.len(),
        items_left: ITEMS_MAX,
    };
    walker.value(0)?;
    Ok(walker.at)
}

/// The content of a code, by the first half of its byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Fixed(usize),
    /// Bytes or text, with the size in so many bytes.
    Variable(usize),
    /// A list or a map, with size and count in so many bytes each.
    Compound(usize),
    Array(usize),
}

struct Walker<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the compound ends that the walk is in.
    end: usize,
    items_left: usize,
}

impl Walker<'_> {
    fn malformed<T>(&self, what: &'static str) -> Result<T, Malformed> {
        Err(Malformed { at: self.at, what })
    }

    fn take(&mut self, count: usize) -> Result<&[u8], Malformed> {
        if self.end - self.at < count {
            return self.malformed("it is cut short");
        }
        let taken = &self.bytes[self.at..self.at + count];
        self.at += count;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    /// Reads a size or a count of one byte or of four.
    fn number(&mut self, width: usize) -> Result<usize, Malformed> {
        let taken = self.take(width)?;
        Ok(taken
            .iter()
            .fold(0, |sum, &byte| sum << 8 | usize::from(byte)))
    }

    fn count_item(&mut self) -> Result<(), Malformed> {
        let Some(left) = self.items_left.checked_sub(1) else {
            return self.malformed("it holds more than 65,536 values");
        };
        self.items_left = left;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<(), Malformed> {
        let code = self.constructor(depth)?;
        self.content(code, depth)
    }

    /// Reads a code, and the descriptors before it.
    fn constructor(&mut self, depth: usize) -> Result<u8, Malformed> {
        let mut code = self.byte()?;
        let mut depth = depth;
        while code == DESCRIBED {
            depth += 1;
            self.descend(depth)?;
            self.descriptor()?;
            code = self.byte()?;
        }
        Ok(code)
    }

    /// Reads what describes a value: a symbol or an unsigned long.
    fn descriptor(&mut self) -> Result<(), Malformed> {
        match self.byte()? {
            code @ (0x44 | 0x53 | 0x80 | 0xa3 | 0xb3) => self.content(code, DEPTH_MAX),
            _ => self.malformed("a descriptor is neither a symbol nor a number"),
        }
    }

    fn descend(&self, depth: usize) -> Result<(), Malformed> {
        if DEPTH_MAX < depth {
            return self.malformed("it is nested deeper than 32 levels");
        }
        Ok(())
    }

    fn content(&mut self, code: u8, depth: usize) -> Result<(), Malformed> {
        self.count_item()?;
        let Some(content) = content_of(code) else {
            return self.malformed("there is no such code");
        };
        match content {
            Content::Fixed(width) => self.fixed(code, width),
            Content::Variable(width) => self.variable(code, width),
            Content::Compound(width) => self.compound(code, width, depth + 1),
            Content::Array(width) => self.array(width, depth + 1),
        }
    }

    fn fixed(&mut self, code: u8, width: usize) -> Result<(), Malformed> {
        let value = self.take(width)?;
        if code == 0x56 && 1 < value[0] {
            return self.malformed("a boolean is neither 0 nor 1");
        }
        if code == 0x73 && !is_character(value) {
            return self.malformed("there is no such character");
        }
        Ok(())
    }

    fn variable(&mut self, code: u8, width: usize) -> Result<(), Malformed> {
        let size = self.number(width)?;
        let content = self.take(size)?;
        let is_readable = match code & 0x0f {
            0x01 => str::from_utf8(content).is_ok(),
            0x03 => content.is_ascii(),
            _ => true,
        };
        if !is_readable {
            return self.malformed("text is neither UTF-8 nor, for a symbol, ASCII");
        }
        Ok(())
    }

    fn compound(&mut self, code: u8, width: usize, depth: usize) -> Result<(), Malformed> {
        let (outer, count) = self.enter(width, depth)?;
        let is_map = code & 0x0f == 0x01;
        if is_map && count % 2 != 0 {
            return self.malformed("a key of a map has no value");
        }
        for _ in 0..count {
            self.value(depth)?;
        }
        self.leave(outer)
    }

    fn array(&mut self, width: usize, depth: usize) -> Result<(), Malformed> {
        let (outer, count) = self.enter(width, depth)?;
        if count == 0 {
            // Some write what the elements would be, others do not.
            self.at = self.end;
            return self.leave(outer);
        }
        let code = self.constructor(depth)?;
        for _ in 0..count {
            self.content(code, depth)?;
        }
        self.leave(outer)
    }

    /// Reads size and count, and stays within that size until [`leave`](Self::leave).
    fn enter(&mut self, width: usize, depth: usize) -> Result<(usize, usize), Malformed> {
        self.descend(depth)?;
        let size = self.number(width)?;
        if size < width || self.end - self.at < size {
            return self.malformed("a size is not that of its content");
        }
        let outer = self.end;
        self.end = self.at + size;
        let count = self.number(width)?;
        if self.items_left < count {
            return self.malformed("it holds more than 65,536 values");
        }
        Ok((outer, count))
    }

    fn leave(&mut self, outer: usize) -> Result<(), Malformed> {
        if self.at != self.end {
            return self.malformed("a size is not that of its content");
        }
        self.end = outer;
        Ok(())
    }
}

fn is_character(bytes: &[u8]) -> bool {
    let code = bytes.first_chunk().map(|code| u32::from_be_bytes(*code));
    code.and_then(char::from_u32).is_some()
}

fn content_of(code: u8) -> Option<Content> {
    Some(match code {
        // null, true, false, 0, 0, an empty list
        0x40..=0x45 => Content::Fixed(0),
        // small numbers and booleans
        0x50..=0x56 => Content::Fixed(1),
        0x60 | 0x61 => Content::Fixed(2),
        // numbers, a decimal, a character
        0x70..=0x74 => Content::Fixed(4),
        // numbers, a decimal, a time
        0x80..=0x84 => Content::Fixed(8),
        // a decimal, a UUID
        0x94 | 0x98 => Content::Fixed(16),
        0xa0 | 0xa1 | 0xa3 => Content::Variable(1),
        0xb0 | 0xb1 | 0xb3 => Content::Variable(4),
        0xc0 | 0xc1 => Content::Compound(1),
        0xd0 | 0xd1 => Content::Compound(4),
        0xe0 => Content::Array(1),
        0xf0 => Content::Array(4),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_amqp::{Value, from_slice};

    use super::*;

    #[test]
    fn values_are_measured() {
        for (bytes, expected) in [
            (&[0x40][..], 1),
            (&[0x56, 1, 9][..], 2),
            (&[0x45, 0x45][..], 1),
            (&[0xa1, 2, b'a', b'b', 0][..], 4),
            (&[0xc0, 3, 2, 0x40, 0x41, 7][..], 5),
            (&[0xc1, 3, 2, 0x44, 0x41][..], 5),
            (&[0x00, 0x53, 0x24, 0x45, 0x45][..], 4),
            (&[0xe0, 4, 2, 0x50, 7, 8][..], 6),
            (&[0xe0, 2, 3, 0x41][..], 4),
            (&[0xe0, 1, 0][..], 3),
            (&[0xe0, 2, 0, 0xa3][..], 4),
            (&[0xf0, 0, 0, 0, 5, 0, 0, 0, 9, 0x43][..], 10),
            (&[0xd0, 0, 0, 0, 4, 0, 0, 0, 0][..], 9),
        ] {
            assert_eq!(value_bytes(bytes), Ok(expected), "{bytes:02x?}");
        }
    }

    #[test]
    fn contradictions_are_refused() {
        for (bytes, what) in [
            (&[][..], "cut short"),
            (&[0x70, 1, 2][..], "cut short"),
            (&[0xb0, 0xff, 0xff, 0xff, 0xff][..], "cut short"),
            (&[0x57, 1][..], "no such code"),
            (&[0x56, 2][..], "boolean"),
            (&[0x73, 0, 0, 0xd8, 0][..], "character"),
            (&[0xc0, 0, 0][..], "size"),
            (&[0xc0, 2, 2, 0x40, 0x40][..], "cut short"),
            (&[0xc0, 3, 1, 0x40, 0x40][..], "size"),
            (&[0xc1, 2, 1, 0x40][..], "map"),
            (&[0xa1, 1, 0xff][..], "text"),
            (&[0xa3, 2, 0xc3, 0xa4][..], "text"),
            (&[0x00, 0x40, 0x40][..], "descriptor"),
            (&[0xd0, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff][..], "65,536"),
            (
                &[0xf0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0x43][..],
                "65,536",
            ),
        ] {
            let refused = value_bytes(bytes).unwrap_err();
            assert!(refused.what.contains(what), "{bytes:02x?}: {refused}");
        }
    }

    /// Counts add up: a few bytes cannot stand for a great many values.
    #[test]
    fn items_are_bounded_together() {
        let inner = [0xf0, 0, 0, 0, 5, 0, 0, 0x80, 0, 0x43];
        let mut bytes = vec![0xc0, 31, 3];
        for _ in 0..3 {
            bytes.extend_from_slice(&inner);
        }
        assert!(value_bytes(&bytes).unwrap_err().what.contains("65,536"));
        assert_eq!(value_bytes(&inner), Ok(10));
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |levels: u8| {
            let mut bytes = vec![0x40];
            for _ in 0..levels {
                let mut outer = vec![0xd0];
                outer.extend_from_slice(&u32::try_from(bytes.len() + 4).unwrap().to_be_bytes());
                outer.extend_from_slice(&1_u32.to_be_bytes());
                outer.append(&mut bytes);
                bytes = outer;
            }
            bytes
        };
        assert!(value_bytes(&nested(32)).is_ok());
        let refused = value_bytes(&nested(33)).unwrap_err();
        assert!(refused.what.contains("32 levels"), "{refused}");
        let described = [[0x00, 0x44]; 40].concat();
        let refused = value_bytes(&described).unwrap_err();
        assert!(refused.what.contains("32 levels"), "{refused}");
    }

    proptest! {
        /// What passes can be decoded without a panic, whatever it is.
        #[test]
        fn what_passes_does_not_panic(
            mut bytes in prop::collection::vec(any::<u8>(), 0..64),
            codes in prop::collection::vec((0_usize..64, prop::sample::select(vec![
                0x00_u8, 0x40, 0x43, 0x44, 0x45, 0x53, 0xa1, 0xa3, 0xc0, 0xc1, 0xd0, 0xe0, 0xf0,
            ])), 0..12),
        ) {
            for (at, code) in codes {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = code;
                }
            }
            if let Ok(count) = value_bytes(&bytes) {
                let _ = from_slice::<Value>(&bytes[..count]);
            }
        }
    }
}
