//! What became of the messages that were carried.

use std::collections::BTreeMap;

use relayhouse::{Error, ErrorKind, Sent};
use serde::Serialize;

/// Counts messages by what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    carried: u64,
    duplicates: u64,
    refused: u64,
    unknown: u64,
    /// There, and perhaps here as well.
    pub(super) unconfirmed: u64,
    /// Those that stay since they are behind another.
    pub(super) behind: u64,
    pub(super) said: u64,
    /// Why messages were refused, by kind: a closed set.
    reasons: BTreeMap<String, u64>,
}

/// Is what is printed of a tally: each message that was meant is in one of the first five.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Confirmed there, and acked here.
    pub(crate) done: u64,
    /// Confirmed there, and perhaps still here.
    pub(crate) unconfirmed: u64,
    /// Not taken there: they stay here.
    pub(crate) refused: u64,
    /// Still here, and perhaps there.
    pub(crate) unknown: u64,
    /// Still here, since they are behind another of their key, or a queue failed.
    pub(crate) behind: u64,
    /// Those of the first that the far side knew already, and dropped.
    pub(crate) duplicates: u64,
}

impl Tally {
    pub(super) fn carried(&mut self, sent: &Sent) {
        self.carried += 1;
        self.duplicates += u64::from(sent.deduplicated);
    }

    /// Counts one of which it is not written down how it ended.
    pub(super) fn unwritten(&mut self, is_here: bool) {
        match is_here {
            true => self.unknown += 1,
            false => self.unconfirmed += 1,
        }
    }

    pub(super) fn refused(&mut self, error: &Error) {
        match error.kind() {
            ErrorKind::OutcomeUnknown => self.unknown += 1,
            kind => {
                self.refused += 1;
                *self.reasons.entry(format!("{kind:?}")).or_default() += 1;
            }
        }
    }

    /// Returns how many were meant.
    pub(crate) const fn all(&self) -> u64 {
        self.carried + self.unconfirmed + self.refused + self.unknown + self.behind
    }

    /// Returns true if not all of them were carried.
    pub(crate) const fn has_failed(&self) -> bool {
        self.carried < self.all()
    }

    /// Returns how many were refused for which kind of error.
    pub(crate) const fn reasons(&self) -> &BTreeMap<String, u64> {
        &self.reasons
    }

    /// Returns what is printed.
    pub(crate) const fn counts(&self) -> Counts {
        Counts {
            done: self.carried,
            unconfirmed: self.unconfirmed,
            refused: self.refused,
            unknown: self.unknown,
            behind: self.behind,
            duplicates: self.duplicates,
        }
    }
}
