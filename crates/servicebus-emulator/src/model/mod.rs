//! All entities of a namespace, without sockets and clocks.
//!
//! Each operation is a method of [`Model`] in the file of its topic. It is told the time, does
//! what is due by then in all entities, and answers at once; nothing ticks.
//!
//! Whoever waits for messages or sessions takes a bell by [`Model::listen`], looks, and looks
//! again at each ring. What happens by itself (locks that end, messages that are due or expire)
//! happens in the next call: somebody must call [`Model::catch_up`] at the time that
//! [`Model::agenda`] tells, which changes with each call.

mod accept;
mod address;
mod admin;
mod config;
mod contents;
mod counts;
mod dedup;
mod definition;
mod draft;
mod duration;
mod ensure;
mod entity;
mod error;
mod forward;
mod journal;
mod limits;
mod message;
mod names;
mod peek;
mod queue;
mod random;
mod receive;
mod restore;
mod rule;
mod send;
mod sessions;
mod settings;
mod settle;
mod shelf;
mod sql;
#[cfg(test)]
mod tests;
mod time;
mod topic;
mod transaction;
mod value;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tokio::sync::watch;

pub use self::{
    accept::{Browse, Session, SessionKey},
    address::{ADDRESS_BYTES_MAX, Address, Path, Subqueue},
    admin::{ENTITIES_MAX, SUBSCRIPTIONS_MAX},
    config::{Config, ConfigError, SubscriptionConfig, TopicConfig},
    contents::{BodyKind, Contents},
    counts::{Counts, EntityKind, Summary},
    dedup::IDS_MAX as DUPLICATE_IDS_MAX,
    draft::HOPS_MAX,
    duration::{finite_duration, parse_duration, parse_ticks, write_duration, write_ticks},
    entity::Stamps,
    error::{Error, ErrorKind, Result},
    limits::ID_LENGTH_MAX,
    message::{
        DEAD_LETTER_DESCRIPTION, DEAD_LETTER_REASON, Delivery, Lock, Message, Peeked, State,
    },
    names::NAME_LENGTH_MAX,
    peek::PEEK_MAX,
    receive::{Mode, Receive, Receiver},
    rule::{CorrelationFilter, DEFAULT_RULE, Filter, RULES_MAX, Rule},
    send::SenderLimits,
    settings::{
        Common, DELIVERY_COUNT_MAX, DUPLICATE_WINDOW, IDLE_MIN, Intake, LOCK_DURATION_MAX,
        MEGABYTES_MAX, MESSAGE_KILOBYTES_MAX, Outlet, QueueSettings, Status, SubscriptionSettings,
        TopicSettings, USER_METADATA_LENGTH_MAX,
    },
    settle::Settlement,
    sql::{
        DEPTH_MAX as SQL_DEPTH_MAX, EvaluationError, LENGTH_MAX as SQL_LENGTH_MAX,
        PARAMETERS_MAX as SQL_PARAMETERS_MAX, Parameters, STATEMENTS_MAX as SQL_STATEMENTS_MAX,
        SqlAction, SqlError, SqlFilter,
    },
    time::Time,
    transaction::{TRANSACTION_TIME_MAX, TRANSACTIONS_MAX, TransactionId},
    value::Value,
};
pub(crate) use self::{
    definition::Definition,
    entity::EntityId,
    journal::{Change, Note, SessionState},
    restore::Homeless,
};
use self::{
    draft::Effects, entity::Entity, journal::Journal, queue::Queue, random::Random, shelf::Shelf,
    topic::Topic, transaction::Transactions,
};

/// All entities of a namespace, and what happens to them.
#[derive(Debug)]
pub struct Model {
    entities: BTreeMap<EntityId, Entity>,
    /// By paths in lower case.
    names: BTreeMap<Box<str>, EntityId>,
    transactions: Transactions,
    effects: Effects,
    /// When something is due, and where.
    agenda: BTreeSet<(Time, EntityId)>,
    /// What stands in the agenda for an entity.
    noted: BTreeMap<EntityId, Time>,
    /// The entities that this call has changed.
    touched: BTreeSet<EntityId>,
    /// What has changed, where somebody keeps it.
    journal: Option<Journal>,
    /// When the next thing is due.
    due: watch::Sender<Option<Time>>,
    /// The last number given to an entity.
    serial: u64,
}

/// When a call is made, and within which transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The time.
    pub now: Time,
    /// The transaction that is to do it, if there is one.
    pub transaction: Option<TransactionId>,
}

impl Call {
    /// Makes a call of a time, outside of transactions.
    #[must_use]
    pub const fn at(now: Time) -> Self {
        Self {
            now,
            transaction: None,
        }
    }

    /// Puts the call into a transaction.
    #[must_use]
    pub const fn within(self, transaction: TransactionId) -> Self {
        Self {
            transaction: Some(transaction),
            ..self
        }
    }
}

impl Model {
    /// Makes a namespace without entities, whose lock tokens follow from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            entities: BTreeMap::new(),
            names: BTreeMap::new(),
            transactions: Transactions::default(),
            effects: Effects {
                random: Random::new(seed),
                moves: VecDeque::new(),
            },
            agenda: BTreeSet::new(),
            noted: BTreeMap::new(),
            touched: BTreeSet::new(),
            journal: None,
            due: watch::Sender::new(None),
            serial: 0,
        }
    }

    /// Does what is due by `now` in all entities.
    pub fn catch_up(&mut self, now: Time) {
        self.act(now, |_| ());
    }

    /// Returns when something happens by itself.
    #[must_use]
    pub fn next_due(&self) -> Option<Time> {
        *self.due.borrow()
    }

    /// Returns what tells when something happens by itself, and when that changes.
    #[must_use]
    pub fn agenda(&self) -> watch::Receiver<Option<Time>> {
        self.due.subscribe()
    }

    /// Returns what rings when a receive may find something new, or a session is to be had.
    ///
    /// It ends when the entity is gone.
    ///
    /// # Errors
    ///
    /// There is no such entity, or it is a topic.
    pub fn listen(&self, address: &Address) -> Result<watch::Receiver<()>> {
        Ok(self.shelf(address)?.listen())
    }

    /// Runs one call: what is due comes first, and what it sets off is done with it.
    fn act<T>(&mut self, now: Time, run: impl FnOnce(&mut Self) -> T) -> T {
        self.run_due(now);
        let result = run(self);
        self.run_moves(now);
        self.note_due();
        // What was due as soon as it came, such as a message that expires at once.
        self.run_due(now);
        result
    }

    fn run_due(&mut self, now: Time) {
        self.expire_transactions(now);
        while let Some((at, id)) = self.agenda.first().copied() {
            if now < at {
                break;
            }
            self.run_entity(id, now);
            self.run_moves(now);
            self.note_due();
        }
    }

    fn run_entity(&mut self, id: EntityId, now: Time) {
        self.touched.insert(id);
        match self.entities.get_mut(&id) {
            Some(Entity::Queue(queue)) => {
                queue.catch_up(now, &mut self.effects);
                if queue.is_idle(now) {
                    self.remove(id);
                }
            }
            Some(Entity::Topic(_)) => self.run_topic(id, now),
            None => {}
        }
    }

    /// Writes into the agenda what has changed by this call.
    fn note_due(&mut self) {
        while let Some(id) = self.touched.pop_first() {
            if let Some(journal) = &mut self.journal {
                journal.note(id, self.entities.get(&id));
            }
            let next = self.entities.get(&id).and_then(Entity::next_due);
            let noted = self.noted.get(&id).copied();
            if next == noted {
                continue;
            }
            if let Some(noted) = noted {
                self.agenda.remove(&(noted, id));
            }
            match next {
                Some(next) => {
                    self.agenda.insert((next, id));
                    self.noted.insert(id, next);
                }
                None => {
                    self.noted.remove(&id);
                }
            }
        }
        let entities = self.agenda.first().map(|(at, _)| *at);
        let next = entities
            .into_iter()
            .chain(self.transactions.next_due())
            .min();
        self.due.send_if_modified(|due| {
            let is_new = *due != next;
            *due = next;
            is_new
        });
    }

    fn find(&self, path: &Path) -> Result<EntityId> {
        let id = self.names.get(path.key()).copied();
        id.ok_or_else(|| not_found(path))
    }

    fn entity(&self, path: &Path) -> Result<&Entity> {
        let id = self.find(path)?;
        self.entities.get(&id).ok_or_else(|| not_found(path))
    }

    fn entity_mut(&mut self, id: EntityId) -> Option<(&mut Entity, &mut Effects)> {
        self.touched.insert(id);
        Some((self.entities.get_mut(&id)?, &mut self.effects))
    }

    /// Finds a queue or a subscription to change it.
    fn queue_mut(&mut self, path: &Path) -> Result<(&mut Queue, &mut Effects)> {
        let id = self.find(path)?;
        match self.entity_mut(id) {
            Some((Entity::Queue(queue), effects)) => Ok((queue, effects)),
            Some((Entity::Topic(_), _)) => Err(is_topic(path)),
            None => Err(not_found(path)),
        }
    }

    fn queue(&self, path: &Path) -> Result<&Queue> {
        match self.entity(path)? {
            Entity::Queue(queue) => Ok(queue),
            Entity::Topic(_) => Err(is_topic(path)),
        }
    }

    fn topic_mut(&mut self, id: EntityId) -> Option<&mut Topic> {
        match self.entity_mut(id)? {
            (Entity::Topic(topic), _) => Some(topic),
            (Entity::Queue(_), _) => None,
        }
    }

    fn shelf(&self, address: &Address) -> Result<&Shelf> {
        Ok(self.queue(&address.path)?.shelf(address.subqueue))
    }
}

fn not_found(path: &Path) -> Error {
    let message = format!("The messaging entity '{path}' could not be found.");
    Error::new(ErrorKind::EntityNotFound, message)
}

fn is_there(path: &Path) -> Error {
    let message = format!("The messaging entity '{path}' is there already.");
    Error::new(ErrorKind::EntityExists, message)
}

fn is_topic(path: &Path) -> Error {
    let message = format!("'{path}' is a topic: messages are received from its subscriptions.");
    Error::new(ErrorKind::NotAllowed, message)
}
