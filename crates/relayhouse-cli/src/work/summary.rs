//! What is said at the end.

use relayhouse::runtime::Report;
use serde::Serialize;

use crate::{
    console::{Console, Verbosity},
    exit::Code,
    open,
};

/// Counts what became of the messages.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    done: u64,
    /// Those that come again: tried again, asked for a later time, or given back unstarted.
    released: u64,
    dead_lettered: u64,
    /// Those that ran for longer than their lease could be kept: they come again.
    lease_lost: u64,
    /// Those of which nobody knows whether they are settled.
    unknown: u64,
    /// Those that could not be settled: they come again.
    not_settled: u64,
}

impl Summary {
    pub(super) const fn of(report: &Report) -> Self {
        Self {
            done: report.acked,
            released: report.released,
            dead_lettered: report.dead_lettered,
            lease_lost: report.lease_lost,
            unknown: report.unknown,
            not_settled: report.settle_failed + report.abandoned,
        }
    }

    /// Returns how a run ends that was not cut short.
    pub(super) const fn code(&self) -> Code {
        match self.dead_lettered {
            0 => Code::Done,
            _ => Code::Failed,
        }
    }

    /// Says it, unless all went well and nobody asked.
    pub(super) fn say(&self, console: Console, is_interrupted: bool, url: &str) {
        let has_trouble =
            0 < self.dead_lettered + self.lease_lost + self.unknown + self.not_settled;
        let is_worth_it = is_interrupted || has_trouble || console.is_terminal;
        if is_worth_it || Verbosity::Verbose <= console.verbosity {
            console.note(&self.text());
        }
        if 0 < self.dead_lettered {
            let dead = open::dead_letters(url);
            console.note(&format!(
                "see what is dead with: relayhouse receive '{dead}'"
            ));
        }
    }

    fn text(&self) -> String {
        let mut text = format!("{} done", self.done);
        let mut add = |count: u64, what: &str| {
            if 0 < count {
                text.push_str(&format!(", {count} {what}"));
            }
        };
        add(self.released, "given back or tried again");
        add(self.dead_lettered, "dead-lettered");
        add(
            self.lease_lost,
            "came too late for their lease, and come again",
        );
        add(self.unknown, "settled or not, nobody knows");
        add(self.not_settled, "not settled, and come again");
        text
    }
}
