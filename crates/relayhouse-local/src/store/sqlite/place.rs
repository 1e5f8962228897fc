//! Where messages stand: how they come in, come back, wait behind one another, and go.

use std::slice;

use relayhouse_core::{Previous, Text};
use rusqlite::params;

use super::{
    SqliteStore,
    entry::{self, Entry, State, columns, lane_code},
    fault::Result,
};
use crate::store::{Kind, Lane};

impl SqliteStore {
    /// Returns the next sequence number.
    pub(super) fn next_sequence(&mut self) -> Result<i64> {
        let own = self.lanes.own()?;
        own.sequence += 1;
        Ok(own.sequence)
    }

    /// Notes that something can be received.
    pub(super) fn announce(&mut self, lane: Lane) {
        self.news.ready.insert(lane);
    }

    /// Puts a message that stands nowhere in its place: `entry` says which. Its row is written.
    pub(super) fn stand(&mut self, entry: &mut Entry) -> Result<()> {
        let from = entry.state;
        entry.due = None;
        entry.state = match entry.key {
            Some(_) => State::Waiting,
            None => State::Ready,
        };
        entry.save(&self.connection)?;
        self.lanes.counts_mut(entry.lane)?.change(from, entry.state);
        match entry.key.clone() {
            Some(key) => self.offer_key(entry.lane, &key),
            None => {
                self.announce(entry.lane);
                Ok(())
            }
        }
    }

    /// Makes the first message of a key receivable, unless one of the key is leased or its first
    /// is held back.
    pub(super) fn offer_key(&mut self, lane: Lane, key: &Text) -> Result<()> {
        if self.lane(lane)?.settings.requires_sessions {
            return self.offer_session(lane, key);
        }
        if self.is_locked(lane, key)? {
            return Ok(());
        }
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM entry e WHERE e.lane = ?1 AND e.key = ?2 ORDER BY e.place, e.id LIMIT 2"
        );
        let front = entry::all(
            &self.connection,
            sql,
            params![lane_code(lane), key.as_str()],
        )?;
        let mut front = front.into_iter();
        let Some(mut first) = front.next().filter(|first| first.state == State::Waiting) else {
            return Ok(());
        };
        // One that came back stands before the one whose turn it was.
        if let Some(mut second) = front.next().filter(|second| second.state == State::Ready) {
            second.state = State::Waiting;
            second.save_lease(&self.connection)?;
        }
        first.state = State::Ready;
        first.save_lease(&self.connection)?;
        self.announce(lane);
        Ok(())
    }

    /// Returns true if a message of the key is leased.
    pub(super) fn is_locked(&self, lane: Lane, key: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM entry WHERE lane = ?1 AND key = ?2 AND key IS NOT NULL \
                   AND state = 1 LIMIT 1";
        let params = params![lane_code(lane), key];
        Ok(entry::number(&self.connection, sql, params)?.is_some())
    }

    /// Takes a message out for good.
    pub(super) fn discard(&mut self, entry: &Entry) -> Result<()> {
        entry.remove(&self.connection)?;
        self.forget(entry)
    }

    /// Removes what belongs to an entry that is gone.
    pub(super) fn forget(&mut self, entry: &Entry) -> Result<()> {
        self.forget_all(slice::from_ref(entry))
    }

    /// Removes what belongs to entries that are gone.
    pub(super) fn forget_all(&mut self, entries: &[Entry]) -> Result<()> {
        self.remove_messages(entries)?;
        for entry in entries {
            let counts = self.lanes.counts_mut(entry.lane)?;
            counts.count(entry.state, entry.bytes, -1);
            if entry.lane.dead || entry.state == State::Parked {
                let mut delete = self
                    .connection
                    .prepare_cached("DELETE FROM envelope WHERE id = ?1")?;
                delete.execute([entry.id])?;
            }
            self.made_room(entry.lane)?;
        }
        Ok(())
    }

    /// Removes the messages of entries that are gone: of a topic, those that no other subscription
    /// has.
    fn remove_messages(&self, entries: &[Entry]) -> Result<()> {
        if self.file.kind != Kind::Topic {
            let mut delete = self
                .connection
                .prepare_cached("DELETE FROM message WHERE sequence = ?1")?;
            for entry in entries {
                delete.execute([entry.sequence()])?;
            }
            return Ok(());
        }
        let mut delete = self.connection.prepare_cached(
            "DELETE FROM message WHERE sequence = ?1 AND NOT EXISTS \
             (SELECT 1 FROM entry WHERE id BETWEEN ?2 AND ?3)",
        )?;
        for entry in entries {
            let sequence = entry.sequence();
            let first = entry::id_of(sequence, 0);
            let last = entry::id_of(sequence, entry::LANES_MAX - 1);
            delete.execute(params![sequence, first, last])?;
        }
        Ok(())
    }

    /// Lets in who waits for the room that was just made.
    pub(super) fn made_room(&mut self, lane: Lane) -> Result<()> {
        self.has_freed = true;
        match lane.dead {
            true => self.unpark(lane),
            false => Ok(()),
        }
    }

    /// Holds a message back until `due`, or until it expires.
    pub(super) fn hold_back(&mut self, entry: &mut Entry, state: State, due: i64) -> Result<()> {
        let from = entry.state;
        let due = entry.expires.map_or(due, |expires| due.min(expires));
        entry.state = state;
        entry.due = Some(due);
        entry.save(&self.connection)?;
        self.lanes.counts_mut(entry.lane)?.change(from, state);
        self.wake_at(due);
        Ok(())
    }

    /// Gives a message back whose lease has ended: to the dead letters if its attempts are used
    /// up.
    pub(super) fn come_back(
        &mut self,
        mut entry: Entry,
        delay: std::time::Duration,
        previous: Previous,
    ) -> Result<()> {
        let (lane, key) = (entry.lane, entry.key.clone());
        entry.previous = previous;
        let max = self.lane(lane)?.settings.attempts_max;
        let is_exhausted = !lane.dead && max.is_some_and(|max| max.get() <= entry.attempt);
        if is_exhausted {
            self.exhaust(entry)?;
        } else if entry.is_expired(self.moment.tick) {
            self.expire(entry)?;
        } else if delay.is_zero() {
            if let Some(expires) = entry.expires {
                self.wake_at(expires);
            }
            return self.stand(&mut entry);
        } else {
            let due = self.moment.tick + delay;
            self.hold_back(&mut entry, State::Delayed, due.0)?;
        }
        match key {
            Some(key) => self.offer_key(lane, &key),
            None => Ok(()),
        }
    }
}
