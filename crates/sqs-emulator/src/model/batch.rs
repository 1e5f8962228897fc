//! Batches: which are refused as a whole, and how the others answer entry by entry.

use std::collections::BTreeSet;

use super::{Call, names};
use crate::api::{
    Code, Error, Result,
    batches::{BatchResult, Failed},
    messages::{Send, Settle},
};

const ENTRIES_MAX: usize = 10;
const ID_LENGTH_MAX: usize = 80;

/// One entry of a batch.
pub(super) trait Entry {
    fn id(&self) -> &str;
}

impl Entry for Send {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Entry for Settle {
    fn id(&self) -> &str {
        &self.id
    }
}

/// Checks the number of entries and their ids.
pub(super) fn check<E: Entry>(entries: &[E]) -> Result<()> {
    if entries.is_empty() {
        let message = "There should be at least one entry in the request.";
        return Err(Error::new(Code::EmptyBatchRequest, message));
    }
    if ENTRIES_MAX < entries.len() {
        let message = format!(
            "Maximum number of entries per request are {ENTRIES_MAX}. You have sent {}.",
            entries.len()
        );
        return Err(Error::new(Code::TooManyEntriesInBatchRequest, message));
    }
    let mut ids = BTreeSet::new();
    for id in entries.iter().map(Entry::id) {
        if !names::is_word(id) || ID_LENGTH_MAX < id.len() {
            return Err(Error::new(
                Code::InvalidBatchEntryId,
                "A batch entry id can only contain alphanumeric characters, hyphens and \
                 underscores. It can be at most 80 letters long.",
            ));
        }
        if !ids.insert(id) {
            let message = format!("Id {id} repeated.");
            return Err(Error::new(Code::BatchEntryIdsNotDistinct, message));
        }
    }
    Ok(())
}

/// Does each entry in order, and collects what became of it.
pub(super) fn each<E: Entry, S>(
    call: &mut Call,
    entries: Vec<E>,
    mut run: impl FnMut(&mut Call, E) -> Result<S>,
) -> BatchResult<S> {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (index, entry) in entries.into_iter().enumerate() {
        let id = entry.id().to_owned();
        let result = if call.failing.contains(&index) {
            Err(Error::new(
                Code::InternalError,
                "The entry failed, as it was told to.",
            ))
        } else {
            run(call, entry)
        };
        match result {
            Ok(answer) => successful.push(answer),
            Err(error) => failed.push(Failed::new(id, error)),
        }
    }
    BatchResult { successful, failed }
}
