//! Fields that come before their turn, kept until the ones before them are written.

use std::{cell::Cell, mem::take, ops::Range};

/// A buffer that has grown beyond this is not kept for later values.
const SPARE_BYTES_MAX: usize = 64 << 10;

thread_local! {
    static SPARE: Cell<Option<Early>> = const { Cell::new(None) };
}

/// Keeps fields, those of an inner record above those of the outer.
#[derive(Debug, Default)]
pub(super) struct Early {
    fields: Vec<Kept>,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Kept {
    position: u32,
    bytes: Range<usize>,
}

impl Early {
    /// Keeps a field.
    pub(super) fn push(&mut self, position: u32, bytes: &[u8]) {
        if self.fields.capacity() == 0 {
            // A thread takes the same buffers again and again.
            *self = SPARE.take().unwrap_or_default();
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let bytes = start..self.bytes.len();
        self.fields.push(Kept { position, bytes });
    }

    /// Finds the field at `position` among those kept since `base`.
    pub(super) fn find(&self, base: usize, position: u32) -> Option<usize> {
        let own = self.fields.get(base..)?;
        let index = own.iter().position(|kept| kept.position == position)?;
        Some(base + index)
    }

    pub(super) fn bytes(&self, index: usize) -> &[u8] {
        &self.bytes[self.fields[index].bytes.clone()]
    }

    /// Returns how many fields are kept.
    #[inline]
    pub(super) fn count(&self) -> usize {
        self.fields.len()
    }

    /// Returns how many bytes are kept.
    pub(super) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Drops the fields kept since `base`.
    pub(super) fn truncate(&mut self, base: usize) {
        if let Some(first) = self.fields.get(base) {
            self.bytes.truncate(first.bytes.start);
            self.fields.truncate(base);
        }
    }

    /// Leaves the buffers to the next value of this thread.
    #[inline]
    pub(super) fn keep(&mut self) {
        if self.fields.capacity() != 0 && self.bytes.capacity() <= SPARE_BYTES_MAX {
            self.truncate(0);
            SPARE.set(Some(take(self)));
        }
    }
}
