//! The store: what keeps the messages of one file, behind a trait of this crate's own.

mod sqlite;

use std::{collections::BTreeSet, fmt::Debug, num::NonZeroU32, ops::Add, time::Duration};

use bytes::Bytes;
use relayhouse_core::{
    Delivery, Instant, Mark, Message, Receipt, Result, SessionId, Settlement, SubscriptionName,
    Text, Timestamp,
    port::{Claim, Stats},
};
use serde::{Deserialize, Serialize};

pub(crate) use self::sqlite::{Options, SqliteStore};
use crate::config::Full;

/// Counts microseconds on the clock of one file.
///
/// All processes that have the file open count alike, whatever the wall clock does meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(pub(crate) i64);

/// The time of a call, read once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) tick: Tick,
    pub(crate) now: Instant,
    pub(crate) wall: Timestamp,
}

/// Names the messages of a queue or of a subscription, or the dead letters of either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lane {
    /// The queue or subscription: its number in the file.
    pub(crate) number: u16,
    pub(crate) dead: bool,
}

/// Says how one queue or subscription behaves; kept in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) lease: Duration,
    pub(crate) attempts_max: Option<NonZeroU32>,
    pub(crate) requires_sessions: bool,
    pub(crate) dedup_window: Duration,
    pub(crate) ttl: Option<Duration>,
    pub(crate) dead_letter_expired: bool,
    pub(crate) messages_max: u64,
    pub(crate) bytes_max: u64,
}

/// Says what a group of calls does, and when its commit returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    /// It reads, and may do so on a store that is read-only.
    Look,
    /// It writes. Its commit does not wait for the disk: a crash of the program loses nothing, one
    /// of the machine may.
    Write,
    /// It writes, and its commit returns when the disk has it.
    Flush,
}

/// Is what a receipt says: which message of which file, and which delivery of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    pub(crate) id: i64,
    /// A part of the number that tells the file from others.
    pub(crate) file: u32,
    /// The low half of the fencing token: four billion deliveries of one message lie between two
    /// that are alike.
    pub(crate) token: u32,
}

/// Is what became of one message of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is in, with this sequence number.
    In { sequence: u64 },
    /// Its dedup id is known; the message that came first has this sequence number.
    Duplicate { sequence: u64 },
    /// There is no room.
    Full,
    /// There is no room yet, for it or for one before it.
    Waits,
}

/// Says what one receive takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Take {
    pub(crate) messages_max: u32,
    pub(crate) bytes_max: u64,
    pub(crate) lease: Duration,
}

/// Is the answer to one item of a settle or an extend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Done,
    /// The lease had ended.
    LeaseLost,
    /// A dead letter cannot be dead-lettered.
    DeadAlready,
    /// The dead-letter queue is full.
    DeadLettersFull,
    /// The claim of a key had ended, and another has it.
    KeyTaken,
    /// The dedup store is full.
    KeysFull,
    /// This settlement is not known here.
    Unknown,
}

/// Is a key of the dedup store, and who claims it or has claimed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keyed {
    pub(crate) key: Text,
    pub(crate) owner: u64,
}

/// Is a key to complete.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Completing<'a> {
    pub(crate) key: &'a Text,
    pub(crate) owner: u64,
    pub(crate) keep: Duration,
}

/// Is a session that somebody holds: its key, and the token that proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) session: SessionId,
    pub(crate) holder: u64,
    pub(crate) until: Tick,
}

/// Is the answer to asking for a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    Held(Held),
    /// Somebody else holds it.
    Busy,
    /// No session is free and has messages.
    None,
}

/// Tells what a commit changed for those that wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// The lanes in which messages, or sessions, became receivable.
    pub(crate) ready: BTreeSet<Lane>,
    /// True if there is room now that a send may have waited for.
    pub(crate) made_room: bool,
    /// True if a lane or the whole file was deleted.
    pub(crate) deleted: bool,
    /// When a lease or a delay ends next.
    pub(crate) next_wake: Option<Tick>,
}

/// What the file is: a sender alone leaves it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Undecided,
    Queue,
    Topic,
}

/// Keeps the messages of one file: a queue, or a topic with its subscriptions.
///
/// One thread at a time uses it. Everything but `roll_back` and the chores happens between a
/// `begin` and a `commit`. An error of any call means that the caller rolls back: nothing of the group has
/// happened then. What is refused by the rules of a queue is an answer, not an error.
pub(crate) trait Store: Debug + Send {
    /// Begins a group. One that writes takes the lock of the file, and does what is due by
    /// `moment`: leases and delays that have ended, messages that have expired. It waits a
    /// bounded time for other processes, then fails with a temporary error.
    fn begin(&mut self, moment: Moment, access: Access) -> Result<()>;

    /// Begins a group that writes, if that takes but a moment: false, and none has begun, if another
    /// process holds the lock or has changed the file, or if anything is due by `moment`.
    fn begin_at_once(&mut self, moment: Moment) -> Result<bool>;

    /// Makes the group last, and tells what it changed.
    ///
    /// A failed write or flush leaves the store read-only: every later `begin` that is not a
    /// [`Access::Look`] fails with what happened then. A failed commit is `OutcomeUnknown`.
    fn commit(&mut self) -> Result<News>;

    /// Returns what the bell of the file says after a commit: which flushed commit was the last,
    /// so that a later open can tell that one has been lost.
    fn mark(&self) -> [u8; 32];

    /// Undoes the group.
    fn roll_back(&mut self);

    /// Returns true if another process had changed the file when the group began.
    fn was_changed(&self) -> bool;

    /// Returns what the file is.
    fn kind(&mut self) -> Result<Kind>;

    /// Decides what the file is, where that is open.
    fn decide(&mut self, kind: Kind) -> Result<()>;

    /// Returns the lane of the queue (`None`) or of a subscription, with its settings.
    fn find(&mut self, subscription: Option<&SubscriptionName>)
    -> Result<Option<(Lane, Settings)>>;

    /// Creates the lane of the queue or of a subscription.
    fn create(
        &mut self,
        subscription: Option<&SubscriptionName>,
        settings: &Settings,
    ) -> Result<Lane>;

    /// Returns the names of all subscriptions, in order.
    fn subscriptions(&mut self) -> Result<Vec<SubscriptionName>>;

    /// Deletes a subscription with all its messages.
    fn delete(&mut self, lane: Lane) -> Result<()>;

    /// Marks the whole file as deleted, for every process that has it open.
    fn delete_file(&mut self) -> Result<()>;

    /// Takes messages in, to the queue or to all subscriptions, and answers each in order.
    ///
    /// [`Full::Wait`] stops at the first that has no room; [`Full::Shed`] leaves out each that has
    /// none; with [`Full::Fail`] all go in, or each is answered [`Admission::Full`].
    fn enqueue(&mut self, messages: &[Message], full: Full) -> Result<Vec<Admission>>;

    /// Hands out what is ready, in order, under one lease.
    fn lease(&mut self, lane: Lane, take: Take, into: &mut Vec<Delivery>) -> Result<()>;

    /// Hands out messages of a session, in order, while `held` holds it: false if it does not.
    fn lease_in_session(
        &mut self,
        lane: Lane,
        held: &Held,
        take: Take,
        into: &mut Vec<Delivery>,
    ) -> Result<bool>;

    /// Takes back deliveries that nobody has seen, as if they had never been made.
    fn unlease(&mut self, lane: Lane, proofs: &[Proof]) -> Result<()>;

    /// Settles each item whose lease is held. One that has marks is acked with them, or not at all.
    fn settle(&mut self, lane: Lane, items: &[(Proof, Settlement)]) -> Result<Vec<Verdict>>;

    /// Moves the end of each lease that is held to `by` from now.
    fn extend(&mut self, lane: Lane, proofs: &[Proof], by: Duration) -> Result<Vec<Verdict>>;

    /// Takes the session asked for, or the one that has waited longest.
    fn accept(
        &mut self,
        lane: Lane,
        session: Option<&SessionId>,
        lease: Duration,
    ) -> Result<Accepted>;

    /// Moves the end of a session's lease to `lease` from now; `None` if it had ended.
    fn renew(&mut self, lane: Lane, held: &Held, lease: Duration) -> Result<Option<Tick>>;

    /// Gives a session back: what is unsettled comes back in order.
    fn give_back(&mut self, lane: Lane, held: &Held) -> Result<()>;

    /// Reads the value kept with a session; `None` if its lease had ended.
    fn session_state(&mut self, lane: Lane, held: &Held) -> Result<Option<Option<Bytes>>>;

    /// Sets or removes the value kept with a session; false if its lease had ended.
    fn set_session_state(&mut self, lane: Lane, held: &Held, state: Option<&[u8]>) -> Result<bool>;

    /// Returns when a lease or a delay ends next.
    fn next_wake(&mut self) -> Result<Option<Tick>>;

    /// Counts the messages of a lane.
    fn stats(&mut self, lane: Lane) -> Result<Stats>;

    /// Shows up to `max` messages from the sequence number `from` on, without a lease.
    fn peek(&mut self, lane: Lane, from: u64, max: u32) -> Result<Vec<Delivery>>;

    /// Removes up to `max` messages that nobody has leased, and returns how many.
    fn purge(&mut self, lane: Lane, max: u32) -> Result<u64>;

    /// Sends up to `max` dead letters of a live lane back, and returns how many: fewer, where
    /// there are no more of them or no room.
    fn redrive(&mut self, lane: Lane, max: u32) -> Result<u64>;

    /// Removes a message that its send holds back, from the queue or from all subscriptions;
    /// false if there is none.
    fn cancel(&mut self, sequence: u64) -> Result<bool>;

    /// Claims each key for `hold` from now, and says how it stood; `None` if there is no room for
    /// it.
    fn claim(&mut self, keys: &[Keyed], hold: Duration) -> Result<Vec<Option<Claim>>>;

    /// Writes of each key that it is done, for `keep` from now.
    fn complete(&mut self, keys: &[Keyed], keep: Duration) -> Result<Vec<Verdict>>;

    /// Forgets each claim that its owner still has.
    fn abandon(&mut self, keys: &[Keyed]) -> Result<()>;

    /// Notes messages for another file, to be there if this file's group lasts; returns the
    /// number of the note.
    fn note_for(&mut self, file: &str, messages: &[Message]) -> Result<u64>;

    /// Returns the oldest note for another file: its number, the file, and the messages.
    fn noted(&mut self) -> Result<Option<(u64, Text, Vec<Message>)>>;

    /// Forgets a note.
    fn forget_note(&mut self, number: u64) -> Result<()>;

    /// Takes in what the file `from` noted under `number`, beyond all bounds, unless it is here
    /// already; returns the sequence numbers.
    fn take_note(&mut self, from: u128, number: u64, messages: &[Message]) -> Result<Vec<u64>>;

    /// Returns the number that tells this file from all others.
    fn identity(&mut self) -> Result<u128>;

    /// Returns true if the log is long, or there may be space to give back.
    fn has_chores(&self) -> bool;

    /// Writes the log back into the file, outside of a group, if it is long.
    fn shorten_log(&mut self) -> Result<()>;

    /// Gives some of the disk space of messages that are gone back, outside of a group, once most
    /// of the file is unused.
    fn give_space_back(&mut self) -> Result<()>;

    /// Returns true if another process has changed the file since the last group, outside of one.
    fn changed_elsewhere(&mut self) -> Result<bool>;
}

impl<'a> Completing<'a> {
    pub(crate) const fn new(keyed: &'a Keyed, keep: Duration) -> Self {
        Self {
            key: &keyed.key,
            owner: keyed.owner,
            keep,
        }
    }
}

impl<'a> From<&'a Mark> for Completing<'a> {
    fn from(mark: &'a Mark) -> Self {
        Self {
            key: &mark.key,
            owner: mark.owner,
            keep: mark.keep,
        }
    }
}

impl Lane {
    pub(crate) const fn live(self) -> Self {
        Self {
            dead: false,
            ..self
        }
    }

    pub(crate) const fn dead_letters(self) -> Self {
        Self { dead: true, ..self }
    }
}

impl Moment {
    /// Returns the instant of this process's clock at which `tick` comes.
    pub(crate) fn instant(&self, tick: Tick) -> Instant {
        let micros = tick.0.saturating_sub(self.tick.0);
        match u64::try_from(micros) {
            Ok(micros) => self.now + Duration::from_micros(micros),
            Err(_) => self.now - Duration::from_micros(micros.unsigned_abs()),
        }
    }
}

impl Add<Duration> for Tick {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

impl Proof {
    const FILE_AT: usize = 8;
    const TOKEN_AT: usize = 12;

    /// Reads a receipt; one that was not made by this adapter proves nothing.
    pub(crate) fn read(receipt: &Receipt) -> Option<Self> {
        let bytes = receipt.as_bytes()?;
        Some(Self {
            id: i64::from_be_bytes(bytes[..Self::FILE_AT].try_into().ok()?),
            file: u32::from_be_bytes(bytes[Self::FILE_AT..Self::TOKEN_AT].try_into().ok()?),
            token: u32::from_be_bytes(bytes[Self::TOKEN_AT..].try_into().ok()?),
        })
    }

    /// Makes the receipt.
    pub(crate) fn receipt(self) -> Receipt {
        let mut bytes = [0; 16];
        bytes[..Self::FILE_AT].copy_from_slice(&self.id.to_be_bytes());
        bytes[Self::FILE_AT..Self::TOKEN_AT].copy_from_slice(&self.file.to_be_bytes());
        bytes[Self::TOKEN_AT..].copy_from_slice(&self.token.to_be_bytes());
        Receipt::from_bytes(bytes)
    }
}
