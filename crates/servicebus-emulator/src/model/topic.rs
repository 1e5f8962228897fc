//! A topic, and what a subscription makes of its messages.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Common, Intake, Path, Rule, State, Time, Value,
    dedup::Dedup,
    draft::{Death, Draft, Effects},
    entity::{EntityId, Stamps},
    queue::{Queue, Role},
    random::Random,
    rule::Selection,
    shelf::Shelf,
};

/// The property in which a copy that an action has changed names its rule.
const RULE_NAME: &str = "RuleName";
const FILTER_FAILED: &str = "FilterException";

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
    pub(super) dedup: Dedup,
    /// Something in its definition has changed, which is to be kept.
    pub(super) is_redefined: bool,
    /// The last number given to a message.
    pub(super) sequence: u64,
}

/// What only a subscription has.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) topic: EntityId,
    /// By names in lower case.
    pub(super) rules: BTreeMap<Box<str>, Rule>,
    pub(super) dead_letters_filter_errors: bool,
}

impl Topic {
    pub(super) fn new(path: Path, common: Common, intake: Intake, stamps: Stamps) -> Self {
        Self {
            path,
            common,
            intake,
            stamps,
            shelf: Shelf::new(false),
            subscriptions: BTreeMap::new(),
            dedup: Dedup::default(),
            is_redefined: true,
            sequence: 0,
        }
    }

    /// Says that a setting has changed now.
    pub(super) const fn redefine(&mut self, now: Time) {
        self.stamps.updated = now;
        self.is_redefined = true;
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
        let keeps_failures = subscription.dead_letters_filter_errors;
        let (copies, failures) = subscription.select(draft, &mut effects.random);
        for copy in copies {
            self.put(copy, at, effects);
        }
        if let Some(failure) = failures.filter(|_| keeps_failures) {
            let death = Death::new(FILTER_FAILED, failure);
            self.bury(draft.clone(), death, at, effects);
        }
    }
}

impl Subscription {
    /// Returns the copies that the rules make of a message, and what went wrong with one.
    ///
    /// All rules without an action that match make one copy together, and each with an action
    /// makes one of its own.
    fn select(&self, draft: &Draft, random: &mut Random) -> (Vec<Draft>, Option<String>) {
        let (mut copies, mut failure) = (Vec::new(), None);
        let mut is_plain = false;
        for rule in self.rules.values() {
            match rule.select(&draft.contents, random) {
                Ok(Selection::None) => {}
                Ok(Selection::Plain) => is_plain = true,
                Ok(Selection::Changed(mut contents)) => {
                    let name = Value::from(&*rule.name);
                    contents.properties.insert(RULE_NAME.into(), name);
                    copies.push(draft.with(*contents));
                }
                Err(error) => failure = Some(format!("The rule {} failed: {error}", rule.name)),
            }
        }
        if is_plain {
            copies.insert(0, draft.clone());
        }
        (copies, failure)
    }
}

impl Draft {
    /// Makes a copy that carries other contents.
    fn with(&self, contents: super::Contents) -> Self {
        Self {
            bytes: u32::try_from(contents.bytes()).unwrap_or(u32::MAX),
            contents: Arc::new(contents),
            ..self.clone()
        }
    }
}
