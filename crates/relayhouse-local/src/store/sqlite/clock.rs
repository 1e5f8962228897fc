//! The clock of a file: ticks that all processes of the machine count alike.
//!
//! While the machine runs, its own time since it was started counts, which no jump of the wall
//! clock moves. The wall clock is asked once after each start of the machine, and never believed
//! when it says that time went back.

use relayhouse_core::{Clock, MachineTime};

use super::{
    SqliteStore, Tick,
    entry::{self, State, columns},
    fault,
};

impl SqliteStore {
    /// Finds out which tick it is.
    pub(super) fn set_clock(&mut self, clock: &dyn Clock) -> fault::Result<()> {
        let now = clock.now();
        let wall = i64::try_from(clock.wall().as_micros()).unwrap_or(i64::MAX);
        let machine = clock.machine();
        let since = machine.map(|machine| micros(&machine));
        let boot = machine.map(|machine| machine.boot);
        if let Some(since) = since.filter(|_| boot == self.file.boot) {
            self.epoch = (Tick(self.file.boot_tick.saturating_add(since)), now);
            return Ok(());
        }
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        self.refresh()?;
        if let Some(since) = since.filter(|_| boot == self.file.boot) {
            // Another process has set it meanwhile.
            self.connection.execute_batch("COMMIT")?;
            self.epoch = (Tick(self.file.boot_tick.saturating_add(since)), now);
            return Ok(());
        }
        let last = self.lanes.get(0).map_or(0, |own| own.tick);
        let tick = wall.max(last);
        if let Some(since) = since {
            self.file.boot = boot;
            self.file.boot_tick = tick.saturating_sub(since);
            self.file.write(&self.connection)?;
            self.end_leases(tick)?;
        }
        self.connection.execute_batch("COMMIT")?;
        self.epoch = (Tick(tick), now);
        Ok(())
    }

    /// Ends every lease at `tick`: the machine was restarted, and nobody holds one any more.
    fn end_leases(&mut self, tick: i64) -> fault::Result<()> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM entry e WHERE e.due IS NOT NULL AND e.state = 1"
        );
        for mut entry in entry::all(&self.connection, sql, [])? {
            debug_assert_eq!(entry.state, State::Leased);
            entry.due = Some(tick);
            entry.save_lease(&self.connection)?;
        }
        self.end_session_leases(tick)
    }
}

fn micros(machine: &MachineTime) -> i64 {
    i64::try_from(machine.since.as_micros()).unwrap_or(i64::MAX)
}
