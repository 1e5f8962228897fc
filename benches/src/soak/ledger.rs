//! Which messages were sent, and which were handled: each by its number.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const BITS: usize = u64::BITS as usize;

/// Is a set of numbers, whose size is fixed: it takes no more memory at the end than at the start.
#[derive(Debug)]
struct Set(Box<[AtomicU64]>);

impl Set {
    fn new(numbers: usize) -> Self {
        let words = (0..numbers.div_ceil(BITS)).map(|_| AtomicU64::new(0));
        Self(words.collect())
    }

    /// Adds a number, and returns true if it was not in it; one beyond its size never is.
    fn add(&self, number: usize) -> bool {
        let bit = 1 << (number % BITS);
        let word = self.0.get(number / BITS);
        word.is_some_and(|word| word.fetch_or(bit, Relaxed) & bit == 0)
    }

    fn count(&self) -> u64 {
        let counts = self.0.iter().map(|word| word.load(Relaxed).count_ones());
        counts.map(u64::from).sum()
    }
}

/// Notes each message when its send was confirmed, and when its handler ended.
#[derive(Debug)]
pub(super) struct Ledger {
    sent: Set,
    handled: Set,
    again: AtomicU64,
}

/// Holds what came of all messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Balance {
    pub(super) sent: u64,
    /// Of those that were handled, each once.
    pub(super) handled: u64,
    /// The handlings beyond the first of their message.
    pub(super) again: u64,
    /// The messages that were sent and not handled.
    pub(super) missing: u64,
}

impl Ledger {
    pub(super) fn new(messages: usize) -> Self {
        Self {
            sent: Set::new(messages),
            handled: Set::new(messages),
            again: AtomicU64::new(0),
        }
    }

    pub(super) fn sent(&self, number: usize) {
        self.sent.add(number);
    }

    pub(super) fn handled(&self, number: usize) {
        if !self.handled.add(number) {
            self.again.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn balance(&self) -> Balance {
        let pairs = self.sent.0.iter().zip(&self.handled.0);
        let missing = pairs.map(|(sent, handled)| {
            let missing = sent.load(Relaxed) & !handled.load(Relaxed);
            u64::from(missing.count_ones())
        });
        Balance {
            missing: missing.sum(),
            sent: self.sent.count(),
            handled: self.handled.count(),
            again: self.again.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_that_was_sent_and_not_handled_is_missing() {
        let ledger = Ledger::new(200);
        for number in 0..130 {
            ledger.sent(number);
        }
        for number in (0..130).filter(|it| *it != 65) {
            ledger.handled(number);
        }
        let balance = ledger.balance();
        assert_eq!((balance.sent, balance.handled), (130, 129));
        assert_eq!((balance.missing, balance.again), (1, 0));
    }

    #[test]
    fn second_handling_and_one_of_a_failed_send_hide_no_loss() {
        let ledger = Ledger::new(3);
        ledger.sent(0);
        ledger.sent(1);
        ledger.handled(0);
        ledger.handled(0);
        // Its send failed, and it came all the same.
        ledger.handled(2);
        let balance = ledger.balance();
        assert_eq!((balance.missing, balance.again), (1, 1));
    }
}
