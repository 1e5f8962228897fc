//! Reads MessagePack for serde, within bounds.
//!
//! The reader of `rmp-serde` counts no depth for enums: a body of 140 kB ends the process. So this
//! is a reader of our own. It points into the body, and knows where it is.

use relayhouse_core::{Error, ErrorKind, Result};
use serde::de::{Visitor, value::SeqDeserializer};

use super::{
    access::{Entries, Items},
    fault::{Fault, Trace},
};
use crate::{bounds::Bounds, path::Segment};

/// Reads one value out of a body.
pub(super) struct Reader<'de> {
    size: usize,
    rest: &'de [u8],
    /// Where the value begins that was read last.
    at: usize,
    depth_left: u8,
    items_left: usize,
    /// How many items may still be allocated for before they are read: no more than there are
    /// bytes, whatever the lengths say.
    hint_left: usize,
    bounds: Bounds,
    trace: Trace,
}

/// Is what a value begins with.
#[derive(Clone, Copy)]
pub(super) enum Head<'de> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    F32(f32),
    F64(f64),
    Text(&'de [u8]),
    Bytes(&'de [u8]),
    Array(usize),
    Map(usize),
    Extension(i8, &'de [u8]),
}

impl<'de> Reader<'de> {
    pub(super) const fn new(body: &'de [u8], bounds: Bounds) -> Self {
        Self {
            size: body.len(),
            rest: body,
            at: 0,
            depth_left: bounds.depth_max.get(),
            items_left: bounds.items_max.get(),
            hint_left: body.len(),
            bounds,
            trace: Trace::new(),
        }
    }

    /// Ends the reading with `result`: all of the body must have been read.
    pub(super) fn finish<T>(mut self, name: &str, result: Result<T, Fault>) -> Result<T> {
        let result = result.and_then(|value| {
            if self.rest.is_empty() {
                return Ok(value);
            }
            self.at = self.size - self.rest.len();
            Err(self.wrong("something follows the value"))
        });
        match result {
            Ok(value) if self.trace.is_empty() => Ok(value),
            Ok(_) => Err(self.error(name)),
            Err(fault) => {
                self.trace.note(&fault);
                Err(self.error(name))
            }
        }
    }

    fn error(&self, name: &str) -> Error {
        let (text, at) = (self.trace.text(name), self.at);
        let path = self.trace.path();
        Error::new(ErrorKind::Codec, format!("{text}, at byte {at}{path}"))
    }

    /// Notes that something is wrong with the body, whatever the type asked for.
    #[cold]
    fn wrong(&mut self, what: &'static str) -> Fault {
        self.trace.wrong(what);
        Fault::noted()
    }

    /// Notes that the body goes beyond a bound.
    #[cold]
    fn beyond(&mut self, what: String) -> Fault {
        self.trace.beyond(what);
        Fault::noted()
    }

    /// Notes that `fault` came out of the value at `segment`.
    #[cold]
    pub(super) fn came_through(&mut self, fault: &Fault, segment: Segment) {
        self.trace.note(fault);
        self.trace.push(segment);
    }

    /// Returns the body from the next value on.
    pub(super) const fn rest(&self) -> &'de [u8] {
        self.rest
    }

    /// Returns how many of `len` items it is safe to allocate for.
    pub(super) fn hint(&mut self, len: usize) -> usize {
        let hint = len.min(self.hint_left);
        self.hint_left -= hint;
        hint
    }

    #[inline]
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let Some((bytes, rest)) = self.rest.split_first_chunk() else {
            return Err(self.wrong("it ends too early"));
        };
        self.rest = rest;
        Ok(*bytes)
    }

    #[inline]
    fn slice(&mut self, len: usize) -> Result<&'de [u8], Fault> {
        let Some((bytes, rest)) = self.rest.split_at_checked(len) else {
            return Err(self.wrong("it ends too early"));
        };
        self.rest = rest;
        Ok(bytes)
    }

    /// Takes a text, or bytes, of `len`.
    #[inline]
    fn text(&mut self, len: usize) -> Result<&'de [u8], Fault> {
        let max = self.bounds.text_bytes_max.get();
        if max < len {
            return Err(self.beyond(format!("more than {max} bytes in a text")));
        }
        self.slice(len)
    }

    #[inline]
    fn len8(&mut self) -> Result<usize, Fault> {
        self.take().map(|[len]| usize::from(len))
    }

    #[inline]
    fn len16(&mut self) -> Result<usize, Fault> {
        self.take().map(u16::from_be_bytes).map(usize::from)
    }

    #[inline]
    fn len32(&mut self) -> Result<usize, Fault> {
        let len = self.take().map(u32::from_be_bytes)?;
        usize::try_from(len).map_err(|_| self.wrong("a length is over the memory"))
    }

    #[inline]
    pub(super) fn head(&mut self) -> Result<Head<'de>, Fault> {
        self.at = self.size - self.rest.len();
        let [marker] = self.take()?;
        Ok(match marker {
            0x00..=0x7f => Head::Unsigned(marker.into()),
            0x80..=0x8f => Head::Map(usize::from(marker & 0x0f)),
            0x90..=0x9f => Head::Array(usize::from(marker & 0x0f)),
            0xa0..=0xbf => Head::Text(self.text(usize::from(marker & 0x1f))?),
            0xc0 => Head::Nil,
            0xc2 => Head::Bool(false),
            0xc3 => Head::Bool(true),
            0xcc => Head::Unsigned(self.take().map(u8::from_be_bytes)?.into()),
            0xcd => Head::Unsigned(self.take().map(u16::from_be_bytes)?.into()),
            0xce => Head::Unsigned(self.take().map(u32::from_be_bytes)?.into()),
            0xcf => Head::Unsigned(self.take().map(u64::from_be_bytes)?),
            0xca => Head::F32(self.take().map(f32::from_be_bytes)?),
            0xcb => Head::F64(self.take().map(f64::from_be_bytes)?),
            0xd0 => Head::Signed(self.take().map(i8::from_be_bytes)?.into()),
            0xd1 => Head::Signed(self.take().map(i16::from_be_bytes)?.into()),
            0xd2 => Head::Signed(self.take().map(i32::from_be_bytes)?.into()),
            0xd3 => Head::Signed(self.take().map(i64::from_be_bytes)?),
            0xe0..=0xff => Head::Signed(i8::from_be_bytes([marker]).into()),
            _ => return self.long_head(marker),
        })
    }

    /// Takes nil, if that is next.
    #[inline]
    pub(super) fn take_nil(&mut self) -> bool {
        match self.rest.split_first() {
            Some((0xc0, rest)) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Goes on where the marker is followed by a length.
    fn long_head(&mut self, marker: u8) -> Result<Head<'de>, Fault> {
        let len = match marker {
            0xc4 | 0xc7 | 0xd9 => self.len8()?,
            0xc5 | 0xc8 | 0xda | 0xdc | 0xde => self.len16()?,
            0xc6 | 0xc9 | 0xdb | 0xdd | 0xdf => self.len32()?,
            0xd4..=0xd8 => 1 << (marker - 0xd4),
            _ => return Err(self.wrong("a value begins with the byte that none does")),
        };
        Ok(match marker {
            0xc4..=0xc6 => Head::Bytes(self.text(len)?),
            0xd9..=0xdb => Head::Text(self.text(len)?),
            0xdc | 0xdd => Head::Array(len),
            0xde | 0xdf => Head::Map(len),
            _ => {
                let tag = self.take().map(i8::from_be_bytes)?;
                Head::Extension(tag, self.text(len)?)
            }
        })
    }

    #[inline]
    fn count(&mut self, items: usize) -> Result<(), Fault> {
        let Some(items_left) = self.items_left.checked_sub(items) else {
            let max = self.bounds.items_max;
            return Err(self.beyond(format!("more than {max} items")));
        };
        self.items_left = items_left;
        Ok(())
    }

    /// Counts `len` items, of at least `bytes` each, and one level of depth.
    #[inline]
    pub(super) fn enter(&mut self, len: usize, bytes: usize) -> Result<(), Fault> {
        if self.rest.len() / bytes < len {
            return Err(self.wrong("it ends too early"));
        }
        self.count(len)?;
        let Some(depth_left) = self.depth_left.checked_sub(1) else {
            let max = self.bounds.depth_max;
            return Err(self.beyond(format!("more than {max} levels")));
        };
        self.depth_left = depth_left;
        Ok(())
    }

    /// Hands over bytes as an array of numbers, each of which is an item.
    pub(super) fn octets<V: Visitor<'de>>(
        &mut self,
        bytes: &'de [u8],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.count(bytes.len())?;
        let mut numbers = SeqDeserializer::<_, Fault>::new(bytes.iter().copied());
        let value = visitor.visit_seq(&mut numbers)?;
        match numbers.end() {
            Ok(()) => Ok(value),
            Err(_) => Err(Fault::too_many()),
        }
    }

    #[inline]
    pub(super) fn seq<V: Visitor<'de>>(
        &mut self,
        len: usize,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.enter(len, 1)?;
        let mut items = Items::new(self, len, fields);
        let value = visitor.visit_seq(&mut items)?;
        let left = items.left();
        self.leave(left, value)
    }

    #[inline]
    pub(super) fn map<V: Visitor<'de>>(
        &mut self,
        len: usize,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.enter(len, 2)?;
        let mut entries = Entries::new(self, len, fields);
        let value = visitor.visit_map(&mut entries)?;
        let left = entries.left();
        self.leave(left, value)
    }

    #[inline]
    pub(super) fn leave<T>(&mut self, left: usize, value: T) -> Result<T, Fault> {
        self.depth_left += 1;
        match left {
            0 => Ok(value),
            _ => Err(Fault::too_many()),
        }
    }

    #[inline]
    pub(super) fn visit<V: Visitor<'de>>(
        &mut self,
        head: Head<'de>,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match head {
            Head::Nil => visitor.visit_unit(),
            Head::Bool(value) => visitor.visit_bool(value),
            Head::Unsigned(value) => visitor.visit_u64(value),
            Head::Signed(value) => visitor.visit_i64(value),
            Head::F32(value) => visitor.visit_f32(value),
            Head::F64(value) => visitor.visit_f64(value),
            Head::Text(bytes) => visitor.visit_borrowed_str(self.utf8(bytes)?),
            Head::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Head::Array(len) => self.seq(len, fields, visitor),
            Head::Map(len) => self.map(len, fields, visitor),
            Head::Extension(..) => Err(Fault::extension()),
        }
    }

    #[inline]
    pub(super) fn utf8(&mut self, bytes: &'de [u8]) -> Result<&'de str, Fault> {
        std::str::from_utf8(bytes).map_err(|_| self.wrong("a text is not UTF-8"))
    }

    /// Passes a value, and what is in it, without a bound on depth: nothing is called and nothing
    /// allocated for it.
    pub(super) fn skip(&mut self) -> Result<(), Fault> {
        let mut left = 1_usize;
        while 0 < left {
            left -= 1;
            let inner = match self.head()? {
                Head::Array(len) => len,
                Head::Map(len) => len.saturating_mul(2),
                _ => 0,
            };
            left = left.saturating_add(inner);
            if self.rest.len() < left {
                return Err(self.wrong("it ends too early"));
            }
        }
        Ok(())
    }
}
