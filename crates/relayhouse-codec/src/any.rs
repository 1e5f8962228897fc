//! The half of a codec that does not know the type of the values: for a choice at run time.

use std::{
    any::type_name,
    fmt::{self, Debug},
};

use bytes::BytesMut;
use relayhouse_core::{Error, ErrorKind, Message, Result};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeSeed, Error as _},
};

use crate::codec::Format;

/// Is a codec for whatever serde can take: object-safe, so that a program can choose one at run
/// time.
///
/// [`CodecRegistry`](crate::CodecRegistry) holds several, and is what most programs use.
pub trait AnyCodec: Format + Debug + Send + Sync {
    /// Appends the body of `value` to `body`, which is as before if that fails.
    ///
    /// # Errors
    ///
    /// Returns what [`Encoder::encode_into`](crate::Encoder::encode_into) returns.
    fn encode_any(&self, value: AnyValue<'_>, body: &mut BytesMut) -> Result<()>;

    /// Decodes all of the body of `message` into `seed`, which takes a deserializer as any other
    /// seed does.
    ///
    /// Whoever calls has checked that the codec [accepts](Format::accepts) the message.
    ///
    /// # Errors
    ///
    /// Returns what [`Decoder::decode_message`](crate::Decoder::decode_message) returns.
    fn decode_any<'de>(&self, message: &'de Message, seed: AnySeed<'_, 'de>) -> Result<()>;
}

/// Is a value of a type that the codec does not know.
#[derive(Clone, Copy)]
pub struct AnyValue<'a> {
    value: &'a dyn erased_serde::Serialize,
    type_name: &'static str,
}

/// Is the place of a value, of a type that the codec does not know.
pub struct AnySeed<'a, 'de> {
    place: &'a mut dyn Place<'de>,
    type_name: &'static str,
}

trait Place<'de> {
    fn fill(
        &mut self,
        deserializer: &mut dyn erased_serde::Deserializer<'de>,
    ) -> Result<(), erased_serde::Error>;
}

impl<'de, T: Deserialize<'de>> Place<'de> for Option<T> {
    fn fill(
        &mut self,
        deserializer: &mut dyn erased_serde::Deserializer<'de>,
    ) -> Result<(), erased_serde::Error> {
        *self = Some(erased_serde::deserialize(deserializer)?);
        Ok(())
    }
}

impl<'a> AnyValue<'a> {
    pub(crate) fn new<T: Serialize>(value: &'a T) -> Self {
        Self {
            value,
            type_name: type_name::<T>(),
        }
    }

    /// Returns the name of the type, for errors.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        self.type_name
    }
}

impl<'de> AnySeed<'_, 'de> {
    /// Returns a seed of the same place: what is decoded last counts.
    pub fn again(&mut self) -> AnySeed<'_, 'de> {
        AnySeed {
            place: &mut *self.place,
            type_name: self.type_name,
        }
    }

    /// Returns the name of the type, for errors.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        self.type_name
    }
}

impl Serialize for AnyValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        erased_serde::serialize(self.value, serializer)
    }
}

impl<'de> DeserializeSeed<'de> for AnySeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let mut erased = <dyn erased_serde::Deserializer<'de>>::erase(deserializer);
        self.place.fill(&mut erased).map_err(D::Error::custom)
    }
}

/// Decodes `message` by `codec` into a value of a type that only the caller knows.
pub(crate) fn decode<'de, T: Deserialize<'de>>(
    codec: &dyn AnyCodec,
    message: &'de Message,
) -> Result<T> {
    let mut place: Option<T> = None;
    let seed = AnySeed {
        place: &mut place,
        type_name: type_name::<T>(),
    };
    codec.decode_any(message, seed)?;
    place.ok_or_else(|| Error::new(ErrorKind::Codec, "codec has left the value out"))
}

impl Debug for AnyValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            value: _,
            type_name,
        } = self;
        f.debug_tuple("AnyValue").field(type_name).finish()
    }
}

impl Debug for AnySeed<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            place: _,
            type_name,
        } = self;
        f.debug_tuple("AnySeed").field(type_name).finish()
    }
}
