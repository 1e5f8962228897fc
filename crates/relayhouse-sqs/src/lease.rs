//! What a receiver knows of its leases: until when, and since when, which SQS does not tell again.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use relayhouse_core::{Instant, Receipt};

use crate::capability::LEASE_TOTAL_MAX;

/// The leases beyond which those that ended are looked for.
const LOOK_AT: usize = 1024;

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

/// Keeps the leases of one receiver, until they are settled or over.
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
            table.held.retain(|_, held| now < held.until);
            table.look_at = 2 * table.held.len();
        }
        table.held.insert(receipt, held);
    }

    /// Returns the lease of `receipt`, if it was not settled.
    pub(crate) fn get(&self, receipt: &Receipt) -> Option<Held> {
        self.lock().held.get(receipt).copied()
    }

    pub(crate) fn extend(&self, receipt: &Receipt, until: Instant) {
        if let Some(held) = self.lock().held.get_mut(receipt) {
            held.until = until;
        }
    }

    /// Takes a lease out to settle it, so that nobody settles it twice.
    pub(crate) fn claim(&self, receipt: &Receipt) -> Option<Claim<'_>> {
        let held = self.lock().held.remove(receipt)?;
        Some(Claim {
            leases: self,
            receipt: Some(receipt.clone()),
            held,
        })
    }
}

/// Is a lease on its way to be settled. Dropped before it is, it goes back.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    leases: &'a Leases,
    receipt: Option<Receipt>,
    pub(crate) held: Held,
}

impl Claim<'_> {
    /// The lease was settled, and is no more.
    pub(crate) fn settled(mut self) {
        self.receipt = None;
    }

    /// Returns what SQS calls the receipt.
    pub(crate) fn handle(&self) -> String {
        let text = self.receipt.as_ref().and_then(Receipt::as_text);
        text.unwrap_or_default().to_owned()
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(receipt) = self.receipt.take() {
            self.leases.lock().held.insert(receipt, self.held);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn leases_that_ended_are_forgotten() {
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
            until: now + Duration::from_secs(30),
            since: now,
        };
        for number in 3_000..6_000_u32 {
            leases.insert(receipt(number.into()), held, now);
        }
        assert_eq!(leases.get(&receipt(0)), None);
        assert_eq!(leases.get(&receipt(5_999)), Some(held));
    }

    #[test]
    fn a_lease_is_settled_once_and_goes_back_if_it_was_not() {
        let leases = Leases::default();
        let receipt = Receipt::from_text("handle");
        let held = Held {
            until: Instant::NEVER,
            since: Instant::START,
        };
        leases.insert(receipt.clone(), held, Instant::START);
        let claim = leases.claim(&receipt).unwrap();
        assert!(leases.claim(&receipt).is_none());
        drop(claim);
        let claim = leases.claim(&receipt).unwrap();
        assert_eq!(claim.handle(), "handle");
        claim.settled();
        assert_eq!(leases.get(&receipt), None);
    }
}
