//! The keys of the dedup store: who has claimed them, which are done, and for how long.

use std::time::Duration;

use relayhouse_core::{Text, port::Claim};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    SqliteStore,
    entry::number,
    fault::{Fault, Result},
    seal::Seal,
};
use crate::store::{Completing, Keyed, Verdict};

/// How many keys whose time is over a full store forgets at once.
const FORGET_MAX: u32 = 4096;

/// Is the row of one key.
#[derive(Clone, Copy, Debug)]
struct ClaimRow {
    owner: i64,
    is_done: bool,
    until: i64,
}

/// Counts the keys, those included whose time is over and that are not forgotten yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Claims {
    count: i64,
    is_dirty: bool,
}

impl ClaimRow {
    /// Reads a key; its time may be over.
    fn load(connection: &Connection, key: &str) -> Result<Option<Self>> {
        let mut select = connection
            .prepare_cached("SELECT owner, done, until, seal FROM claim WHERE key = ?1")?;
        let found = select.query_row([key], |row| {
            let claim = Self {
                owner: row.get(0)?,
                is_done: row.get(1)?,
                until: row.get(2)?,
            };
            Ok((claim, row.get::<_, u32>(3)?))
        });
        match found.optional()? {
            Some((claim, seal)) if claim.seal(key) != seal => {
                Err(Fault::damaged("a claimed key is not what was written"))
            }
            found => Ok(found.map(|(claim, _)| claim)),
        }
    }

    fn save(&self, connection: &Connection, key: &str) -> Result<()> {
        let mut write = connection.prepare_cached(
            "INSERT INTO claim VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE \
             SET owner = ?2, done = ?3, until = ?4, seal = ?5",
        )?;
        write.execute(params![
            key,
            self.owner,
            self.is_done,
            self.until,
            self.seal(key)
        ])?;
        Ok(())
    }

    fn seal(&self, key: &str) -> u32 {
        Seal::default()
            .bytes(Some(key.as_bytes()))
            .number(self.owner)
            .number(i64::from(self.is_done))
            .number(self.until)
            .sum()
    }
}

impl Claims {
    pub(super) fn read(connection: &Connection) -> Result<Self> {
        let mut select =
            connection.prepare_cached("SELECT count, seal FROM claims WHERE only = 1")?;
        let found = select.query_row([], |row| Ok((row.get(0)?, row.get::<_, u32>(1)?)));
        let Some((count, seal)) = found.optional()? else {
            return Ok(Self::default());
        };
        let claims = Self {
            count,
            is_dirty: false,
        };
        match claims.seal() == seal {
            true => Ok(claims),
            false => Err(Fault::damaged("the count of keys is not what was written")),
        }
    }

    /// Writes the count, if it has changed.
    pub(super) fn write(&mut self, connection: &Connection) -> Result<()> {
        if !self.is_dirty {
            return Ok(());
        }
        if self.count < 0 {
            return Err(Fault::damaged("it has lost count of its keys"));
        }
        let mut write = connection.prepare_cached(
            "INSERT INTO claims VALUES (1, ?1, ?2) ON CONFLICT DO UPDATE \
             SET count = ?1, seal = ?2",
        )?;
        write.execute(params![self.count, self.seal()])?;
        self.is_dirty = false;
        Ok(())
    }

    fn add(&mut self, by: i64) {
        self.count += by;
        self.is_dirty |= by != 0;
    }

    fn seal(&self) -> u32 {
        Seal::default().number(self.count).sum()
    }
}

impl SqliteStore {
    /// Claims a key for `hold` from now, if nobody else has it and it is not done; `None` if there
    /// is no room for it.
    pub(super) fn claim_one(&mut self, item: &Keyed, hold: Duration) -> Result<Option<Claim>> {
        let row = ClaimRow::load(&self.connection, &item.key)?;
        let owner = item.owner.cast_signed();
        let claim = match row.filter(|row| self.is_running(row)) {
            None => Claim::New,
            Some(found) if found.is_done => return Ok(Some(Claim::Done)),
            Some(found) if found.owner == owner => Claim::Own,
            Some(found) => {
                let left = (found.until - self.moment.tick.0).unsigned_abs();
                let left = Duration::from_micros(left);
                return Ok(Some(Claim::Held { left }));
            }
        };
        if row.is_none() && !self.has_claim_room(1)? {
            return Ok(None);
        }
        let row = ClaimRow {
            owner,
            is_done: false,
            until: (self.moment.tick + hold).0,
        };
        self.save_claim(&item.key, row)?;
        Ok(Some(claim))
    }

    /// Completes all of `items`, or none: then it says why one of them cannot be completed.
    pub(super) fn complete_all<'a>(
        &mut self,
        items: impl Iterator<Item = Completing<'a>> + Clone,
    ) -> Result<Verdict> {
        let mut new = 0;
        for item in items.clone() {
            let row = ClaimRow::load(&self.connection, item.key)?;
            let others = |row: &ClaimRow| row.owner != item.owner.cast_signed();
            if row
                .filter(|row| self.is_running(row))
                .is_some_and(|row| others(&row))
            {
                return Ok(Verdict::KeyTaken);
            }
            new += i64::from(row.is_none());
        }
        if 0 < new && !self.has_claim_room(new)? {
            return Ok(Verdict::KeysFull);
        }
        for item in items {
            let row = ClaimRow {
                owner: item.owner.cast_signed(),
                is_done: true,
                until: (self.moment.tick + item.keep).0,
            };
            self.save_claim(item.key, row)?;
        }
        Ok(Verdict::Done)
    }

    /// Forgets a claim, if its owner still has it.
    pub(super) fn abandon_one(&mut self, item: &Keyed) -> Result<()> {
        let row = ClaimRow::load(&self.connection, &item.key)?;
        let is_its = |row: ClaimRow| row.owner == item.owner.cast_signed() && !row.is_done;
        if row.is_some_and(is_its) {
            self.remove_claim(&item.key)?;
        }
        Ok(())
    }

    const fn is_running(&self, row: &ClaimRow) -> bool {
        self.moment.tick.0 < row.until
    }

    fn save_claim(&mut self, key: &Text, row: ClaimRow) -> Result<()> {
        // One whose time was over may have been forgotten since it was read.
        let sql = "SELECT 1 FROM claim WHERE key = ?1";
        let is_new = number(&self.connection, sql, [key.as_str()])?.is_none();
        row.save(&self.connection, key)?;
        if is_new {
            self.claims.add(1);
            self.will_grow(key.len() as u64);
        }
        self.claims_until = self.claims_until.min(row.until);
        Ok(())
    }

    /// Returns true if there is room for `count` keys that have no row.
    fn has_claim_room(&mut self, count: i64) -> Result<bool> {
        let max = i64::try_from(self.options.dedup_keys_max).unwrap_or(i64::MAX);
        if max < self.claims.count.saturating_add(count) {
            self.sweep_claims(FORGET_MAX)?;
        }
        Ok(self.claims.count.saturating_add(count) <= max)
    }

    /// Forgets up to `max` keys whose time is over.
    pub(super) fn sweep_claims(&mut self, max: u32) -> Result<()> {
        let now = self.moment.tick.0;
        if now < self.claims_until {
            return Ok(());
        }
        if self.claims.count == 0 {
            self.claims_until = i64::MAX;
            return Ok(());
        }
        for key in self.ended_claims(max)? {
            // The index may have changed by itself: no key is forgotten early.
            let row = ClaimRow::load(&self.connection, &key)?;
            if row.is_none_or(|row| self.is_running(&row)) {
                return Err(Fault::damaged("a claimed key is not where it should be"));
            }
            self.remove_claim(&key)?;
        }
        let next = number(&self.connection, "SELECT min(until) FROM claim", [])?;
        self.claims_until = next.unwrap_or(i64::MAX);
        Ok(())
    }

    fn ended_claims(&self, max: u32) -> Result<Vec<String>> {
        let mut select = self
            .connection
            .prepare_cached("SELECT key FROM claim WHERE until <= ?1 ORDER BY until LIMIT ?2")?;
        let keys = select.query_map(params![self.moment.tick.0, max], |row| row.get(0))?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    fn remove_claim(&mut self, key: &str) -> Result<()> {
        let gone = self
            .connection
            .prepare_cached("DELETE FROM claim WHERE key = ?1")?
            .execute([key])?;
        self.claims.add(-i64::try_from(gone).unwrap_or(i64::MAX));
        Ok(())
    }
}
