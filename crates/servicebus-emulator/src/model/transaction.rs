//! Transactions: sends and settlements that are done together, or not at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use uuid::Uuid;

use super::{
    Error, ErrorKind, Model, Result, Settlement, Subqueue, Time,
    draft::Draft,
    entity::{Entity, EntityId},
    queue::{Queue, Role},
    send::bytes_of,
};

/// How long after its first operation a transaction is undone.
pub const TRANSACTION_TIME_MAX: Duration = Duration::from_secs(120);

/// How many transactions may be open at once.
pub const TRANSACTIONS_MAX: usize = 1_024;

/// How many messages a transaction may send.
const SENDS_MAX: usize = 100;

/// How many operations a transaction may have.
const OPERATIONS_MAX: usize = 1_024;

/// Names a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(u64);

impl TransactionId {
    /// Makes an id of a number that [`number`](Self::number) has returned.
    #[must_use]
    pub const fn of(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number of the transaction.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// The transactions that are open.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    open: BTreeMap<TransactionId, Transaction>,
    deadlines: BTreeSet<(Time, TransactionId)>,
    serial: u64,
}

/// What a transaction is to do.
#[derive(Debug, Default)]
struct Transaction {
    /// The entity around which all of it is.
    group: Option<EntityId>,
    deadline: Option<Time>,
    operations: Vec<Operation>,
}

/// One thing that a transaction is to do.
#[derive(Debug)]
pub(super) enum Operation {
    Send {
        to: EntityId,
        via: Option<EntityId>,
        drafts: Vec<Draft>,
    },
    Schedule {
        to: EntityId,
        drafts: Vec<(Draft, u64, Time)>,
    },
    Settle {
        queue: EntityId,
        subqueue: Subqueue,
        token: Uuid,
        settlement: Settlement,
    },
}

impl Transactions {
    pub(super) fn next_due(&self) -> Option<Time> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    fn take(&mut self, id: TransactionId) -> Result<Transaction> {
        let transaction = self.open.remove(&id).ok_or_else(|| unknown(id))?;
        if let Some(deadline) = transaction.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        Ok(transaction)
    }
}

impl Model {
    /// Opens a transaction; it may do things with one entity: a queue, or a topic and its
    /// subscriptions.
    ///
    /// # Errors
    ///
    /// [`TRANSACTIONS_MAX`] are open.
    pub fn begin(&mut self, now: Time) -> Result<TransactionId> {
        self.act(now, |model| {
            let transactions = &mut model.transactions;
            if TRANSACTIONS_MAX <= transactions.open.len() {
                let message = format!("{TRANSACTIONS_MAX} transactions are open already.");
                return Err(Error::new(ErrorKind::QuotaExceeded, message));
            }
            transactions.serial += 1;
            let id = TransactionId(transactions.serial);
            transactions.open.insert(id, Transaction::default());
            Ok(id)
        })
    }

    /// Does all of what a transaction is to do.
    ///
    /// # Errors
    ///
    /// The transaction is not open, or one of its operations is impossible by now, for example
    /// because a lock is over; then nothing of it is done.
    pub fn commit(&mut self, now: Time, id: TransactionId) -> Result<()> {
        self.act(now, |model| {
            let transaction = model.transactions.take(id)?;
            let checked = model.check_operations(&transaction.operations);
            model.unbind(&transaction.operations);
            if let Err(error) = checked {
                let message = format!("The transaction {} was undone: {error}", id.0);
                return Err(Error::new(ErrorKind::TransactionAborted, message));
            }
            for operation in transaction.operations {
                model.perform(operation, now);
            }
            Ok(())
        })
    }

    /// Undoes a transaction; messages that it was to settle stay locked.
    ///
    /// # Errors
    ///
    /// The transaction is not open.
    pub fn rollback(&mut self, now: Time, id: TransactionId) -> Result<()> {
        self.act(now, |model| {
            let transaction = model.transactions.take(id)?;
            model.unbind(&transaction.operations);
            Ok(())
        })
    }

    /// Adds to what a transaction is to do.
    pub(super) fn enlist(
        &mut self,
        id: TransactionId,
        group: EntityId,
        operation: Operation,
        now: Time,
    ) -> Result<()> {
        let transactions = &mut self.transactions;
        let transaction = transactions.open.get_mut(&id).ok_or_else(|| unknown(id))?;
        transaction.check_group(group)?;
        transaction.check_room(&operation)?;
        transaction.group = Some(group);
        if transaction.deadline.is_none() {
            let deadline = now.after(TRANSACTION_TIME_MAX);
            transaction.deadline = Some(deadline);
            transactions.deadlines.insert((deadline, id));
        }
        let settled = match &operation {
            Operation::Settle {
                queue,
                subqueue,
                token,
                ..
            } => Some((*queue, *subqueue, *token)),
            Operation::Send { .. } | Operation::Schedule { .. } => None,
        };
        transaction.operations.push(operation);
        if let Some((queue, subqueue, token)) = settled {
            self.bind(queue, subqueue, token, Some(id));
        }
        Ok(())
    }

    /// Undoes the transactions whose time is over.
    pub(super) fn expire_transactions(&mut self, now: Time) {
        while let Some((deadline, id)) = self.transactions.deadlines.first().copied() {
            if now < deadline {
                return;
            }
            if let Ok(transaction) = self.transactions.take(id) {
                self.unbind(&transaction.operations);
            }
        }
    }

    /// Lets everybody settle what a transaction was to settle.
    fn unbind(&mut self, operations: &[Operation]) {
        for operation in operations {
            if let Operation::Settle {
                queue,
                subqueue,
                token,
                ..
            } = operation
            {
                self.bind(*queue, *subqueue, *token, None);
            }
        }
    }

    fn bind(
        &mut self,
        queue: EntityId,
        subqueue: Subqueue,
        token: Uuid,
        transaction: Option<TransactionId>,
    ) {
        if let Some((Entity::Queue(queue), _)) = self.entity_mut(queue) {
            queue.shelf_mut(subqueue).bind(token, transaction);
        }
    }

    /// Checks that everything is still possible.
    fn check_operations(&self, operations: &[Operation]) -> Result<()> {
        let mut bytes = BTreeMap::<EntityId, u64>::new();
        for operation in operations {
            let (to, more) = match operation {
                Operation::Send { to, drafts, .. } => (*to, bytes_of(drafts)),
                Operation::Schedule { to, drafts } => {
                    let bytes = drafts.iter().map(|(draft, ..)| u64::from(draft.bytes));
                    (*to, bytes.sum())
                }
                Operation::Settle {
                    queue,
                    subqueue,
                    token,
                    ..
                } => {
                    self.check_lock(*queue, *subqueue, *token)?;
                    continue;
                }
            };
            if !self.entities.contains_key(&to) {
                let message = "An entity to which messages are sent was deleted.";
                return Err(Error::new(ErrorKind::EntityNotFound, message));
            }
            *bytes.entry(to).or_default() += more;
        }
        for (to, bytes) in bytes {
            self.check_room(to, bytes)?;
        }
        Ok(())
    }

    fn check_lock(&self, queue: EntityId, subqueue: Subqueue, token: Uuid) -> Result<()> {
        let Some(Entity::Queue(queue)) = self.entities.get(&queue) else {
            let message = "The entity of a message was deleted.";
            return Err(Error::new(ErrorKind::EntityNotFound, message));
        };
        if queue.shelf(subqueue).locked(token).is_none() {
            let message = format!("The lock {token} is over.");
            return Err(Error::new(ErrorKind::MessageLockLost, message));
        }
        Ok(())
    }

    fn perform(&mut self, operation: Operation, now: Time) {
        match operation {
            Operation::Send { to, via, drafts } => self.dispatch(to, via, drafts, now),
            Operation::Schedule { to, drafts } => self.keep_scheduled(to, drafts, now),
            Operation::Settle {
                queue,
                subqueue,
                token,
                settlement,
            } => {
                if let Some((Entity::Queue(queue), effects)) = self.entity_mut(queue)
                    && let Ok(sequence) = queue.locked(subqueue, token)
                {
                    queue.settle(subqueue, sequence, settlement, now, effects);
                }
            }
        }
    }
}

impl Transaction {
    fn check_group(&self, group: EntityId) -> Result<()> {
        if self.group.is_none_or(|it| it == group) {
            return Ok(());
        }
        let message = "A transaction is about one entity: to send elsewhere, send via that one.";
        Err(Error::new(ErrorKind::NotAllowed, message))
    }

    fn check_room(&self, operation: &Operation) -> Result<()> {
        let sends = self.operations.iter().map(Operation::sends).sum::<usize>();
        if SENDS_MAX < sends + operation.sends() {
            let message = format!("A transaction sends {SENDS_MAX} messages at most.");
            return Err(Error::new(ErrorKind::QuotaExceeded, message));
        }
        if OPERATIONS_MAX <= self.operations.len() {
            let message = format!("A transaction has {OPERATIONS_MAX} operations at most.");
            return Err(Error::new(ErrorKind::QuotaExceeded, message));
        }
        Ok(())
    }
}

impl Operation {
    fn sends(&self) -> usize {
        match self {
            Self::Send { drafts, .. } => drafts.len(),
            Self::Schedule { drafts, .. } => drafts.len(),
            Self::Settle { .. } => 0,
        }
    }
}

impl Queue {
    /// Returns the entity whose transactions may settle messages of this one.
    pub(super) const fn group(&self) -> EntityId {
        match &self.role {
            Role::Queue { .. } => self.id,
            Role::Subscription(subscription) => subscription.topic,
        }
    }
}

fn unknown(id: TransactionId) -> Error {
    let message = format!("The transaction {} is not open.", id.0);
    Error::new(ErrorKind::TransactionUnknown, message)
}
