//! Lines that are JSON, and what is wrong with those that are not.

use bytes::Bytes;
use serde::de::IgnoredAny;

/// Is what is wrong with a line, and at which byte from 1 on, if it is wrong at one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) reason: String,
    pub(crate) column: Option<usize>,
}

impl Wrong {
    /// Says what is wrong with the whole of a line.
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            column: None,
        }
    }
}

/// Takes a body that is one JSON value.
pub(crate) fn json(body: &[u8]) -> Result<Bytes, Wrong> {
    let text = utf8(body)?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| not_json(&error))?;
    Ok(Bytes::copy_from_slice(body))
}

/// Takes a line that is text.
pub(crate) fn utf8(body: &[u8]) -> Result<&str, Wrong> {
    std::str::from_utf8(body).map_err(|error| Wrong {
        reason: "not JSON: not UTF-8".to_owned(),
        column: Some(error.valid_up_to() + 1),
    })
}

/// Says where `error` found a line to be wrong.
pub(crate) fn not_json(error: &serde_json::Error) -> Wrong {
    let reason = error.to_string();
    let end = reason.find(" at line ").unwrap_or(reason.len());
    let what = if error.is_data() {
        "not an envelope"
    } else {
        "not JSON"
    };
    Wrong {
        reason: format!("{what}: {}", &reason[..end]),
        column: Some(error.column()),
    }
}
