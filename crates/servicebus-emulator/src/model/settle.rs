//! Settlements and renewals: the lock decides, and it is decided here whether it holds.

use std::{collections::BTreeMap, sync::Arc};

use uuid::Uuid;

use super::{
    Address, Call, Error, ErrorKind, Lock, Message, Model, Result, Subqueue, Time, Value,
    draft::{Death, Draft, Effects},
    queue::Queue,
    shelf::{Attempt, Shelf},
    transaction::Operation,
};

/// What becomes of a message that was handed out.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Settlement {
    /// It is done, and gone.
    Complete,
    /// It comes back at once, and the delivery counts.
    Abandon {
        /// The properties that it has from now on, beside others.
        properties: BTreeMap<Box<str>, Value>,
    },
    /// It is received by its number alone from now on.
    Defer {
        /// The properties that it has from now on, beside others.
        properties: BTreeMap<Box<str>, Value>,
    },
    /// It goes among the dead.
    DeadLetter {
        /// Why, in a word.
        reason: Option<Box<str>>,
        /// Why, in more words.
        description: Option<Box<str>>,
        /// The properties that it has from now on, beside others.
        properties: BTreeMap<Box<str>, Value>,
    },
    /// It comes back at once, as if it had not been handed out.
    Release,
}

impl Model {
    /// Settles a message by its lock.
    ///
    /// # Errors
    ///
    /// The lock is over, another transaction is to settle the message, or a dead message is to
    /// die.
    pub fn settle(
        &mut self,
        call: Call,
        address: &Address,
        token: Uuid,
        settlement: Settlement,
    ) -> Result<()> {
        self.act(call.now, |model| {
            let (queue, effects) = model.queue_mut(&address.path)?;
            let sequence = queue.locked(address.subqueue, token)?;
            let is_dead = address.subqueue != Subqueue::Main;
            if is_dead && matches!(settlement, Settlement::DeadLetter { .. }) {
                let message = format!("'{address}' holds what is dead already.");
                return Err(Error::new(ErrorKind::NotAllowed, message));
            }
            queue.stamps.accessed = call.now;
            let Some(id) = call.transaction else {
                queue.settle(address.subqueue, sequence, settlement, call.now, effects);
                return Ok(());
            };
            let (queue_id, group) = (queue.id, queue.group());
            let operation = Operation::Settle {
                queue: queue_id,
                subqueue: address.subqueue,
                token,
                settlement,
            };
            model.enlist(id, group, operation, call.now)
        })
    }

    /// Renews the locks of messages, all or none, and returns when they end now.
    ///
    /// # Errors
    ///
    /// A lock is over, or the messages are in sessions, whose locks are renewed instead.
    pub fn renew(&mut self, now: Time, address: &Address, tokens: &[Uuid]) -> Result<Vec<Time>> {
        self.act(now, |model| {
            let (queue, _) = model.queue_mut(&address.path)?;
            if queue.shelf(address.subqueue).sessions().is_some() {
                let message = format!("'{address}' has sessions: renew the lock of the session.");
                return Err(Error::new(ErrorKind::NotAllowed, message));
            }
            let sequences = tokens
                .iter()
                .map(|token| queue.locked(address.subqueue, *token))
                .collect::<Result<Vec<_>>>()?;
            let until = now.after(queue.outlet.lock_duration);
            let shelf = queue.shelf_mut(address.subqueue);
            for (sequence, token) in sequences.into_iter().zip(tokens) {
                let lock = Lock {
                    token: *token,
                    until,
                };
                shelf.hold(sequence, lock);
            }
            queue.stamps.accessed = now;
            Ok(vec![until; tokens.len()])
        })
    }

    /// Ends the lock of a message as if its time were over, to see what a consumer does then.
    ///
    /// # Errors
    ///
    /// The lock is over.
    pub fn break_lock(&mut self, now: Time, address: &Address, token: Uuid) -> Result<()> {
        self.act(now, |model| {
            let (queue, effects) = model.queue_mut(&address.path)?;
            let sequence = queue.locked(address.subqueue, token)?;
            queue.abandon(address.subqueue, sequence, now, effects);
            Ok(())
        })
    }
}

impl Queue {
    /// Finds the message of a lock that still holds.
    pub(super) fn locked(&self, subqueue: Subqueue, token: Uuid) -> Result<u64> {
        let shelf = self.shelf(subqueue);
        let Some(sequence) = shelf.locked(token) else {
            return Err(lost(shelf, token));
        };
        let hold = shelf.get(sequence).and_then(|entry| entry.hold);
        if hold.is_some_and(|hold| hold.transaction.is_some()) {
            let message = format!("A transaction is to settle the message with the lock {token}.");
            return Err(Error::new(ErrorKind::NotAllowed, message));
        }
        Ok(sequence)
    }

    /// Settles a message that is locked.
    pub(super) fn settle(
        &mut self,
        subqueue: Subqueue,
        sequence: u64,
        settlement: Settlement,
        now: Time,
        effects: &mut Effects,
    ) {
        let shelf = self.shelf_mut(subqueue);
        match settlement {
            Settlement::Complete => {
                shelf.remove(sequence);
            }
            Settlement::Abandon { properties } => {
                shelf.change(sequence, |message| set(message, properties));
                self.abandon(subqueue, sequence, now, effects);
            }
            Settlement::Defer { properties } => {
                shelf.change(sequence, |message| set(message, properties));
                shelf.defer(sequence);
            }
            Settlement::DeadLetter {
                reason,
                description,
                properties,
            } => {
                shelf.change(sequence, |message| set(message, properties));
                let death = Death {
                    reason,
                    description,
                };
                if let Some(message) = shelf.remove(sequence) {
                    self.bury(Draft::of(message), death, now, effects);
                }
            }
            Settlement::Release => {
                shelf.give_back(sequence, Attempt::Uncounted);
                self.judge(subqueue, sequence, now, effects);
            }
        }
    }

    fn abandon(&mut self, subqueue: Subqueue, sequence: u64, now: Time, effects: &mut Effects) {
        let shelf = self.shelf_mut(subqueue);
        shelf.give_back(sequence, Attempt::Counted);
        self.judge(subqueue, sequence, now, effects);
    }
}

/// Sets properties of a message, beside those that it has.
fn set(message: &mut Message, properties: BTreeMap<Box<str>, Value>) {
    if properties.is_empty() {
        return;
    }
    let contents = Arc::make_mut(&mut message.contents);
    contents.properties.extend(properties);
    message.bytes = u32::try_from(contents.bytes()).unwrap_or(u32::MAX);
}

fn lost(shelf: &Shelf, token: Uuid) -> Error {
    // A message in a session is locked as long as the session is.
    match shelf.sessions() {
        None => {
            let message = format!("The lock {token} is over, or the message was settled by it.");
            Error::new(ErrorKind::MessageLockLost, message)
        }
        Some(_) => {
            let message = format!(
                "The lock {token} is over with that of its session, or the message was settled \
                 by it."
            );
            Error::new(ErrorKind::SessionLockLost, message)
        }
    }
}
