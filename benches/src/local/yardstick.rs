//! What the queue is measured by: a plain program with its tables, indexes, statements and
//! settings, in one thread, without what makes it a queue for others: checksums, keys, delays,
//! bounds, other processes, waiting.

use std::path::Path;

use anyhow::{Result, ensure};
use bytes::Bytes;
use rusqlite::{Connection, config::DbConfig, params};

use super::BODY_BYTES;
use crate::clock::Mark;

/// The very tables and indexes.
const SCHEMA: &str = include_str!("../../../crates/relayhouse-local/src/store/sqlite/schema.sql");

const LEASE_MICROS: i64 = 300_000_000;
const LANE_BITS: i64 = 12;
/// That of a message without a priority.
const RANK: u8 = 5;
const READY: u8 = 0;
const LEASED: u8 = 1;

/// Is the program.
#[derive(Debug)]
pub(super) struct Yardstick {
    connection: Connection,
    start: Mark,
    counts: Counts,
    is_flushing: bool,
}

/// Is what the row of the queue counts.
#[derive(Debug, Default)]
struct Counts {
    messages: i64,
    bytes: i64,
    leased: i64,
    sequence: i64,
    commits: i64,
}

/// Is a message under a lease.
struct Leased {
    id: i64,
    token: i64,
    bytes: i64,
    body: Bytes,
}

impl Yardstick {
    pub(super) fn open(directory: &Path) -> Result<Self> {
        let connection = Connection::open(directory.join("yardstick"))?;
        connection.set_prepared_statement_cache_capacity(128);
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // Else the statement that finds messages is prepared anew for each call.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
        connection.pragma_update(None, "cache_size", -16 * 1024)?;
        connection.execute_batch(SCHEMA)?;
        let lane = "INSERT INTO lane VALUES (0, NULL, '{}', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)";
        connection.execute(lane, [])?;
        Ok(Self {
            connection,
            start: Mark::now(),
            counts: Counts::default(),
            is_flushing: true,
        })
    }

    /// Writes messages in one transaction, which is flushed.
    pub(super) fn send(&mut self, bodies: impl Iterator<Item = Bytes>) -> Result<()> {
        self.begin(true)?;
        for body in bodies {
            self.insert(&body)?;
        }
        self.counts.commits += 1;
        self.commit()
    }

    fn insert(&mut self, body: &Bytes) -> Result<()> {
        let counts = &mut self.counts;
        counts.sequence += 1;
        counts.messages += 1;
        let sequence = counts.sequence;
        let length = i64::try_from(body.len())?;
        counts.bytes += length;
        let name = u128::from(sequence.unsigned_abs()).to_be_bytes();
        self.connection
            .prepare_cached(
                "INSERT INTO message (sequence, name, enqueued, details, body, crc) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                sequence,
                name,
                sequence,
                None::<&[u8]>,
                &body[..],
                0
            ])?;
        self.connection
            .prepare_cached(
                "INSERT INTO entry (id, lane, state, rank, place, key, due, expires, attempt, \
                 previous, token, bytes, seal) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )?
            .execute(params![
                sequence << LANE_BITS,
                0,
                READY,
                RANK,
                sequence,
                None::<&str>,
                None::<i64>,
                None::<i64>,
                0,
                0,
                0,
                length,
                u32::MAX
            ])?;
        Ok(())
    }

    /// Leases up to `max` messages in one transaction and removes them in another, neither of
    /// which is flushed; returns how many there were.
    pub(super) fn take(&mut self, max: usize) -> Result<usize> {
        self.begin(false)?;
        let leased = self.find(max)?;
        let now = i64::try_from(self.start.elapsed().as_micros())?;
        for message in &leased {
            self.lease(message, now + LEASE_MICROS)?;
        }
        self.commit()?;
        self.begin(false)?;
        for message in &leased {
            self.ack(message)?;
        }
        self.commit()?;
        Ok(leased.len())
    }

    fn find(&self, max: usize) -> Result<Vec<Leased>> {
        let mut select = self.connection.prepare_cached(
            "SELECT e.id, e.lane, e.state, e.rank, e.place, e.key, e.due, e.expires, e.attempt, \
             e.previous, e.token, e.bytes, e.seal, m.sequence, m.name, m.enqueued, m.details, \
             m.body, m.crc FROM entry e LEFT JOIN message m ON m.sequence = e.id >> 12 \
             WHERE e.lane = ?1 AND e.state = 0 AND e.rank = ?2 ORDER BY e.place LIMIT ?3",
        )?;
        let mut rows = select.query(params![0, RANK, i64::try_from(max)?])?;
        let mut leased = Vec::with_capacity(max);
        while let Some(row) = rows.next()? {
            leased.push(Leased {
                id: row.get(0)?,
                token: row.get::<_, i64>(10)? + 1,
                bytes: row.get(11)?,
                body: Bytes::copy_from_slice(row.get_ref(17)?.as_blob()?),
            });
        }
        Ok(leased)
    }

    fn lease(&mut self, message: &Leased, due: i64) -> Result<()> {
        let changed = self
            .connection
            .prepare_cached(
                "UPDATE entry SET state = ?2, due = ?3, attempt = ?4, previous = ?5, token = ?6, \
                 seal = ?7 WHERE id = ?1",
            )?
            .execute(params![
                message.id,
                LEASED,
                due,
                1,
                0,
                message.token,
                u32::MAX
            ])?;
        ensure!(changed == 1, "message {} is gone", message.id);
        self.counts.leased += 1;
        Ok(())
    }

    fn ack(&mut self, message: &Leased) -> Result<()> {
        let mut delete = self.connection.prepare_cached(
            "DELETE FROM entry WHERE id = ?1 AND state = 1 AND token = ?2 AND lane = ?3 \
             RETURNING id, lane, state, rank, place, key, due, expires, attempt, previous, token, \
             bytes, seal",
        )?;
        let mut rows = delete.query(params![message.id, message.token, 0])?;
        let is_there = rows.next()?.is_some();
        ensure!(
            is_there && message.body.len() == BODY_BYTES,
            "message {} is another",
            message.id
        );
        drop(rows);
        let sequence = message.id >> LANE_BITS;
        self.connection
            .prepare_cached("DELETE FROM message WHERE sequence = ?1")?
            .execute([sequence])?;
        self.counts.messages -= 1;
        self.counts.leased -= 1;
        self.counts.bytes -= message.bytes;
        Ok(())
    }

    fn begin(&mut self, is_flushing: bool) -> Result<()> {
        if self.is_flushing != is_flushing {
            let level = if is_flushing { "FULL" } else { "NORMAL" };
            self.connection.pragma_update(None, "synchronous", level)?;
            self.is_flushing = is_flushing;
        }
        self.connection
            .prepare_cached("BEGIN IMMEDIATE")?
            .execute([])?;
        Ok(())
    }

    fn commit(&self) -> Result<()> {
        let counts = &self.counts;
        self.connection
            .prepare_cached(
                "UPDATE lane SET messages = ?2, bytes = ?3, leased = ?4, delayed = ?5, \
                 dead_messages = ?6, dead_bytes = ?7, dead_leased = ?8, dead_delayed = ?9, \
                 dedups = ?10, sequence = ?11, commits = ?12, tick = ?13, seal = ?14 \
                 WHERE number = ?1",
            )?
            .execute(params![
                0,
                counts.messages,
                counts.bytes,
                counts.leased,
                0,
                0,
                0,
                0,
                0,
                0,
                counts.sequence,
                counts.commits,
                counts.sequence,
                u32::MAX
            ])?;
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }
}
