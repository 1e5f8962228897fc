//! Bodies and messages from values, and back, by any codec.

use std::num::NonZeroUsize;

use bytes::{Bytes, BytesMut};
use relayhouse_core::{Error, ErrorKind, Message, Result};

use crate::codec::{Decoder, Encoder};

/// The largest body that a codec takes or makes unless it is told otherwise: 16 MiB.
pub const BODY_BYTES_MAX: NonZeroUsize = match NonZeroUsize::new(16 << 20) {
    Some(max) => max,
    None => NonZeroUsize::MIN,
};

const BODY_BYTES_FIRST: usize = 256;

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

/// Makes a message of `value`, with the content type of the codec.
///
/// # Errors
///
/// Returns what [`Encoder::encode_into`] returns.
pub fn to_message<T: ?Sized>(encoder: &impl Encoder<T>, value: &T) -> Result<Message> {
    let body = to_bytes(encoder, value)?;
    Ok(Message::new(body).content_type(encoder.content_type()))
}

/// Decodes the body of `message`, if its content type is the codec's or is not set.
///
/// # Errors
///
/// Returns [`ErrorKind::Codec`], which is permanent, for another content type, which it names,
/// and what [`Decoder::decode`] returns.
pub fn from_message<T>(decoder: &impl Decoder<T>, message: &Message) -> Result<T> {
    let content_type = message.details().content_type.as_deref();
    match content_type.filter(|content_type| !decoder.accepts(content_type)) {
        Some(other) => Err(foreign(other, decoder.content_type())),
        None => decoder.decode(&message.body),
    }
}

/// Says that the content type is another; only the start of it is shown, since anybody may have
/// sent it.
fn foreign(other: &str, expected: &str) -> Error {
    const SHOWN_MAX: usize = 80;
    let shown: String = other.chars().take(SHOWN_MAX).collect();
    let shown = shown.escape_debug();
    Error::new(
        ErrorKind::Codec,
        format!("content type is {shown}, expected {expected}"),
    )
}
