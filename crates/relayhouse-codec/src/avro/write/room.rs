//! The end of a body: what is written goes into room that is made ahead of it.

use bytes::BytesMut;

/// How much room is made at a time, at least and at most: as much as is written already.
const AHEAD_BYTES_MIN: usize = 384;
const AHEAD_BYTES_MAX: usize = 2048;

/// The longest text that is copied in moves of constant size. Its length is written in one byte.
pub(super) const SHORT_BYTES_MAX: usize = 0x3f;

/// Appends to a body.
///
/// The body is longer meanwhile than what is written: beyond that it has zeros, which are made
/// once for many writes. A write is a look at the length and a few moves into a slice then, where
/// one to the end of a `BytesMut` is a call.
#[derive(Debug)]
pub(super) struct Room<'a> {
    body: &'a mut BytesMut,
    /// How far what is written goes.
    end: usize,
    /// How far the body began.
    start: usize,
    /// How far room is made ahead.
    end_max: usize,
}

impl<'a> Room<'a> {
    /// Begins at the end of `body`. Room is made up to `end_max`, and beyond that only as much as
    /// is written. Of what is allocated already some is made at once.
    pub(super) fn new(body: &'a mut BytesMut, end_max: usize) -> Self {
        let start = body.len();
        let ahead = (start + AHEAD_BYTES_MIN).min(end_max).min(body.capacity());
        body.resize(ahead.max(start), 0);
        Self {
            end: start,
            start,
            body,
            end_max,
        }
    }

    /// Returns how far what is written goes.
    #[inline]
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// Returns what was written since `start`.
    pub(super) fn since(&self, start: usize) -> &[u8] {
        &self.body[start..self.end]
    }

    /// Writes the first `length` of some bytes.
    #[inline]
    pub(super) fn put<const N: usize>(&mut self, bytes: [u8; N], length: usize) {
        let room = self.body.get_mut(self.end..);
        match room.and_then(<[u8]>::first_chunk_mut) {
            Some(room) => {
                *room = bytes;
                self.end += length;
            }
            None => self.put_beyond(&bytes[..length]),
        }
    }

    /// Writes bytes of any number.
    #[inline]
    pub(super) fn put_slice(&mut self, bytes: &[u8]) {
        match self.take(bytes.len()) {
            Some(room) => room.copy_from_slice(bytes),
            None => self.put_beyond(bytes),
        }
    }

    /// Takes the next `length` bytes, if there is room for them.
    #[inline]
    pub(super) fn take(&mut self, length: usize) -> Option<&mut [u8]> {
        let end = self.end + length;
        let room = self.body.get_mut(self.end..end)?;
        self.end = end;
        Some(room)
    }

    /// Writes what there is no room for, and makes room for more.
    #[cold]
    #[inline(never)]
    fn put_beyond(&mut self, bytes: &[u8]) {
        let end = self.end + bytes.len();
        let written = self.end - self.start;
        let room_end = end + written.clamp(AHEAD_BYTES_MIN, AHEAD_BYTES_MAX);
        let room_end = room_end.min(self.end_max).max(end);
        self.body.truncate(self.end);
        if self.body.capacity() < end {
            self.body.reserve(room_end - self.end);
        }
        self.body.extend_from_slice(bytes);
        // Capacity that is there is enough for now.
        self.body.resize(room_end.min(self.body.capacity()), 0);
        self.end = end;
    }

    /// Moves what was written since `middle` before what was written since `start`.
    pub(super) fn put_before(&mut self, start: usize, middle: usize) {
        self.body[start..self.end].rotate_left(middle - start);
    }

    /// Takes back what was written since `end`.
    pub(super) fn go_back(&mut self, end: usize) {
        self.end = end;
    }
}

impl Drop for Room<'_> {
    /// Leaves the body with what is written, and without the room.
    fn drop(&mut self) {
        self.body.truncate(self.end);
    }
}

/// Copies a text of at most [`SHORT_BYTES_MAX`] bytes: the front and the back of it, which overlap.
#[inline]
pub(super) fn copy_short(room: &mut [u8], text: &[u8]) {
    match text.len() {
        32.. => copy_ends::<32>(room, text),
        16.. => copy_ends::<16>(room, text),
        8.. => copy_ends::<8>(room, text),
        4.. => copy_ends::<4>(room, text),
        2.. => copy_ends::<2>(room, text),
        _ => copy_ends::<1>(room, text),
    }
}

#[inline]
fn copy_ends<const N: usize>(room: &mut [u8], text: &[u8]) {
    if let (Some(front), Some(room)) = (text.first_chunk::<N>(), room.first_chunk_mut::<N>()) {
        *room = *front;
    }
    if let (Some(back), Some(room)) = (text.last_chunk::<N>(), room.last_chunk_mut::<N>()) {
        *room = *back;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_is_copied_whole() {
        let text: Vec<u8> = (1..).take(SHORT_BYTES_MAX).collect();
        for length in 0..=SHORT_BYTES_MAX {
            let mut room = vec![0; length];
            copy_short(&mut room, &text[..length]);
            assert_eq!(room, text[..length]);
        }
    }

    #[test]
    fn what_is_written_is_there_whatever_room_there_was() {
        for capacity in (0..40).chain([400, 4000]) {
            let mut body = BytesMut::with_capacity(capacity);
            body.extend_from_slice(b"before");
            let mut expected = b"before".to_vec();
            let mut room = Room::new(&mut body, usize::MAX);
            for length in (0..40).chain([300, 3000, 5, 30_000, 1]) {
                let bytes = vec![7; length];
                room.put_slice(&bytes);
                room.put([1, 2, 3, 4, 5, 6, 7, 8], 3);
                expected.extend(bytes);
                expected.extend([1, 2, 3]);
                assert_eq!(room.end(), expected.len());
            }
            drop(room);
            assert_eq!(body, expected);
        }
    }

    #[test]
    fn room_is_made_up_to_the_bound() {
        let mut body = BytesMut::with_capacity(1000);
        let mut room = Room::new(&mut body, 10);
        room.put([1], 1);
        assert_eq!(room.body.len(), 10);
        assert!(room.take(10).is_none());
        room.put_slice(&[2; 12]);
        assert_eq!(room.body.len(), 13);
    }

    #[test]
    fn what_was_taken_back_is_written_over() {
        let mut body = BytesMut::new();
        let mut room = Room::new(&mut body, usize::MAX);
        room.put_slice(b"abcdef");
        room.go_back(2);
        room.put_slice(b"xyz");
        assert_eq!(room.since(1), b"bxyz");
        room.put_before(1, 3);
        drop(room);
        assert_eq!(body, &b"ayzbx"[..]);
    }
}
