//! Which types can be read as which others, and how, as the specification says.

use apache_avro::schema::{
    DecimalSchema, FixedSchema, InnerDecimalSchema, Schema as Parsed, UuidSchema,
};

use crate::avro::{read::plan::Node, shown::shown, uuid::UUID_BYTES};

/// How well a type of the reader fits one of the writer, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::avro) enum Fit {
    /// It is the same type, with all of its name if it has one.
    Same,
    /// The last part of the name is the same, or an alias is the writer's name.
    Named,
    /// The writer's type can be promoted to it.
    Promoted,
}

/// The type below a logical type.
#[derive(Clone, Copy, Debug)]
enum Base<'a> {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(&'a FixedSchema),
    Other,
}

/// What a logical type adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Logical {
    Date,
    TimeMillis,
    TimeMicros,
    TimestampMillis,
    TimestampMicros,
    TimestampNanos,
    LocalTimestampMillis,
    LocalTimestampMicros,
    LocalTimestampNanos,
    Decimal { precision: usize, scale: usize },
    BigDecimal,
    Uuid,
    Duration,
}

/// Says how well `reader` fits what is written as `writer`, without a look into records and items.
///
/// A logical type fits the type below it, and no other logical type: a number of milliseconds is
/// none of microseconds, whatever the numbers below are.
pub(in crate::avro) fn fit(writer: &Parsed, reader: &Parsed) -> Option<Fit> {
    let (from, to) = (logical(writer), logical(reader));
    match (from, to) {
        (Some(from), Some(to)) if from != to => return None,
        // Decimals and UUIDs are the same whatever they are written as.
        (Some(Logical::Decimal { .. } | Logical::Uuid), Some(_)) => {
            return Some(match (base(writer), base(reader)) {
                (Base::Bytes, Base::Bytes) | (Base::String, Base::String) => Fit::Same,
                (Base::Fixed(from), Base::Fixed(to)) if from.name == to.name => Fit::Same,
                _ => Fit::Promoted,
            });
        }
        _ => {}
    }
    match (base(writer), base(reader)) {
        (Base::Null, Base::Null)
        | (Base::Boolean, Base::Boolean)
        | (Base::Int, Base::Int)
        | (Base::Long, Base::Long)
        | (Base::Float, Base::Float)
        | (Base::Double, Base::Double)
        | (Base::Bytes, Base::Bytes)
        | (Base::String, Base::String) => Some(Fit::Same),
        (Base::Int, Base::Long | Base::Float | Base::Double)
        | (Base::Long, Base::Float | Base::Double)
        | (Base::Float, Base::Double)
        | (Base::Bytes, Base::String)
        | (Base::String, Base::Bytes) => Some(Fit::Promoted),
        (Base::Fixed(from), Base::Fixed(to)) if from.size == to.size => names(writer, reader),
        (Base::Other, Base::Other) => match (writer, reader) {
            (Parsed::Array(_), Parsed::Array(_)) | (Parsed::Map(_), Parsed::Map(_)) => {
                Some(Fit::Same)
            }
            (Parsed::Record(_), Parsed::Record(_)) | (Parsed::Enum(_), Parsed::Enum(_)) => {
                names(writer, reader)
            }
            _ => None,
        },
        _ => None,
    }
}

fn names(writer: &Parsed, reader: &Parsed) -> Option<Fit> {
    let (from, to) = (writer.name()?, reader.name()?);
    if from == to {
        return Some(Fit::Same);
    }
    let mut aliases = reader.aliases().into_iter().flatten();
    let mut is_alias = || aliases.any(|alias| alias.fullname(None) == from.as_ref());
    let is_named = from.name() == to.name() || is_alias();
    is_named.then_some(Fit::Named)
}

/// Returns the node of types without parts of their own, of which the reader's fits the writer's.
pub(super) fn node(writer: &Parsed, reader: &Parsed) -> Option<Node> {
    let (from, to) = (logical(writer), logical(reader));
    let is_uuid = to == Some(Logical::Uuid);
    let node = match (base(writer), base(reader)) {
        (Base::Null, _) => Node::Null,
        (Base::Boolean, _) => Node::Boolean,
        (Base::Int, Base::Int) => Node::Int,
        (Base::Int, Base::Long) => Node::IntAsLong,
        (Base::Int, Base::Float) => Node::IntAsFloat,
        (Base::Int, Base::Double) => Node::IntAsDouble,
        (Base::Long, Base::Long) => Node::Long,
        (Base::Long, Base::Float) => Node::LongAsFloat,
        (Base::Long, Base::Double) => Node::LongAsDouble,
        (Base::Float, Base::Float) => Node::Float,
        (Base::Float, Base::Double) => Node::FloatAsDouble,
        (Base::Double, _) => Node::Double,
        // A UUID is as the writer has it; what is none for the writer is as the reader has it.
        (Base::Bytes, to_base) if is_uuid => match (from, to_base) {
            (None, Base::String) => Node::UuidText,
            _ => Node::UuidBytes,
        },
        (Base::String, _) if is_uuid => Node::UuidText,
        (Base::Bytes | Base::String, Base::String) => Node::String,
        (Base::Bytes | Base::String, _) => Node::Bytes,
        (Base::Fixed(fixed), _) => {
            let size = u32::try_from(fixed.size).ok()?;
            match to {
                Some(Logical::Uuid) if fixed.size == UUID_BYTES => Node::UuidFixed,
                Some(_) => Node::Opaque(size),
                None => Node::Fixed(size),
            }
        }
        _ => return None,
    };
    Some(node)
}

/// Says what a type is, for people.
pub(in crate::avro) fn name(schema: &Parsed) -> String {
    let kind = match schema {
        Parsed::Array(_) => "array",
        Parsed::Map(_) => "map",
        Parsed::Record(_) => "record",
        Parsed::Enum(_) => "enum",
        Parsed::Union(_) => "union",
        _ => match base(schema) {
            Base::Null => "null",
            Base::Boolean => "boolean",
            Base::Int => "int",
            Base::Long => "long",
            Base::Float => "float",
            Base::Double => "double",
            Base::Bytes => "bytes",
            Base::String => "string",
            Base::Fixed(_) | Base::Other => "fixed",
        },
    };
    let mut text = kind.to_owned();
    if let Some(name) = schema.name() {
        text = format!("{text} {}", shown(name.as_ref()));
    }
    if let Base::Fixed(FixedSchema { size, .. }) = base(schema) {
        text = format!("{text} of {size} bytes");
    }
    match logical(schema) {
        None => text,
        Some(Logical::Decimal { precision, scale }) => {
            format!("{text} (decimal of {precision} digits, {scale} after the point)")
        }
        Some(logical) => format!("{text} ({logical:?})"),
    }
}

fn base(schema: &Parsed) -> Base<'_> {
    match schema {
        Parsed::Null => Base::Null,
        Parsed::Boolean => Base::Boolean,
        Parsed::Int | Parsed::Date | Parsed::TimeMillis => Base::Int,
        Parsed::Long
        | Parsed::TimeMicros
        | Parsed::TimestampMillis
        | Parsed::TimestampMicros
        | Parsed::TimestampNanos
        | Parsed::LocalTimestampMillis
        | Parsed::LocalTimestampMicros
        | Parsed::LocalTimestampNanos => Base::Long,
        Parsed::Float => Base::Float,
        Parsed::Double => Base::Double,
        Parsed::Bytes
        | Parsed::BigDecimal
        | Parsed::Uuid(UuidSchema::Bytes)
        | Parsed::Decimal(DecimalSchema {
            inner: InnerDecimalSchema::Bytes,
            ..
        }) => Base::Bytes,
        Parsed::String | Parsed::Uuid(UuidSchema::String) => Base::String,
        Parsed::Fixed(fixed)
        | Parsed::Duration(fixed)
        | Parsed::Uuid(UuidSchema::Fixed(fixed))
        | Parsed::Decimal(DecimalSchema {
            inner: InnerDecimalSchema::Fixed(fixed),
            ..
        }) => Base::Fixed(fixed),
        Parsed::Array(_)
        | Parsed::Map(_)
        | Parsed::Union(_)
        | Parsed::Record(_)
        | Parsed::Enum(_)
        | Parsed::Ref { .. } => Base::Other,
    }
}

fn logical(schema: &Parsed) -> Option<Logical> {
    let logical = match schema {
        Parsed::Date => Logical::Date,
        Parsed::TimeMillis => Logical::TimeMillis,
        Parsed::TimeMicros => Logical::TimeMicros,
        Parsed::TimestampMillis => Logical::TimestampMillis,
        Parsed::TimestampMicros => Logical::TimestampMicros,
        Parsed::TimestampNanos => Logical::TimestampNanos,
        Parsed::LocalTimestampMillis => Logical::LocalTimestampMillis,
        Parsed::LocalTimestampMicros => Logical::LocalTimestampMicros,
        Parsed::LocalTimestampNanos => Logical::LocalTimestampNanos,
        &Parsed::Decimal(DecimalSchema {
            precision, scale, ..
        }) => Logical::Decimal { precision, scale },
        Parsed::BigDecimal => Logical::BigDecimal,
        Parsed::Uuid(_) => Logical::Uuid,
        Parsed::Duration(_) => Logical::Duration,
        _ => return None,
    };
    Some(logical)
}
