//! Protobuf, by `prost`, whose limit on recursion (100) stays on.

use std::{any::type_name, num::NonZeroUsize};

use bytes::BytesMut;
use prost::DecodeError;
use relayhouse_core::{Delivery, Error, ErrorKind, FromDelivery, IntoMessage, Message, Result};

use crate::{
    body::{from_message, to_message},
    bounds::Bounds,
    codec::{Decoder, Encoder, Format},
    limited::Limited,
    media,
};

const CONTENT_TYPE: &str = "application/protobuf";

const OLDER_CONTENT_TYPES: [&str; 2] =
    ["application/x-protobuf", "application/vnd.google.protobuf"];

/// Draws a message of `prost` from a Protobuf body, and sends one.
///
/// A body over 16 MiB is refused; [`Limited`] sets another bound. A delivery whose content type is
/// set and is not Protobuf is refused as well.
///
/// ```
/// use relayhouse_codec::Protobuf;
/// use relayhouse_core::IntoMessage;
///
/// // Any message that `prost` generates; this one is a wrapper type of Protobuf's own.
/// let message = Protobuf("a".to_owned()).into_message()?;
/// assert_eq!(message.body, &[0x0a, 1, b'a'][..]);
/// assert_eq!(message.details().content_type.as_deref(), Some("application/protobuf"));
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Protobuf<T>(pub T);

/// Encodes and decodes messages of `prost`.
///
/// The size of the body bounds all else: `prost` allocates for what it has read, and recurses no
/// deeper than 100. A repeated number may take 1 byte in the body and 8 in memory, and a repeated
/// message 2 bytes in the body and all of its size in memory: bodies of others may need another
/// [bound](Self::body_bytes_max), or [`Limited`].
///
/// A [`CodecRegistry`](crate::CodecRegistry) cannot have it: it chooses for types of serde.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtobufCodec {
    bounds: Bounds,
}

impl ProtobufCodec {
    /// Makes a codec for bodies of up to [`BODY_BYTES_MAX`](crate::BODY_BYTES_MAX).
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bounds: Bounds::new(),
        }
    }

    /// Sets the largest body to take or to make, in bytes.
    #[must_use]
    pub const fn body_bytes_max(mut self, max: NonZeroUsize) -> Self {
        self.bounds = self.bounds.body_bytes_max(max);
        self
    }
}

impl Default for ProtobufCodec {
    fn default() -> Self {
        Self::new()
    }
}

impl Format for ProtobufCodec {
    fn content_type(&self) -> &'static str {
        CONTENT_TYPE
    }

    /// Takes `application/protobuf`, `application/x-protobuf` and
    /// `application/vnd.google.protobuf`, whatever the case and the parameters.
    fn accepts(&self, content_type: &str) -> bool {
        let is = |expected| media::is(content_type, expected);
        is(CONTENT_TYPE) || OLDER_CONTENT_TYPES.into_iter().any(is)
    }
}

impl<T: prost::Message> Encoder<T> for ProtobufCodec {
    fn encode_into(&self, value: &T, body: &mut BytesMut) -> Result<()> {
        let (size, max) = (value.encoded_len(), self.bounds.body_bytes_max);
        let too_large = || {
            let name = type_name::<T>();
            let rule = format!("Protobuf body of {name} has {size} bytes, more than {max}");
            Error::new(ErrorKind::MessageTooLarge, rule)
        };
        if max.get() < size {
            return Err(too_large());
        }
        body.reserve(size);
        value.encode(body).map_err(|_| too_large())
    }
}

impl<T: prost::Message + Default> Decoder<T> for ProtobufCodec {
    fn decode(&self, body: &[u8]) -> Result<T> {
        self.bounds.check_body("Protobuf", body)?;
        let mut rest = body;
        T::decode(&mut rest).map_err(|error| {
            let offset = body.len() - rest.len();
            not_decoded(type_name::<T>(), offset, &error)
        })
    }
}

impl<T: prost::Message + Default, S> FromDelivery<S> for Protobuf<T> {
    fn from_delivery(delivery: &Delivery, _: &S) -> Result<Self> {
        from_message(&ProtobufCodec::new(), &delivery.message).map(Self)
    }
}

impl<T: prost::Message + Default, S, const BYTES_MAX: usize> FromDelivery<S>
    for Limited<Protobuf<T>, BYTES_MAX>
{
    fn from_delivery(delivery: &Delivery, _: &S) -> Result<Self> {
        let codec = ProtobufCodec::new().body_bytes_max(Self::BOUNDS.body_bytes_max);
        from_message(&codec, &delivery.message).map(|value| Self(Protobuf(value)))
    }
}

impl<T: prost::Message> IntoMessage for Protobuf<T> {
    fn into_message(self) -> Result<Message> {
        to_message(&ProtobufCodec::new(), &self.0)
    }
}

/// Says where a body is wrong, and how. The way to the field is that of the type.
fn not_decoded(name: &str, offset: usize, error: &DecodeError) -> Error {
    let text = error.to_string();
    let text = text.split_once(": ").map_or("", |(_, rest)| rest);
    let what = without_values(text);
    Error::new(
        ErrorKind::Codec,
        format!("Protobuf body does not fit {name}: {what}, at byte {offset}"),
    )
}

/// Returns what may be repeated of `text`: no number and no URL that stands in the body.
fn without_values(text: &str) -> &str {
    const URL: &str = "unexpected type URL";
    if let Some(start) = text.find(URL) {
        return &text[..start + URL.len()];
    }
    let is_number = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit());
    match text.rsplit_once(" value: ") {
        Some((what, rest)) if is_number(rest) => what,
        _ => text,
    }
}

#[cfg(test)]
mod tests;
