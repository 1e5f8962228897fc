//! What time does: leases end, delays end, messages expire, sessions come back.

use std::time::Duration;

use relayhouse_core::{DeadLetter, Previous, Text};

use super::{
    SqliteStore,
    entry::{self, Entry, State, columns},
    fault::{Fault, Result},
};

/// How much is read at once of what is due.
const AT_ONCE: u32 = 256;

/// How much one group does of what is due, a tenth of a second of work: what is left is done by
/// the next ones.
const SWEEP_MAX: usize = 4096;

impl SqliteStore {
    /// Does what is due, or the first of it where it is much.
    pub(super) fn sweep(&mut self) -> Result<()> {
        self.sweep_dedups(AT_ONCE)?;
        self.sweep_claims(AT_ONCE)?;
        if self.moment.tick.0 < self.quiet_until {
            return Ok(());
        }
        self.sweep_up_to(SWEEP_MAX)
    }

    /// Does all that is due.
    pub(super) fn sweep_all(&mut self) -> Result<()> {
        self.sweep_up_to(usize::MAX)
    }

    fn sweep_up_to(&mut self, max: usize) -> Result<()> {
        while self.sweep_sessions()? {}
        let mut count = 0;
        for sweep in [Self::sweep_due, Self::sweep_expired] {
            while count < max {
                let done = sweep(self)?;
                count += done;
                if done == 0 {
                    break;
                }
            }
        }
        self.is_behind = max <= count;
        self.quiet_until = match self.is_behind {
            true => self.moment.tick.0,
            false => self.next_due()?,
        };
        Ok(())
    }

    fn next_due(&self) -> Result<i64> {
        let queries = [
            "SELECT min(until) FROM session WHERE holder <> 0",
            "SELECT min(expires) FROM entry WHERE expires IS NOT NULL AND state <> 1",
        ];
        let mut next = self.first_due()?.unwrap_or(i64::MAX);
        for sql in queries {
            let due = entry::number(&self.connection, sql, [])?;
            next = next.min(due.unwrap_or(i64::MAX));
        }
        Ok(next)
    }

    /// Returns when the first lease or delay ends.
    ///
    /// The index may have changed by itself and hide messages behind one that it takes for a late
    /// one: that one comes to the front, and is compared with its row.
    fn first_due(&self) -> Result<Option<i64>> {
        let mut select = self.connection.prepare_cached(
            "SELECT id, due FROM entry WHERE due IS NOT NULL ORDER BY due LIMIT 1",
        )?;
        let mut rows = select.query([])?;
        let Some(row) = rows.next()? else {
            return self.nothing_due();
        };
        let (id, due): (i64, i64) = (row.get(0)?, row.get(1)?);
        let entry = Entry::load(&self.connection, id)?;
        if entry.is_none_or(|entry| entry.due != Some(due)) {
            return Err(Fault::misplaced(id));
        }
        Ok(Some(due))
    }

    /// Fails if a lane counts messages that something should be due for.
    fn nothing_due(&self) -> Result<Option<i64>> {
        for (number, lane) in self.lanes.iter() {
            let by_session = lane.settings.requires_sessions;
            let leased = lane.dead.leased + if by_session { 0 } else { lane.live.leased };
            if 0 < leased {
                return Err(Fault::damaged(format!(
                    "lane {number} counts {leased} leases and none of them ends"
                )));
            }
        }
        Ok(None)
    }

    /// Ends leases and delays; returns how many it found.
    fn sweep_due(&mut self) -> Result<usize> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM entry e WHERE e.due IS NOT NULL AND e.due <= ?1 ORDER BY e.due LIMIT ?2"
        );
        let now = self.moment.tick.0;
        let due = entry::all(&self.connection, sql, (now, AT_ONCE))?;
        let is_due = |entry: &Entry| entry.due.is_some_and(|due| due <= now);
        // Else it would be found again and again.
        if let Some(found) = due.iter().find(|found| !is_due(found)) {
            return Err(Fault::misplaced(found.id));
        }
        for found in &due {
            // One that went before may have changed it.
            let entry = Entry::load(&self.connection, found.id)?;
            if let Some(entry) = entry.filter(is_due) {
                self.is_due(entry)?;
            }
        }
        Ok(due.len())
    }

    fn is_due(&mut self, mut entry: Entry) -> Result<()> {
        match entry.state {
            State::Leased => self.come_back(entry, Duration::ZERO, Previous::Expired),
            _ if entry.is_expired(self.moment.tick) => self.expire_in_place(entry),
            State::Scheduled => {
                // It arrives now: behind what came before.
                entry.place = self.next_sequence()?;
                self.stand(&mut entry)
            }
            _ => self.stand(&mut entry),
        }
    }

    fn sweep_sessions(&mut self) -> Result<bool> {
        let ended = self.ended_sessions(AT_ONCE)?;
        for (lane, key) in &ended {
            self.end_session(*lane, key, Previous::Expired)?;
        }
        Ok(!ended.is_empty())
    }

    /// Ends messages whose time to live is over; returns how many it found.
    fn sweep_expired(&mut self) -> Result<usize> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM entry e WHERE e.expires IS NOT NULL AND e.state <> 1 AND e.expires <= ?1 \
             ORDER BY e.expires LIMIT ?2"
        );
        let now = self.moment.tick;
        let expired = entry::all(&self.connection, sql, (now.0, AT_ONCE))?;
        let is_over = |entry: &Entry| entry.is_expired(now) && entry.state != State::Leased;
        if let Some(found) = expired.iter().find(|found| !is_over(found)) {
            return Err(Fault::misplaced(found.id));
        }
        for found in &expired {
            let entry = Entry::load(&self.connection, found.id)?;
            if let Some(entry) = entry.filter(is_over) {
                self.expire_in_place(entry)?;
            }
        }
        Ok(expired.len())
    }

    /// Ends a message that stands somewhere, and lets the next of its key come.
    fn expire_in_place(&mut self, entry: Entry) -> Result<()> {
        let (lane, key) = (entry.lane, entry.key.clone());
        self.expire(entry)?;
        match key {
            Some(key) => self.offer_key(lane, &key),
            None => Ok(()),
        }
    }

    /// Drops a message whose time to live is over, or dead-letters it.
    pub(super) fn expire(&mut self, entry: Entry) -> Result<()> {
        if !entry.lane.dead && self.lane(entry.lane)?.settings.dead_letter_expired {
            let letter =
                DeadLetter::new(DeadLetter::EXPIRED, "not delivered within its time to live");
            return self.bury(entry, letter);
        }
        self.discard(&entry)
    }

    /// Dead-letters a message that was delivered too often.
    pub(super) fn exhaust(&mut self, entry: Entry) -> Result<()> {
        let text = format!("delivered {} times without success", entry.attempt);
        let letter = DeadLetter::new(DeadLetter::ATTEMPTS_EXHAUSTED, Text::from(text));
        self.bury(entry, letter)
    }
}
