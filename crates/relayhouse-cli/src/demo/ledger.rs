//! The book of the demonstration: what became of each message, and how long it took.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use hdrhistogram::Histogram;
use relayhouse::{Event, Instant, MessageId, Observer, Settlement};
use tokio::sync::Notify;

const LATENCY_MICROS_MAX: u64 = 3_600_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

/// Hears everything, and keeps an entry for each message.
#[derive(Debug)]
pub(crate) struct Ledger {
    book: Mutex<Book>,
    ended: Notify,
}

/// What happened so far.
#[derive(Debug)]
struct Book {
    entries: HashMap<MessageId, Entry>,
    open: u64,
    latency: Histogram<u64>,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    pub(crate) acked: u64,
    pub(crate) dead: u64,
    /// Deliveries beyond the first of their message.
    pub(crate) retried: u64,
    /// Handlers that succeeded for a message that one had succeeded for before.
    pub(crate) duplicates: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    meant_at: Instant,
    is_handled: bool,
    is_ended: bool,
}

impl Ledger {
    #[expect(clippy::expect_used, reason = "the bounds are constants")]
    pub(crate) fn new() -> Self {
        let latency = Histogram::new_with_bounds(1, LATENCY_MICROS_MAX, SIGNIFICANT_DIGITS)
            .expect("the bounds are in range");
        Self {
            book: Mutex::new(Book {
                entries: HashMap::new(),
                open: 0,
                latency,
                counts: Counts::default(),
            }),
            ended: Notify::new(),
        }
    }

    /// Takes note that message `id` is sent now, and was meant to be sent at `meant_at`.
    pub(crate) fn begin(&self, id: MessageId, meant_at: Instant) {
        let entry = Entry {
            meant_at,
            is_handled: false,
            is_ended: false,
        };
        let mut book = self.book();
        book.entries.insert(id, entry);
        book.open += 1;
    }

    /// Ends when every message that was sent has been acked or dead-lettered.
    pub(crate) async fn idle(&self) {
        loop {
            let ended = self.ended.notified();
            if self.book().open == 0 {
                return;
            }
            ended.await;
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.book().counts
    }

    /// Returns the microseconds from the time a message was meant to be sent to its ack.
    pub(crate) fn latency(&self) -> Histogram<u64> {
        self.book().latency.clone()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn note(&mut self, now: Instant, event: &Event<'_>) {
        match event {
            Event::Sent { result: Ok(_), .. } => self.counts.sent += 1,
            Event::Received { delivery, .. } if 1 < delivery.attempt => self.counts.retried += 1,
            Event::Handled {
                delivery,
                result: Ok(Settlement::Ack),
                ..
            } => self.handled(&delivery.id),
            Event::Settled {
                delivery,
                settlement,
                result: Ok(()),
                ..
            } => self.settled(now, &delivery.id, settlement),
            _ => {}
        }
    }

    fn handled(&mut self, id: &MessageId) {
        if let Some(entry) = self.entries.get_mut(id) {
            self.counts.duplicates += u64::from(entry.is_handled);
            entry.is_handled = true;
        }
    }

    fn settled(&mut self, now: Instant, id: &MessageId, settlement: &Settlement) {
        let Some(entry) = self.entries.get_mut(id).filter(|entry| !entry.is_ended) else {
            return;
        };
        let meant_at = entry.meant_at;
        match settlement {
            Settlement::Ack => {
                self.counts.acked += 1;
                let micros = now.since(meant_at).as_micros();
                self.latency
                    .saturating_record(u64::try_from(micros).unwrap_or(u64::MAX));
            }
            Settlement::DeadLetter(_) => self.counts.dead += 1,
            _ => return,
        }
        entry.is_ended = true;
        self.open -= 1;
    }
}

impl Observer for Ledger {
    fn observe(&self, now: Instant, events: &[Event<'_>]) {
        let mut book = self.book();
        let open = book.open;
        for event in events {
            book.note(now, event);
        }
        let is_over = book.open == 0 && 0 < open;
        drop(book);
        if is_over {
            self.ended.notify_waiters();
        }
    }
}
