//! What must hold whatever the bytes are.

use std::fmt::{Debug, Display};

use relayhouse_core::{Error, ErrorKind};

/// The longest that an error may say about a body of somebody else.
const TEXT_BYTES_MAX: usize = 2048;

/// Checks an error of a decoder: permanent, of the one kind, and of bounded length.
pub(crate) fn error(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Codec, "{error}");
    assert!(!error.is_temporary(), "{error}");
    text(error);
}

/// Checks that an error is of bounded length.
pub(crate) fn text(error: &Error) {
    let length = error.to_string().len();
    assert!(length <= TEXT_BYTES_MAX, "an error of {length} bytes");
}

/// Returns what has to be there, for the value or the text that is shown if it is not.
#[expect(clippy::panic, reason = "a fuzzer is told by a panic")]
pub(crate) fn expect<T>(result: Result<T, impl Display>, shown: &dyn Debug) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}: {shown:?}"),
    }
}
