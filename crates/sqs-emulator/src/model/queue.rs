//! One queue: its settings, its messages, and who waits for them.

use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use super::{
    attempt::Attempts,
    dedup::Dedup,
    message::Message,
    receipt::Receipt,
    settings::Settings,
    shelf::{Shelf, State},
};
use crate::api::queues::Texts;

/// Where sequence numbers begin: they have 20 digits, and are no 64-bit numbers.
const SEQUENCE_START: u128 = 18_800_000_000_000_000_000;

/// A queue.
#[derive(Debug)]
pub(crate) struct Queue {
    /// Tells this queue from an earlier one of the same name.
    pub(crate) number: u64,
    pub(crate) settings: Settings,
    pub(crate) tags: Texts,
    pub(crate) created: SystemTime,
    pub(crate) modified: SystemTime,
    pub(crate) purged: Option<SystemTime>,
    pub(crate) shelf: Shelf,
    pub(crate) dedup: Dedup,
    pub(crate) attempts: Attempts,
    /// Rings for long polls when there may be something new; they end when it is gone.
    bell: watch::Sender<()>,
}

impl Queue {
    pub(crate) fn new(number: u64, settings: Settings, tags: Texts, now: SystemTime) -> Self {
        Self {
            number,
            shelf: Shelf::new(settings.fifo.is_some()),
            settings,
            tags,
            created: now,
            modified: now,
            purged: None,
            dedup: Dedup::default(),
            attempts: Attempts::default(),
            bell: watch::Sender::new(()),
        }
    }

    pub(crate) fn is_fifo(&self) -> bool {
        self.settings.fifo.is_some()
    }

    /// Does what is due by `now`.
    pub(crate) fn catch_up(&mut self, now: SystemTime) {
        self.shelf.catch_up(now, self.settings.retention);
        self.dedup.catch_up(now);
    }

    pub(crate) fn next_due(&self) -> Option<SystemTime> {
        self.shelf.next_due(self.settings.retention)
    }

    /// Adds a message that becomes visible after `delay`.
    pub(crate) fn add(&mut self, place: u64, message: Message, now: SystemTime, delay: Duration) {
        let state = match delay {
            Duration::ZERO => State::Visible,
            delay => State::Delayed(now + delay),
        };
        self.shelf.insert(place, message, state);
        self.ring();
    }

    /// Lets every long poll look again.
    pub(crate) fn ring(&self) {
        self.bell.send_replace(());
    }

    /// Returns what tells of the next ring.
    pub(crate) fn listen(&self) -> watch::Receiver<()> {
        self.bell.subscribe()
    }

    /// Returns the receipt of a message that is or was handed out.
    pub(crate) fn receipt(&self, place: u64) -> Option<Receipt> {
        let hand_out = self.shelf.get(place)?.hand_out?;
        Some(Receipt {
            queue: self.number,
            place,
            hand_out: hand_out.number,
        })
    }

    /// Returns the sequence number of a place; only a FIFO queue has them.
    pub(crate) fn sequence(&self, place: u64) -> Option<String> {
        let number = SEQUENCE_START + u128::from(place) * 256;
        self.is_fifo().then(|| number.to_string())
    }
}
