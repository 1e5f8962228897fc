//! Deficit round robin: keys take turns, and each turn adds to what a key may start.

use std::collections::{HashMap, VecDeque};

use relayhouse_core::{
    Delivery, Instant, Text,
    port::{Choice, DispatchLine},
};

use super::Fair;
use crate::rate_limit::bucket::Bucket;

/// Keys that have nothing to say are looked for when there are more keys than this.
const KEYS_KEPT: usize = 64;

/// Is what waits and runs in one consumer, by key.
#[derive(Debug)]
pub(super) struct FairLine {
    fair: Fair,
    shares: HashMap<Text, Share>,
    /// The keys that wait, in the order of their turns.
    turns: VecDeque<Text>,
    /// Whether the key whose turn it is has got what its turn gives.
    has_turn: bool,
    keys_max: usize,
}

/// Is what one key waits for and has.
#[derive(Debug)]
struct Share {
    /// What those cost that wait.
    costs: VecDeque<u64>,
    /// What the key may still start in its turn.
    credit: u64,
    running: u32,
    bucket: Option<Bucket>,
}

/// Says why a key can start nothing.
enum Held {
    /// As many run as may.
    Running,
    /// Its rate allows the next at that time.
    Until(Instant),
}

impl FairLine {
    pub(super) fn new(fair: Fair) -> Self {
        Self {
            fair,
            shares: HashMap::new(),
            turns: VecDeque::new(),
            has_turn: false,
            keys_max: KEYS_KEPT,
        }
    }

    fn concurrency_max(&self) -> u32 {
        let max = self.fair.concurrency_max();
        max.map_or(u32::MAX, u32::from)
    }

    /// Ends the turn of the first key.
    fn pass_turn(&mut self) {
        self.turns.rotate_left(1);
        self.has_turn = false;
    }

    /// Lets all those turns pass at once in which no key could start anything: a message may cost
    /// thousands of them.
    fn skip_turns(&mut self, now: Instant) {
        let max = self.concurrency_max();
        let waits = |share: &Share| !share.costs.is_empty() && share.may_start(max, now).is_ok();
        let turns = |(key, share): (&Text, &Share)| {
            let lacks = share.cost().saturating_sub(share.credit);
            lacks.div_ceil(self.fair.turn(key))
        };
        let waiting = self.shares.iter().filter(|(_, share)| waits(share));
        let skipped = waiting.map(turns).min().unwrap_or(0).saturating_sub(1);
        for (key, share) in self.shares.iter_mut().filter(|(_, share)| waits(share)) {
            let earned = self.fair.turn(key).saturating_mul(skipped);
            share.credit = share.credit.saturating_add(earned);
        }
    }

    /// Takes a key out of the turns that waits for nothing any more.
    fn leave(&mut self, key: &Text) {
        let Some(index) = self.turns.iter().position(|other| other == key) else {
            return;
        };
        self.turns.remove(index);
        self.has_turn &= index != 0;
        if let Some(share) = self.shares.get_mut(key) {
            share.credit = 0;
        }
    }

    /// Forgets the keys that neither wait nor run nor are held back, when there are many.
    fn forget_idle(&mut self, now: Instant) {
        if self.shares.len() <= self.keys_max {
            return;
        }
        self.shares.retain(|_, share| !share.is_idle(now));
        self.keys_max = KEYS_KEPT.max(self.shares.len() * 2);
    }
}

impl DispatchLine for FairLine {
    fn key(&self, delivery: &Delivery) -> Text {
        self.fair.key(delivery)
    }

    fn push(&mut self, key: &Text, delivery: &Delivery) {
        let cost = self.fair.cost(delivery);
        let rate = || self.fair.rate().as_ref().map(Bucket::new);
        let share = self.shares.entry(key.clone()).or_insert_with(|| Share {
            costs: VecDeque::new(),
            credit: 0,
            running: 0,
            bucket: rate(),
        });
        if share.costs.is_empty() {
            self.turns.push_back(key.clone());
        }
        share.costs.push_back(cost);
    }

    fn remove_last(&mut self, key: &Text) {
        let Some(share) = self.shares.get_mut(key) else {
            return;
        };
        share.costs.pop_back();
        if share.costs.is_empty() {
            self.leave(key);
        }
    }

    fn choose(&mut self, now: Instant) -> Choice {
        let max = self.concurrency_max();
        let mut earliest: Option<Instant> = None;
        let (mut held, mut poor) = (0, 0);
        while held < self.turns.len() {
            let key = &self.turns[0];
            let Some(share) = self.shares.get_mut(key) else {
                return Choice::Nothing;
            };
            if let Err(why) = share.may_start(max, now) {
                if let Held::Until(at) = why {
                    earliest = Some(earliest.map_or(at, |earliest| earliest.min(at)));
                }
                held += 1;
                self.pass_turn();
                continue;
            }
            held = 0;
            if !self.has_turn {
                self.has_turn = true;
                share.earn(self.fair.turn(key));
            }
            if share.cost() <= share.credit {
                return Choice::Start(key.clone());
            }
            self.pass_turn();
            poor += 1;
            if poor == self.turns.len() {
                poor = 0;
                self.skip_turns(now);
            }
        }
        earliest.map_or(Choice::Nothing, Choice::Wait)
    }

    fn start(&mut self, key: &Text, now: Instant) {
        let Some(share) = self.shares.get_mut(key) else {
            return;
        };
        let cost = share.costs.pop_front().unwrap_or(0);
        share.credit = share.credit.saturating_sub(cost);
        share.running += 1;
        if let Some(bucket) = &mut share.bucket {
            bucket.owe(now, 1);
        }
        if share.costs.is_empty() {
            self.leave(key);
        }
        self.forget_idle(now);
    }

    fn end(&mut self, key: &Text) {
        if let Some(share) = self.shares.get_mut(key) {
            share.running = share.running.saturating_sub(1);
        }
    }
}

impl Share {
    fn cost(&self) -> u64 {
        self.costs.front().copied().unwrap_or(0)
    }

    fn may_start(&self, concurrency_max: u32, now: Instant) -> Result<(), Held> {
        if concurrency_max <= self.running {
            return Err(Held::Running);
        }
        match &self.bucket {
            Some(bucket) => bucket.look(now, 1).map_err(Held::Until),
            None => Ok(()),
        }
    }

    /// Adds what a turn gives. Nothing is saved up beyond a turn, or what the next one costs.
    fn earn(&mut self, turn: u64) {
        let most = turn.max(self.cost());
        self.credit = self.credit.saturating_add(turn).min(most);
    }

    fn is_idle(&self, now: Instant) -> bool {
        let is_free = |bucket: &Bucket| bucket.is_full(now);
        self.costs.is_empty() && self.running == 0 && self.bucket.as_ref().is_none_or(is_free)
    }
}
