//! Batches: several entries in one call, each with an answer of its own.

use serde::{Deserialize, Serialize};

use super::Error;

/// A call with several entries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "E: Deserialize<'de>"))]
pub(crate) struct Batch<E> {
    #[serde(default)]
    pub(crate) queue_url: String,
    #[serde(default)]
    pub(crate) entries: Vec<E>,
}

/// What became of each entry; both lists are there, be they empty.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BatchResult<S> {
    pub(crate) successful: Vec<S>,
    pub(crate) failed: Vec<Failed>,
}

/// An entry that failed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Failed {
    pub(crate) id: String,
    pub(crate) sender_fault: bool,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Failed {
    pub(crate) fn new(id: String, error: Error) -> Self {
        Self {
            id,
            sender_fault: error.code.is_sender_fault(),
            code: error.code.query(),
            message: error.message.into_owned(),
        }
    }
}
