//! MessagePack: written by `rmp-serde`, read by a reader of our own that knows bounds.

mod access;
mod deserialize;
mod fault;
mod positional;
mod reader;

use std::{any::type_name, num::NonZeroUsize};

use bytes::BytesMut;
use relayhouse_core::{Delivery, Error, ErrorKind, FromDelivery, IntoMessage, Message, Result};
use rmp_serde::{Serializer, encode};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, DeserializeSeed},
};

use self::{
    positional::{LEFT_OUT, Positional},
    reader::Reader,
};
use crate::{
    any::{AnyCodec, AnySeed, AnyValue},
    body::{from_message, to_message},
    bounds::Bounds,
    codec::{BorrowDecoder, Decoder, Encoder, Format},
    limited::Limited,
    media,
    sink::Sink,
};

const CONTENT_TYPE: &str = "application/vnd.msgpack";

/// The names that were in use before IANA knew one.
const OLDER_CONTENT_TYPES: [&str; 2] = ["application/msgpack", "application/x-msgpack"];

/// Draws a value from a MessagePack body, and sends a value as one, with the names of its fields.
///
/// The usual [`Bounds`] hold; [`Limited`] sets another size. A delivery whose content type is set
/// and is not MessagePack is refused.
///
/// ```
/// use relayhouse_codec::MessagePack;
/// use relayhouse_core::IntoMessage;
///
/// let message = MessagePack([1, 2, 3]).into_message()?;
/// assert_eq!(message.body, &[0x93, 1, 2, 3][..]);
/// assert_eq!(
///     message.details().content_type.as_deref(),
///     Some("application/vnd.msgpack")
/// );
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessagePack<T>(pub T);

/// Encodes and decodes MessagePack.
///
/// Structs are maps from the names of their fields, which survive a change of the type: what is
/// new needs `#[serde(default)]`, what is gone is skipped. [`compact`](Self::compact) writes them
/// without names. Both are read, whatever the codec writes. Bytes are taken for a list of numbers as
/// well, each of which counts as an item.
///
/// What MessagePack cannot say: `Some(())` and `Some(None)` are nil, and so become `None`;
/// a 128-bit integer is 16 bytes, which `#[serde(flatten)]` and `#[serde(untagged)]` do not take
/// back for a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessagePackCodec {
    bounds: Bounds,
    names: Names,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    Written,
    LeftOut,
}

impl MessagePackCodec {
    /// Makes a codec with the bounds that are usual, which writes the names of fields.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bounds: Bounds::new(),
            names: Names::Written,
        }
    }

    /// Writes structs as arrays, without the names of their fields: half the size, and faster.
    ///
    /// A field is then known by its place. Fields may be added at the end, with
    /// `#[serde(default)]`, once every reader has them, and no field can be moved, removed or
    /// left out: encoding a value that leaves one out by `#[serde(skip_serializing_if)]` fails.
    /// Of an enum with `#[serde(tag, content)]`, variants without content and those with named
    /// fields are written, and refused by who reads them.
    #[must_use]
    pub const fn compact(mut self) -> Self {
        self.names = Names::LeftOut;
        self
    }

    /// Sets the bounds of what is taken and made.
    #[must_use]
    pub const fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    fn read<'de, T: Deserialize<'de>>(&self, body: &'de [u8]) -> Result<T> {
        self.bounds.check_body("MessagePack", body)?;
        let mut reader = Reader::new(body, self.bounds);
        let result = T::deserialize(&mut reader);
        reader.finish(type_name::<T>(), result)
    }

    fn write<T: Serialize + ?Sized>(
        &self,
        value: &T,
        name: &str,
        body: &mut BytesMut,
    ) -> Result<()> {
        let max = self.bounds.body_bytes_max;
        let mut sink = Sink::new(body, max);
        let serializer = Serializer::new(&mut sink);
        let result = match self.names {
            Names::Written => value.serialize(&mut serializer.with_struct_map()),
            Names::LeftOut => value.serialize(Positional(&mut { serializer })),
        };
        result.map_err(|error| {
            sink.undo();
            not_encoded(name, max, &error)
        })
    }
}

impl Default for MessagePackCodec {
    fn default() -> Self {
        Self::new()
    }
}

impl Format for MessagePackCodec {
    fn content_type(&self) -> &'static str {
        CONTENT_TYPE
    }

    /// Takes `application/vnd.msgpack`, and the older `application/msgpack` and
    /// `application/x-msgpack`, whatever the case and the parameters.
    fn accepts(&self, content_type: &str) -> bool {
        let is = |expected| media::is(content_type, expected);
        is(CONTENT_TYPE) || OLDER_CONTENT_TYPES.into_iter().any(is)
    }
}

impl<T: Serialize + ?Sized> Encoder<T> for MessagePackCodec {
    fn encode_into(&self, value: &T, body: &mut BytesMut) -> Result<()> {
        self.write(value, type_name::<T>(), body)
    }
}

impl<T: DeserializeOwned> Decoder<T> for MessagePackCodec {
    fn decode(&self, body: &[u8]) -> Result<T> {
        self.read(body)
    }
}

impl<'de, T: Deserialize<'de>> BorrowDecoder<'de, T> for MessagePackCodec {
    fn decode_borrowed(&self, body: &'de [u8]) -> Result<T> {
        self.read(body)
    }
}

impl AnyCodec for MessagePackCodec {
    fn encode_any(&self, value: AnyValue<'_>, body: &mut BytesMut) -> Result<()> {
        self.write(&value, value.type_name(), body)
    }

    fn decode_any<'de>(&self, message: &'de Message, seed: AnySeed<'_, 'de>) -> Result<()> {
        let body = &message.body;
        self.bounds.check_body("MessagePack", body)?;
        let name = seed.type_name();
        let mut reader = Reader::new(body, self.bounds);
        let result = seed.deserialize(&mut reader);
        reader.finish(name, result)
    }
}

impl<T: DeserializeOwned, S> FromDelivery<S> for MessagePack<T> {
    fn from_delivery(delivery: &Delivery, _: &S) -> Result<Self> {
        from_message(&MessagePackCodec::new(), &delivery.message).map(Self)
    }
}

impl<T: DeserializeOwned, S, const BYTES_MAX: usize> FromDelivery<S>
    for Limited<MessagePack<T>, BYTES_MAX>
{
    fn from_delivery(delivery: &Delivery, _: &S) -> Result<Self> {
        let codec = MessagePackCodec::new().bounds(Self::BOUNDS);
        from_message(&codec, &delivery.message).map(|value| Self(MessagePack(value)))
    }
}

impl<T: Serialize> IntoMessage for MessagePack<T> {
    fn into_message(self) -> Result<Message> {
        to_message(&MessagePackCodec::new(), &self.0)
    }
}

fn not_encoded(name: &str, max: NonZeroUsize, error: &encode::Error) -> Error {
    let text = match error {
        encode::Error::InvalidValueWrite(_) => {
            let rule = format!("MessagePack body of {name} has more than {max} bytes");
            return Error::new(ErrorKind::MessageTooLarge, rule);
        }
        encode::Error::Syntax(text) if text.starts_with(LEFT_OUT) => format!("{name}: {text}"),
        _ => format!("{name} cannot be written as MessagePack"),
    };
    Error::new(ErrorKind::Codec, text)
}

#[cfg(test)]
mod tests;
