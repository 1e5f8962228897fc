//! Dead letters: how messages get there, wait for room there, and come back.

use relayhouse_core::{DeadLetter, Envelope, Previous, Priority, Timestamp};
use rusqlite::params;

use super::{
    SqliteStore,
    entry::{self, Entry, State, columns, lane_code, rank_of},
    fault::{Fault, Result},
    record::{self, Stored},
};
use crate::store::Lane;

impl SqliteStore {
    /// Makes a message a dead letter; parks it while there is no room.
    pub(super) fn bury(&mut self, mut entry: Entry, letter: DeadLetter) -> Result<()> {
        let envelope = Envelope {
            dead_letter: letter,
            source: self.lane(entry.lane)?.source(&self.options.name),
            attempts: entry.attempt,
            enqueued_at: self.enqueued_at(entry.sequence())?,
            dead_lettered_at: self.moment.wall,
        };
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO envelope (id, data) VALUES (?1, ?2)")?;
        insert.execute(params![entry.id, record::encode_envelope(&envelope)?])?;
        drop(insert);
        entry.key = None;
        entry.expires = None;
        entry.due = None;
        if self.has_dead_room(entry.lane, entry.bytes)? {
            return self.lay_down(entry);
        }
        let from = entry.state;
        entry.state = State::Parked;
        entry.place = self.next_sequence()?;
        entry.save(&self.connection)?;
        self.lanes
            .counts_mut(entry.lane)?
            .change(from, State::Parked);
        Ok(())
    }

    pub(super) fn has_dead_room(&self, lane: Lane, bytes: u64) -> Result<bool> {
        let row = self.lane(lane)?;
        Ok(row.dead.has_room(&row.settings, bytes))
    }

    fn enqueued_at(&self, sequence: i64) -> Result<Timestamp> {
        let sql = "SELECT enqueued FROM message WHERE sequence = ?1";
        let micros = entry::number(&self.connection, sql, [sequence])?;
        let micros =
            micros.ok_or_else(|| Fault::damaged(format!("message {sequence} is missing")))?;
        Ok(Timestamp::from_micros(micros.unsigned_abs()))
    }

    /// Moves a message from the live lane to the dead one.
    fn lay_down(&mut self, mut entry: Entry) -> Result<()> {
        let live = entry.lane;
        self.lanes
            .counts_mut(live)?
            .count(entry.state, entry.bytes, -1);
        entry.lane = live.dead_letters();
        entry.state = State::Ready;
        entry.rank = rank_of(Priority::DEFAULT);
        entry.place = self.next_sequence()?;
        entry.attempt = 0;
        entry.previous = Previous::None;
        entry.save(&self.connection)?;
        self.lanes
            .counts_mut(entry.lane)?
            .count(State::Ready, entry.bytes, 1);
        self.announce(entry.lane);
        self.made_room(live)
    }

    /// Moves what waits for room among the dead letters, oldest first.
    pub(super) fn unpark(&mut self, lane: Lane) -> Result<()> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM entry e WHERE e.lane = ?1 AND e.state = 5 ORDER BY e.place LIMIT 1"
        );
        let live = lane.live();
        while let Some(entry) = entry::one(&self.connection, sql, [lane_code(live)])? {
            if !self.has_dead_room(live, entry.bytes)? {
                return Ok(());
            }
            self.lay_down(entry)?;
        }
        Ok(())
    }

    /// Sends up to `max` dead letters back, the first dead-lettered first.
    ///
    /// They stand before what came later, in the order of their first send. Those that a receiver
    /// has leased stay, and so does what the queue has no room for.
    pub(super) fn send_back(&mut self, lane: Lane, max: u32) -> Result<u64> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM entry e WHERE e.lane = ?1 AND e.state = 0 ORDER BY e.rank, e.place LIMIT 1"
        );
        let (live, dead) = (lane.live(), lane_code(lane.dead_letters()));
        let mut count = 0;
        while count < u64::from(max) {
            let Some(entry) = entry::one(&self.connection, sql, [dead])? else {
                break;
            };
            let row = self.lane(live)?;
            if !row.live.has_room(&row.settings, entry.bytes) {
                break;
            }
            self.rise(entry, live)?;
            count += 1;
        }
        if 0 < count {
            self.unpark(live)?;
        }
        Ok(count)
    }

    fn rise(&mut self, mut entry: Entry, live: Lane) -> Result<()> {
        let stored = Stored::load(&self.connection, entry.sequence())?;
        let details = stored.message.details();
        let ttl = details.ttl.or(self.lane(live)?.settings.ttl);
        self.lanes
            .counts_mut(entry.lane)?
            .count(entry.state, entry.bytes, -1);
        self.lanes
            .counts_mut(live)?
            .count(State::Ready, entry.bytes, 1);
        entry.lane = live;
        entry.state = State::Ready;
        entry.attempt = 0;
        entry.previous = Previous::None;
        entry.rank = rank_of(details.priority);
        entry.place = entry.sequence();
        entry.key = details.ordering_key.clone();
        entry.expires = ttl.map(|ttl| (self.moment.tick + ttl).0);
        if let Some(expires) = entry.expires {
            self.wake_at(expires);
        }
        self.connection
            .prepare_cached("DELETE FROM envelope WHERE id = ?1")?
            .execute([entry.id])?;
        self.stand(&mut entry)
    }
}
