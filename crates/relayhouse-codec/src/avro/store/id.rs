//! What messages call a schema.

use std::fmt::{self, Display};
use std::str::FromStr;

use relayhouse_core::{Error, ErrorKind, Result};

use crate::avro::fingerprint::Fingerprint;

/// Names a schema, as messages do: by what it is, or by the number that a registry gave it.
///
/// ```
/// use relayhouse_codec::avro::{Schema, SchemaId};
///
/// let id = SchemaId::from(Schema::parse(r#""int""#)?.fingerprint());
/// assert_eq!(id.to_string(), "crc-64-avro:7275d51a3f395c8f");
/// assert_eq!("id:7".parse::<SchemaId>()?, SchemaId::Number(7));
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchemaId {
    /// The fingerprint of its canonical form.
    Fingerprint(Fingerprint),
    /// The number that a schema registry gave it.
    Number(u32),
}

const FINGERPRINT: &str = "crc-64-avro:";
const NUMBER: &str = "id:";

impl From<Fingerprint> for SchemaId {
    fn from(fingerprint: Fingerprint) -> Self {
        Self::Fingerprint(fingerprint)
    }
}

impl Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fingerprint(fingerprint) => write!(f, "{FINGERPRINT}{fingerprint}"),
            Self::Number(number) => write!(f, "{NUMBER}{number}"),
        }
    }
}

impl FromStr for SchemaId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(fingerprint) = text.strip_prefix(FINGERPRINT) {
            return fingerprint.parse().map(Self::Fingerprint);
        }
        let number = text.strip_prefix(NUMBER);
        let number = number.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
        let number = number.and_then(|digits| digits.parse().ok());
        number.map(Self::Number).ok_or_else(|| {
            let rule = "the id of a schema is crc-64-avro:FINGERPRINT or id:NUMBER";
            Error::new(ErrorKind::Codec, rule)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_id_is_read_back() {
        for id in [
            SchemaId::Number(0),
            SchemaId::Number(u32::MAX),
            SchemaId::Fingerprint(Fingerprint::new(1)),
        ] {
            assert_eq!(id.to_string().parse::<SchemaId>().unwrap(), id);
        }
        for wrong in ["", "7", "id:+7", "id:-1", "id:4294967296", "crc-64-avro:1"] {
            assert!(wrong.parse::<SchemaId>().is_err(), "{wrong}");
        }
    }
}
