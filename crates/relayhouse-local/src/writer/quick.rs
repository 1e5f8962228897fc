//! Whether calls that should be quick are: one that is not holds up whoever makes it, and one that
//! cannot begin, since other processes are at work, has been tried in vain.

use std::time::Duration;

/// A call that takes longer was not quick: the disk was asked, or messages are large.
const QUICK_MAX: Duration = Duration::from_millis(2);

/// So many slow calls in a row are no accident: one alone may have lost its core.
const SLOW_MIN: u32 = 2;

/// How many calls go to the storage thread then, and at most when it goes on.
const REST_MIN: u32 = 8;
const REST_MAX: u32 = 1024;

/// Knows how the last calls went.
#[derive(Debug, Default)]
pub(super) struct Quickness {
    /// How many calls in a row were not quick.
    slow: u32,
    /// How many calls are still to go to the storage thread.
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
            false => self.slow_down(self.slow + 1),
        }
    }

    /// Notes that a call could not begin.
    pub(super) fn refuse(&mut self) {
        self.slow_down(SLOW_MIN.max(self.slow + 1));
    }

    fn slow_down(&mut self, slow: u32) {
        self.slow = slow;
        self.left = match slow.checked_sub(SLOW_MIN) {
            None => 0,
            Some(more) => REST_MIN.saturating_mul(1 << more.min(16)).min(REST_MAX),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Duration = Duration::from_millis(3);

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
        for expected in [0, 8, 16, 32] {
            quickness.note(SLOW);
            assert_eq!(rested(&mut quickness), expected);
        }
        (0..1000).for_each(|_| quickness.note(SLOW));
        assert_eq!(rested(&mut quickness), REST_MAX);
        quickness.note(QUICK_MAX);
        assert_eq!(rested(&mut quickness), 0);
        quickness.note(SLOW);
        assert_eq!(rested(&mut quickness), 0, "once is an accident");
    }

    #[test]
    fn call_that_cannot_begin_is_no_accident() {
        let mut quickness = Quickness::default();
        for expected in [8, 16] {
            quickness.refuse();
            assert_eq!(rested(&mut quickness), expected);
        }
    }
}
