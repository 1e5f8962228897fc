//! Where one message stands in one queue: a row that changes while the message itself does not.

use std::iter;

use relayhouse_core::{Previous, Priority, Text};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::{Fault, Result};
use crate::store::{Lane, Tick};

/// How many bits of an id are the number of the lane.
const LANE_BITS: u32 = 12;

/// The most lanes of one file.
pub(super) const LANES_MAX: u16 = 1 << LANE_BITS;

/// The place of a message that its send holds back: behind all others of its key.
pub(super) const LAST_PLACE: i64 = i64::MAX;

/// What the columns of an entry are called, in the order that [`Entry::read`] reads them.
macro_rules! columns {
    () => {
        "e.id, e.lane, e.state, e.rank, e.place, e.key, e.due, e.expires, e.attempt, e.previous, \
         e.token, e.bytes, e.seal"
    };
}
pub(super) use columns;

/// How many columns an entry has.
pub(super) const COLUMN_COUNT: usize = 13;

/// Says what may happen to a message next. The numbers stand in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It can be received.
    Ready = 0,
    Leased = 1,
    /// Its send holds it back.
    Scheduled = 2,
    /// A release holds it back.
    Delayed = 3,
    /// It waits behind another of its key, or for its session.
    Waiting = 4,
    /// It waits for room among the dead letters.
    Parked = 5,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: i64,
    pub(super) lane: Lane,
    pub(super) state: State,
    /// 0 for the highest priority.
    pub(super) rank: u8,
    pub(super) place: i64,
    pub(super) key: Option<Text>,
    pub(super) due: Option<i64>,
    pub(super) expires: Option<i64>,
    pub(super) attempt: u32,
    /// How the last delivery ended.
    pub(super) previous: Previous,
    /// The fencing token of the last delivery.
    pub(super) token: u64,
    pub(super) bytes: u64,
}

/// Returns the id of the message with `sequence` in the lane with `number`.
pub(super) const fn id_of(sequence: i64, number: u16) -> i64 {
    (sequence << LANE_BITS) | number as i64
}

/// Returns the sequence number of the message of an entry.
pub(super) const fn sequence_of(id: i64) -> i64 {
    id >> LANE_BITS
}

/// Returns the rank of a priority.
pub(super) const fn rank_of(priority: Priority) -> u8 {
    Priority::MAX.level() - priority.level()
}

pub(super) fn lane_code(lane: Lane) -> i64 {
    i64::from(lane.number) * 2 + i64::from(lane.dead)
}

fn lane_from(code: i64) -> Option<Lane> {
    let number = u16::try_from(code / 2).ok()?;
    (0 <= code).then_some(Lane {
        number,
        dead: code % 2 == 1,
    })
}

const fn previous_code(previous: Previous) -> u8 {
    match previous {
        Previous::None => 0,
        Previous::Released => 1,
        Previous::Expired => 2,
        _ => 3,
    }
}

const fn previous_from(code: u8) -> Option<Previous> {
    match code {
        0 => Some(Previous::None),
        1 => Some(Previous::Released),
        2 => Some(Previous::Expired),
        3 => Some(Previous::Unknown),
        _ => None,
    }
}

impl State {
    const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Ready),
            1 => Some(Self::Leased),
            2 => Some(Self::Scheduled),
            3 => Some(Self::Delayed),
            4 => Some(Self::Waiting),
            5 => Some(Self::Parked),
            _ => None,
        }
    }
}

impl Entry {
    /// Returns the sequence number of the message.
    pub(super) const fn sequence(&self) -> i64 {
        sequence_of(self.id)
    }

    pub(super) fn is_expired(&self, now: Tick) -> bool {
        self.expires.is_some_and(|expires| expires <= now.0)
    }

    /// Reads the columns from `first` on, and checks that they are what was written.
    pub(super) fn read(row: &Row<'_>, first: usize) -> Result<Self> {
        let id: i64 = row.get(first)?;
        let broken = || Fault::damaged(format!("entry {id} is not what was written"));
        let key: Option<&str> = row
            .get_ref(first + 5)?
            .as_str_or_null()
            .map_err(|_| broken())?;
        let entry = Self {
            id,
            lane: lane_from(row.get(first + 1)?).ok_or_else(broken)?,
            state: State::from_code(row.get(first + 2)?).ok_or_else(broken)?,
            rank: row.get(first + 3)?,
            place: row.get(first + 4)?,
            key: key.map(|key| Text::from(key.to_owned())),
            due: row.get(first + 6)?,
            expires: row.get(first + 7)?,
            attempt: row.get(first + 8)?,
            previous: previous_from(row.get(first + 9)?).ok_or_else(broken)?,
            token: row.get::<_, i64>(first + 10)?.unsigned_abs(),
            bytes: row.get::<_, i64>(first + 11)?.unsigned_abs(),
        };
        if row.get::<_, u32>(first + 12)? != entry.seal() {
            return Err(broken());
        }
        Ok(entry)
    }

    /// Reads the entry with `id`.
    pub(super) fn load(connection: &Connection, id: i64) -> Result<Option<Self>> {
        let sql = concat!("SELECT ", columns!(), " FROM entry e WHERE e.id = ?1");
        one(connection, sql, [id])
    }

    pub(super) fn insert(&self, connection: &Connection) -> Result<()> {
        let mut insert = connection.prepare_cached(
            "INSERT INTO entry (id, lane, state, rank, place, key, due, expires, attempt, \
             previous, token, bytes, seal) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?;
        insert.execute(params![
            self.id,
            lane_code(self.lane),
            self.state as u8,
            self.rank,
            self.place,
            self.key.as_deref(),
            self.due,
            self.expires,
            self.attempt,
            previous_code(self.previous),
            self.token.cast_signed(),
            self.bytes.cast_signed(),
            self.seal(),
        ])?;
        Ok(())
    }

    /// Writes what a lease changes; every other column is as it was read.
    pub(super) fn save_lease(&self, connection: &Connection) -> Result<()> {
        save_leases(connection, iter::once(self))
    }

    /// Writes all that can change.
    pub(super) fn save(&self, connection: &Connection) -> Result<()> {
        let mut update = connection.prepare_cached(
            "UPDATE entry SET lane = ?2, state = ?3, rank = ?4, place = ?5, key = ?6, due = ?7, \
             expires = ?8, attempt = ?9, previous = ?10, token = ?11, seal = ?12 WHERE id = ?1",
        )?;
        let changed = update.execute(params![
            self.id,
            lane_code(self.lane),
            self.state as u8,
            self.rank,
            self.place,
            self.key.as_deref(),
            self.due,
            self.expires,
            self.attempt,
            previous_code(self.previous),
            self.token.cast_signed(),
            self.seal(),
        ])?;
        self.expect_one(changed)
    }

    pub(super) fn remove(&self, connection: &Connection) -> Result<()> {
        let mut delete = connection.prepare_cached("DELETE FROM entry WHERE id = ?1")?;
        let changed = delete.execute([self.id])?;
        self.expect_one(changed)
    }

    fn expect_one(&self, changed: usize) -> Result<()> {
        match changed {
            1 => Ok(()),
            _ => Err(Fault::damaged(format!("entry {} is missing", self.id))),
        }
    }

    /// Sums up every column, so that one that changed by itself is noticed.
    fn seal(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        let numbers = [
            self.id,
            lane_code(self.lane),
            self.place,
            self.due.unwrap_or(-1),
            self.expires.unwrap_or(-1),
            i64::from(self.attempt),
            self.token.cast_signed(),
            self.bytes.cast_signed(),
        ];
        let mut bytes = [0; 64];
        for (to, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            to.copy_from_slice(&number.to_le_bytes());
        }
        hasher.update(&bytes);
        let small = [
            self.state as u8,
            self.rank,
            previous_code(self.previous),
            u8::from(self.key.is_some()),
        ];
        hasher.update(&small);
        hasher.update(self.key.as_deref().unwrap_or_default().as_bytes());
        hasher.finalize()
    }
}

/// Writes what a lease changes of each entry.
pub(super) fn save_leases<'a>(
    connection: &Connection,
    entries: impl Iterator<Item = &'a Entry>,
) -> Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE entry SET state = ?2, due = ?3, attempt = ?4, previous = ?5, token = ?6, \
         seal = ?7 WHERE id = ?1",
    )?;
    for entry in entries {
        let changed = update.execute(params![
            entry.id,
            entry.state as u8,
            entry.due,
            entry.attempt,
            previous_code(entry.previous),
            entry.token.cast_signed(),
            entry.seal(),
        ])?;
        entry.expect_one(changed)?;
    }
    Ok(())
}

/// Reads the one entry that `sql` finds, if there is one.
pub(super) fn one(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Option<Entry>> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    rows.next()?.map(|row| Entry::read(row, 0)).transpose()
}

/// Reads all entries that `sql` finds.
pub(super) fn all(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<Entry>> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(Entry::read(row, 0)?);
    }
    Ok(entries)
}

/// Reads one number, if there is one.
pub(super) fn number(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Option<i64>> {
    let mut select = connection.prepare_cached(sql)?;
    let number = select.query_row(params, |row| row.get::<_, Option<i64>>(0));
    Ok(number.optional()?.flatten())
}
