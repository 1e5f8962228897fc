//! What a case says when a rule was broken, and the checks that say it.

use std::{
    fmt::{self, Debug, Display},
    panic::Location,
};

use relayhouse_core::{Error, ErrorKind};

/// Tells which rule was broken, and where the case found out.
#[derive(Clone)]
pub struct Violation {
    text: String,
    location: &'static Location<'static>,
}

/// The end of a case.
pub type Verdict = Result<(), Violation>;

impl Violation {
    /// Makes a violation that says `text`.
    #[must_use]
    #[track_caller]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            location: Location::caller(),
        }
    }

    /// Returns what was broken, without the place.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.location)
    }
}

impl Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl From<Error> for Violation {
    /// An error that the case did not expect is a violation.
    #[track_caller]
    fn from(error: Error) -> Self {
        Self::new(format!("unexpected error: {error} ({:?})", error.kind()))
    }
}

/// Checks that `condition` holds.
#[track_caller]
pub(super) fn ensure(condition: bool, text: impl Into<String>) -> Verdict {
    if condition {
        return Ok(());
    }
    Err(Violation::new(text))
}

/// Checks that `actual` is `expected`.
#[track_caller]
#[expect(
    clippy::needless_pass_by_value,
    reason = "reads at its calls as `assert_eq!` does"
)]
pub(super) fn equal<T: PartialEq + Debug>(what: &str, actual: T, expected: T) -> Verdict {
    if actual == expected {
        return Ok(());
    }
    let text = format!("{what}: expected {expected:?}, got {actual:?}");
    Err(Violation::new(text))
}

/// Checks that `result` failed with `kind`, and returns the error.
#[track_caller]
pub(super) fn fails<T>(
    what: &str,
    result: Result<T, Error>,
    kind: ErrorKind,
) -> Result<Error, Violation> {
    fails_with_any(what, result, &[kind])
}

/// Checks that `result` failed with one of `kinds`, and returns the error.
#[track_caller]
pub(super) fn fails_with_any<T>(
    what: &str,
    result: Result<T, Error>,
    kinds: &[ErrorKind],
) -> Result<Error, Violation> {
    match result {
        Err(error) if kinds.contains(&error.kind()) => Ok(error),
        Err(error) => Err(Violation::new(format!(
            "{what}: expected {kinds:?}, got {:?}: {error}",
            error.kind()
        ))),
        Ok(_) => Err(Violation::new(format!(
            "{what}: expected {kinds:?}, but it succeeded"
        ))),
    }
}
