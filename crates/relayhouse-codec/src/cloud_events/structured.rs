//! Structured mode: an event as one JSON object.

use std::{borrow::Cow, fmt, io::Write, num::NonZeroUsize};

use base64::{
    Engine,
    engine::DecodePaddingMode,
    engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD},
};
use bytes::{Bytes, BytesMut};
use relayhouse_core::{Error, ErrorKind, Message, Result};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    attributes::{Attributes, CONTENT_TYPE, for_each},
    event::{CloudEvent, ExtensionValue},
};
use crate::{
    bounds::Bounds,
    codec::{Decoder, Encoder, foreign},
    json::{JsonCodec, is_json},
    sink::Sink,
};

/// Appends `event` to `body`.
pub(super) fn write<T>(
    codec: &impl Encoder<T>,
    event: &CloudEvent<T>,
    bytes_max: NonZeroUsize,
    body: &mut BytesMut,
) -> Result<()> {
    let data = match &event.data {
        Some(value) => codec.encode_message(value)?,
        None => Message::default(),
    };
    if let Some((name, _)) = data.headers().iter().next() {
        return Err(Error::new(
            ErrorKind::Codec,
            format!(
                "data of CloudEvent needs the header {name}, which structured mode does not have"
            ),
        ));
    }
    let mut sink = Sink::new(body, bytes_max);
    let result = write_to(&mut sink, codec.content_type(), event, &data.body);
    if result.is_err() {
        sink.undo();
    }
    result
}

fn write_to<T>(
    sink: &mut Sink<'_>,
    content_type: &str,
    event: &CloudEvent<T>,
    data: &[u8],
) -> Result<()> {
    let mut start = '{';
    for_each(event, |name, value| {
        let begun = write!(sink, "{start}\"{name}\":");
        start = ',';
        begun.map_err(|_| too_large())?;
        match &*value {
            ExtensionValue::Text(text) => write_text(sink, text),
            value => write!(sink, "{value}").map_err(|_| too_large()),
        }
    })?;
    if event.data.is_some() {
        write_data(sink, content_type, data)?;
    }
    sink.write_all(b"}").map_err(|_| too_large())
}

fn write_data(sink: &mut Sink<'_>, content_type: &str, data: &[u8]) -> Result<()> {
    write!(sink, ",\"{CONTENT_TYPE}\":").map_err(|_| too_large())?;
    write_text(sink, content_type)?;
    let written = if is_json(content_type) {
        sink.write_all(b",\"data\":")
            .and_then(|()| sink.write_all(data))
    } else {
        write!(sink, ",\"data_base64\":\"{}\"", STANDARD.encode(data))
    };
    written.map_err(|_| too_large())
}

fn write_text(sink: &mut Sink<'_>, text: &str) -> Result<()> {
    serde_json::to_writer(sink, text).map_err(|_| too_large())
}

/// The only way in which writing to a buffer fails.
fn too_large() -> Error {
    Error::new(
        ErrorKind::MessageTooLarge,
        "CloudEvent is over the bound of its codec",
    )
}

/// Reads an event out of `body`.
pub(super) fn read<T>(
    codec: &impl Decoder<T>,
    bounds: Bounds,
    body: &[u8],
) -> Result<CloudEvent<T>> {
    let envelope: Envelope<'_> = JsonCodec::new().bounds(bounds).read(body)?;
    let mut attributes = Attributes::default();
    for (name, value) in envelope.attributes {
        attributes.set(&name, value)?;
    }
    let content_type = attributes.text(CONTENT_TYPE)?;
    // The specification: data without a content type is JSON.
    let content_type = content_type.as_deref().unwrap_or("application/json");
    let mut event = attributes.event()?;
    if let Some(data) = envelope.data {
        if !codec.accepts(content_type) {
            return Err(foreign(content_type, codec.content_type()));
        }
        let bytes = data.bytes(is_json(content_type))?;
        // A message without headers: what needs one to be read is refused.
        let message = Message::new(Bytes::copy_from_slice(&bytes));
        let message = message.content_type(content_type.to_owned());
        event.data = Some(codec.decode_message(&message)?);
    }
    Ok(event)
}

/// Is a JSON object with its members sorted into attributes and data.
struct Envelope<'de> {
    attributes: Vec<(String, ExtensionValue)>,
    data: Option<Data<'de>>,
}

enum Data<'de> {
    Json(&'de RawValue),
    Base64(Cow<'de, str>),
}

impl Data<'_> {
    /// Returns the bytes that the codec of the data takes.
    fn bytes(&self, is_json: bool) -> Result<Cow<'_, [u8]>> {
        match self {
            Self::Json(raw) if is_json => Ok(raw.get().as_bytes().into()),
            Self::Json(raw) => match serde_json::from_str::<String>(raw.get()) {
                Ok(text) => Ok(text.into_bytes().into()),
                Err(_) => Err(Error::new(
                    ErrorKind::Codec,
                    "data of CloudEvent is neither JSON by its content type, nor a string",
                )),
            },
            Self::Base64(text) => match LENIENT.decode(text.as_bytes()) {
                Ok(bytes) => Ok(bytes.into()),
                Err(_) => Err(Error::new(
                    ErrorKind::Codec,
                    "data_base64 of CloudEvent is not base64",
                )),
            },
        }
    }
}

/// Takes base64 with and without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = Envelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope<'de>, A::Error> {
        let mut envelope = Envelope {
            attributes: Vec::new(),
            data: None,
        };
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let data = match &*name {
                "data" => Data::Json(map.next_value()?),
                "data_base64" => Data::Base64(map.next_value()?),
                _ => {
                    // A member that is null counts as none.
                    if let Some(Attribute(value)) = map.next_value()? {
                        envelope.attributes.push((name.into_owned(), value));
                    }
                    continue;
                }
            };
            if envelope.data.replace(data).is_some() {
                return Err(A::Error::custom("data is there twice"));
            }
        }
        Ok(envelope)
    }
}

/// Reads the value of an attribute: a string, a boolean, or an integer of 32 bits.
struct Attribute(ExtensionValue);

impl<'de> Deserialize<'de> for Attribute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AttributeVisitor).map(Self)
    }
}

struct AttributeVisitor;

impl Visitor<'_> for AttributeVisitor {
    type Value = ExtensionValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a boolean or an integer")
    }

    fn visit_str<E>(self, text: &str) -> Result<ExtensionValue, E> {
        Ok(ExtensionValue::Text(text.to_owned().into()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<ExtensionValue, E> {
        Ok(ExtensionValue::Boolean(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<ExtensionValue, E> {
        let value = i32::try_from(value).map_err(|_| E::custom("integer of over 32 bits"))?;
        Ok(ExtensionValue::Integer(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<ExtensionValue, E> {
        let value = i32::try_from(value).map_err(|_| E::custom("integer of over 32 bits"))?;
        Ok(ExtensionValue::Integer(value))
    }
}
