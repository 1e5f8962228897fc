//! What became of the lines, and where to go on.

use std::{collections::BTreeSet, time::Duration};

use relayhouse::{Error, ErrorKind, Sent};
use serde::Serialize;

use super::sending::End;
use crate::{
    console::{Console, Verbosity},
    progress::per_second,
};

/// Counts the lines by what became of them.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) confirmed: u64,
    /// Those of the confirmed that the queue knew already.
    deduplicated: u64,
    /// What is no message, or one that the queue refuses for what it is.
    pub(super) not_taken: u64,
    failed: u64,
    unknown: u64,
    /// The last line that was read, or skipped.
    last: u64,
    /// The lines that are neither confirmed nor passed over.
    open: BTreeSet<u64>,
}

/// Is what is printed for programs.
#[derive(Debug, Serialize)]
pub(super) struct Counts {
    sent: u64,
    deduplicated: u64,
    not_taken: u64,
    failed: u64,
    unknown: u64,
    /// With which `--skip` to go on, if not all of the input was sent.
    skip: Option<u64>,
}

impl Tally {
    /// Starts behind the lines that are skipped.
    pub(super) fn new(skip: u64) -> Self {
        Self {
            last: skip,
            ..Self::default()
        }
    }

    /// Takes note that a line leaves.
    pub(super) fn begin(&mut self, line: u64) {
        self.last = line;
        self.open.insert(line);
    }

    pub(super) fn confirm(&mut self, line: u64, sent: &Sent) {
        self.open.remove(&line);
        self.confirmed += 1;
        self.deduplicated += u64::from(sent.deduplicated);
    }

    /// Takes note that a line is not taken; one at which the send stops has to be sent yet.
    pub(super) fn refuse(&mut self, line: u64, is_stop: bool) {
        self.last = self.last.max(line);
        self.not_taken += 1;
        if is_stop {
            self.open.insert(line);
        } else {
            self.open.remove(&line);
        }
    }

    pub(super) fn fail(&mut self, error: &Error) {
        match error.kind() {
            ErrorKind::OutcomeUnknown => self.unknown += 1,
            _ => self.failed += 1,
        }
    }

    /// Takes note that nobody waits for the answers to `count` messages.
    pub(super) fn abandon(&mut self, count: usize) {
        self.unknown += count as u64;
    }

    pub(super) const fn has_failed(&self) -> bool {
        0 < self.failed + self.unknown
    }

    /// Returns how many lines are done with from the first one on.
    fn skip(&self) -> u64 {
        self.open.first().map_or(self.last, |line| line - 1)
    }

    pub(super) fn counts(&self, end: &End, is_raw: bool) -> Counts {
        let is_early = !is_raw && !matches!(end, End::Done);
        Counts {
            sent: self.confirmed,
            deduplicated: self.deduplicated,
            not_taken: self.not_taken,
            failed: self.failed,
            unknown: self.unknown,
            skip: is_early.then(|| self.skip()),
        }
    }

    /// Says it: as an error if there is something to do.
    pub(super) fn say(&self, console: Console, end: &End, took: Duration, is_raw: bool) {
        let text = self.text(&self.counts(end, is_raw), took);
        let is_worth_it = 0 < self.not_taken || console.is_terminal;
        match end {
            End::Done if is_worth_it || Verbosity::Verbose <= console.verbosity => {
                console.note(&text);
            }
            End::Done => {}
            _ => console.error(&text),
        }
    }

    fn text(&self, counts: &Counts, took: Duration) -> String {
        let rate = per_second(self.confirmed, took);
        let mut text = format!("{} sent, {rate}/s", self.confirmed);
        let mut add = |count: u64, what: &str| {
            if 0 < count {
                text.push_str(&format!(", {count} {what}"));
            }
        };
        add(self.deduplicated, "of them known already by dedup id");
        add(self.not_taken, "not taken");
        add(self.failed, "failed");
        add(self.unknown, "sent or not, nobody knows");
        if let Some(skip) = counts.skip {
            text.push_str(&format!("; go on with --skip {skip}"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_to_go_on_is_before_the_first_line_that_is_not_confirmed() {
        let mut tally = Tally::new(10);
        assert_eq!(tally.skip(), 10);
        for line in [11, 12, 14, 15] {
            tally.begin(line);
        }
        for line in [11, 14] {
            tally.confirm(line, &Sent::default());
        }
        assert_eq!(tally.skip(), 11);
        tally.fail(&Error::new(ErrorKind::Closed, "closed"));
        tally.confirm(12, &Sent::default());
        assert_eq!(tally.skip(), 14);
        tally.confirm(15, &Sent::default());
        assert_eq!(tally.skip(), 15);
        tally.refuse(16, false);
        assert_eq!(tally.skip(), 16);
        tally.refuse(17, true);
        assert_eq!(tally.skip(), 16);
    }

    #[test]
    fn unknown_is_counted_apart_from_failed() {
        let mut tally = Tally::new(0);
        for line in 1..=4 {
            tally.begin(line);
        }
        tally.confirm(1, &Sent::default());
        tally.fail(&Error::new(ErrorKind::OutcomeUnknown, "connection lost"));
        tally.fail(&Error::new(ErrorKind::Closed, "closed"));
        tally.abandon(1);
        let counts = tally.counts(&End::Failed, false);
        let text = tally.text(&counts, Duration::from_secs(1));
        assert_eq!(
            text,
            "1 sent, 1/s, 1 failed, 2 sent or not, nobody knows; go on with --skip 1"
        );
        assert!(tally.has_failed());
    }
}
