//! Whose turn it is: which queue of several a receive looks at next.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use relayhouse_core::Instant;

/// How long a queue that was empty is left alone while others have messages.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Knows which queues had messages lately, and when each was looked at.
#[derive(Debug)]
pub(super) struct Turns(Mutex<Table>);

#[derive(Debug)]
struct Table {
    turns: Vec<Turn>,
    next: u64,
}

#[derive(Clone, Copy, Debug)]
struct Turn {
    /// The number of its last turn.
    number: u64,
    looked_at: Instant,
    is_busy: bool,
}

/// Says which queues a receive that looks may look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// At those that had messages when they were last asked, and as long as there is one, now and
    /// then at the others.
    Busy,
    /// At all.
    All,
}

/// The queues that one receive has looked at, a bit for each.
#[derive(Debug, Default)]
pub(super) struct Seen(u64);

impl Turns {
    pub(super) fn new(count: usize, now: Instant) -> Self {
        let turn = Turn {
            number: 0,
            looked_at: now,
            is_busy: false,
        };
        Self(Mutex::new(Table {
            turns: vec![turn; count],
            next: 1,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns true if a queue had messages when it was last asked.
    pub(super) fn has_busy(&self) -> bool {
        self.lock().turns.iter().any(|turn| turn.is_busy)
    }

    /// Gives the turn to the queue that has waited longest for it, among those not in `seen`.
    pub(super) fn next(&self, look: Look, seen: &mut Seen, now: Instant) -> Option<usize> {
        let mut table = self.lock();
        let has_busy = table.turns.iter().any(|turn| turn.is_busy);
        let is_due = |turn: &Turn| {
            look == Look::All
                || turn.is_busy
                || (has_busy && LOOK_EVERY <= now.since(turn.looked_at))
        };
        let turns = table.turns.iter().enumerate();
        let due = turns.filter(|(shard, turn)| seen.0 >> shard & 1 == 0 && is_due(turn));
        let (shard, _) = due.min_by_key(|(_, turn)| turn.number)?;
        seen.0 |= 1 << shard;
        table.give(shard, now);
        Some(shard)
    }

    /// Notes whether the queue had messages when it was asked, just now.
    pub(super) fn note(&self, shard: usize, is_busy: bool, now: Instant) {
        let mut table = self.lock();
        if let Some(turn) = table.turns.get_mut(shard) {
            turn.looked_at = now;
            turn.is_busy = is_busy;
        }
    }
}

impl Table {
    fn give(&mut self, shard: usize, now: Instant) {
        let number = self.next;
        self.next += 1;
        if let Some(turn) = self.turns.get_mut(shard) {
            turn.number = number;
            turn.looked_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::START;

    fn next(turns: &Turns, now: Instant) -> Option<usize> {
        turns.next(Look::Busy, &mut Seen::default(), now)
    }

    #[test]
    fn queues_without_messages_get_no_turn() {
        let turns = Turns::new(3, NOW);
        assert_eq!(next(&turns, NOW + 2 * LOOK_EVERY), None);
        turns.note(1, true, NOW);
        assert_eq!(next(&turns, NOW), Some(1));
        turns.note(1, false, NOW);
        assert_eq!(next(&turns, NOW), None);
    }

    #[test]
    fn busy_queues_take_turns() {
        let turns = Turns::new(3, NOW);
        (0..3).for_each(|shard| turns.note(shard, true, NOW));
        let order: Vec<_> = (0..6).filter_map(|_| next(&turns, NOW)).collect();
        assert_eq!(order, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn a_quiet_queue_gets_a_turn_beside_a_busy_one() {
        let turns = Turns::new(3, NOW);
        turns.note(0, true, NOW);
        let mut looks = [0; 3];
        for tenth in 0..100 {
            let now = NOW + tenth * LOOK_EVERY / 10;
            if let Some(shard) = next(&turns, now) {
                looks[shard] += 1;
                turns.note(shard, shard == 0, now);
            }
        }
        let [busy, quiet, other] = looks;
        assert_eq!((quiet, other), (9, 9), "once a second");
        assert_eq!(busy, 82);
    }

    #[test]
    fn a_look_at_all_sees_each_once() {
        let (turns, mut seen) = (Turns::new(64, NOW), Seen::default());
        let shards = std::iter::from_fn(|| turns.next(Look::All, &mut seen, NOW));
        assert_eq!(shards.collect::<Vec<_>>(), (0..64).collect::<Vec<_>>());
    }
}
