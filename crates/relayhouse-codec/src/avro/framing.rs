//! How a body says by which schema it was written.

use bytes::{BufMut, BytesMut};
use relayhouse_core::{Error, ErrorKind, Message, Result};

use super::{fingerprint::Fingerprint, store::SchemaId};
use crate::media;

/// The name of the header that carries the id of the schema of a bare datum.
pub const SCHEMA_HEADER: &str = "avro-schema";

/// The first bytes of a single-object encoding, of version 1.
const SINGLE_OBJECT: [u8; 2] = [0xc3, 0x01];

/// The first byte of what Confluent's serializers write.
const CONFLUENT: u8 = 0;

/// Says how a body and its message name the schema that the body was written by.
///
/// Both sides are told: nothing is guessed from the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Framing {
    /// The body is the datum alone; the header [`SCHEMA_HEADER`] names the schema.
    #[default]
    Bare,
    /// The body begins with `C3 01` and the fingerprint of the schema, as the Avro specification
    /// says of a single object: 10 bytes.
    SingleObject,
    /// The body begins with a zero and the number that a schema registry gave to the schema, as
    /// Confluent's serializers write it: 5 bytes.
    Confluent,
}

impl Framing {
    /// Returns the content type of bodies that are framed so.
    ///
    /// `avro/binary` is what the Avro specification calls a datum on HTTP; a parameter names the
    /// other framings.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Bare => "avro/binary",
            Self::SingleObject => "avro/binary; framing=single-object",
            Self::Confluent => "avro/binary; framing=confluent",
        }
    }

    /// Returns the framing that a content type names, [`Bare`](Self::Bare) if it names none, and
    /// nothing for a content type that is not Avro or a framing that is unknown.
    #[must_use]
    pub fn of(content_type: &str) -> Option<Self> {
        if !is_avro(content_type) {
            return None;
        }
        let Some(name) = named(content_type) else {
            return Some(Self::Bare);
        };
        let mut all = [Self::Bare, Self::SingleObject, Self::Confluent].into_iter();
        all.find(|framing| framing.is_called(name))
    }

    /// Returns whether bodies of `content_type` may be framed so: Avro that names this framing or
    /// none, since foreign producers do not.
    pub(super) fn accepts(self, content_type: &str) -> bool {
        is_avro(content_type) && named(content_type).is_none_or(|name| self.is_called(name))
    }

    /// Writes what stands before the datum.
    pub(super) fn write(self, id: SchemaId, body: &mut BytesMut) -> Result<()> {
        match (self, id) {
            (Self::Bare, _) => {}
            (Self::SingleObject, SchemaId::Fingerprint(fingerprint)) => {
                body.put_slice(&SINGLE_OBJECT);
                body.put_u64_le(fingerprint.get());
            }
            (Self::Confluent, SchemaId::Number(number)) => {
                body.put_u8(CONFLUENT);
                body.put_u32(number);
            }
            (Self::SingleObject, SchemaId::Number(_)) => {
                return Err(refused("a single object names its schema by fingerprint"));
            }
            (Self::Confluent, SchemaId::Fingerprint(_)) => {
                return Err(refused(
                    "Confluent framing needs the number that the registry gave to the schema",
                ));
            }
        }
        Ok(())
    }

    /// Takes a body apart: the id of the schema, if the body has it, and the datum.
    #[inline]
    pub(super) fn split(self, body: &[u8]) -> Result<(Option<SchemaId>, &[u8])> {
        let (id, datum) = match self {
            Self::Bare => return Ok((None, body)),
            Self::SingleObject => split_single_object(body)?,
            Self::Confluent => split_confluent(body)?,
        };
        Ok((Some(id), datum))
    }

    /// Finds the id of the schema of `message`, if body or header name one.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`] if the body is not framed so, or the header cannot be read.
    pub fn schema_of(self, message: &Message) -> Result<Option<SchemaId>> {
        match self {
            Self::Bare => header(message),
            Self::SingleObject | Self::Confluent => self.split(&message.body).map(|(id, _)| id),
        }
    }

    fn is_called(self, name: &str) -> bool {
        let own = match self {
            Self::Bare => "bare",
            Self::SingleObject => "single-object",
            Self::Confluent => "confluent",
        };
        own.eq_ignore_ascii_case(name)
    }
}

/// Reads the header that names the schema of a bare datum.
fn header(message: &Message) -> Result<Option<SchemaId>> {
    let Some(value) = message.headers().get(SCHEMA_HEADER) else {
        return Ok(None);
    };
    let id = value.as_text().and_then(|text| text.parse().ok());
    id.map(Some).ok_or_else(|| {
        Error::new(
            ErrorKind::Codec,
            format!("header {SCHEMA_HEADER} is not the id of a schema"),
        )
    })
}

fn is_avro(content_type: &str) -> bool {
    media::is(content_type, "avro/binary")
        || media::is(content_type, "application/avro")
        || media::has_suffix(content_type, "+avro")
}

/// Returns the parameter of a content type that names the framing.
fn named(content_type: &str) -> Option<&str> {
    let mut parameters = content_type.split(';').skip(1);
    parameters.find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        let is_framing = key.trim().eq_ignore_ascii_case("framing");
        is_framing.then(|| value.trim().trim_matches('"'))
    })
}

fn refused(rule: &'static str) -> Error {
    Error::new(ErrorKind::Codec, rule)
}

fn split_single_object(body: &[u8]) -> Result<(SchemaId, &[u8])> {
    let framed = body.strip_prefix(&SINGLE_OBJECT);
    let (id, datum) = framed
        .and_then(<[u8]>::split_first_chunk)
        .ok_or_else(|| unframed("a single object begins with C3 01 and 8 bytes more"))?;
    let fingerprint = Fingerprint::new(u64::from_le_bytes(*id));
    Ok((SchemaId::Fingerprint(fingerprint), datum))
}

fn split_confluent(body: &[u8]) -> Result<(SchemaId, &[u8])> {
    let framed = body.strip_prefix(&[CONFLUENT]);
    let (id, datum) = framed
        .and_then(<[u8]>::split_first_chunk)
        .ok_or_else(|| unframed("Confluent framing is a zero and 4 bytes more"))?;
    Ok((SchemaId::Number(u32::from_be_bytes(*id)), datum))
}

fn unframed(rule: &str) -> Error {
    Error::new(
        ErrorKind::Codec,
        format!("body is not framed as expected at byte 0: {rule}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINGERPRINT: SchemaId = SchemaId::Fingerprint(Fingerprint::new(0x0102_0304_0506_0708));

    fn framed(framing: Framing, id: SchemaId) -> Vec<u8> {
        let mut body = BytesMut::new();
        framing.write(id, &mut body).unwrap();
        body.put_slice(b"datum");
        body.to_vec()
    }

    #[test]
    fn frames_are_those_of_the_specification_and_of_confluent() {
        let body = framed(Framing::SingleObject, FINGERPRINT);
        assert_eq!(body, b"\xc3\x01\x08\x07\x06\x05\x04\x03\x02\x01datum");
        let split = Framing::SingleObject.split(&body).unwrap();
        assert_eq!(split, (Some(FINGERPRINT), &b"datum"[..]));

        let id = SchemaId::Number(0x0102_0304);
        let body = framed(Framing::Confluent, id);
        assert_eq!(body, b"\x00\x01\x02\x03\x04datum");
        let split = Framing::Confluent.split(&body).unwrap();
        assert_eq!(split, (Some(id), &b"datum"[..]));

        assert_eq!(framed(Framing::Bare, id), b"datum");
        assert_eq!(
            Framing::Bare.split(b"datum").unwrap(),
            (None, &b"datum"[..])
        );
    }

    #[test]
    fn cut_or_foreign_frame_is_an_error_of_the_first_byte() {
        let foreign: [&[u8]; 5] = [
            b"",
            b"\xc3",
            b"\xc3\x02\0\0\0\0\0\0\0\0",
            b"{}",
            b"\x00\x01",
        ];
        for body in foreign {
            for framing in [Framing::SingleObject, Framing::Confluent] {
                let error = framing.split(body).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Codec);
                assert!(error.to_string().contains("at byte 0"), "{error}");
            }
        }
    }

    #[test]
    fn id_of_another_kind_is_refused() {
        let mut body = BytesMut::new();
        let number = SchemaId::Number(1);
        assert!(Framing::SingleObject.write(number, &mut body).is_err());
        assert!(Framing::Confluent.write(FINGERPRINT, &mut body).is_err());
        assert!(body.is_empty());
    }

    #[test]
    fn content_type_names_the_framing() {
        for framing in [Framing::Bare, Framing::SingleObject, Framing::Confluent] {
            assert_eq!(Framing::of(framing.content_type()), Some(framing));
            assert!(
                framing.accepts("application/avro"),
                "foreign ones name none"
            );
            assert!(framing.accepts("application/vnd.order.v1+avro"));
            assert!(!framing.accepts("application/json"));
        }
        assert_eq!(
            Framing::of("Avro/Binary;Framing=\"confluent\""),
            Some(Framing::Confluent)
        );
        assert_eq!(Framing::of("avro/binary; framing=other"), None);
        assert!(!Framing::Bare.accepts("avro/binary; framing=confluent"));
    }

    #[test]
    fn header_names_the_schema_of_a_bare_datum() {
        let message = Message::new("x");
        assert_eq!(Framing::Bare.schema_of(&message).unwrap(), None);
        let message = message.header(SCHEMA_HEADER, FINGERPRINT.to_string());
        assert_eq!(
            Framing::Bare.schema_of(&message).unwrap(),
            Some(FINGERPRINT)
        );
        for wrong in ["", "7", "id:", "id:4294967296", "crc-64-avro:7"] {
            let message = Message::new("x").header(SCHEMA_HEADER, wrong.to_owned());
            assert!(Framing::Bare.schema_of(&message).is_err(), "{wrong}");
        }
    }
}
