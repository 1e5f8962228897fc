//! Whether calls that should be quick are: one that is not holds up whoever makes it, and one that
//! cannot begin, since other processes are at work, has been tried in vain.

use std::time::Duration;

/// A call that takes longer was not quick: the disk was asked, or messages are large.
const QUICK_MAX: Duration = Duration::from_millis(2);

/// How many calls go to the storage thread after one that was not quick, and at most after many
/// in a row.
const REST_MIN: u32 = 8;
const REST_MAX: u32 = 1024;

/// Knows how the last calls went.
#[derive(Debug, Default)]
pub(super) struct Quickness {
    /// How many calls the last rest had: none after a quick call.
    rest: u32,
    /// How many of them are still to come.
    left: u32,
}

impl Quickness {
    /// Returns true if the next call may run where it is made.
    pub(super) const fn allow(&mut self) -> bool {
        let is_over = self.left == 0;
        self.left = self.left.saturating_sub(1);
        is_over
    }

    /// Notes how long a call took where it was made.
    pub(super) fn note(&mut self, took: Duration) {
        match took <= QUICK_MAX {
            true => *self = Self::default(),
            false => self.rest(),
        }
    }

    /// Has some calls go to the storage thread: more each time.
    pub(super) fn rest(&mut self) {
        self.rest = (self.rest * 2).clamp(REST_MIN, REST_MAX);
        self.left = self.rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how many calls are sent to the thread before the next one is allowed.
    fn rested(quickness: &mut Quickness) -> u32 {
        let mut rest = 0;
        while !quickness.allow() {
            rest += 1;
        }
        rest
    }

    #[test]
    fn calls_rest_longer_each_time_that_one_is_slow() {
        let mut quickness = Quickness::default();
        assert_eq!(rested(&mut quickness), 0);
        for expected in [8, 16, 32] {
            quickness.note(QUICK_MAX * 2);
            assert_eq!(rested(&mut quickness), expected);
        }
        (0..10).for_each(|_| quickness.rest());
        assert_eq!(rested(&mut quickness), REST_MAX);
        quickness.note(QUICK_MAX);
        assert_eq!(rested(&mut quickness), 0);
        quickness.note(QUICK_MAX * 2);
        assert_eq!(rested(&mut quickness), REST_MIN);
    }
}
