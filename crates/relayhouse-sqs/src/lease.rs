//! What a receiver knows of its leases: until when, and since when, which SQS does not tell again.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use relayhouse_core::{Delivery, Instant, Receipt};

use crate::capability::LEASE_TOTAL_MAX;

/// The leases beyond which those that ended long ago are looked for.
const LOOK_AT: usize = 1024;

/// How long an ended lease is remembered, so that a late settle is known as late.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// Is one lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// The end, as far as we count: never later than SQS's own.
    pub(crate) until: Instant,
    /// The earliest that SQS can have handed the message out.
    pub(crate) since: Instant,
}

impl Held {
    /// Returns when SQS takes the message back, whatever is extended.
    pub(crate) fn last(self) -> Instant {
        self.since + LEASE_TOTAL_MAX
    }
}

/// Keeps the leases of one receiver.
#[derive(Debug, Default)]
pub(crate) struct Leases(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    held: HashMap<Receipt, Held>,
    look_at: usize,
}

impl Leases {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn insert(&self, receipt: Receipt, held: Held, now: Instant) {
        let mut table = self.lock();
        if table.look_at.max(LOOK_AT) <= table.held.len() {
            table.held.retain(|_, held| now < held.until + KEPT);
            table.look_at = 2 * table.held.len();
        }
        table.held.insert(receipt, held);
    }

    /// Returns the lease of `receipt`, if this receiver knows it.
    pub(crate) fn get(&self, receipt: &Receipt) -> Option<Held> {
        self.lock().held.get(receipt).copied()
    }

    /// Returns the lease of `delivery`: of another receiver's, what it says itself.
    pub(crate) fn of(&self, delivery: &Delivery) -> Held {
        self.get(&delivery.receipt).unwrap_or_else(|| {
            let until = delivery.lease.until();
            Held {
                until,
                since: until - LEASE_TOTAL_MAX,
            }
        })
    }

    pub(crate) fn extend(&self, receipt: &Receipt, until: Instant) {
        if let Some(held) = self.lock().held.get_mut(receipt) {
            held.until = until;
        }
    }

    pub(crate) fn remove(&self, receipt: &Receipt) {
        self.lock().held.remove(receipt);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_that_ended_long_ago_are_forgotten() {
        let leases = Leases::default();
        let at = |seconds| Instant::START + Duration::from_secs(seconds);
        let receipt = |number: u128| Receipt::from_bytes(number.to_be_bytes());
        for number in 0..3_000_u32 {
            let since = at(number.into());
            let until = since + Duration::from_secs(30);
            leases.insert(receipt(number.into()), Held { until, since }, since);
        }
        let now = at(10_000);
        let held = Held {
            until: now,
            since: now,
        };
        for number in 3_000..6_000_u32 {
            leases.insert(receipt(number.into()), held, now);
        }
        assert_eq!(leases.get(&receipt(0)), None);
        assert_eq!(leases.get(&receipt(5_999)), Some(held));
        leases.remove(&receipt(5_999));
        assert_eq!(leases.get(&receipt(5_999)), None);
    }
}
