//! How many requests are waited for: a pure state machine.

use std::num::NonZeroU32;

use super::BatchSize;

/// The most full batches that it takes to try a larger one.
const PATIENCE_MAX: u32 = 64;

/// Adapts how many requests are waited for.
#[derive(Debug)]
pub(super) struct Size {
    kind: BatchSize,
    wanted: u32,
    max: u32,
    /// The full batches since the last change.
    full: u32,
    /// The full batches that it takes to try a larger one.
    patience: u32,
}

/// Why a batch left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// It had what was waited for, in requests or bytes.
    Full,
    /// Its time was over.
    Late,
}

impl Size {
    pub(super) const fn new(kind: BatchSize, max: NonZeroU32) -> Self {
        let max = max.get();
        Self {
            kind,
            wanted: match kind {
                BatchSize::Adaptive => 1,
                BatchSize::Full => max,
            },
            max,
            full: 0,
            patience: 1,
        }
    }

    /// Returns how many requests are waited for: 1 to the most of a batch.
    pub(super) const fn wanted(&self) -> u32 {
        self.wanted
    }

    /// Learns from a batch of `requests`.
    pub(super) fn record(&mut self, requests: u32, left: Left) {
        if self.kind == BatchSize::Full {
            return;
        }
        match left {
            Left::Late => {
                self.wanted = requests.clamp(1, self.max);
                self.patience = self.patience.saturating_mul(2).min(PATIENCE_MAX);
                self.full = 0;
            }
            Left::Full if self.wanted < requests => {
                // They had gathered by themselves, so that nobody had to wait.
                self.wanted = requests.min(self.max);
                self.full = 0;
            }
            Left::Full => self.grow(),
        }
    }

    fn grow(&mut self) {
        self.full += 1;
        if self.full < self.patience {
            return;
        }
        self.full = 0;
        let step = (self.wanted / 2).max(1);
        self.wanted = self.wanted.saturating_add(step).min(self.max);
        if 1 < self.wanted && self.wanted == self.max {
            self.patience = 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn size(max: u32) -> Size {
        Size::new(BatchSize::Adaptive, NonZeroU32::new(max).unwrap())
    }

    #[test]
    fn grows_from_one_to_its_most() {
        let mut size = size(100);
        let mut seen = vec![size.wanted()];
        while size.wanted() < 100 {
            size.record(size.wanted(), Left::Full);
            seen.push(size.wanted());
        }
        assert_eq!(seen, [1, 2, 3, 4, 6, 9, 13, 19, 28, 42, 63, 94, 100]);
    }

    #[test]
    fn follows_what_gathers_by_itself() {
        let mut size = size(100);
        size.record(40, Left::Full);
        assert_eq!(size.wanted(), 40);
    }

    #[test]
    fn lone_caller_waits_ever_more_rarely() {
        let mut size = size(100);
        let mut waits = Vec::new();
        for batch in 0..300 {
            let left = if size.wanted() == 1 {
                Left::Full
            } else {
                Left::Late
            };
            if left == Left::Late {
                waits.push(batch);
            }
            size.record(1, left);
        }
        assert_eq!(waits, [1, 4, 9, 18, 35, 68, 133, 198, 263]);
    }

    #[test]
    fn full_size_stays() {
        let mut size = Size::new(BatchSize::Full, NonZeroU32::new(10).unwrap());
        size.record(1, Left::Late);
        assert_eq!(size.wanted(), 10);
    }

    proptest! {
        #[test]
        fn stays_within_its_bounds(max in 1..1_000_u32, ends: Vec<(u32, bool)>) {
            let mut size = size(max);
            for (requests, is_late) in ends {
                let requests = requests % max + 1;
                size.record(requests, if is_late { Left::Late } else { Left::Full });
                prop_assert!((1..=max).contains(&size.wanted()));
                prop_assert!((1..=PATIENCE_MAX).contains(&size.patience));
            }
        }
    }
}
