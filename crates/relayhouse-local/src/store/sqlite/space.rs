//! Disk space: how much is used, and how that of messages that are gone is given back.

use super::{SqliteStore, fault::Result};

/// Space is given back once this many pages of 4 KiB are unused.
const FREE_PAGES: i64 = 256;

/// And once at least three of this many pages are unused: what is left to be moved is little then.
const FREE_SHARE: i64 = 4;

/// How many pages are given back at once: some milliseconds of work.
const PAGES_AT_ONCE: i64 = 512;

/// A file in which messages remain is looked at once in so many times.
const LOOK_EVERY: u32 = 64;

/// The size of a page, in bytes, of which a message takes at least a part.
const PAGE_BYTES: u64 = 4096;

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

    /// Notes that the file grows by up to `bytes` of messages, and what belongs to them.
    pub(super) fn will_grow(&mut self, bytes: u64) {
        let pages = i64::try_from(bytes / PAGE_BYTES).unwrap_or(i64::MAX);
        self.pages_seen = self.pages_seen.saturating_add(pages).saturating_add(1);
    }

    /// Gives some of the unused space back; returns true if there is more to give.
    pub(super) fn shrink(&mut self) -> Result<bool> {
        if self.broken.is_some() || !self.is_worth_a_look() {
            return Ok(false);
        }
        let (pages, free) = (self.pragma("page_count")?, self.pragma("freelist_count")?);
        self.pages_seen = pages;
        let is_much = FREE_PAGES <= free && pages * (FREE_SHARE - 1) <= free * FREE_SHARE;
        if !is_much {
            return Ok(false);
        }
        self.set_flushing(false)?;
        let mut vacuum = self
            .connection
            .prepare(&format!("PRAGMA incremental_vacuum({PAGES_AT_ONCE})"))?;
        let mut steps = vacuum.query([])?;
        // Each step gives one page back.
        while steps.next()?.is_some() {}
        drop(steps);
        drop(vacuum);
        self.looks_skipped = LOOK_EVERY;
        if PAGES_AT_ONCE < free {
            return Ok(true);
        }
        // The file itself gets shorter when the log is written back.
        let mut checkpoint = self.connection.prepare("PRAGMA wal_checkpoint(TRUNCATE)")?;
        checkpoint.query_row([], |_| Ok(()))?;
        Ok(false)
    }

    /// Returns true if the file may be much larger than what is in it. To look costs as much as
    /// a small group.
    fn is_worth_a_look(&mut self) -> bool {
        let is_empty = self.lanes.iter().all(|(_, lane)| lane.is_empty());
        let is_due = LOOK_EVERY <= self.looks_skipped;
        self.looks_skipped = if is_due { 0 } else { self.looks_skipped + 1 };
        is_due || (is_empty && FREE_PAGES < self.pages_seen)
    }

    /// Returns true if a message of the largest kind may find no room.
    pub(super) fn is_nearly_full(&self) -> bool {
        let is_bounded = self.options.file_bytes_max.is_some();
        is_bounded || self.lanes.iter().any(|(_, lane)| lane.is_nearly_full())
    }
}
