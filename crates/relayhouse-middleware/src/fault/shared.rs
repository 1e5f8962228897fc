//! What all clones share: the dice, the counts, and the calls that wait to be overtaken.

use std::{
    sync::Arc,
    task::{Poll, Waker},
    time::Duration,
};

use relayhouse_core::{Clock, Random, SeededRandom};

use super::FaultConfig;
use crate::{
    line::Line,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
        lock,
    },
};

/// Is shared by all clones.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) clock: Arc<dyn Clock>,
    random: SeededRandom,
    config: Mutex<FaultConfig>,
    calls: AtomicU64,
    counts: Mutex<FaultCounts>,
    order: Mutex<Order>,
}

/// Counts the faults that were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// The calls, those without a fault included.
    pub calls: u64,
    /// Those that failed before they were made.
    pub failed: u64,
    /// Those whose answer was lost.
    pub answers_lost: u64,
    /// Those that were made twice.
    pub duplicated: u64,
    /// Those that waited.
    pub delayed: u64,
    /// Those that were to be overtaken.
    pub reordered: u64,
    /// Those that panicked.
    pub panicked: u64,
}

#[derive(Debug, Default)]
struct Order {
    /// The latest call that has ended, by its number.
    ended: Option<u64>,
    line: Line,
}

/// Is what happens to one call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plan {
    /// The number of the call.
    pub(super) number: u64,
    pub(super) panics: bool,
    pub(super) fails: bool,
    pub(super) loses_answer: bool,
    pub(super) duplicates: bool,
    pub(super) delay: Option<Duration>,
    pub(super) reorder: Option<Duration>,
}

/// Is a place among those who wait to be overtaken. Dropping it leaves.
#[derive(Debug)]
pub(super) struct Place {
    shared: Arc<Shared>,
    ticket: u64,
}

impl Shared {
    pub(super) fn new(config: FaultConfig, seed: u64, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            random: SeededRandom::new(seed),
            config: Mutex::new(config),
            calls: AtomicU64::new(0),
            counts: Mutex::default(),
            order: Mutex::default(),
        }
    }

    pub(super) fn set(&self, config: FaultConfig) {
        *lock(&self.config) = config;
    }

    pub(super) fn counts(&self) -> FaultCounts {
        *lock(&self.counts)
    }

    /// Draws what happens to the next call. As many numbers are drawn for each, so that one fault
    /// more does not change all that come after it.
    pub(super) fn draw(&self) -> Plan {
        let config = lock(&self.config).clone();
        let random: &dyn Random = &self.random;
        let (delay, reorder) = (random.chance(config.delay), random.chance(config.reorder));
        let wait = random.up_to(config.delay_max);
        let plan = Plan {
            number: self.calls.fetch_add(1, Ordering::Relaxed),
            panics: random.chance(config.panic),
            fails: random.chance(config.fail),
            loses_answer: random.chance(config.lose_answer),
            duplicates: random.chance(config.duplicate),
            delay: delay.then_some(wait),
            reorder: reorder.then_some(config.reorder_max),
        };
        plan.without_what_cannot_be().counted(self)
    }

    /// Is ready when a call that came after `number` has ended; else waits for that.
    pub(super) fn poll_overtaken(
        self: &Arc<Self>,
        number: u64,
        place: &mut Option<Place>,
        waker: &Waker,
    ) -> Poll<()> {
        let mut order = lock(&self.order);
        if order.ended.is_some_and(|ended| number < ended) {
            return Poll::Ready(());
        }
        match place {
            Some(place) => order.line.stay(place.ticket, waker),
            None => {
                *place = Some(Place {
                    shared: Arc::clone(self),
                    ticket: order.line.join(waker),
                });
            }
        }
        Poll::Pending
    }

    /// Notes that a call has ended, and lets those go on that it has overtaken.
    pub(super) fn ended(&self, number: u64) {
        let wakers = {
            let mut order = lock(&self.order);
            order.ended = order.ended.max(Some(number));
            order.line.all()
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Plan {
    /// Returns true if the call is made at once, as without faults.
    pub(super) fn is_prompt(&self) -> bool {
        !self.panics && !self.fails && self.delay.is_none() && self.reorder.is_none()
    }

    /// A call that is not made cannot be made twice, and has no answer to lose.
    fn without_what_cannot_be(self) -> Self {
        let fails = self.fails && !self.panics;
        let is_made = !self.panics && !fails;
        Self {
            fails,
            loses_answer: is_made && self.loses_answer,
            duplicates: is_made && self.duplicates,
            ..self
        }
    }

    fn counted(self, shared: &Shared) -> Self {
        let mut counts = lock(&shared.counts);
        counts.calls += 1;
        counts.panicked += u64::from(self.panics);
        counts.failed += u64::from(self.fails);
        counts.answers_lost += u64::from(self.loses_answer);
        counts.duplicated += u64::from(self.duplicates);
        counts.delayed += u64::from(self.delay.is_some());
        counts.reordered += u64::from(self.reorder.is_some());
        self
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Whoever waits is woken by each end, and so no place passes anything on.
        drop(lock(&self.shared.order).line.leave(self.ticket));
    }
}
