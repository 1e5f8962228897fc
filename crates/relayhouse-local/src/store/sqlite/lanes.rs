//! The lanes of a file: settings and counts, read once and written once a group.

use std::collections::BTreeMap;

use relayhouse_core::{QueueName, Source, SubscriptionName};
use rusqlite::{Connection, params};

use super::{
    dedup::DEDUPS_MAX,
    entry::State,
    fault::{Fault, Result},
    seal::Seal,
};
use crate::{
    capability::MESSAGE_BYTES_MAX,
    store::{Lane, Settings},
};

/// Counts what is in a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) messages: i64,
    pub(super) bytes: i64,
    pub(super) leased: i64,
    /// Held back by their send or by a release, or parked.
    pub(super) delayed: i64,
}

/// Is the queue or topic itself, or a subscription.
#[derive(Clone, Debug)]
pub(super) struct LaneRow {
    pub(super) subscription: Option<SubscriptionName>,
    pub(super) settings: Settings,
    /// The settings as they stand in the file.
    text: String,
    pub(super) live: Counts,
    pub(super) dead: Counts,
    /// The dedup ids that are known, in the row of the queue or topic.
    pub(super) dedups: i64,
    /// The last sequence number, there alone.
    pub(super) sequence: i64,
    /// The commits that were flushed, there alone.
    pub(super) commits: i64,
    /// A tick that has been, there alone.
    pub(super) tick: i64,
    pub(super) is_dirty: bool,
}

/// Holds the lanes of a file by number.
#[derive(Debug, Default)]
pub(super) struct Lanes(BTreeMap<u16, LaneRow>);

impl Counts {
    /// Returns true if more has gone than came.
    const fn is_wrong(&self) -> bool {
        self.bytes < 0 || self.leased < 0 || self.delayed < 0 || self.ready() < 0
    }

    pub(super) const fn ready(&self) -> i64 {
        self.messages - self.leased - self.delayed
    }

    fn shift(&mut self, state: State, by: i64) {
        match state {
            State::Ready | State::Waiting => {}
            State::Leased => self.leased += by,
            State::Scheduled | State::Delayed | State::Parked => self.delayed += by,
        }
    }

    /// Counts a message of `bytes` that came in `state`, or with -1 one that went.
    pub(super) fn count(&mut self, state: State, bytes: u64, by: i64) {
        self.messages += by;
        self.bytes += bytes.cast_signed() * by;
        self.shift(state, by);
    }

    pub(super) fn change(&mut self, from: State, to: State) {
        self.shift(from, -1);
        self.shift(to, 1);
    }

    pub(super) fn has_room(&self, settings: &Settings, bytes: u64) -> bool {
        self.has_room_of(settings, 1, bytes)
    }

    pub(super) fn has_room_of(&self, settings: &Settings, count: u64, bytes: u64) -> bool {
        self.messages.unsigned_abs() + count <= settings.messages_max
            && self.bytes.unsigned_abs() + bytes <= settings.bytes_max
    }
}

impl LaneRow {
    pub(super) fn new(subscription: Option<SubscriptionName>, settings: Settings) -> Result<Self> {
        let text = serde_json::to_string(&settings)
            .map_err(|error| Fault::damaged(format!("settings: {error}")))?;
        Ok(Self {
            subscription,
            settings,
            text,
            live: Counts::default(),
            dead: Counts::default(),
            dedups: 0,
            sequence: 0,
            commits: 0,
            tick: 0,
            is_dirty: true,
        })
    }

    fn seal(&self, number: u16) -> u32 {
        let name = self
            .subscription
            .as_ref()
            .map(|name| name.as_str().as_bytes());
        let (live, dead) = (self.live, self.dead);
        let numbers = [
            i64::from(number),
            live.messages,
            live.bytes,
            live.leased,
            live.delayed,
            dead.messages,
            dead.bytes,
            dead.leased,
            dead.delayed,
            self.dedups,
            self.sequence,
            self.commits,
            self.tick,
        ];
        let seal = Seal::default()
            .bytes(name)
            .bytes(Some(self.text.as_bytes()));
        numbers.into_iter().fold(seal, Seal::number).sum()
    }

    /// Returns true if there is no message, and no dead letter.
    pub(super) const fn is_empty(&self) -> bool {
        self.live.messages == 0 && self.dead.messages == 0
    }

    /// Returns true if a message of the largest kind may find no room, or a dedup id.
    pub(super) fn is_nearly_full(&self) -> bool {
        let largest = MESSAGE_BYTES_MAX.min(self.settings.bytes_max);
        !self.live.has_room(&self.settings, largest) || DEDUPS_MAX <= self.dedups
    }

    pub(super) const fn counts(&self, dead: bool) -> &Counts {
        if dead { &self.dead } else { &self.live }
    }

    /// Returns where messages of this lane come from.
    pub(super) fn source(&self, name: &QueueName) -> Source {
        match &self.subscription {
            None => Source::queue(name.clone()),
            Some(subscription) => Source::subscription(name.clone(), subscription.clone()),
        }
    }
}

impl Lanes {
    pub(super) fn read(connection: &Connection) -> Result<Self> {
        let mut select = connection.prepare_cached(
            "SELECT number, subscription, settings, messages, bytes, leased, delayed, \
             dead_messages, dead_bytes, dead_leased, dead_delayed, dedups, sequence, commits, \
             tick, seal FROM lane",
        )?;
        let mut rows = select.query([])?;
        let mut lanes = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let counts = |first: usize| -> Result<Counts> {
                Ok(Counts {
                    messages: row.get(first)?,
                    bytes: row.get(first + 1)?,
                    leased: row.get(first + 2)?,
                    delayed: row.get(first + 3)?,
                })
            };
            let name: Option<String> = row.get(1)?;
            let text: String = row.get(2)?;
            let lane = LaneRow {
                subscription: name
                    .map(SubscriptionName::new)
                    .transpose()
                    .map_err(Fault::Failed)?,
                settings: serde_json::from_str(&text)
                    .map_err(|error| Fault::damaged(format!("settings: {error}")))?,
                text,
                live: counts(3)?,
                dead: counts(7)?,
                dedups: row.get(11)?,
                sequence: row.get(12)?,
                commits: row.get(13)?,
                tick: row.get(14)?,
                is_dirty: false,
            };
            let number: u16 = row.get(0)?;
            if row.get::<_, u32>(15)? != lane.seal(number) {
                return Err(Fault::damaged(format!(
                    "lane {number} is not what was written"
                )));
            }
            lanes.insert(number, lane);
        }
        Ok(Self(lanes))
    }

    /// Writes the lanes that have changed.
    pub(super) fn write(&mut self, connection: &Connection) -> Result<()> {
        for (number, lane) in self.0.iter_mut().filter(|(_, lane)| lane.is_dirty) {
            let mut update = connection.prepare_cached(
                "UPDATE lane SET messages = ?2, bytes = ?3, leased = ?4, delayed = ?5, \
                 dead_messages = ?6, dead_bytes = ?7, dead_leased = ?8, dead_delayed = ?9, \
                 dedups = ?10, sequence = ?11, commits = ?12, tick = ?13, seal = ?14 \
                 WHERE number = ?1",
            )?;
            let (live, dead) = (lane.live, lane.dead);
            if live.is_wrong() || dead.is_wrong() {
                return Err(Fault::damaged(format!("lane {number} has lost count")));
            }
            let seal = lane.seal(*number);
            update.execute(params![
                number,
                live.messages,
                live.bytes,
                live.leased,
                live.delayed,
                dead.messages,
                dead.bytes,
                dead.leased,
                dead.delayed,
                lane.dedups,
                lane.sequence,
                lane.commits,
                lane.tick,
                seal,
            ])?;
            lane.is_dirty = false;
        }
        Ok(())
    }

    /// Adds a lane.
    pub(super) fn insert(
        &mut self,
        connection: &Connection,
        number: u16,
        lane: LaneRow,
    ) -> Result<()> {
        let name = lane.subscription.as_ref().map(SubscriptionName::as_str);
        connection.execute(
            "INSERT INTO lane VALUES (?1, ?2, ?3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ?4)",
            params![number, name, lane.text, lane.seal(number)],
        )?;
        self.0.insert(number, lane);
        Ok(())
    }

    pub(super) fn remove(&mut self, connection: &Connection, number: u16) -> Result<()> {
        connection.execute("DELETE FROM lane WHERE number = ?1", [number])?;
        self.0.remove(&number);
        Ok(())
    }

    pub(super) fn find(&self, subscription: Option<&SubscriptionName>) -> Option<(u16, &LaneRow)> {
        let mut lanes = self.iter();
        lanes.find(|(_, lane)| lane.subscription.as_ref() == subscription)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u16, &LaneRow)> {
        self.0.iter().map(|(number, lane)| (*number, lane))
    }

    /// Returns a number that no lane has, and none had since the file was opened.
    pub(super) fn next_number(&self) -> u16 {
        self.0.last_key_value().map_or(0, |(number, _)| number + 1)
    }

    pub(super) fn get(&self, number: u16) -> Result<&LaneRow> {
        self.0.get(&number).ok_or(Fault::Deleted)
    }

    pub(super) fn get_mut(&mut self, number: u16) -> Result<&mut LaneRow> {
        let lane = self.0.get_mut(&number).ok_or(Fault::Deleted)?;
        lane.is_dirty = true;
        Ok(lane)
    }

    pub(super) fn counts_mut(&mut self, lane: Lane) -> Result<&mut Counts> {
        let row = self.get_mut(lane.number)?;
        Ok(if lane.dead {
            &mut row.dead
        } else {
            &mut row.live
        })
    }

    /// Returns the row of the queue or topic itself.
    pub(super) fn own(&mut self) -> Result<&mut LaneRow> {
        self.get_mut(0)
    }
}
