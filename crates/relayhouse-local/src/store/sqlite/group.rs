//! A group: how its transaction begins, and what is written before its end.

use super::{
    Access, Claims, Fault, FileRow, Lanes, Moment, News, SqliteStore, Store, fault::Result,
};

impl SqliteStore {
    pub(super) fn start(&mut self, moment: Moment, access: Access) -> Result<()> {
        self.enter(moment, access)?;
        self.refresh()?;
        if self.file.is_deleted {
            return Err(Fault::Deleted);
        }
        if access != Access::Look {
            self.sweep()?;
        }
        self.is_tight = self.is_nearly_full();
        Ok(())
    }

    /// Begins a transaction.
    fn enter(&mut self, moment: Moment, access: Access) -> Result<()> {
        self.moment = moment;
        self.access = access;
        self.news = News::default();
        self.has_freed = false;
        self.set_flushing(access == Access::Flush && !self.options.relaxed)?;
        let begin = match access {
            Access::Look => "BEGIN",
            Access::Write | Access::Flush => "BEGIN IMMEDIATE",
        };
        self.connection.prepare_cached(begin)?.execute([])?;
        Ok(())
    }

    /// Begins a group that writes, if nobody and nothing else is to be seen to.
    pub(super) fn start_at_once(&mut self, moment: Moment) -> Result<bool> {
        let forget = self.dedups_until.min(self.claims_until);
        let is_due = self.quiet_until.min(forget) <= moment.tick.0;
        if is_due || !self.is_fresh || self.file.is_deleted {
            return Ok(false);
        }
        let patience = self.patience.clone();
        match patience.without(|| self.enter(moment, Access::Write)) {
            Err(fault) if fault.is_passing() => return Ok(false),
            entered => entered?,
        }
        if self.data_version()? != self.version {
            self.roll_back();
            return Ok(false);
        }
        self.was_changed = false;
        self.is_tight = self.is_nearly_full();
        Ok(true)
    }

    pub(super) fn set_flushing(&mut self, is_flushing: bool) -> Result<()> {
        if self.is_flushing != is_flushing {
            let level = if is_flushing { "FULL" } else { "NORMAL" };
            self.connection.pragma_update(None, "synchronous", level)?;
            self.is_flushing = is_flushing;
        }
        Ok(())
    }

    /// Reads what another process may have changed.
    pub(super) fn refresh(&mut self) -> Result<()> {
        let version = self.data_version()?;
        self.was_changed = version != self.version;
        if self.is_fresh && !self.was_changed {
            return Ok(());
        }
        self.file = FileRow::read(&self.connection)?;
        self.lanes = Lanes::read(&self.connection)?;
        self.claims = Claims::read(&self.connection)?;
        self.quiet_until = i64::MIN;
        self.dedups_until = i64::MIN;
        self.claims_until = i64::MIN;
        self.version = version;
        self.is_fresh = true;
        Ok(())
    }

    pub(super) fn data_version(&self) -> Result<i64> {
        let mut pragma = self.connection.prepare_cached("PRAGMA data_version")?;
        Ok(pragma.query_row([], |row| row.get(0))?)
    }

    pub(super) fn finish(&mut self) -> Result<News> {
        if self.access != Access::Look {
            let tick = self.moment.tick.0;
            // A file that is undecided has no lane yet, and nothing to count.
            if self.lanes.get(0).is_ok() {
                if self.access == Access::Flush {
                    self.lanes.own()?.commits += 1;
                }
                let own = self.lanes.get(0)?;
                if own.is_dirty && own.tick < tick {
                    self.lanes.own()?.tick = tick;
                }
            }
            self.lanes.write(&self.connection)?;
            self.claims.write(&self.connection)?;
        }
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        let mut news = std::mem::take(&mut self.news);
        news.made_room = self.has_freed && self.is_tight;
        self.frees += u32::from(self.has_freed);
        news.next_wake = self.wake();
        Ok(news)
    }
}
