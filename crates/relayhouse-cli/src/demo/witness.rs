//! Who hears what happens: the ledger, the list of what is in hand, and the oracle that checks it.

use std::{num::NonZeroU32, sync::OnceLock};

use relayhouse::{Event, Instant, Message, Observer, Queue};
use relayhouse_testkit::oracle::{Entry, Rules, Verdict, Watch};

use super::{hands::Hands, ledger::Ledger};

/// Keeps the books, and checks the history against the rules that the queue declares.
#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) ledger: Ledger,
    pub(crate) hands: Hands,
    watch: OnceLock<Watch>,
}

impl Witness {
    pub(crate) fn new() -> Self {
        Self {
            ledger: Ledger::new(),
            hands: Hands::default(),
            watch: OnceLock::new(),
        }
    }

    /// Starts to check what happens on `queue`.
    pub(crate) fn watch(&self, queue: &Queue, concurrency: u32, attempts_max: NonZeroU32) {
        let rules = Rules {
            attempts_max: Some(attempts_max),
            handlers_max: Some(concurrency.into()),
            ..Rules::of(queue.provider().capabilities())
        };
        self.watch.get_or_init(|| Watch::new(queue.source(), rules));
    }

    /// Takes note that `message` is sent now, and was meant to be sent at `meant_at`.
    pub(crate) fn sending(&self, now: Instant, message: &Message, meant_at: Instant) {
        if let Some(id) = &message.id {
            self.ledger.begin(id.clone(), meant_at);
        }
        if let Some(watch) = self.watch.get() {
            watch.sending(now, message);
        }
    }

    /// Takes note that the consumer died: nobody hears how its deliveries ended.
    pub(crate) fn crashed(&self, now: Instant) {
        if let Some(watch) = self.watch.get() {
            watch.note(now, Entry::Crashed);
        }
    }

    /// Ends the history, with `left` messages still on the queue.
    pub(crate) fn verdict(&self, left: u64) -> Verdict {
        let watch = self.watch.get();
        watch.map_or_else(Verdict::default, |watch| {
            watch.verdict(left, Rules::default())
        })
    }
}

impl Observer for Witness {
    fn observe(&self, now: Instant, events: &[Event<'_>]) {
        self.ledger.observe(now, events);
        self.hands.observe(now, events);
        if let Some(watch) = self.watch.get() {
            watch.observe(now, events);
        }
    }
}
