//! Dedup ids: the first of each wins while its window is open.

use rusqlite::{OptionalExtension, params};

use super::{
    SqliteStore,
    fault::{Fault, Result},
    seal::Seal,
};

/// The most dedup ids that are known at once.
pub(super) const DEDUPS_MAX: i64 = 8_000_000;

impl SqliteStore {
    /// Returns the sequence number of the message that came first with this dedup id.
    pub(super) fn find_dedup(&self, id: &str) -> Result<Option<i64>> {
        let mut select = self
            .connection
            .prepare_cached("SELECT sequence, until, seal FROM dedup WHERE id = ?1")?;
        let found = select.query_row([id], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, u32>(2)?))
        });
        let Some((sequence, until, seal)) = found.optional()? else {
            return Ok(None);
        };
        if seal_of(id, sequence, until) != seal {
            return Err(Fault::damaged("a dedup id is not what was written"));
        }
        Ok((self.moment.tick.0 < until).then_some(sequence))
    }

    /// Returns true if no further dedup id can be kept.
    pub(super) fn is_dedup_full(&self) -> Result<bool> {
        Ok(DEDUPS_MAX <= self.lanes.get(0)?.dedups)
    }

    pub(super) fn insert_dedup(&mut self, id: &str, sequence: i64) -> Result<()> {
        let window = self.lanes.get(0)?.settings.dedup_window;
        let until = (self.moment.tick + window).0;
        // One whose window is over may still be there.
        let replaced = self
            .connection
            .prepare_cached("DELETE FROM dedup WHERE id = ?1")?
            .execute([id])?;
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO dedup VALUES (?1, ?2, ?3, ?4)")?;
        insert.execute(params![id, sequence, until, seal_of(id, sequence, until)])?;
        self.dedups_until = self.dedups_until.min(until);
        self.lanes.own()?.dedups += 1 - i64::try_from(replaced).unwrap_or(0);
        Ok(())
    }

    /// Forgets up to `max` ids whose window is over.
    pub(super) fn sweep_dedups(&mut self, max: u32) -> Result<()> {
        let now = self.moment.tick.0;
        if now < self.dedups_until {
            return Ok(());
        }
        let count = {
            let mut delete = self.connection.prepare_cached(
                "DELETE FROM dedup WHERE id IN \
                 (SELECT id FROM dedup WHERE until <= ?1 ORDER BY until LIMIT ?2)",
            )?;
            delete.execute(params![now, max])?
        };
        if 0 < count {
            self.lanes.own()?.dedups -= i64::try_from(count).unwrap_or(i64::MAX);
        }
        let next = super::entry::number(&self.connection, "SELECT min(until) FROM dedup", [])?;
        self.dedups_until = next.unwrap_or(i64::MAX);
        Ok(())
    }
}

fn seal_of(id: &str, sequence: i64, until: i64) -> u32 {
    Seal::default()
        .bytes(Some(id.as_bytes()))
        .number(sequence)
        .number(until)
        .sum()
}
