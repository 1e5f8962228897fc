//! Sending: messages come in, each in its place, or find no room.

use relayhouse_core::{Message, Priority};

use super::{
    SqliteStore,
    entry::{Entry, LAST_PLACE, State, id_of, lane_code, rank_of},
    fault::Result,
    live, record,
};
use crate::{
    config::Full,
    store::{Admission, Kind, Lane},
};

impl SqliteStore {
    pub(super) fn take_in(&mut self, messages: &[Message], full: Full) -> Result<Vec<Admission>> {
        if self.file.kind == Kind::Undecided {
            self.decide_as(Kind::Queue)?;
        }
        let targets = self.targets();
        let bytes = messages.iter().map(Message::size).sum();
        self.will_grow(bytes);
        let file_has_room = self.file_has_room(bytes)?;
        if full == Full::Fail {
            let count = messages.len() as u64;
            if !file_has_room || !self.has_room_of(&targets, count, bytes)? {
                self.is_tight = true;
                return Ok(vec![Admission::Full; messages.len()]);
            }
        }
        let mut admissions = Vec::with_capacity(messages.len());
        for message in messages {
            let admission = match file_has_room {
                true => self.take_one_in(message, &targets)?,
                false => Admission::Full,
            };
            self.is_tight |= admission == Admission::Full;
            if admission == Admission::Full && full == Full::Wait {
                admissions.resize(messages.len(), Admission::Waits);
                break;
            }
            admissions.push(admission);
        }
        Ok(admissions)
    }

    /// Returns where messages go: to the queue, or to every subscription.
    pub(super) fn targets(&self) -> Vec<u16> {
        let is_topic = self.file.kind == Kind::Topic;
        let lanes = self.lanes.iter();
        let lanes = lanes.filter(|(_, lane)| lane.subscription.is_some() == is_topic);
        lanes.map(|(number, _)| number).collect()
    }

    fn has_room_of(&self, targets: &[u16], count: u64, bytes: u64) -> Result<bool> {
        for number in targets {
            let lane = self.lanes.get(*number)?;
            if !lane.live.has_room_of(&lane.settings, count, bytes) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn take_one_in(&mut self, message: &Message, targets: &[u16]) -> Result<Admission> {
        let dedup_id = match message.is_plain() {
            true => None,
            false => message.details().dedup_id.as_deref(),
        };
        if let Some(id) = dedup_id
            && let Some(first) = self.find_dedup(id)?
        {
            return Ok(Admission::Duplicate {
                sequence: first.unsigned_abs(),
            });
        }
        let has_room = self.has_room_of(targets, 1, message.size())?
            && (dedup_id.is_none() || !self.is_dedup_full()?);
        if !has_room {
            return Ok(Admission::Full);
        }
        let sequence = self.next_sequence()?;
        if let Some(id) = dedup_id {
            self.insert_dedup(id, sequence)?;
        }
        self.write(message, sequence, targets)?;
        Ok(Admission::In {
            sequence: sequence.unsigned_abs(),
        })
    }

    /// Writes a message, and its entry in every lane.
    pub(super) fn write(&mut self, message: &Message, sequence: i64, to: &[u16]) -> Result<()> {
        if to.is_empty() {
            return Ok(());
        }
        record::insert(&self.connection, sequence, message, self.moment.wall)?;
        to.iter()
            .try_for_each(|number| self.write_entry(message, sequence, *number))
    }

    fn write_entry(&mut self, message: &Message, sequence: i64, number: u16) -> Result<()> {
        let lane = live(number);
        let mut entry = Entry {
            id: id_of(sequence, number),
            lane,
            state: State::Ready,
            rank: rank_of(Priority::DEFAULT),
            place: sequence,
            key: None,
            due: None,
            expires: None,
            attempt: 0,
            previous: relayhouse_core::Previous::None,
            token: 0,
            bytes: message.size(),
        };
        let ttl = self.lane(lane)?.settings.ttl;
        if !message.is_plain() || ttl.is_some() {
            self.detail(&mut entry, message, ttl)?;
        }
        entry.insert(&self.connection)?;
        self.lanes
            .counts_mut(lane)?
            .count(entry.state, entry.bytes, 1);
        match (entry.state, entry.key) {
            (State::Ready, _) => self.announce(lane),
            (State::Waiting, Some(key)) if self.lane(lane)?.settings.requires_sessions => {
                self.offer_session(lane, &key)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Sets what the details of a message say about its place.
    fn detail(
        &mut self,
        entry: &mut Entry,
        message: &Message,
        ttl: Option<std::time::Duration>,
    ) -> Result<()> {
        let details = message.details();
        let now = self.moment.tick;
        entry.rank = rank_of(details.priority);
        entry.key = details.ordering_key.clone();
        entry.expires = details.ttl.or(ttl).map(|ttl| (now + ttl).0);
        if let Some(expires) = entry.expires {
            self.wake_at(expires);
        }
        let wall = self.moment.wall;
        let delay = details.not_before.map(|time| time.delay(wall));
        if let Some(delay) = delay.filter(|delay| !delay.is_zero()) {
            let due = (now + delay).0;
            let due = entry.expires.map_or(due, |expires| due.min(expires));
            entry.state = State::Scheduled;
            entry.place = LAST_PLACE;
            entry.due = Some(due);
            self.wake_at(due);
        } else if let Some(key) = &entry.key {
            let is_first = !self.lane(entry.lane)?.settings.requires_sessions
                && self.is_key_free(entry.lane, key)?;
            entry.state = if is_first {
                State::Ready
            } else {
                State::Waiting
            };
        }
        Ok(())
    }

    /// Returns true if no message of the key is before a new one.
    fn is_key_free(&self, lane: Lane, key: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM entry WHERE lane = ?1 AND key = ?2 AND place < ?3 LIMIT 1";
        let params = rusqlite::params![lane_code(lane), key, LAST_PLACE];
        Ok(super::entry::number(&self.connection, sql, params)?.is_none())
    }
}
