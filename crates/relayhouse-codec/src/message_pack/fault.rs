//! What is wrong with a body, and where in the value that is.

use std::{
    borrow::Cow,
    fmt::{self, Display},
};

use crate::{
    misfit::misfit,
    path::{self, Segment},
};

/// Ends a reading. Where it came from is noted in the [`Trace`], since an error may lose all but
/// its text on the way out. It is one pointer wide, since every value passes where one could be.
#[derive(Debug)]
pub(super) struct Fault(Box<Cow<'static, str>>);

/// Is what is known of a failure: what it is, and the way to it, the last step first.
pub(super) struct Trace {
    what: Option<What>,
    path: Vec<Segment>,
}

enum What {
    /// The body breaks the format.
    Format(&'static str),
    /// The body goes beyond a bound.
    Bound(String),
    /// The body does not fit the type.
    Type(String),
}

impl Fault {
    /// Stands for what the trace has already.
    #[cold]
    pub(super) fn noted() -> Self {
        Self::known("")
    }

    /// There are more items than the type takes.
    #[cold]
    pub(super) fn too_many() -> Self {
        Self::known("too many items")
    }

    /// There is an extension, and the type does not ask for one.
    #[cold]
    pub(super) fn extension() -> Self {
        Self::known("unexpected extension")
    }

    /// There is none, and the type asks for one.
    #[cold]
    pub(super) fn no_extension() -> Self {
        Self::known("expected an extension")
    }

    /// There is a variant with content, where the type has one without, or the reverse.
    #[cold]
    pub(super) fn variant() -> Self {
        Self::known("variant of another form")
    }

    pub(super) fn new(text: String) -> Self {
        Self(Box::new(Cow::Owned(text)))
    }

    fn known(text: &'static str) -> Self {
        Self(Box::new(Cow::Borrowed(text)))
    }

    /// Returns what may be repeated of it.
    fn text(&self) -> String {
        match &*self.0 {
            Cow::Borrowed(text) => (*text).to_owned(),
            Cow::Owned(text) => misfit(text),
        }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl Trace {
    pub(super) const fn new() -> Self {
        Self {
            what: None,
            path: Vec::new(),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.what.is_none()
    }

    /// Notes what is wrong with the body, if it is the first.
    pub(super) fn wrong(&mut self, what: &'static str) {
        self.what.get_or_insert(What::Format(what));
    }

    /// Notes that the body goes beyond a bound, if it is the first.
    pub(super) fn beyond(&mut self, what: String) {
        self.what.get_or_insert(What::Bound(what));
    }

    /// Notes that the body does not fit the type, if it is the first.
    pub(super) fn note(&mut self, fault: &Fault) {
        self.what.get_or_insert_with(|| What::Type(fault.text()));
    }

    pub(super) fn push(&mut self, segment: Segment) {
        self.path.push(segment);
    }

    pub(super) fn text(&self, name: &str) -> String {
        match &self.what {
            Some(What::Format(what)) => format!("body is not MessagePack: {what}"),
            Some(What::Bound(what)) => format!("MessagePack body has {what}"),
            Some(What::Type(what)) => format!("MessagePack body does not fit {name}: {what}"),
            None => format!("MessagePack body does not fit {name}"),
        }
    }

    /// Returns the way, in words.
    pub(super) fn path(&self) -> String {
        path::print(&self.path)
    }
}
