//! Bodies and messages from values, and back, by any codec.

use std::num::NonZeroUsize;

use bytes::{Bytes, BytesMut};
use relayhouse_core::{Message, Result};

use crate::codec::{BODY_BYTES_FIRST, BorrowDecoder, Decoder, Encoder};

/// The largest body that a codec takes or makes unless it is told otherwise: 16 MiB.
pub const BODY_BYTES_MAX: NonZeroUsize = match NonZeroUsize::new(16 << 20) {
    Some(max) => max,
    None => NonZeroUsize::MIN,
};

/// Encodes `value`.
///
/// # Errors
///
/// Returns what [`Encoder::encode_into`] returns.
pub fn to_bytes<T: ?Sized>(encoder: &impl Encoder<T>, value: &T) -> Result<Bytes> {
    let mut body = BytesMut::with_capacity(BODY_BYTES_FIRST);
    encoder.encode_into(value, &mut body)?;
    Ok(body.freeze())
}

/// Makes a message of `value`, with the content type of the codec and whatever else it
/// [labels](crate::Format::label) its messages with.
///
/// # Errors
///
/// Returns what [`Encoder::encode_message`] returns.
pub fn to_message<T: ?Sized>(encoder: &impl Encoder<T>, value: &T) -> Result<Message> {
    encoder.encode_message(value)
}

/// Decodes the body of `message`, if its content type is the codec's or is not set.
///
/// # Errors
///
/// Returns what [`Decoder::decode_message`] returns.
pub fn from_message<T>(decoder: &impl Decoder<T>, message: &Message) -> Result<T> {
    decoder.decode_message(message)
}

/// Decodes the body of `message` into a value that may borrow from it, if its content type is the
/// codec's or is not set.
///
/// # Errors
///
/// Returns what [`BorrowDecoder::decode_message_borrowed`] returns.
pub fn from_message_borrowed<'de, T>(
    decoder: &impl BorrowDecoder<'de, T>,
    message: &'de Message,
) -> Result<T> {
    decoder.decode_message_borrowed(message)
}
