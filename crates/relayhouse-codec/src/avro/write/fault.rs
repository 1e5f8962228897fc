//! Why a value cannot be written, and where in the value.

use std::{
    error::Error as StdError,
    fmt::{self, Display, Write as _},
    result,
};

use relayhouse_core::{Error, ErrorKind};
use serde::ser;

/// What each step of writing returns.
pub(super) type Result<T = ()> = result::Result<T, Fault>;

/// Says why and where. One pointer wide, since every step returns one.
#[derive(Debug)]
pub(super) struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    text: String,
    /// The innermost first: they are added on the way out.
    path: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Field(String),
    Item(usize),
}

impl Fault {
    /// Says that the value has no form in the schema.
    #[cold]
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self::of(ErrorKind::Codec, text.into())
    }

    /// Says that the value goes beyond a bound.
    #[cold]
    pub(super) fn too_large(text: impl Into<String>) -> Self {
        Self::of(ErrorKind::MessageTooLarge, text.into())
    }

    fn of(kind: ErrorKind, text: String) -> Self {
        Self(Box::new(Inner {
            kind,
            text,
            path: Vec::new(),
        }))
    }

    /// Adds that the place is within the field `name`.
    #[cold]
    pub(super) fn in_field(mut self, name: &str) -> Self {
        self.0.path.push(Step::Field(name.to_owned()));
        self
    }

    /// Adds that the place is within an item of an array, or an entry of a map.
    #[cold]
    pub(super) fn in_item(mut self, index: usize) -> Self {
        self.0.path.push(Step::Item(index));
        self
    }

    /// Returns whether it is of the whole value so far, and not of something in it.
    pub(super) fn is_of_all(&self) -> bool {
        self.0.path.is_empty()
    }

    /// Makes the error that users see; `root` is what they know the whole value by.
    #[cold]
    pub(super) fn into_error(self, root: &str) -> Error {
        let mut text = root.to_owned();
        for step in self.0.path.iter().rev() {
            match step {
                Step::Field(name) => {
                    text.push('.');
                    text.push_str(name);
                }
                // Writing to a string cannot fail.
                Step::Item(index) => drop(write!(text, "[{index}]")),
            }
        }
        text.push_str(": ");
        text.push_str(&self.0.text);
        Error::new(self.0.kind, text)
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl StdError for Fault {}

impl ser::Error for Fault {
    /// Leaves out the words of the type, which may repeat the value.
    fn custom<T: Display>(_: T) -> Self {
        Self::new("the value refuses to be written")
    }
}
