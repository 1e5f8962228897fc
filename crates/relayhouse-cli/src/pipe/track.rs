//! Which messages are under way, and what became of the others.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use relayhouse::{Event, Instant, MessageId, Observer, Settlement, Source};
use tokio::sync::{Notify, Semaphore};

/// The weight of all messages that may be under way: each has one, and one for each 4 KiB, so
/// that the bound is 16,384 small messages, or 64 MiB.
const WEIGHT_MAX: u32 = 1 << 14;
const BYTES_PER_WEIGHT: usize = 4096;

/// Counts what became of the messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) acked: u64,
    pub(crate) dead: u64,
    pub(crate) retried: u64,
}

/// Keeps the messages under way within bounds, and knows when all have ended.
#[derive(Debug)]
pub(crate) struct Tracker {
    window: Semaphore,
    ended: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    weights: HashMap<MessageId, u32>,
    /// Dead letters that nobody has taken yet; less than none while one was taken before it was
    /// heard of, which can be where the provider moves them in two steps.
    unburied: i64,
    counts: Counts,
}

impl Tracker {
    pub(crate) fn new() -> Self {
        Self {
            window: Semaphore::new(WEIGHT_MAX as usize),
            ended: Notify::new(),
            state: Mutex::default(),
        }
    }

    /// Waits for room for a message of `size` bytes.
    pub(crate) async fn room(&self, size: usize) -> u32 {
        let weight = u32::try_from(1 + size / BYTES_PER_WEIGHT).unwrap_or(WEIGHT_MAX);
        let weight = weight.min(WEIGHT_MAX);
        if let Ok(permit) = self.window.acquire_many(weight).await {
            permit.forget();
        }
        weight
    }

    /// Takes note that message `id` goes out now.
    pub(crate) fn begin(&self, id: MessageId, weight: u32) {
        self.state().weights.insert(id, weight);
    }

    /// Takes note that message `id` did not go out.
    pub(crate) fn withdraw(&self, id: &MessageId) {
        let freed = self.state().end(id);
        self.tell(freed);
    }

    /// Ends when no message is under way.
    pub(crate) async fn idle(&self) {
        self.until(|state| state.weights.is_empty()).await;
    }

    /// Ends when every dead letter has been taken.
    pub(crate) async fn buried(&self) {
        self.until(|state| state.unburied <= 0).await;
    }

    async fn until(&self, is_so: impl Fn(&State) -> bool) {
        loop {
            let ended = self.ended.notified();
            if is_so(&self.state()) {
                return;
            }
            ended.await;
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Makes room, and wakes who waits for the end. Not to be called with the lock held.
    fn tell(&self, freed: u32) {
        self.window.add_permits(freed as usize);
        self.ended.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes note of a settlement that was confirmed, and returns the weight that it frees.
    fn settled(&mut self, source: &Source, id: &MessageId, settlement: &Settlement) -> u32 {
        match settlement {
            Settlement::Ack if source.dead_letter => {
                self.counts.dead += 1;
                self.unburied -= 1;
                return self.end(id);
            }
            Settlement::Ack => {
                self.counts.acked += 1;
                return self.end(id);
            }
            Settlement::Release { .. } => self.counts.retried += 1,
            // It ends when it was taken from the dead-letter queue and reported.
            Settlement::DeadLetter(_) => self.unburied += 1,
            _ => {}
        }
        0
    }

    fn end(&mut self, id: &MessageId) -> u32 {
        self.weights.remove(id).unwrap_or_default()
    }
}

impl Observer for Tracker {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        let mut freed = 0;
        let mut state = self.state();
        for event in events {
            if let Event::Settled {
                source,
                delivery,
                settlement,
                result: Ok(()),
                ..
            } = event
            {
                freed += state.settled(source, &delivery.id, settlement);
            }
        }
        drop(state);
        if 0 < freed {
            self.tell(freed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_letter_may_be_taken_before_it_is_heard_of() {
        let live: Source = "orders".parse().unwrap();
        let (dead, id) = (live.dead_letters(), MessageId::from(7));
        let letter = Settlement::dead_letter("rejected", "");
        for heard in [
            [(&dead, &Settlement::Ack), (&live, &letter)],
            [(&live, &letter), (&dead, &Settlement::Ack)],
        ] {
            let mut state = State::default();
            state.weights.insert(id.clone(), 1);
            let freed = heard.map(|(source, how)| state.settled(source, &id, how));
            assert_eq!(freed.iter().sum::<u32>(), 1);
            assert_eq!((state.unburied, state.counts.dead), (0, 1));
        }
    }
}
