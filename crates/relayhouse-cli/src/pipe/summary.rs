//! What is said at the end.

use super::track::Counts;
use crate::{
    console::{Console, Verbosity},
    exit::Code,
};

/// Counts the lines of the input by what became of them.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) sent: u64,
    pub(crate) bad: u64,
    pub(crate) counts: Counts,
}

impl Summary {
    /// Returns how a run ends that was not cut short.
    pub(crate) fn code(&self) -> Code {
        match (self.bad, self.counts.dead) {
            (0, 0) => Code::Done,
            (0, _) => Code::Failed,
            _ => Code::Data,
        }
    }

    /// Says it, unless all went well and nobody asked.
    pub(crate) fn say(&self, console: Console, is_interrupted: bool) {
        let is_worth_it = is_interrupted || self.code() != Code::Done;
        if is_worth_it || Verbosity::Verbose <= console.verbosity {
            console.note(&self.text());
        }
    }

    fn text(&self) -> String {
        let Counts {
            acked,
            dead,
            retried,
        } = self.counts;
        let lines = self.sent + self.bad;
        let mut text = format!("{lines} lines: {acked} done");
        let mut add = |count: u64, what: &str| {
            if 0 < count {
                text.push_str(&format!(", {count} {what}"));
            }
        };
        add(dead, "dead-lettered");
        add(self.bad, "not taken");
        add(self.sent.saturating_sub(acked + dead), "left undone");
        add(retried, "retries");
        text
    }
}
