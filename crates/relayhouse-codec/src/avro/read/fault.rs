//! What is wrong with a datum: the words, the offset and the path, without the content.

use std::{
    borrow::Cow,
    error::Error as StdError,
    fmt::{self, Display, Write},
};

use relayhouse_core::{Error, ErrorKind};
use serde::de::{self, Expected, Unexpected};

use crate::avro::shown::shown;

/// How much is shown of a path, at its start and at its end.
const SHOWN_FIRST: usize = 8;
const SHOWN_LAST: usize = 8;

/// Says why a datum does not decode. The path grows while the error is on its way up, so that it
/// costs nothing where there is none.
#[derive(Clone, Debug)]
pub(super) struct Fault(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    text: Cow<'static, str>,
    /// Whether somebody else said what is wrong.
    is_foreign: bool,
    offset: Option<usize>,
    path: Vec<Segment>,
    suspect: Option<Suspect>,
}

#[derive(Clone, Debug)]
enum Segment {
    Field(Box<str>),
    Item(usize),
}

/// Names what a plan remembers of a type and has not proved yet: of which record, and in which
/// place of its memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suspect {
    pub(super) record: u32,
    pub(super) place: usize,
}

impl Fault {
    #[cold]
    pub(super) fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            text: text.into(),
            is_foreign: false,
            offset: None,
            path: Vec::new(),
            suspect: None,
        }))
    }

    /// Sets the offset, unless one nearer to the cause is set.
    #[cold]
    pub(super) fn at(mut self, offset: usize) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    /// Sets the offset anew, for a fault inside a default.
    #[cold]
    pub(super) fn moved_to(mut self, offset: usize) -> Self {
        self.0.offset = Some(offset);
        self
    }

    #[cold]
    pub(super) fn in_field(mut self, name: &str) -> Self {
        self.0.path.push(Segment::Field(name.into()));
        self
    }

    #[cold]
    pub(super) fn in_item(mut self, index: usize) -> Self {
        self.0.path.push(Segment::Item(index));
        self
    }

    /// Sets what may be at fault instead of the datum, unless something nearer to the cause is
    /// set.
    #[cold]
    pub(super) fn suspecting(mut self, suspect: Suspect) -> Self {
        self.0.suspect.get_or_insert(suspect);
        self
    }

    /// Returns whether somebody else said what is wrong, or an error did that was ours and has
    /// lost all but its text.
    pub(super) fn is_foreign(&self) -> bool {
        self.0.is_foreign
    }

    pub(super) fn suspect(&self) -> Option<Suspect> {
        self.0.suspect
    }

    /// Makes an error of it. `root` is the name of the schema.
    pub(super) fn into_error(self, root: &str) -> Error {
        let Inner {
            text, offset, path, ..
        } = *self.0;
        let mut place = root.to_owned();
        for (depth, segment) in path.iter().rev().enumerate() {
            let is_last = path.len() - depth <= SHOWN_LAST;
            if SHOWN_FIRST <= depth && !is_last {
                continue;
            }
            if SHOWN_FIRST < depth && path.len() - depth == SHOWN_LAST {
                place.push_str("...");
            }
            // Writing to a string cannot fail.
            let _ = match segment {
                Segment::Field(name) => write!(place, ".{}", shown(name)),
                Segment::Item(index) => write!(place, "[{index}]"),
            };
        }
        let offset = offset.unwrap_or_default();
        let text = format!("Avro datum does not decode at byte {offset}, {place}: {text}");
        Error::new(ErrorKind::Codec, text)
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl StdError for Fault {}

/// Takes what types say, and leaves out whatever may quote the datum.
impl de::Error for Fault {
    fn custom<T: Display>(_: T) -> Self {
        let mut fault = Self::new("value is refused by the type");
        fault.0.is_foreign = true;
        fault
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let kind = kind(&unexpected);
        Self::new(format!("unexpected {kind}, expected {expected}"))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let kind = kind(&unexpected);
        Self::new(format!("invalid {kind}, expected {expected}"))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(format!("invalid length {length}, expected {expected}"))
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self::new("variant is not known to the type")
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self::new("field is not known to the type")
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("missing field {field}"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(format!("field {field} is there twice"))
    }
}

fn kind(unexpected: &Unexpected<'_>) -> &'static str {
    match unexpected {
        Unexpected::Bool(_) => "boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "integer",
        Unexpected::Float(_) => "floating point",
        Unexpected::Char(_) => "character",
        Unexpected::Str(_) => "string",
        Unexpected::Bytes(_) => "bytes",
        Unexpected::Unit => "null",
        Unexpected::Option => "option",
        Unexpected::NewtypeStruct => "newtype struct",
        Unexpected::Seq => "sequence",
        Unexpected::Map => "map",
        Unexpected::Enum => "enum",
        Unexpected::UnitVariant => "unit variant",
        Unexpected::NewtypeVariant => "newtype variant",
        Unexpected::TupleVariant => "tuple variant",
        Unexpected::StructVariant => "struct variant",
        _ => "value",
    }
}
