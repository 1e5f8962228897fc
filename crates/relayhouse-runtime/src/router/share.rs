//! What a queue gets of the handlers that all queues of a router share.

use relayhouse_core::{Error, ErrorKind, Operation, Result};

/// Says what a queue of a router gets of the handlers that all queues share, while there are not
/// enough for all.
///
/// Queues of a greater rank come first; among those of one rank handlers are given out by weight.
/// A queue that waits gets its floor whatever the others have to do, so that none starves.
///
/// ```
/// use relayhouse_runtime::Share;
///
/// // Twice the share of a queue with the default weight of 1.
/// let invoices = Share::new().weight(2);
/// // Before all others, which keep their floors.
/// let payments = Share::new().rank(1);
/// // One handler start in ten, however busy the others are.
/// let reports = Share::new().floor(10);
/// # let _ = (invoices, payments, reports);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub(super) rank: u8,
    pub(super) weight: u32,
    pub(super) floor: u32,
}

impl Share {
    /// Takes rank 0, weight 1 and a floor of 1 percent.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            rank: 0,
            weight: 1,
            floor: 1,
        }
    }

    /// Sets the rank; 0, the lowest.
    #[must_use]
    pub const fn rank(mut self, rank: u8) -> Self {
        self.rank = rank;
        self
    }

    /// Sets the weight among queues of the same rank, from 1 to 1,000; 1.
    #[must_use]
    pub const fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// Sets the percentage of handler starts that the queue gets while it waits; 1. All floors of
    /// a router come to 100 at most.
    #[must_use]
    pub const fn floor(mut self, percent: u32) -> Self {
        self.floor = percent;
        self
    }

    /// Checks the shares of one router.
    pub(super) fn check(shares: &[Self]) -> Result<()> {
        let floors: u64 = shares.iter().map(|share| u64::from(share.floor)).sum();
        let rule = if let Some(share) = shares.iter().find(|it| !(1..=1000).contains(&it.weight)) {
            format!("weight is {}, from 1 to 1000 is allowed", share.weight)
        } else if 100 < floors {
            format!("the floors come to {floors} percent, at most 100 are there")
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::ConfigInvalid, rule).operation(Operation::Open))
    }
}

impl Default for Share {
    fn default() -> Self {
        Self::new()
    }
}
