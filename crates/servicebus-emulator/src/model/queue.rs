//! A queue or a subscription: its messages, and those that died in it.

use std::sync::Arc;

use super::{
    Common, Intake, Message, Outlet, Path, State, Subqueue, Time,
    dedup::Dedup,
    draft::{Death, Draft, Effects, Move, Way, shorter},
    entity::{EntityId, Stamps},
    shelf::{Event, Shelf},
    topic::Subscription,
};

const DELIVERY_COUNT_EXCEEDED: &str = "MaxDeliveryCountExceeded";
const EXPIRED: &str = "TTLExpiredException";
const SESSION_MISSING: &str = "Session ID is null.";

/// A queue or a subscription.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) id: EntityId,
    pub(super) path: Path,
    pub(super) common: Common,
    pub(super) outlet: Outlet,
    pub(super) role: Role,
    pub(super) stamps: Stamps,
    /// Something in its definition has changed, which is to be kept.
    pub(super) is_redefined: bool,
    /// The last number given to a message.
    pub(super) sequence: u64,
    main: Shelf,
    dead: Shelf,
    transfer_dead: Shelf,
}

/// What only a queue has, or only a subscription.
#[derive(Debug)]
pub(super) enum Role {
    Queue { intake: Intake, dedup: Dedup },
    Subscription(Subscription),
}

impl Queue {
    pub(super) fn new(
        id: EntityId,
        path: Path,
        common: Common,
        outlet: Outlet,
        role: Role,
        stamps: Stamps,
    ) -> Self {
        Self {
            id,
            path,
            common,
            main: Shelf::new(outlet.requires_session),
            // Those that died are received without their sessions.
            dead: Shelf::new(false),
            transfer_dead: Shelf::new(false),
            outlet,
            role,
            stamps,
            is_redefined: true,
            sequence: 0,
        }
    }

    pub(super) const fn shelf(&self, subqueue: Subqueue) -> &Shelf {
        match subqueue {
            Subqueue::Main => &self.main,
            Subqueue::DeadLetter => &self.dead,
            Subqueue::TransferDeadLetter => &self.transfer_dead,
        }
    }

    pub(super) const fn shelf_mut(&mut self, subqueue: Subqueue) -> &mut Shelf {
        match subqueue {
            Subqueue::Main => &mut self.main,
            Subqueue::DeadLetter => &mut self.dead,
            Subqueue::TransferDeadLetter => &mut self.transfer_dead,
        }
    }

    /// Says that a setting has changed now.
    pub(super) const fn redefine(&mut self, now: Time) {
        self.stamps.updated = now;
        self.is_redefined = true;
    }

    pub(super) fn bytes(&self) -> u64 {
        self.main.bytes() + self.dead.bytes() + self.transfer_dead.bytes()
    }

    /// Returns a number that no other message of this entity gets.
    pub(super) const fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        let shelves = [&self.main, &self.dead, &self.transfer_dead];
        let due = shelves.into_iter().filter_map(Shelf::next_due);
        due.chain(self.idle_end()).min()
    }

    /// Returns when nobody has used the entity for as long as it is kept without use.
    fn idle_end(&self) -> Option<Time> {
        Some(self.stamps.accessed.after(self.common.delete_on_idle?))
    }

    /// Says whether the entity is to be deleted; whoever listens to it uses it.
    pub(super) fn is_idle(&mut self, now: Time) -> bool {
        if self.idle_end().is_none_or(|end| now < end) {
            return false;
        }
        self.stamps.accessed = self.last_used(now);
        self.idle_end().is_some_and(|end| end <= now)
    }

    /// Returns when somebody last used the entity, which is now if somebody listens to it.
    pub(super) fn last_used(&self, now: Time) -> Time {
        let shelves = [&self.main, &self.dead, &self.transfer_dead];
        match shelves.into_iter().any(Shelf::has_listener) {
            true => now,
            false => self.stamps.accessed,
        }
    }

    /// Does what is due by `now`.
    pub(super) fn catch_up(&mut self, now: Time, effects: &mut Effects) {
        for subqueue in Subqueue::ALL {
            while let Some(events) = self.shelf_mut(subqueue).step(now) {
                for event in events {
                    self.handle(subqueue, event, now, effects);
                }
            }
        }
    }

    fn handle(&mut self, subqueue: Subqueue, event: Event, now: Time, effects: &mut Effects) {
        match event {
            Event::Arrived(message) => {
                let at = message.enqueued;
                self.put(Draft::of_scheduled(message), at, effects);
            }
            Event::Expired(message) => self.expire(message, now, effects),
            Event::Returned(sequence) => self.judge(subqueue, sequence, now, effects),
        }
    }

    /// Takes a message that was sent or forwarded, now or when it is due.
    pub(super) fn accept(&mut self, draft: Draft, now: Time, effects: &mut Effects) {
        if !self.is_new(&draft, now) {
            return;
        }
        match draft.contents.scheduled.filter(|at| now < *at) {
            Some(at) => {
                let sequence = self.next_sequence();
                self.schedule(draft, sequence, at);
            }
            None => self.put(draft, now, effects),
        }
    }

    /// Keeps a message until it is due.
    pub(super) fn schedule(&mut self, draft: Draft, sequence: u64, at: Time) {
        self.main
            .insert(draft.number(sequence, at), State::Scheduled);
    }

    /// Notes the id of a message, and says whether it was not there lately.
    pub(super) fn is_new(&mut self, draft: &Draft, now: Time) -> bool {
        let Role::Queue { intake, dedup } = &mut self.role else {
            return true;
        };
        if !intake.detects_duplicates {
            return true;
        }
        let id = draft.contents.message_id.as_deref();
        id.is_none_or(|id| dedup.note(id, now, intake.duplicate_window))
    }

    /// Gives a message to whoever receives, or to the entity to which this one forwards.
    pub(super) fn put(&mut self, mut draft: Draft, at: Time, effects: &mut Effects) {
        let sequence = self.next_sequence();
        if let Some(to) = self.outlet.forward_to.clone() {
            draft.enqueued_sequence.get_or_insert(sequence);
            self.send_on(to, draft, Way::Forward, effects);
            return;
        }
        let lacks_session = self.outlet.requires_session && draft.contents.session_id.is_none();
        if lacks_session {
            draft.enqueued_sequence.get_or_insert(sequence);
            let description = "The entity requires sessions, and the message is in none.";
            let death = Death::new(SESSION_MISSING, description);
            self.bury(draft, death, at, effects);
            return;
        }
        draft.time_to_live = shorter(draft.time_to_live, self.common.time_to_live);
        self.main.insert(draft.number(sequence, at), State::Active);
    }

    /// Puts a message among the dead, or sends it to where the dead go.
    pub(super) fn bury(
        &mut self,
        mut draft: Draft,
        death: Death,
        now: Time,
        effects: &mut Effects,
    ) {
        draft.mark(death);
        match self.outlet.forward_dead_letters_to.clone() {
            Some(to) => {
                draft.dead_letter_source = Some(Arc::from(self.path.as_str()));
                self.send_on(to, draft, Way::ForwardDead, effects);
            }
            None => self.keep_dead(draft, Subqueue::DeadLetter, now),
        }
    }

    /// Puts a message among the dead for good.
    pub(super) fn keep_dead(&mut self, mut draft: Draft, subqueue: Subqueue, now: Time) {
        // The dead do not expire.
        draft.time_to_live = None;
        let sequence = self.next_sequence();
        let message = draft.number(sequence, now);
        self.shelf_mut(subqueue).insert(message, State::Active);
    }

    /// Decides about a message that came back: whether it was delivered too often, or is to go
    /// on to another entity by now.
    pub(super) fn judge(
        &mut self,
        subqueue: Subqueue,
        sequence: u64,
        now: Time,
        effects: &mut Effects,
    ) {
        // The dead come back as often as they are taken.
        if subqueue != Subqueue::Main {
            return;
        }
        let max = self.outlet.delivery_count_max;
        let Some(entry) = self.main.get(sequence) else {
            return;
        };
        let (count, is_active) = (entry.message.delivery_count, entry.state == State::Active);
        if max <= count {
            if let Some(message) = self.main.remove(sequence) {
                // Clients read the number out of it: the dead are counted afresh.
                let description =
                    format!("Message could not be consumed after {count} delivery attempts.");
                let death = Death::new(DELIVERY_COUNT_EXCEEDED, description);
                self.bury(Draft::of(message), death, now, effects);
            }
        } else if is_active
            && let Some(to) = self.outlet.forward_to.clone()
            && let Some(message) = self.main.remove(sequence)
        {
            self.send_on(to, Draft::of(message), Way::Forward, effects);
        }
    }

    fn expire(&mut self, message: Message, now: Time, effects: &mut Effects) {
        if self.outlet.dead_letters_expired {
            let death = Death::new(EXPIRED, "The message expired and was dead lettered.");
            self.bury(Draft::of(message), death, now, effects);
        }
    }

    pub(super) fn send_on(&self, to: Path, draft: Draft, way: Way, effects: &mut Effects) {
        effects.moves.push_back(Move {
            from: self.id,
            to,
            draft,
            way,
        });
    }
}
