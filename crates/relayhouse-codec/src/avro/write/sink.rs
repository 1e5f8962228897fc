//! Where bytes go: the body, within its bounds.

use bytes::{BufMut, BytesMut};

use super::{
    WritePlan,
    early::Early,
    fault::{Fault, Result},
    record::Progress,
};
use crate::Bounds;

/// Takes what is written for one value.
///
/// What has a size of its own (numbers, symbols) is written without a look at the bound of the
/// body: only as many of these as the schema has stand between two texts or items, which are
/// looked at, and so is the whole.
#[derive(Debug)]
pub(super) struct Sink<'a> {
    pub(super) plan: &'a WritePlan,
    pub(super) early: Early,
    pub(super) progress: Progress,
    body: &'a mut BytesMut,
    start: usize,
    bounds: &'a Bounds,
    text_bytes_max: usize,
    body_end_max: usize,
    items_left: usize,
    depth_left: u8,
}

/// Is a point to go back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    length: usize,
    items_left: usize,
    depth_left: u8,
    early: usize,
    progress: Progress,
}

impl<'a> Sink<'a> {
    /// Makes a sink at the end of `body`, of which what stands from `body_start` on counts.
    pub(super) fn new(
        plan: &'a WritePlan,
        body_start: usize,
        body: &'a mut BytesMut,
        bounds: &'a Bounds,
    ) -> Self {
        let start = body.len();
        Self {
            plan,
            early: Early::default(),
            progress: Progress::default(),
            start,
            body,
            bounds,
            text_bytes_max: bounds.text_bytes_max.get(),
            body_end_max: body_start.saturating_add(bounds.body_bytes_max.get()),
            items_left: bounds.items_max.get(),
            depth_left: bounds.depth_max.get(),
        }
    }

    /// Returns how far the body goes.
    #[inline]
    pub(super) fn length(&self) -> usize {
        self.body.len()
    }

    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        self.body.put_u8(byte);
    }

    /// Writes bytes whose number the schema knows.
    #[inline]
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.body.put_slice(bytes);
    }

    #[inline]
    pub(super) fn long(&mut self, value: i64) {
        self.varint(zigzag(value));
    }

    /// Writes the number of a symbol, a branch or a size, which is not negative.
    #[inline]
    pub(super) fn index(&mut self, index: u32) {
        self.varint(u64::from(index) << 1);
    }

    /// Writes a number of items or bytes.
    #[inline]
    pub(super) fn count(&mut self, count: usize) {
        self.varint((count as u64) << 1);
    }

    #[inline]
    fn varint(&mut self, value: u64) {
        let low = |shift: u32| (value >> shift).to_le_bytes()[0];
        match value {
            0..0x80 => self.body.put_u8(low(0)),
            0x80..0x4000 => self.body.put_slice(&[low(0) | 0x80, low(7)]),
            _ => self.varint_long(value),
        }
    }

    fn varint_long(&mut self, mut value: u64) {
        let mut bytes = [0; 10];
        let mut length = 0;
        while 0x80 <= value {
            bytes[length] = value.to_le_bytes()[0] | 0x80;
            value >>= 7;
            length += 1;
        }
        bytes[length] = value.to_le_bytes()[0];
        // A copy of constant size is a few moves.
        let end = self.body.len() + length + 1;
        self.body.put_slice(&bytes);
        self.body.truncate(end);
    }

    /// Writes a string or bytes, with their length.
    #[inline]
    pub(super) fn text(&mut self, text: &[u8]) -> Result {
        self.check_text(text.len())?;
        self.count(text.len());
        self.body.put_slice(text);
        Ok(())
    }

    /// Checks that a text of `length` bytes is within the bounds.
    #[inline]
    pub(super) fn check_text(&self, length: usize) -> Result {
        if self.text_bytes_max < length {
            return Err(self.text_too_long(length));
        }
        if self.body_end_max.saturating_sub(self.body.len()) < length {
            return Err(self.body_too_large());
        }
        Ok(())
    }

    /// Checks that the body is within its bound.
    #[inline]
    pub(super) fn check_body(&self) -> Result {
        if self.body_end_max < self.body.len() {
            return Err(self.body_too_large());
        }
        Ok(())
    }

    /// Counts `items` of an array or a map.
    #[inline]
    pub(super) fn take_items(&mut self, items: usize) -> Result {
        match self.items_left.checked_sub(items) {
            Some(left) => {
                self.items_left = left;
                Ok(())
            }
            None => Err(self.too_many_items()),
        }
    }

    /// Goes one level down.
    #[inline]
    pub(super) fn enter(&mut self) -> Result {
        match self.depth_left.checked_sub(1) {
            Some(left) => {
                self.depth_left = left;
                Ok(())
            }
            None => Err(self.too_deep()),
        }
    }

    /// Goes one level up again.
    #[inline]
    pub(super) fn leave(&mut self) {
        self.depth_left += 1;
    }

    /// Writes the number of items of a block of known length; the empty block ends the list.
    #[inline]
    pub(super) fn block(&mut self, items: usize) {
        if items != 0 {
            self.count(items);
        }
    }

    /// Puts before what was written since `start` that it is a block of `items`, and its size.
    pub(super) fn close_block(&mut self, start: usize, items: usize) {
        let end = self.body.len();
        let items = i64::try_from(items).unwrap_or(i64::MAX);
        self.long(-items);
        self.count(end - start);
        self.put_before(start, end);
    }

    /// Puts before what was written since `start` how long it is.
    pub(super) fn close_text(&mut self, start: usize) -> Result {
        let end = self.body.len();
        if self.text_bytes_max < end - start {
            return Err(self.text_too_long(end - start));
        }
        self.count(end - start);
        self.put_before(start, end);
        self.check_body()
    }

    /// Puts what was written since `end` before what was written since `start`.
    fn put_before(&mut self, start: usize, end: usize) {
        let length = self.body.len() - end;
        self.body[start..].rotate_right(length);
    }

    /// Sets what was written since `start` aside, as the field at `position` of a record.
    pub(super) fn set_aside(&mut self, position: u32, start: usize) -> Result {
        self.early.push(position, &self.body[start..]);
        self.body.truncate(start);
        let room = self.body_end_max.saturating_sub(self.body.len());
        if room < self.early.length() {
            return Err(self.body_too_large());
        }
        Ok(())
    }

    /// Writes the field that is set aside as `index`.
    pub(super) fn bring_back(&mut self, index: usize) {
        self.body.put_slice(self.early.bytes(index));
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            length: self.body.len(),
            items_left: self.items_left,
            depth_left: self.depth_left,
            early: self.early.count(),
            progress: self.progress,
        }
    }

    /// Takes back what was written since `mark`.
    pub(super) fn go_back(&mut self, mark: Mark) {
        let Mark {
            length,
            items_left,
            depth_left,
            early,
            progress,
        } = mark;
        self.body.truncate(length);
        self.items_left = items_left;
        self.depth_left = depth_left;
        self.progress = progress;
        self.early.truncate(early);
    }

    /// Ends the value: takes back all of it after a fault.
    pub(super) fn finish(self, result: Result) -> Result {
        let result = result.and_then(|()| self.check_body());
        if result.is_err() {
            self.body.truncate(self.start);
        }
        self.early.keep();
        result
    }

    #[cold]
    fn text_too_long(&self, length: usize) -> Fault {
        let max = self.bounds.text_bytes_max;
        Fault::too_large(format!(
            "text has {length} bytes, at most {max} are written"
        ))
    }

    #[cold]
    fn body_too_large(&self) -> Fault {
        let max = self.bounds.body_bytes_max;
        Fault::too_large(format!("Avro body has more than {max} bytes"))
    }

    #[cold]
    fn too_many_items(&self) -> Fault {
        let max = self.bounds.items_max;
        Fault::too_large(format!("arrays and maps have more than {max} items"))
    }

    #[cold]
    fn too_deep(&self) -> Fault {
        let max = self.bounds.depth_max;
        Fault::new(format!("values stand more than {max} deep in each other"))
    }
}

/// Numbers whole numbers so that small ones are short: 0, -1, 1, -2 are 0, 1, 2, 3.
#[inline]
pub(super) const fn zigzag(value: i64) -> u64 {
    u64::from_ne_bytes(((value << 1) ^ (value >> 63)).to_ne_bytes())
}
