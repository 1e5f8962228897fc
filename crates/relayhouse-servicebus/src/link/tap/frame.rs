//! Frames, as they come in.

use super::follow::Fault;

/// The longest frame that is let through: more than any that was agreed on.
pub(crate) const FRAME_BYTES_MAX: u32 = 1024 * 1024;

/// The bytes of a frame's body that are looked at; what decides stands at its start.
const HEAD_BYTES_MAX: usize = 512;

/// The bytes that say how long a frame is, and what it is; as many as a header of a protocol has.
const PREFIX_BYTES: usize = 8;

/// Is what comes in on a connection.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    /// Says which protocol is spoken from here on.
    Header(&'a [u8]),
    Frame(Frame<'a>),
}

/// Is one whole frame.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) bytes: &'a [u8],
    /// Where its body starts.
    pub(super) start: usize,
    pub(super) channel: u16,
    is_amqp: bool,
}

impl<'a> Frame<'a> {
    /// Returns the start of the body, if it is a frame of AMQP; nothing of others.
    pub(super) fn head(&self) -> &'a [u8] {
        let body = &self.bytes[self.start..];
        match self.is_amqp {
            true => &body[..body.len().min(HEAD_BYTES_MAX)],
            false => &[],
        }
    }
}

/// Takes the next piece off the front of `bytes`; `None` if it has not come as a whole.
pub(super) fn split(bytes: &[u8]) -> Result<Option<(Piece<'_>, &[u8])>, Fault> {
    let Some((prefix, after)) = bytes.split_first_chunk::<PREFIX_BYTES>() else {
        return Ok(None);
    };
    if prefix.starts_with(b"AMQP") {
        return Ok(Some((Piece::Header(prefix), after)));
    }
    let [s0, s1, s2, s3, offset, kind, c0, c1] = *prefix;
    let size = u32::from_be_bytes([s0, s1, s2, s3]);
    let fault = Fault::Size(size);
    if FRAME_BYTES_MAX < size {
        return Err(fault);
    }
    let size = usize::try_from(size).map_err(|_| fault)?;
    let start = usize::from(offset) * 4;
    if start < PREFIX_BYTES || size < start {
        return Err(fault);
    }
    let Some((frame, after)) = bytes.split_at_checked(size) else {
        return Ok(None);
    };
    let frame = Frame {
        bytes: frame,
        start,
        channel: u16::from_be_bytes([c0, c1]),
        is_amqp: kind == 0,
    };
    Ok(Some((Piece::Frame(frame), after)))
}
