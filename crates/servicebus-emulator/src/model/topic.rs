//! A topic, and what a subscription makes of its messages.

use std::collections::BTreeMap;

use super::{
    Common, Intake, Path, Rule, State, Time,
    dedup::Dedup,
    draft::{Draft, Effects},
    entity::{EntityId, Stamps},
    queue::{Queue, Role},
    rule::Selection,
    shelf::Shelf,
};

/// A topic: it keeps no messages but those that are due later.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) path: Path,
    pub(super) common: Common,
    pub(super) intake: Intake,
    pub(super) stamps: Stamps,
    pub(super) shelf: Shelf,
    /// By names in lower case.
    pub(super) subscriptions: BTreeMap<Box<str>, EntityId>,
    dedup: Dedup,
    sequence: u64,
}

/// What only a subscription has.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) topic: EntityId,
    pub(super) name: Box<str>,
    /// By names in lower case.
    pub(super) rules: BTreeMap<Box<str>, Rule>,
    pub(super) dead_letters_filter_errors: bool,
}

impl Topic {
    pub(super) fn new(path: Path, common: Common, intake: Intake, now: Time) -> Self {
        Self {
            path,
            common,
            intake,
            stamps: Stamps::new(now),
            shelf: Shelf::new(false),
            subscriptions: BTreeMap::new(),
            dedup: Dedup::default(),
            sequence: 0,
        }
    }

    pub(super) const fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        let due = self.shelf.next_due();
        due.into_iter().chain(self.idle_end()).min()
    }

    /// Returns when nobody has used the topic for as long as it is kept without use.
    pub(super) fn idle_end(&self) -> Option<Time> {
        Some(self.stamps.accessed.after(self.common.delete_on_idle?))
    }

    /// Notes the id of a message, and says whether it was not there lately.
    pub(super) fn is_new(&mut self, draft: &Draft, now: Time) -> bool {
        let id = draft.contents.message_id.as_deref();
        let id = id.filter(|_| self.intake.detects_duplicates);
        id.is_none_or(|id| self.dedup.note(id, now, self.intake.duplicate_window))
    }

    /// Keeps a message until it is due.
    pub(super) fn schedule(&mut self, draft: Draft, sequence: u64, at: Time) {
        let message = draft.number(sequence, at);
        self.shelf.insert(message, State::Scheduled);
    }

    /// Prepares a message for the subscriptions.
    pub(super) fn stamp(&mut self, draft: &mut Draft) {
        let sequence = self.next_sequence();
        draft.enqueued_sequence.get_or_insert(sequence);
        draft.limit(self.common.time_to_live);
    }
}

impl Queue {
    /// Takes what the rules make of a message of the topic; only a subscription has rules.
    pub(super) fn offer(&mut self, draft: &Draft, at: Time, effects: &mut Effects) {
        let Role::Subscription(subscription) = &self.role else {
            return;
        };
        let mut rules = subscription.rules.values();
        if rules.any(|rule| matches!(rule.select(&draft.contents), Selection::Plain)) {
            self.put(draft.clone(), at, effects);
        }
    }
}
