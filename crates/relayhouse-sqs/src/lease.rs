//! What a receiver knows of its leases: until when, and since when, which SQS does not tell again.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
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
    held: HashMap<Receipt, Held, BuildHasherDefault<Words>>,
    look_at: usize,
}

/// Hashes receipts, some 300 bytes of SQS's own making, so that nobody chooses them to collide: by
/// words, in a tenth of the time that a keyed hash of each byte takes.
#[derive(Debug, Default)]
struct Words(u64);

impl Words {
    /// An odd number whose bits look random.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

    const fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(Self::FACTOR);
    }
}

impl Hasher for Words {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        let last = rest.iter().fold(rest.len() as u64, |last, byte| {
            last << u8::BITS | u64::from(*byte)
        });
        self.add(last);
    }

    fn finish(&self) -> u64 {
        // The upper bits are the better ones, and the table looks at the lower ones first.
        self.0.rotate_left(26)
    }
}

impl Leases {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in the leases of one answer.
    pub(crate) fn insert(
        &self,
        receipts: impl IntoIterator<Item = Receipt>,
        held: Held,
        now: Instant,
    ) {
        let mut table = self.lock();
        if table.look_at.max(LOOK_AT) <= table.held.len() {
            table.held.retain(|_, held| now < held.until);
            table.look_at = 2 * table.held.len();
        }
        let receipts = receipts.into_iter();
        table.held.extend(receipts.map(|receipt| (receipt, held)));
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
            leases.insert([receipt(number.into())], Held { until, since }, since);
        }
        let now = at(10_000);
        let held = Held {
            until: now + Duration::from_secs(30),
            since: now,
        };
        for number in 3_000..6_000_u32 {
            leases.insert([receipt(number.into())], held, now);
        }
        assert_eq!(leases.get(&receipt(0)), None);
        assert_eq!(leases.get(&receipt(5_999)), Some(held));
    }

    #[test]
    fn receipts_that_differ_little_have_other_hashes() {
        let hash = |bytes: &[u8]| {
            let mut words = Words::default();
            words.write(bytes);
            words.finish()
        };
        let receipts = (0..10_000).map(|number| format!("{:A<293}{number:07}", ""));
        let hashes: std::collections::HashSet<_> = receipts
            .map(|receipt| hash(receipt.as_bytes()) & 0xffff)
            .collect();
        // As many as 10,000 random numbers below 65,536 have, or a few less.
        assert!(9_000 < hashes.len(), "{}", hashes.len());
        assert_ne!(hash(b"\0"), hash(b"\0\0"));
    }

    #[test]
    fn a_lease_is_settled_once_and_goes_back_if_it_was_not() {
        let leases = Leases::default();
        let receipt = Receipt::from_text("handle");
        let held = Held {
            until: Instant::NEVER,
            since: Instant::START,
        };
        leases.insert([receipt.clone()], held, Instant::START);
        let claim = leases.claim(&receipt).unwrap();
        assert!(leases.claim(&receipt).is_none());
        drop(claim);
        let claim = leases.claim(&receipt).unwrap();
        assert_eq!(claim.handle(), "handle");
        claim.settled();
        assert_eq!(leases.get(&receipt), None);
    }
}
