//! The store in one SQLite file: groups are transactions, the log is write-ahead.

mod busy;
mod claim;
mod clock;
mod dead;
mod dedup;
mod enqueue;
mod entry;
mod fault;
mod file;
mod group;
mod lanes;
mod look;
mod note;
mod open;
mod place;
mod record;
mod seal;
mod session;
mod settle;
mod space;
mod sweep;
mod take;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, path::PathBuf, time::Duration};

use bytes::Bytes;
use relayhouse_core::{
    Delivery, Error, ErrorKind, Instant, Message, QueueName, Result, SessionId, Settlement,
    SubscriptionName, Text,
    port::{Claim, Stats},
};
use rusqlite::Connection;

use self::{
    busy::Patience,
    claim::Claims,
    fault::Fault,
    file::FileRow,
    lanes::{LaneRow, Lanes},
    space::Log,
};
use super::{
    Accepted, Access, Admission, Completing, Held, Keyed, Kind, Lane, Moment, News, Proof,
    Settings, Store, Take, Tick, Verdict,
};
use crate::config::Full;

/// The bytes of a mark: identity, count of flushed commits, checksum.
const MARK_BYTES: usize = 32;

/// Says how to open a file.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The queue or topic.
    pub(crate) name: QueueName,
    /// True if no commit waits for the disk.
    pub(crate) relaxed: bool,
    /// The most bytes of the file.
    pub(crate) file_bytes_max: Option<u64>,
    /// The most keys of its dedup store.
    pub(crate) dedup_keys_max: u64,
    /// How long another process's lock is waited for.
    pub(crate) busy_timeout: Duration,
    /// What the bell of the file said last.
    pub(crate) mark: Option<[u8; MARK_BYTES]>,
}

/// Keeps messages in one SQLite file.
#[derive(Debug)]
pub(crate) struct SqliteStore {
    path: PathBuf,
    options: Options,
    connection: Connection,
    /// Which tick was which instant when the file was opened.
    epoch: (Tick, Instant),
    moment: Moment,
    access: Access,
    file: FileRow,
    lanes: Lanes,
    claims: Claims,
    /// SQLite's count of commits by other connections.
    version: i64,
    /// True if `file`, `lanes` and `claims` are what the file says, unless `version` has moved.
    is_fresh: bool,
    /// True if another process had changed the file when the group began.
    was_changed: bool,
    /// True if a send may have found no room.
    is_tight: bool,
    /// Knows how long the log is.
    log: Log,
    /// Whether another process's lock is waited for.
    patience: Patience,
    /// At most so many pages has the file.
    pages_seen: i64,
    /// True if messages have left in this group.
    has_freed: bool,
    /// How many groups have removed messages since somebody looked for space to give back.
    frees: u32,
    /// True if commits wait for the disk at present.
    is_flushing: bool,
    /// Nothing is due before this tick.
    quiet_until: i64,
    /// True if more was due than one group does.
    is_behind: bool,
    /// No dedup id is forgotten before this tick.
    dedups_until: i64,
    /// No key of the dedup store is forgotten before this tick.
    claims_until: i64,
    news: News,
    /// Why nothing is written any more.
    broken: Option<Error>,
    /// Deliveries in a row past a lower priority, by lane.
    passed_over: HashMap<Lane, u32>,
}

impl SqliteStore {
    /// Returns which tick was which instant of this process's clock when the file was opened.
    pub(crate) const fn epoch(&self) -> (Tick, Instant) {
        self.epoch
    }

    /// Makes the error, and notes one after which nothing may be written.
    fn failed(&mut self, fault: Fault) -> Error {
        let is_lasting = match &fault {
            Fault::Sqlite(_) | Fault::Damaged(_) => !fault.is_passing(),
            _ => false,
        };
        let error = fault.into_error(&self.path);
        if is_lasting && self.broken.is_none() {
            self.broken = Some(error.clone());
        }
        error
    }

    fn call<T>(&mut self, call: impl FnOnce(&mut Self) -> fault::Result<T>) -> Result<T> {
        call(self).map_err(|fault| self.failed(fault))
    }

    fn lane(&self, lane: Lane) -> fault::Result<&LaneRow> {
        self.lanes.get(lane.number)
    }

    /// Returns when something is due next.
    fn wake(&self) -> Option<Tick> {
        (self.quiet_until < i64::MAX).then_some(Tick(self.quiet_until))
    }

    /// Sets the tick at which something is due, if it is before all others.
    fn wake_at(&mut self, tick: i64) {
        self.quiet_until = self.quiet_until.min(tick);
    }
}

impl Store for SqliteStore {
    fn begin(&mut self, moment: Moment, access: Access) -> Result<()> {
        if let Some(error) = self.broken.as_ref().filter(|_| access != Access::Look) {
            return Err(error.clone());
        }
        let begun = self.call(|store| store.start(moment, access));
        if begun.is_err() {
            self.roll_back();
        }
        begun
    }

    fn begin_at_once(&mut self, moment: Moment) -> Result<bool> {
        if self.broken.is_some() {
            return Ok(false);
        }
        let begun = self.call(|store| store.start_at_once(moment));
        if begun.is_err() {
            self.roll_back();
        }
        begun
    }

    fn commit(&mut self) -> Result<News> {
        self.call(Self::finish).map_err(|error| {
            self.roll_back();
            Error::new(
                ErrorKind::OutcomeUnknown,
                "whether it was written cannot be told before the queue is opened again",
            )
            .with_source(error)
        })
    }

    fn roll_back(&mut self) {
        self.is_fresh = false;
        if !self.connection.is_autocommit() {
            // What cannot be rolled back was rolled back by SQLite itself.
            drop(self.connection.execute_batch("ROLLBACK"));
        }
    }

    fn was_changed(&self) -> bool {
        self.was_changed
    }

    fn mark(&self) -> [u8; MARK_BYTES] {
        let commits = self.lanes.get(0).map_or(0, |own| own.commits);
        match self.options.relaxed || self.file.is_deleted {
            true => [0; MARK_BYTES],
            false => file::mark_of(self.file.identity, commits),
        }
    }

    fn kind(&mut self) -> Result<Kind> {
        Ok(self.file.kind)
    }

    fn decide(&mut self, kind: Kind) -> Result<()> {
        self.call(|store| store.decide_as(kind))
    }

    fn find(
        &mut self,
        subscription: Option<&SubscriptionName>,
    ) -> Result<Option<(Lane, Settings)>> {
        let found = self.lanes.find(subscription);
        Ok(found.map(|(number, lane)| (live(number), lane.settings.clone())))
    }

    fn create(
        &mut self,
        subscription: Option<&SubscriptionName>,
        settings: &Settings,
    ) -> Result<Lane> {
        self.call(|store| store.create_lane(subscription, settings))
    }

    fn subscriptions(&mut self) -> Result<Vec<SubscriptionName>> {
        let names = self
            .lanes
            .iter()
            .filter_map(|(_, lane)| lane.subscription.clone());
        let mut names: Vec<_> = names.collect();
        names.sort();
        Ok(names)
    }

    fn delete(&mut self, lane: Lane) -> Result<()> {
        self.call(|store| store.delete_lane(lane))
    }

    fn delete_file(&mut self) -> Result<()> {
        self.call(|store| {
            store.file.is_deleted = true;
            store.news.deleted = true;
            store.file.write(&store.connection)
        })
    }

    fn enqueue(&mut self, messages: &[Message], full: Full) -> Result<Vec<Admission>> {
        self.call(|store| store.take_in(messages, full))
    }

    fn lease(&mut self, lane: Lane, take: Take, into: &mut Vec<Delivery>) -> Result<()> {
        self.call(|store| store.hand_out(lane, take, into))
    }

    fn lease_in_session(
        &mut self,
        lane: Lane,
        held: &Held,
        take: Take,
        into: &mut Vec<Delivery>,
    ) -> Result<bool> {
        self.call(|store| store.hand_out_session(lane, held, take, into))
    }

    fn unlease(&mut self, lane: Lane, proofs: &[Proof]) -> Result<()> {
        self.call(|store| store.take_back(lane, proofs))
    }

    fn settle(&mut self, lane: Lane, items: &[(Proof, Settlement)]) -> Result<Vec<Verdict>> {
        self.call(|store| store.settle_all(lane, items))
    }

    fn extend(&mut self, lane: Lane, proofs: &[Proof], by: Duration) -> Result<Vec<Verdict>> {
        self.call(|store| {
            let verdicts = proofs
                .iter()
                .map(|proof| store.extend_one(lane, *proof, by));
            verdicts.collect()
        })
    }

    fn accept(
        &mut self,
        lane: Lane,
        session: Option<&SessionId>,
        lease: Duration,
    ) -> Result<Accepted> {
        self.call(|store| match session {
            Some(session) => store.accept_named(lane, session, lease),
            None => store.accept_next(lane, lease),
        })
    }

    fn renew(&mut self, lane: Lane, held: &Held, lease: Duration) -> Result<Option<Tick>> {
        self.call(|store| store.renew_session(lane, held, lease))
    }

    fn give_back(&mut self, lane: Lane, held: &Held) -> Result<()> {
        self.call(|store| store.close_session(lane, held))
    }

    fn session_state(&mut self, lane: Lane, held: &Held) -> Result<Option<Option<Bytes>>> {
        self.call(|store| store.read_session_state(lane, held))
    }

    fn set_session_state(&mut self, lane: Lane, held: &Held, state: Option<&[u8]>) -> Result<bool> {
        self.call(|store| store.write_session_state(lane, held, state))
    }

    fn next_wake(&mut self) -> Result<Option<Tick>> {
        Ok(self.wake())
    }

    fn stats(&mut self, lane: Lane) -> Result<Stats> {
        self.call(|store| store.count(lane))
    }

    fn peek(&mut self, lane: Lane, from: u64, max: u32) -> Result<Vec<Delivery>> {
        self.call(|store| store.show(lane, from, max))
    }

    fn purge(&mut self, lane: Lane, max: u32) -> Result<u64> {
        self.call(|store| store.remove_some(lane, max))
    }

    fn redrive(&mut self, lane: Lane, max: u32) -> Result<u64> {
        self.call(|store| store.send_back(lane, max))
    }

    fn cancel(&mut self, sequence: u64) -> Result<bool> {
        self.call(|store| store.cancel_scheduled(sequence))
    }

    fn claim(&mut self, keys: &[Keyed], hold: Duration) -> Result<Vec<Option<Claim>>> {
        self.call(|store| keys.iter().map(|key| store.claim_one(key, hold)).collect())
    }

    fn complete(&mut self, keys: &[Keyed], keep: Duration) -> Result<Vec<Verdict>> {
        self.call(|store| {
            let one = |key| std::iter::once(Completing::new(key, keep));
            keys.iter()
                .map(|key| store.complete_all(one(key)))
                .collect()
        })
    }

    fn abandon(&mut self, keys: &[Keyed]) -> Result<()> {
        self.call(|store| keys.iter().try_for_each(|key| store.abandon_one(key)))
    }

    fn note_for(&mut self, file: &str, messages: &[Message]) -> Result<u64> {
        self.call(|store| store.write_note(file, messages))
    }

    fn noted(&mut self) -> Result<Option<(u64, Text, Vec<Message>)>> {
        self.call(Self::read_note)
    }

    fn forget_note(&mut self, number: u64) -> Result<()> {
        self.call(|store| store.remove_note(number))
    }

    fn take_note(&mut self, from: u128, number: u64, messages: &[Message]) -> Result<Vec<u64>> {
        self.call(|store| store.take_note_in(from, number, messages))
    }

    fn identity(&mut self) -> Result<u128> {
        Ok(self.file.identity)
    }

    fn has_chores(&self) -> bool {
        self.broken.is_none() && (self.log.is_long() || self.is_worth_a_look())
    }

    fn shorten_log(&mut self) -> Result<()> {
        self.call(Self::write_log_back)
    }

    fn give_space_back(&mut self) -> Result<()> {
        self.call(Self::shrink)
    }

    fn changed_elsewhere(&mut self) -> Result<bool> {
        self.call(|store| Ok(store.data_version()? != store.version))
    }
}

const fn live(number: u16) -> Lane {
    Lane {
        number,
        dead: false,
    }
}
