//! The table of leases that one intake holds, in slots that handles name.

use std::{
    fmt::{self, Debug},
    mem::take,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use relayhouse_core::{Delivery, HeaderValue, Instant, LeaseSlot, LeaseTable, Receipt};
use tokio::sync::{Notify, futures::Notified};

use crate::{producer::TRACEPARENT, sync::lock};

/// Holds the leases of one intake.
///
/// Nothing is called under its lock, and nothing but the wakers of `lost` is freed there.
pub(crate) struct Leases {
    table: Mutex<Table>,
    /// Longest life of a lease, extensions included.
    total_max: Duration,
    /// Wakes the keeper.
    keeper: Arc<Notify>,
    /// Wakes the worker that waits to settle a lease which is being extended.
    pub(crate) worker: AtomicWaker,
    /// Tells others that wait for the same.
    extended: Notify,
    has_early_losses: AtomicBool,
}

struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// The lease of the session, which stands for those of all its deliveries.
    session: Option<Term>,
    /// When the keeper will look next.
    wake_at: Instant,
}

struct Slot {
    generation: u32,
    state: State,
    receipt: Option<Receipt>,
    /// The trace that the message belongs to, if somebody is told of extensions.
    trace: Option<HeaderValue>,
    term: Term,
    waiting: Vec<Waker>,
}

/// Is a lease to extend.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) slot: LeaseSlot,
    pub(super) receipt: Receipt,
    pub(super) trace: Option<HeaderValue>,
}

/// How long a lease lasts: its present end, its length, and the end it never passes.
#[derive(Clone, Copy)]
struct Term {
    until: Instant,
    length: Duration,
    cap: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    Held,
    Extending,
    Settling,
    Lost,
}

/// Says whether a delivery can be settled now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Its lease holds, and is not extended any more.
    Held,
    /// Its lease is being extended; the worker is woken when that has ended.
    Busy,
    /// Its lease has ended.
    Lost,
}

/// What the keeper has to do.
pub(super) struct Due {
    /// Leases to extend by `by`.
    pub(super) leases: Vec<Held>,
    /// The length to ask for.
    pub(super) by: Duration,
    /// Leases near their cap, each to extend by less than `by`.
    pub(super) last: Vec<(Held, Duration)>,
    /// Whether the session is to renew.
    pub(super) session: bool,
    /// When to look again: never, if nothing is held.
    pub(super) next: Instant,
}

impl Term {
    fn starting(now: Instant, until: Instant, total_max: Duration) -> Self {
        Self {
            until,
            length: until.since(now),
            cap: now + total_max,
        }
    }

    /// The keeper acts when half of the lease is left; beyond the cap, when it ends.
    fn due(&self) -> Instant {
        if self.can_extend() {
            self.until - self.length / 2
        } else {
            self.until
        }
    }

    /// Should the extension that is under way fail, the keeper looks again before the lease ends.
    fn again(&self, now: Instant) -> Instant {
        let left = self.until.since(now);
        now + (left / 4).max(self.length / 64)
    }

    fn can_extend(&self) -> bool {
        self.until < self.cap && self.until != Instant::NEVER
    }
}

impl Leases {
    pub(super) fn new(total_max: Duration, keeper: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self {
            table: Mutex::new(Table::new()),
            total_max,
            keeper,
            worker: AtomicWaker::new(),
            extended: Notify::new(),
            has_early_losses: AtomicBool::new(false),
        })
    }

    /// Makes the table of a session whose lease ends at `until`.
    pub(super) fn of_session(
        total_max: Duration,
        keeper: Arc<Notify>,
        now: Instant,
        until: Instant,
    ) -> Arc<Self> {
        let leases = Self::new(total_max, keeper);
        lock(&leases.table).session = Some(Term::starting(now, until, total_max));
        leases
    }

    /// Takes up the leases of `deliveries`, which become handles of this table.
    /// With `is_traced`, extensions of them tell of the traces that their messages belong to.
    pub(crate) fn hold(
        self: &Arc<Self>,
        deliveries: &mut [Delivery],
        now: Instant,
        is_traced: bool,
    ) {
        let handle: Arc<dyn LeaseTable> = Arc::clone(self) as _;
        let mut table = lock(&self.table);
        let mut due = table.session.as_ref().map_or(Instant::NEVER, Term::due);
        for delivery in deliveries {
            let term = Term::starting(now, delivery.lease.until(), self.total_max);
            due = due.min(term.due());
            let trace = is_traced.then(|| delivery.message.headers().get(TRACEPARENT));
            let trace = trace.flatten().cloned();
            let slot = table.insert(delivery.receipt.clone(), trace, term);
            delivery.lease.track(Arc::clone(&handle), slot);
        }
        if due < table.wake_at {
            table.wake_at = due;
            drop(table);
            self.keeper.notify_one();
        }
    }

    /// Stops extending the leases of `slots` and says of each whether it can be settled now.
    pub(crate) fn begin_settle(
        &self,
        slots: impl Iterator<Item = LeaseSlot>,
        now: Instant,
        mut answer: impl FnMut(Hold),
    ) {
        let mut table = lock(&self.table);
        let session = table.session.map(|term| term.until);
        for slot in slots {
            answer(table.begin_settle(slot, session, now));
        }
    }

    /// Gives the slots of settled deliveries back.
    pub(crate) fn end_settle(&self, slots: impl Iterator<Item = LeaseSlot>) {
        let mut table = lock(&self.table);
        slots.for_each(|slot| table.remove(slot));
    }

    /// Marks the leases of `receipts` as lost before their time; a session is lost as a whole.
    pub(crate) fn lose(&self, receipts: &[Receipt]) {
        let mut wakers = Vec::new();
        let mut table = lock(&self.table);
        if table.session.is_some() {
            table.lose_session(&mut wakers);
        }
        for slot in &mut table.slots {
            let is_lost = slot
                .receipt
                .as_ref()
                .is_some_and(|held| receipts.contains(held));
            if is_lost && slot.is_live() {
                slot.lose(&mut wakers);
            }
        }
        drop(table);
        self.has_early_losses.store(true, Ordering::Relaxed);
        self.worker.wake();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Returns true if a lease has ever been lost before its time: then no end that was told of
    /// another can be relied upon.
    pub(crate) fn has_early_losses(&self) -> bool {
        self.has_early_losses.load(Ordering::Relaxed)
    }

    /// Finds what is due at `now`, and marks what has ended as lost.
    pub(super) fn due(&self, now: Instant) -> Due {
        let mut wakers = Vec::new();
        let due = lock(&self.table).due(now, &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
        due
    }

    /// Takes up the answer of an extension: the new end, or that the lease is lost, or that the
    /// call failed and the lease stays as it was.
    pub(super) fn extended(&self, slot: LeaseSlot, answer: Answer) {
        let mut wakers = Vec::new();
        if let Some(slot) = lock(&self.table).get(slot) {
            match answer {
                Answer::Until(until) => slot.term.until = until,
                Answer::Lost => slot.lose(&mut wakers),
                Answer::Failed => {}
            }
            if slot.state == State::Extending {
                slot.state = State::Held;
            }
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Tells those that wait to settle that extensions have ended.
    pub(super) fn end_extensions(&self) {
        self.worker.wake();
        self.extended.notify_waiters();
    }

    /// Ends when extensions end after this call.
    pub(crate) fn extension_ended(&self) -> Notified<'_> {
        self.extended.notified()
    }

    /// Takes up the answer of a renewal of the session.
    pub(super) fn renewed(&self, answer: Answer) {
        let mut wakers = Vec::new();
        let mut table = lock(&self.table);
        match answer {
            Answer::Until(until) => {
                if let Some(term) = &mut table.session {
                    term.until = until;
                }
            }
            Answer::Lost => table.lose_session(&mut wakers),
            Answer::Failed => {}
        }
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Returns true if the session's lease has ended.
    pub(crate) fn session_is_lost(&self, now: Instant) -> bool {
        lock(&self.table)
            .session
            .is_some_and(|term| term.until <= now)
    }
}

/// Is the answer of an extension.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Until(Instant),
    Lost,
    Failed,
}

impl Due {
    const fn nothing() -> Self {
        Self {
            leases: Vec::new(),
            by: Duration::ZERO,
            last: Vec::new(),
            session: false,
            next: Instant::NEVER,
        }
    }
}

impl Table {
    const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            session: None,
            wake_at: Instant::NEVER,
        }
    }

    fn insert(&mut self, receipt: Receipt, trace: Option<HeaderValue>, term: Term) -> LeaseSlot {
        if let Some(index) = self.free.pop() {
            let slot = &mut self.slots[index as usize];
            slot.state = State::Held;
            slot.receipt = Some(receipt);
            slot.trace = trace;
            slot.term = term;
            return LeaseSlot {
                index,
                generation: slot.generation,
            };
        }
        let index = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        let slot = Slot {
            generation: 0,
            state: State::Held,
            receipt: Some(receipt),
            trace,
            term,
            waiting: Vec::new(),
        };
        self.slots.push(slot);
        LeaseSlot {
            index,
            generation: 0,
        }
    }

    fn remove(&mut self, slot: LeaseSlot) {
        if let Some(held) = self.get(slot) {
            held.generation = held.generation.wrapping_add(1);
            held.state = State::Free;
            held.receipt = None;
            held.trace = None;
            held.waiting.clear();
            self.free.push(slot.index);
        }
    }

    fn get(&mut self, slot: LeaseSlot) -> Option<&mut Slot> {
        self.slots
            .get_mut(slot.index as usize)
            .filter(|held| held.generation == slot.generation && held.state != State::Free)
    }

    fn begin_settle(&mut self, slot: LeaseSlot, session: Option<Instant>, now: Instant) -> Hold {
        let Some(slot) = self.get(slot) else {
            return Hold::Lost;
        };
        let until = session.unwrap_or(slot.term.until);
        match slot.state {
            State::Extending => Hold::Busy,
            State::Lost => Hold::Lost,
            _ if until <= now => {
                slot.state = State::Lost;
                Hold::Lost
            }
            _ => {
                slot.state = State::Settling;
                Hold::Held
            }
        }
    }

    fn due(&mut self, now: Instant, wakers: &mut Vec<Waker>) -> Due {
        let mut due = Due::nothing();
        let mut next = Instant::NEVER;
        if let Some(term) = self.session {
            if term.until <= now {
                self.lose_session(wakers);
            } else {
                due.session = term.can_extend() && term.due() <= now;
                due.by = term.length;
                next = term.due().max(now + term.length / 8);
            }
            self.wake_at = next;
            due.next = next;
            return due;
        }
        for (index, slot) in (0..).zip(&mut self.slots) {
            if slot.state == State::Extending {
                next = next.min(slot.term.again(now));
            }
            if slot.state != State::Held {
                continue;
            }
            if slot.term.until <= now {
                slot.lose(wakers);
                continue;
            }
            if slot.term.can_extend() && slot.term.due() <= now {
                if let Some(receipt) = slot.receipt.clone() {
                    slot.state = State::Extending;
                    let held = Held {
                        slot: LeaseSlot {
                            index,
                            generation: slot.generation,
                        },
                        receipt,
                        trace: slot.trace.clone(),
                    };
                    let left = slot.term.cap.since(now);
                    if left < slot.term.length {
                        due.last.push((held, left));
                    } else {
                        due.by = due.by.max(slot.term.length);
                        due.leases.push(held);
                    }
                    next = next.min(slot.term.again(now));
                    continue;
                }
            }
            next = next.min(slot.term.due());
        }
        self.wake_at = next;
        due.next = next;
        due
    }

    fn lose_session(&mut self, wakers: &mut Vec<Waker>) {
        if let Some(term) = &mut self.session {
            term.until = Instant::START;
        }
        for slot in self.slots.iter_mut().filter(|slot| slot.is_live()) {
            slot.lose(wakers);
        }
    }
}

impl Slot {
    fn is_live(&self) -> bool {
        matches!(self.state, State::Held | State::Extending)
    }

    fn lose(&mut self, wakers: &mut Vec<Waker>) {
        self.state = State::Lost;
        wakers.append(&mut take(&mut self.waiting));
    }
}

impl LeaseTable for Leases {
    fn until(&self, slot: LeaseSlot) -> Instant {
        let mut table = lock(&self.table);
        let session = table.session.map(|term| term.until);
        match table.get(slot) {
            Some(slot) if slot.state != State::Lost => session.unwrap_or(slot.term.until),
            _ => Instant::START,
        }
    }

    fn poll_lost(&self, slot: LeaseSlot, context: &mut Context<'_>) -> Poll<()> {
        let mut table = lock(&self.table);
        match table.get(slot) {
            Some(slot) if slot.state == State::Lost => Poll::Ready(()),
            Some(slot) => {
                let is_known = slot
                    .waiting
                    .iter()
                    .any(|known| known.will_wake(context.waker()));
                if !is_known {
                    slot.waiting.push(context.waker().clone());
                }
                Poll::Pending
            }
            None => Poll::Pending,
        }
    }
}

impl Debug for Leases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Leases")
    }
}
