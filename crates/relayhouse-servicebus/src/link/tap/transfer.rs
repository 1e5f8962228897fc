//! Transfers, and how what they bring is wrapped.

use std::ops::Range;

use super::{
    follow::{Fault, Seen, Token},
    frame::Frame,
    read::Reader,
};

/// The format of a delivery whose message is the bytes of one, which nobody has decoded. No broker
/// sends it.
pub(crate) const WRAPPED: u32 = 0xe7;

/// The longest frame that is made by wrapping, which has to be one that the client library takes.
pub(crate) const WRAPPED_BYTES_MAX: u32 = 64 * 1024;

/// The format of what is wrapped, as it is written.
const FORMAT: [u8; 2] = [0x52, WRAPPED.to_le_bytes()[0]];

/// The bytes before a section of data.
const SECTION_BYTES: usize = 8;

/// The longest delivery tag, by the standard.
const TAG_BYTES_MAX: usize = 32;

const SHORT_LIST: u8 = 0xc0;
const LONG_LIST: u8 = 0xd0;

/// Is what a transfer says.
#[derive(Debug)]
pub(super) struct Transfer<'a> {
    pub(super) handle: u32,
    pub(super) id: Option<u32>,
    tag: Option<&'a [u8]>,
    is_settled: bool,
    /// Whether further frames of the delivery come.
    pub(super) has_more: bool,
    /// Where the list of its fields begins, in the body of the frame.
    list: usize,
    /// Where its format stands, if it has the usual one and nothing rare after it.
    format: Option<Range<usize>>,
    /// Where the payload starts.
    end: usize,
}

impl<'a> Transfer<'a> {
    /// Reads the transfer in `head`, where `reader` is behind its descriptor.
    pub(super) fn read(head: &'a [u8], reader: Reader<'a>) -> Result<Self, Fault> {
        let list = head.len() - reader.left();
        let mut fields = reader.list()?;
        let bytes = fields.bytes.ok_or(Fault::Content)?;
        let end = head.len() - fields.left() + bytes;
        let handle = fields.uint()?.ok_or(Fault::Content)?;
        let id = fields.uint()?;
        let tag = fields.bytes()?;
        if tag.is_some_and(|tag| TAG_BYTES_MAX < tag.len()) {
            return Err(Fault::Content);
        }
        let start = head.len() - fields.left();
        let format = fields.uint()?.unwrap_or(0);
        if format == WRAPPED {
            return Err(Fault::Content);
        }
        let place = start..head.len() - fields.left();
        let is_settled = fields.boolean()?.unwrap_or(false);
        let has_more = fields.boolean()?.unwrap_or(false);
        // How it is settled, its state, whether it is resumed, and whether it is given up.
        // Where the list ends with the tag, the format comes behind it.
        let mut is_usual = format == 0 && (!place.is_empty() || tag.is_some());
        for _rare in 0..4 {
            is_usual = is_usual && fields.is_unset()?;
        }
        is_usual &= head.len() - fields.left() <= end;
        Ok(Self {
            handle,
            id,
            tag,
            is_settled,
            has_more,
            list,
            format: is_usual.then_some(place),
            end,
        })
    }

    /// Returns the delivery that begins with it, if that waits to be settled.
    ///
    /// The frames of a delivery after its first need not name it again, and other nodes than
    /// entities have other tags.
    pub(super) fn seen(&self, channel: u16) -> Option<Seen> {
        if self.is_settled {
            return None;
        }
        Some(Seen::Transfer {
            channel,
            handle: self.handle,
            id: self.id?,
            token: Token::try_from(self.tag?).ok()?,
        })
    }
}

/// Adds to `outbox` a frame that brings the same message as a part of another, whose format is
/// [`WRAPPED`], and returns true; false if that cannot be done.
///
/// The client library takes what is in it for bytes, and decodes nothing.
pub(super) fn wrap(frame: &Frame<'_>, transfer: &Transfer<'_>, outbox: &mut Vec<u8>) -> bool {
    let body = &frame.bytes[frame.start..];
    let payload = body.get(transfer.end..).unwrap_or_default();
    let Some(format) = transfer.format.clone().filter(|_| !payload.is_empty()) else {
        return false;
    };
    let size = frame.bytes.len() - format.len() + FORMAT.len() + SECTION_BYTES;
    let (Ok(size_word), Ok(length)) = (u32::try_from(size), u32::try_from(payload.len())) else {
        return false;
    };
    if WRAPPED_BYTES_MAX < size_word {
        return false;
    }
    let Some(list) = ListHead::read(&body[transfer.list..], format.len()) else {
        return false;
    };
    let at = outbox.len();
    outbox.reserve(size);
    outbox.extend_from_slice(&frame.bytes[..frame.start + format.start]);
    outbox.extend_from_slice(&FORMAT);
    outbox.extend_from_slice(&body[format.end..transfer.end]);
    outbox.extend_from_slice(&section(length));
    outbox.extend_from_slice(payload);
    let written = &mut outbox[at..];
    written[..4].copy_from_slice(&size_word.to_be_bytes());
    list.write(&mut written[frame.start + transfer.list..]);
    true
}

/// Is the size of the list of fields and their number, once the format is another.
enum ListHead {
    Short(u8, u8),
    Long(u32, u32),
}

impl ListHead {
    /// Reads the head of `list`, in which a format of so many bytes gives way, if there is one;
    /// `None` if the new head is beyond what can be written there.
    fn read(list: &[u8], format_bytes: usize) -> Option<Self> {
        let added = u8::from(format_bytes == 0);
        let more = u8::try_from(FORMAT.len()).ok()?;
        let less = u8::try_from(format_bytes).ok()?;
        match *list {
            [SHORT_LIST, size, count, ..] => Some(Self::Short(
                size.checked_add(more)?.checked_sub(less)?,
                count.checked_add(added)?,
            )),
            [LONG_LIST, s0, s1, s2, s3, c0, c1, c2, c3, ..] => {
                let size = u32::from_be_bytes([s0, s1, s2, s3]);
                let count = u32::from_be_bytes([c0, c1, c2, c3]);
                Some(Self::Long(
                    size.checked_add(more.into())?.checked_sub(less.into())?,
                    count.checked_add(added.into())?,
                ))
            }
            _ => None,
        }
    }

    fn write(self, list: &mut [u8]) {
        match self {
            Self::Short(size, count) => list[1..3].copy_from_slice(&[size, count]),
            Self::Long(size, count) => {
                list[1..5].copy_from_slice(&size.to_be_bytes());
                list[5..9].copy_from_slice(&count.to_be_bytes());
            }
        }
    }
}

/// Returns the head of a section of data of so many bytes.
fn section(length: u32) -> [u8; SECTION_BYTES] {
    let [l0, l1, l2, l3] = length.to_be_bytes();
    [0x00, 0x53, 0x75, 0xb0, l0, l1, l2, l3]
}
