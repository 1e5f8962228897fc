//! What producers were told and what handlers did, message by message: an oracle at the ports does
//! not see that once layers answer for either of them.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    sync::{Mutex, MutexGuard, PoisonError},
};

use relayhouse_core::{DeadLetter, Delivery, Message, MessageId};

/// Notes what producers were told and what handlers did.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Entries>);

/// The messages of each producer, by their number there.
type Entries = BTreeMap<u64, Vec<Entry>>;

/// What is noted of one message.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    is_confirmed: bool,
    is_dead: bool,
    /// It was dead-lettered for its tries before they were used up.
    is_early: bool,
    /// How often a handler began.
    tries: u32,
    /// How often a handler came to its end, and acked.
    done: u32,
}

/// Is what a ledger comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Messages that a handler came to its end with.
    pub(crate) handled: u64,
    /// Messages that a handler came to its end with more than once.
    pub(crate) repeated: u64,
    /// Messages whose producer heard that they were sent, that no handler came to its end with,
    /// and that are no dead letters.
    pub(crate) skipped: u64,
    /// Dead letters that had tries left.
    pub(crate) early: u64,
    /// One that was skipped, if there is one: its producer, and its number there.
    first_skipped: Option<(u64, usize)>,
}

impl Ledger {
    /// Notes that the producer of `message` heard that it was sent.
    pub(crate) fn confirmed(&self, message: &Message) {
        if let Some(id) = &message.id {
            self.change(id, |entry| entry.is_confirmed = true);
        }
    }

    /// Notes that a handler begins.
    pub(crate) fn begun(&self, id: &MessageId) {
        self.change(id, |entry| entry.tries += 1);
    }

    /// Notes that a handler came to its end, and acks.
    pub(crate) fn done(&self, id: &MessageId) {
        self.change(id, |entry| entry.done += 1);
    }

    /// Notes a dead letter, of a queue whose messages have up to `tries_max` tries. A delivery
    /// that did not come to a handler is one, too.
    pub(crate) fn dead(&self, delivery: &Delivery, tries_max: u32) {
        let envelope = delivery.envelope.as_deref();
        let exhausted = envelope
            .filter(|envelope| envelope.dead_letter.reason == DeadLetter::ATTEMPTS_EXHAUSTED);
        self.change(&delivery.id, |entry| {
            entry.is_dead = true;
            let spent = |attempts: u32| attempts.saturating_sub(1) + entry.tries;
            entry.is_early |= exhausted.is_some_and(|it| spent(it.attempts) < tries_max);
        });
    }

    /// Returns what all comes to.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for (producer, entries) in &*self.entries() {
            for (number, entry) in entries.iter().enumerate() {
                tally.handled += u64::from(0 < entry.done);
                tally.repeated += u64::from(1 < entry.done);
                tally.early += u64::from(entry.is_early);
                if entry.is_confirmed && entry.done == 0 && !entry.is_dead {
                    tally.skipped += 1;
                    tally.first_skipped.get_or_insert((*producer, number));
                }
            }
        }
        tally
    }

    fn change(&self, id: &MessageId, change: impl FnOnce(&mut Entry)) {
        let Some((producer, number)) = parts(id) else {
            return;
        };
        let mut entries = self.entries();
        let entries = entries.entry(producer).or_default();
        if entries.len() <= number {
            entries.resize(number + 1, Entry::default());
        }
        change(&mut entries[number]);
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the producer of a message, and its number there, as a
/// [`Stream`](relayhouse_testkit::generate::Stream) writes them.
fn parts(id: &MessageId) -> Option<(u64, usize)> {
    let number = u128::from_be_bytes(*id.as_bytes()?);
    let producer = u64::try_from(number >> 64).ok()?;
    let number = usize::try_from(number & u128::from(u64::MAX)).ok()?;
    Some((producer, number))
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            handled,
            repeated,
            skipped,
            early,
            first_skipped,
        } = self;
        write!(
            f,
            "handled {handled}, more than once {repeated}, skipped {skipped}, \
             dead before their tries were used up {early}"
        )?;
        if let Some((producer, number)) = first_skipped {
            write!(f, "\n  skipped: message {number} of producer {producer}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use relayhouse_testkit::generate::Stream;

    use super::*;

    fn message(number: u64) -> Message {
        let stream = Stream::new(3);
        Message::new("").id(stream.id(number))
    }

    #[test]
    fn confirmed_message_without_a_handler_is_skipped() {
        let ledger = Ledger::default();
        for number in 0..3 {
            let message = message(number);
            ledger.confirmed(&message);
            ledger.begun(message.id.as_ref().unwrap());
        }
        let id = |number| message(number).id.unwrap();
        ledger.done(&id(0));
        ledger.done(&id(1));
        ledger.done(&id(1));
        let tally = ledger.tally();
        assert_eq!(tally.handled, 2);
        assert_eq!(tally.repeated, 1);
        assert_eq!(tally.skipped, 1);
        assert_eq!(tally.first_skipped, Some((3, 2)));
    }
}
