//! Where bytes go: the body, within its bounds.

use bytes::BytesMut;

use super::{
    WritePlan,
    early::Early,
    fault::{Fault, Result},
    record::Progress,
    room::{Room, SHORT_BYTES_MAX, copy_short},
    varint::{self, zigzag},
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
    room: Room<'a>,
    start: usize,
    bounds: &'a Bounds,
    text_bytes_max: usize,
    /// The longest text that is short.
    short_text_bytes_max: usize,
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
        let body_end_max = body_start.saturating_add(bounds.body_bytes_max.get());
        Self {
            plan,
            early: Early::default(),
            progress: Progress::default(),
            start: body.len(),
            room: Room::new(body, body_end_max),
            bounds,
            text_bytes_max: bounds.text_bytes_max.get(),
            short_text_bytes_max: bounds.text_bytes_max.get().min(SHORT_BYTES_MAX),
            body_end_max,
            items_left: bounds.items_max.get(),
            depth_left: bounds.depth_max.get(),
        }
    }

    /// Returns how far the body goes.
    #[inline]
    pub(super) fn length(&self) -> usize {
        self.room.end()
    }

    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        self.room.put([byte], 1);
    }

    /// Writes bytes whose number is constant.
    #[inline]
    pub(super) fn array<const N: usize>(&mut self, bytes: [u8; N]) {
        self.room.put(bytes, N);
    }

    /// Writes bytes whose number the schema knows.
    #[inline]
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.room.put_slice(bytes);
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
        match u8::try_from(value) {
            Ok(byte) if byte < 0x80 => self.byte(byte),
            _ => self.varint_of_many(value),
        }
    }

    #[inline(never)]
    fn varint_of_many(&mut self, value: u64) {
        match varint::word(value) {
            Some((word, length)) => self.room.put(word, length),
            None => {
                let (bytes, length) = varint::bytes(value);
                self.room.put(bytes, length);
            }
        }
    }

    /// Writes a string or bytes, with their length.
    #[inline]
    pub(super) fn text(&mut self, text: &[u8]) -> Result {
        let length = text.len();
        if length <= self.short_text_bytes_max
            && let Some([first, room @ ..]) = self.room.take(1 + length)
        {
            *first = (length << 1).to_le_bytes()[0];
            copy_short(room, text);
            return Ok(());
        }
        self.text_of_any_length(text)
    }

    #[inline(never)]
    fn text_of_any_length(&mut self, text: &[u8]) -> Result {
        self.check_text(text.len())?;
        self.count(text.len());
        self.room.put_slice(text);
        Ok(())
    }

    /// Checks that a text of `length` bytes is within the bounds.
    #[inline]
    pub(super) fn check_text(&self, length: usize) -> Result {
        if self.text_bytes_max < length {
            return Err(self.text_too_long(length));
        }
        if self.body_end_max.saturating_sub(self.room.end()) < length {
            return Err(self.body_too_large());
        }
        Ok(())
    }

    /// Checks that the body is within its bound.
    #[inline]
    pub(super) fn check_body(&self) -> Result {
        if self.body_end_max < self.room.end() {
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

    /// Begins a list of known length, which is written as one block.
    #[inline]
    pub(super) fn begin_list(&mut self, items: usize) -> Result {
        self.enter()?;
        self.take_items(items)?;
        // An empty block would end the list.
        if items != 0 {
            self.count(items);
        }
        Ok(())
    }

    /// Ends a list, with an empty block.
    #[inline]
    pub(super) fn end_list(&mut self) {
        self.byte(0);
        self.leave();
    }

    /// Puts before what was written since `start` that it is a block of `items`, and its size.
    pub(super) fn close_block(&mut self, start: usize, items: usize) {
        let end = self.room.end();
        let items = i64::try_from(items).unwrap_or(i64::MAX);
        self.long(-items);
        self.count(end - start);
        self.room.put_before(start, end);
    }

    /// Puts before what was written since `start` how long it is.
    pub(super) fn close_text(&mut self, start: usize) -> Result {
        let end = self.room.end();
        if self.text_bytes_max < end - start {
            return Err(self.text_too_long(end - start));
        }
        self.count(end - start);
        self.room.put_before(start, end);
        self.check_body()
    }

    /// Sets what was written since `start` aside, as the field at `position` of a record.
    pub(super) fn set_aside(&mut self, position: u32, start: usize) -> Result {
        self.early.push(position, self.room.since(start));
        self.room.go_back(start);
        let room = self.body_end_max.saturating_sub(self.room.end());
        if room < self.early.length() {
            return Err(self.body_too_large());
        }
        Ok(())
    }

    /// Writes the field that is set aside as `index`.
    pub(super) fn bring_back(&mut self, index: usize) {
        self.room.put_slice(self.early.bytes(index));
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            length: self.room.end(),
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
        self.room.go_back(length);
        self.items_left = items_left;
        self.depth_left = depth_left;
        self.progress = progress;
        self.early.truncate(early);
    }

    /// Ends the value: takes back all of it after a fault.
    pub(super) fn finish(&mut self, result: Result) -> Result {
        let result = result.and_then(|()| self.check_body());
        if result.is_err() {
            self.room.go_back(self.start);
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
