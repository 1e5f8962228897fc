//! Frames and protocol headers, as bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use fe2o3_amqp_types::definitions::ConnectionError;
use serde::Serialize;
use serde_amqp::ser::Serializer;

use super::error::{Failure, Result};

pub(super) const HEADER_BYTES: usize = 8;
/// An empty frame, which only says that the connection is alive.
pub(super) const HEARTBEAT: [u8; HEADER_BYTES] = [0, 0, 0, 8, 2, 0, 0, 0];
/// The least that every peer takes.
pub(super) const FRAME_BYTES_MIN: u32 = 512;

const KIND_AMQP: u8 = 0;
const KIND_SASL: u8 = 1;

/// What a connection begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Amqp,
    Sasl,
}

impl Protocol {
    pub(super) const fn header(self) -> [u8; HEADER_BYTES] {
        match self {
            Self::Amqp => *b"AMQP\x00\x01\x00\x00",
            Self::Sasl => *b"AMQP\x03\x01\x00\x00",
        }
    }

    /// Returns the protocol of a header, if it is one that is spoken here.
    pub(super) fn of(header: [u8; HEADER_BYTES]) -> Option<Self> {
        [Self::Amqp, Self::Sasl]
            .into_iter()
            .find(|protocol| protocol.header() == header)
    }
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) channel: u16,
    pub(super) body: Bytes,
}

/// Takes a protocol header off the front, if all of it is there.
pub(super) fn take_header(input: &mut BytesMut) -> Option<[u8; HEADER_BYTES]> {
    let header = *input.first_chunk()?;
    input.advance(HEADER_BYTES);
    Some(header)
}

/// Takes the next frame off the front, if all of it is there.
///
/// A frame that says it is too large is refused by its first four bytes.
pub(super) fn take(
    input: &mut BytesMut,
    protocol: Protocol,
    frame_bytes_max: u32,
) -> Result<Option<Frame>> {
    let Some(size) = input.first_chunk().map(|size| u32::from_be_bytes(*size)) else {
        return Ok(None);
    };
    if size < 8 || frame_bytes_max < size {
        return Err(framing(format!(
            "a frame of {size} bytes is not within 8 to {frame_bytes_max}"
        )));
    }
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if input.len() < size {
        return Ok(None);
    }
    let mut frame = input.split_to(size).freeze();
    let offset = usize::from(frame[4]) * 4;
    if offset < HEADER_BYTES || size < offset {
        return Err(framing(format!(
            "the body of a frame of {size} bytes cannot begin at byte {offset}"
        )));
    }
    let (kind, expected) = (frame[5], kind_of(protocol));
    if kind != expected {
        return Err(framing(format!(
            "a frame is of type {kind} and not of {expected}"
        )));
    }
    let channel = u16::from_be_bytes([frame[6], frame[7]]);
    let body = frame.split_off(offset);
    Ok(Some(Frame { channel, body }))
}

const fn kind_of(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Amqp => KIND_AMQP,
        Protocol::Sasl => KIND_SASL,
    }
}

fn framing(description: String) -> Failure {
    Failure::of_connection(ConnectionError::FramingError, description)
}

/// Appends a frame of one performative, and of as much of the payload as fits.
///
/// Returns how much of the payload that is; what is chosen by `performative` with whether there is
/// more must be shorter than the frame.
pub(super) fn put<P: Serialize>(
    output: &mut BytesMut,
    (protocol, channel): (Protocol, u16),
    frame_bytes_max: usize,
    mut performative: impl FnMut(bool) -> P,
    payload: &[u8],
) -> usize {
    let start = output.len();
    let mut has_more = false;
    loop {
        output.truncate(start);
        output.put_bytes(0, HEADER_BYTES);
        append(output, &performative(has_more));
        let room = frame_bytes_max.saturating_sub(output.len() - start);
        if payload.len() <= room || has_more {
            let taken = payload.len().min(room);
            output.extend_from_slice(&payload[..taken]);
            finish(&mut output[start..], kind_of(protocol), channel);
            return taken;
        }
        has_more = true;
    }
}

/// Appends an encoded value.
pub(crate) fn append(output: &mut BytesMut, value: &(impl Serialize + ?Sized)) {
    let mut serializer = Serializer::new(output.writer());
    let written = value.serialize(&mut serializer);
    // Memory takes what it is given, and the types that are written here have an encoding.
    debug_assert!(written.is_ok(), "a value has no encoding: {written:?}");
}

/// Writes the header of a frame in its place.
fn finish(frame: &mut [u8], kind: u8, channel: u16) {
    let size = u32::try_from(frame.len()).unwrap_or(u32::MAX);
    frame[..4].copy_from_slice(&size.to_be_bytes());
    frame[4] = 2;
    frame[5] = kind;
    frame[6..8].copy_from_slice(&channel.to_be_bytes());
}
