//! The values of application properties: AMQP's simple types.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The value of a property.
///
/// Two values are equal if type and content are; filters compare by their own rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants are named like the types of AMQP")]
pub enum Value {
    Null,
    Boolean(bool),
    Ubyte(u8),
    Ushort(u16),
    Uint(u32),
    Ulong(u64),
    Byte(i8),
    Short(i16),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    Char(char),
    /// Milliseconds since the Unix epoch, which may be before it.
    Timestamp(i64),
    /// Ticks of 100 nanoseconds, the time span of .NET: AMQP has no type of its own for it.
    Duration(i64),
    Uuid(Uuid),
    Binary(Bytes),
    String(Box<str>),
    Symbol(Box<str>),
    /// A value of another type, in the encoding of AMQP: it is kept, and is equal to itself.
    Encoded(Bytes),
}

impl Value {
    /// Returns about how many bytes the value takes in a message.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let content = match self {
            Self::Null | Self::Boolean(_) => 0,
            Self::Ubyte(_) | Self::Byte(_) => 1,
            Self::Ushort(_) | Self::Short(_) => 2,
            Self::Uint(_) | Self::Int(_) | Self::Float(_) | Self::Char(_) => 4,
            Self::Ulong(_)
            | Self::Long(_)
            | Self::Double(_)
            | Self::Timestamp(_)
            | Self::Duration(_) => 8,
            Self::Uuid(_) => 16,
            Self::Binary(bytes) | Self::Encoded(bytes) => bytes.len(),
            Self::String(text) | Self::Symbol(text) => text.len(),
        };
        1 + content
    }

    /// Returns the number that the value is, if it is a whole one.
    pub(super) fn as_integer(&self) -> Option<i128> {
        Some(match self {
            Self::Ubyte(number) => (*number).into(),
            Self::Ushort(number) => (*number).into(),
            Self::Uint(number) => (*number).into(),
            Self::Ulong(number) => (*number).into(),
            Self::Byte(number) => (*number).into(),
            Self::Short(number) => (*number).into(),
            Self::Int(number) => (*number).into(),
            Self::Long(number) => (*number).into(),
            _ => return None,
        })
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Long(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}
