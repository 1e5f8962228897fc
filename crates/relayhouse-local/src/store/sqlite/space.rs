//! Disk space: how much is used, and how that of messages that are gone is given back.

use super::{SqliteStore, fault::Result};

/// Space is given back once this many pages of 4 KiB are unused.
const FREE_PAGES: i64 = 256;

/// And once one page of this many is unused.
const FREE_SHARE: i64 = 4;

/// How many pages are given back at once: some milliseconds of work.
const PAGES_AT_ONCE: i64 = 512;

impl SqliteStore {
    /// Returns true if `bytes` more are within the bound of the file.
    pub(super) fn file_has_room(&self, bytes: u64) -> Result<bool> {
        let Some(max) = self.options.file_bytes_max else {
            return Ok(true);
        };
        let used = self.pragma("page_count")? - self.pragma("freelist_count")?;
        let used = used
            .saturating_mul(self.pragma("page_size")?)
            .unsigned_abs();
        Ok(used.saturating_add(bytes) <= max)
    }

    /// Gives some of the unused space back; returns true if there is more to give.
    pub(super) fn shrink(&mut self) -> Result<bool> {
        let free = self.pragma("freelist_count")?;
        let is_much = FREE_PAGES <= free && self.pragma("page_count")? <= free * FREE_SHARE;
        if self.broken.is_some() || !is_much {
            return Ok(false);
        }
        self.set_flushing(false)?;
        self.connection
            .execute_batch(&format!("PRAGMA incremental_vacuum({PAGES_AT_ONCE})"))?;
        if PAGES_AT_ONCE < free {
            return Ok(true);
        }
        // The file itself gets shorter when the log is written back.
        let mut checkpoint = self.connection.prepare("PRAGMA wal_checkpoint(TRUNCATE)")?;
        checkpoint.query_row([], |_| Ok(()))?;
        Ok(false)
    }
}
