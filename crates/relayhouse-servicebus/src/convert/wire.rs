//! The encodings of AMQP 1.0 (part 1.6) that messages mostly have, read one after the other.

use std::str;

/// Reads values from front to back; `None` is what is cut, wrong, or not read here.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a>(&'a [u8]);

/// Is what is left of a list or a map.
///
/// A list may leave out what is null at its end.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    cursor: Cursor<'a>,
    left: u32,
}

/// Is a value that holds no others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Null,
    Ubyte(u8),
    Uint(u32),
    Long(i64),
    Timestamp(i64),
    Text(&'a str),
    Symbol(&'a str),
    Binary(&'a [u8]),
    /// One of another kind, which was passed over.
    Other,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many bytes are left.
    pub(super) const fn left(&self) -> usize {
        self.0.len()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn short(&mut self) -> Option<&'a [u8]> {
        let length = self.byte()?;
        self.take(length.into())
    }

    fn long(&mut self) -> Option<&'a [u8]> {
        let length = u32::from_be_bytes(self.array()?);
        self.take(usize::try_from(length).ok()?)
    }

    /// Reads the number of a section.
    pub(super) fn descriptor(&mut self) -> Option<u8> {
        match self.array()? {
            [0x00, 0x53, code] => Some(code),
            _ => None,
        }
    }

    /// Passes over a value.
    pub(super) fn skip(&mut self) -> Option<()> {
        let code = self.byte()?;
        self.skip_rest(code)
    }

    /// Passes over what comes after the code of a value.
    fn skip_rest(&mut self, code: u8) -> Option<()> {
        let count = match code {
            0x40..=0x45 => 0,
            0x50..=0x56 => 1,
            0x60 | 0x61 => 2,
            0x70..=0x74 => 4,
            0x80..=0x84 => 8,
            0x94 | 0x98 => 16,
            0xa0 | 0xa1 | 0xa3 | 0xc0 | 0xc1 | 0xe0 => return self.short().map(drop),
            0xb0 | 0xb1 | 0xb3 | 0xd0 | 0xd1 | 0xf0 => return self.long().map(drop),
            _ => return None,
        };
        self.take(count).map(drop)
    }

    /// Reads a value.
    pub(super) fn scalar(&mut self) -> Option<Scalar<'a>> {
        let text = |bytes| str::from_utf8(bytes).ok();
        Some(match self.byte()? {
            0x40 => Scalar::Null,
            0x50 => Scalar::Ubyte(self.byte()?),
            0x43 => Scalar::Uint(0),
            0x52 => Scalar::Uint(self.byte()?.into()),
            0x70 => Scalar::Uint(u32::from_be_bytes(self.array()?)),
            0x55 => Scalar::Long(self.byte()?.cast_signed().into()),
            0x81 => Scalar::Long(i64::from_be_bytes(self.array()?)),
            0x83 => Scalar::Timestamp(i64::from_be_bytes(self.array()?)),
            0xa0 => Scalar::Binary(self.short()?),
            0xb0 => Scalar::Binary(self.long()?),
            0xa1 => Scalar::Text(text(self.short()?)?),
            0xb1 => Scalar::Text(text(self.long()?)?),
            0xa3 => Scalar::Symbol(text(self.short()?)?),
            0xb3 => Scalar::Symbol(text(self.long()?)?),
            code => {
                self.skip_rest(code)?;
                Scalar::Other
            }
        })
    }

    /// Opens a list.
    pub(super) fn list(&mut self) -> Option<Fields<'a>> {
        self.fields([0xc0, 0xd0])
    }

    /// Opens a map: names and values by turns.
    pub(super) fn map(&mut self) -> Option<Fields<'a>> {
        let map = self.fields([0xc1, 0xd1])?;
        (map.left % 2 == 0).then_some(map)
    }

    fn fields(&mut self, [short, long]: [u8; 2]) -> Option<Fields<'a>> {
        let code = self.byte()?;
        if code == 0x45 && short == 0xc0 {
            let cursor = Self(&[]);
            return Some(Fields { cursor, left: 0 });
        }
        let (mut cursor, left);
        if code == short {
            cursor = Self(self.short()?);
            left = cursor.byte()?.into();
        } else if code == long {
            cursor = Self(self.long()?);
            left = u32::from_be_bytes(cursor.array()?);
        } else {
            return None;
        }
        Some(Fields { cursor, left })
    }
}

impl<'a> Fields<'a> {
    pub(super) const fn is_over(&self) -> bool {
        self.left == 0
    }

    /// Reads the next one; null after the last.
    pub(super) fn next(&mut self) -> Option<Scalar<'a>> {
        let Some(left) = self.left.checked_sub(1) else {
            return Some(Scalar::Null);
        };
        self.left = left;
        self.cursor.scalar()
    }

    /// Says whether nothing is left.
    pub(super) fn end(self) -> Option<()> {
        (self.left == 0 && self.cursor.is_empty()).then_some(())
    }
}
