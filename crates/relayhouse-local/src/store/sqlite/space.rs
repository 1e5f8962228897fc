//! Disk space: how much is used, how long the log gets, and how the space of messages that are
//! gone is given back.

use std::sync::{
    Arc,
    atomic::{AtomicI32, Ordering},
};

use rusqlite::{Connection, hooks::Wal};

use super::{SqliteStore, fault::Result};

/// The log is written back once it has this many pages of 4 KiB.
const LOG_PAGES: i32 = 4000;

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

/// Knows how many pages the log had after the last commit.
#[derive(Debug)]
pub(super) struct Log(Arc<AtomicI32>);

impl Log {
    /// Watches the log of `connection`, and keeps SQLite from writing it back within a commit.
    pub(super) fn watch(connection: &mut Connection) -> Result<Self> {
        let pages = Arc::new(AtomicI32::new(0));
        let seen = Arc::clone(&pages);
        connection.wal_hook(Some(move |_: &mut Wal, pages: i32| {
            seen.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self(pages))
    }

    pub(super) fn is_long(&self) -> bool {
        LOG_PAGES <= self.0.load(Ordering::Relaxed)
    }
}

impl SqliteStore {
    /// Writes the log back into the file, if it is long. What others still read of it stays.
    pub(super) fn write_log_back(&mut self) -> Result<()> {
        if self.broken.is_some() || !self.log.is_long() {
            return Ok(());
        }
        // If something stays, the next commit says so.
        self.log.0.store(0, Ordering::Relaxed);
        let mut checkpoint = self
            .connection
            .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?;
        checkpoint.query_row([], |_| Ok(()))?;
        Ok(())
    }

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

    /// Gives some of the unused space back.
    pub(super) fn shrink(&mut self) -> Result<()> {
        if self.broken.is_some() || !self.is_worth_a_look() {
            return Ok(());
        }
        self.frees = 0;
        let (pages, free) = (self.pragma("page_count")?, self.pragma("freelist_count")?);
        self.pages_seen = pages;
        let is_much = FREE_PAGES <= free && pages * (FREE_SHARE - 1) <= free * FREE_SHARE;
        if !is_much {
            return Ok(());
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
        // There may be more to give.
        self.frees = LOOK_EVERY;
        if free <= PAGES_AT_ONCE {
            // The file itself gets shorter when the log is written back.
            let mut checkpoint = self.connection.prepare("PRAGMA wal_checkpoint(TRUNCATE)")?;
            checkpoint.query_row([], |_| Ok(()))?;
        }
        Ok(())
    }

    /// Returns true if the file may be much larger than what is in it. To look costs as much as
    /// a small group.
    pub(super) fn is_worth_a_look(&self) -> bool {
        let may_be_empty = || {
            let is_empty = self.lanes.iter().all(|(_, lane)| lane.is_empty());
            is_empty && FREE_PAGES < self.pages_seen
        };
        LOOK_EVERY <= self.frees || (0 < self.frees && may_be_empty())
    }

    /// Returns true if a message of the largest kind may find no room.
    pub(super) fn is_nearly_full(&self) -> bool {
        let is_bounded = self.options.file_bytes_max.is_some();
        is_bounded || self.lanes.iter().any(|(_, lane)| lane.is_nearly_full())
    }
}
