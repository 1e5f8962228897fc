//! What retries there may be beside first tries: a purse that first tries pay into.

use crate::sync::atomic::{AtomicU64, Ordering};

/// How finely shares of a retry are counted.
const UNIT: u64 = 1_000_000;

/// Counts what all clones may still retry.
#[derive(Debug)]
pub(super) struct Budget {
    saved: AtomicU64,
    share: u64,
    max: u64,
}

impl Budget {
    /// Makes a full purse of `max` retries, into which each first try pays `share` of one.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a share between 0 and 1, of a million"
    )]
    pub(super) fn new(share: f64, max: u32) -> Self {
        let max = u64::from(max) * UNIT;
        Self {
            saved: AtomicU64::new(max),
            share: (share.clamp(0.0, 1.0) * UNIT as f64) as u64,
            max,
        }
    }

    /// Pays in for a first try. While nothing is retried the purse is full, and this only reads.
    pub(super) fn deposit(&self) {
        let pay = |saved: u64| (saved < self.max).then(|| self.max.min(saved + self.share));
        let _ = self
            .saved
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay);
    }

    /// Takes one retry out, if there is one.
    pub(super) fn withdraw(&self) -> bool {
        let take = |saved: u64| saved.checked_sub(UNIT);
        let taken = self
            .saved
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ten_first_tries_pay_for_one_retry() {
        let budget = Budget::new(0.1, 1);
        assert!(budget.withdraw());
        (0..9).for_each(|_| budget.deposit());
        assert!(!budget.withdraw());
        budget.deposit();
        assert!(budget.withdraw());
        assert!(!budget.withdraw());
    }

    proptest! {
        #[test]
        fn retries_stay_within_share_and_savings(
            calls in proptest::collection::vec(any::<bool>(), 0..2_000),
            max in 0..20_u32,
        ) {
            let budget = Budget::new(0.1, max);
            let (mut firsts, mut retries) = (0_u64, 0_u64);
            for is_retry in calls {
                if is_retry {
                    retries += u64::from(budget.withdraw());
                } else {
                    budget.deposit();
                    firsts += 1;
                }
                prop_assert!(retries <= firsts / 10 + u64::from(max));
            }
        }
    }
}
