//! JSON, by `serde_json`, whose limit on depth (128) stays on.

mod error;
mod scan;
mod trace;

use std::{any::type_name, marker::PhantomData, num::NonZeroUsize};

use bytes::BytesMut;
use relayhouse_core::{Delivery, Error, ErrorKind, FromDelivery, IntoMessage, Message, Result};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, DeserializeSeed, IgnoredAny},
};

use self::{
    error::{is_too_deep, not_decoded},
    trace::{Trace, Traced},
};
use crate::{
    any::{AnyCodec, AnySeed, AnyValue},
    body::{from_message, to_message},
    bounds::Bounds,
    codec::{BorrowDecoder, Decoder, Encoder, Format},
    limited::Limited,
    media,
    path::Segment,
    sink::Sink,
};

const CONTENT_TYPE: &str = "application/json";

/// Draws a value from a JSON body, and sends a value as one.
///
/// A body over 16 MiB is refused; [`Limited`] sets another bound. A delivery whose content type
/// is set and is not JSON is refused as well.
///
/// ```
/// use relayhouse_codec::Json;
/// use relayhouse_core::IntoMessage;
///
/// let message = Json(vec![1, 2, 3]).into_message()?;
/// assert_eq!(message.body, "[1,2,3]");
/// assert_eq!(message.details().content_type.as_deref(), Some("application/json"));
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

/// Encodes and decodes JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonCodec {
    bounds: Bounds,
}

impl JsonCodec {
    /// Makes a codec with the bounds that are usual.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bounds: Bounds::new(),
        }
    }

    /// Sets the bounds of what is taken and made.
    #[must_use]
    pub const fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Sets the largest body to take or to make, in bytes.
    #[must_use]
    pub const fn body_bytes_max(mut self, max: NonZeroUsize) -> Self {
        self.bounds = self.bounds.body_bytes_max(max);
        self
    }
}

impl Default for JsonCodec {
    fn default() -> Self {
        Self::new()
    }
}

impl Format for JsonCodec {
    fn content_type(&self) -> &'static str {
        CONTENT_TYPE
    }

    /// Takes any `/json` and any `+json`, whatever the case and the parameters.
    fn accepts(&self, content_type: &str) -> bool {
        is_json(content_type)
    }
}

pub(crate) fn is_json(content_type: &str) -> bool {
    media::has_suffix(content_type, "/json") || media::has_suffix(content_type, "+json")
}

impl<T: Serialize + ?Sized> Encoder<T> for JsonCodec {
    fn encode_into(&self, value: &T, body: &mut BytesMut) -> Result<()> {
        self.write(value, type_name::<T>(), body)
    }
}

impl<T: DeserializeOwned> Decoder<T> for JsonCodec {
    fn decode(&self, body: &[u8]) -> Result<T> {
        self.read(body)
    }
}

impl<'de, T: Deserialize<'de>> BorrowDecoder<'de, T> for JsonCodec {
    fn decode_borrowed(&self, body: &'de [u8]) -> Result<T> {
        self.read(body)
    }
}

impl AnyCodec for JsonCodec {
    fn encode_any(&self, value: AnyValue<'_>, body: &mut BytesMut) -> Result<()> {
        self.write(&value, value.type_name(), body)
    }

    fn decode_any<'de>(&self, message: &'de Message, seed: AnySeed<'_, 'de>) -> Result<()> {
        let body = &message.body;
        self.check(body)?;
        let mut seed = seed;
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let result = seed.again().deserialize(&mut deserializer);
        result.and_then(|()| deserializer.end()).map_err(|error| {
            let syntax = syntax_of(body).filter(|_| !is_too_deep(&error));
            let error = syntax.unwrap_or(error);
            not_decoded(seed.type_name(), &error, &path_to(body, seed))
        })
    }
}

impl<T: DeserializeOwned, S> FromDelivery<S> for Json<T> {
    fn from_delivery(delivery: &Delivery, _: &S) -> Result<Self> {
        from_message(&JsonCodec::new(), &delivery.message).map(Self)
    }
}

impl<T: DeserializeOwned, S, const BYTES_MAX: usize> FromDelivery<S>
    for Limited<Json<T>, BYTES_MAX>
{
    fn from_delivery(delivery: &Delivery, _: &S) -> Result<Self> {
        let codec = JsonCodec::new().bounds(Self::BOUNDS);
        from_message(&codec, &delivery.message).map(|value| Self(Json(value)))
    }
}

impl<T: Serialize> IntoMessage for Json<T> {
    fn into_message(self) -> Result<Message> {
        to_message(&JsonCodec::new(), &self.0)
    }
}

impl JsonCodec {
    pub(crate) fn read<'de, T: Deserialize<'de>>(&self, body: &'de [u8]) -> Result<T> {
        self.check(body)?;
        serde_json::from_slice(body).map_err(|error| {
            let path = path_to(body, PhantomData::<T>);
            not_decoded(type_name::<T>(), &error, &path)
        })
    }

    fn check(&self, body: &[u8]) -> Result<()> {
        self.bounds.check_body("JSON", body)?;
        scan::check(body, &self.bounds)
    }

    fn write<T: Serialize + ?Sized>(
        &self,
        value: &T,
        name: &str,
        body: &mut BytesMut,
    ) -> Result<()> {
        let max = self.bounds.body_bytes_max;
        let mut sink = Sink::new(body, max);
        let result = serde_json::to_writer(&mut sink, value);
        result.map_err(|error| {
            sink.undo();
            not_encoded(name, max, &error)
        })
    }
}

fn not_encoded(name: &str, max: NonZeroUsize, error: &serde_json::Error) -> Error {
    if error.is_io() {
        let rule = format!("JSON body of {name} has more than {max} bytes");
        return Error::new(ErrorKind::MessageTooLarge, rule);
    }
    Error::new(
        ErrorKind::Codec,
        format!("{name} cannot be written as JSON"),
    )
}

/// Returns the way to what cannot be decoded, which it finds by decoding once more.
#[cold]
fn path_to<'de>(body: &'de [u8], seed: impl DeserializeSeed<'de>) -> Vec<Segment> {
    let trace = Trace::default();
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    match seed.deserialize(Traced::new(&mut deserializer, &trace)) {
        Ok(_) => Vec::new(),
        Err(_) => trace.into_path(),
    }
}

/// Returns what is wrong with the syntax of a body, which an error that went through a type unknown
/// here no longer says.
fn syntax_of(body: &[u8]) -> Option<serde_json::Error> {
    serde_json::from_slice::<IgnoredAny>(body).err()
}

#[cfg(test)]
mod tests;
