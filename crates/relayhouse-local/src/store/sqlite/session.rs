//! Sessions: who holds which key, until when, and what comes back when they let go.

use std::time::Duration;

use bytes::Bytes;
use relayhouse_core::{Previous, SessionId, Text};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    SqliteStore,
    entry::{self, Entry, State, columns, lane_code},
    fault::{Fault, Result},
    live,
    seal::Seal,
};
use crate::store::{Accepted, Held, Lane, Tick};

/// Is the row of one session.
#[derive(Clone, Debug)]
struct SessionRow {
    lane: Lane,
    key: Text,
    /// The token of who holds it; 0 if nobody does.
    holder: i64,
    until: i64,
    /// Its place among the sessions that wait for a holder.
    offered: Option<i64>,
    state: Option<Bytes>,
}

impl SessionRow {
    /// Reads a session; one that has no row is free and has nothing.
    fn load(connection: &Connection, lane: Lane, key: &str) -> Result<Self> {
        let mut select = connection.prepare_cached(
            "SELECT holder, until, offered, state, seal FROM session \
             WHERE lane = ?1 AND key = ?2",
        )?;
        let mut rows = select.query(params![lane_code(lane), key])?;
        let mut session = Self {
            lane,
            key: Text::from(key.to_owned()),
            holder: 0,
            until: 0,
            offered: None,
            state: None,
        };
        let Some(row) = rows.next()? else {
            return Ok(session);
        };
        session.holder = row.get(0)?;
        session.until = row.get(1)?;
        session.offered = row.get(2)?;
        session.state = row.get::<_, Option<Vec<u8>>>(3)?.map(Bytes::from);
        match session.seal() == row.get::<_, u32>(4)? {
            true => Ok(session),
            false => Err(Fault::damaged("a session is not what was written")),
        }
    }

    /// Writes a session; one of which nothing would be lost has no row.
    fn save(&self, connection: &Connection) -> Result<()> {
        let is_idle = self.holder == 0 && self.offered.is_none() && self.state.is_none();
        if is_idle {
            let mut delete =
                connection.prepare_cached("DELETE FROM session WHERE lane = ?1 AND key = ?2")?;
            delete.execute(params![lane_code(self.lane), &*self.key])?;
            return Ok(());
        }
        let mut write = connection.prepare_cached(
            "INSERT INTO session VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE \
             SET holder = ?3, until = ?4, offered = ?5, state = ?6, seal = ?7",
        )?;
        write.execute(params![
            lane_code(self.lane),
            &*self.key,
            self.holder,
            self.until,
            self.offered,
            self.state.as_deref(),
            self.seal()
        ])?;
        Ok(())
    }

    fn seal(&self) -> u32 {
        Seal::default()
            .number(lane_code(self.lane))
            .bytes(Some(self.key.as_bytes()))
            .number(self.holder)
            .number(self.until)
            .optional(self.offered)
            .bytes(self.state.as_deref())
            .sum()
    }
}

impl SqliteStore {
    /// Tells of a session whose next message can be received.
    pub(super) fn offer_session(&mut self, lane: Lane, key: &str) -> Result<()> {
        let first = self.first_unleased(lane, key)?;
        if first.is_none_or(|first| first.state != State::Waiting) {
            return Ok(());
        }
        let mut session = SessionRow::load(&self.connection, lane, key)?;
        if session.holder == 0 && session.offered.is_none() {
            session.offered = Some(self.next_sequence()?);
            session.save(&self.connection)?;
        }
        self.announce(lane);
        Ok(())
    }

    fn first_unleased(&self, lane: Lane, key: &str) -> Result<Option<Entry>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM entry e WHERE e.lane = ?1 AND e.key = ?2 AND e.state <> 1 \
             ORDER BY e.place LIMIT 1"
        );
        entry::one(&self.connection, sql, params![lane_code(lane), key])
    }

    /// Returns the end of a session's lease, if `held` holds it and it has not ended.
    pub(super) fn held_until(&self, lane: Lane, held: &Held) -> Result<Option<i64>> {
        Ok(self.held(lane, held)?.map(|session| session.until))
    }

    fn held(&self, lane: Lane, held: &Held) -> Result<Option<SessionRow>> {
        let session = SessionRow::load(&self.connection, lane, held.session.as_str())?;
        let is_its = session.holder == held.holder.cast_signed();
        Ok((is_its && self.moment.tick.0 < session.until).then_some(session))
    }

    /// Takes the session that has waited longest, if one is free and has messages.
    pub(super) fn accept_next(&mut self, lane: Lane, lease: Duration) -> Result<Accepted> {
        while let Some(key) = self.next_offered(lane)? {
            let first = self.first_unleased(lane, &key)?;
            let mut session = SessionRow::load(&self.connection, lane, &key)?;
            if first.is_some_and(|first| first.state == State::Waiting) {
                return self.hold(session, lease);
            }
            session.offered = None;
            session.save(&self.connection)?;
        }
        self.check_sessions(lane)?;
        Ok(Accepted::None)
    }

    fn next_offered(&self, lane: Lane) -> Result<Option<String>> {
        let mut select = self.connection.prepare_cached(
            "SELECT key FROM session WHERE lane = ?1 AND offered IS NOT NULL \
             ORDER BY offered LIMIT 1",
        )?;
        Ok(select
            .query_row([lane_code(lane)], |row| row.get(0))
            .optional()?)
    }

    /// Fails if messages are counted, and neither offered nor held.
    fn check_sessions(&self, lane: Lane) -> Result<()> {
        let counts = self.lane(lane)?.live;
        let sql = "SELECT 1 FROM session WHERE lane = ?1 AND holder <> 0 LIMIT 1";
        let is_waiting = 0 < counts.ready() && counts.leased == 0 && counts.delayed == 0;
        if is_waiting && entry::number(&self.connection, sql, [lane_code(lane)])?.is_none() {
            return Err(Fault::uncounted(counts.ready()));
        }
        Ok(())
    }

    /// Takes the session asked for, which may be empty, unless somebody holds it.
    pub(super) fn accept_named(
        &mut self,
        lane: Lane,
        session: &SessionId,
        lease: Duration,
    ) -> Result<Accepted> {
        let session = SessionRow::load(&self.connection, lane, session.as_str())?;
        match session.holder {
            0 => self.hold(session, lease),
            _ => Ok(Accepted::Busy),
        }
    }

    fn hold(&mut self, mut session: SessionRow, lease: Duration) -> Result<Accepted> {
        let until = self.moment.tick + lease;
        session.holder = self.next_sequence()?;
        session.until = until.0;
        session.offered = None;
        session.save(&self.connection)?;
        self.wake_at(until.0);
        Ok(Accepted::Held(Held {
            session: SessionId::new(session.key).map_err(Fault::Failed)?,
            holder: session.holder.unsigned_abs(),
            until,
        }))
    }

    pub(super) fn renew_session(
        &mut self,
        lane: Lane,
        held: &Held,
        lease: Duration,
    ) -> Result<Option<Tick>> {
        let Some(mut session) = self.held(lane, held)? else {
            return Ok(None);
        };
        let until = self.moment.tick + lease;
        session.until = until.0;
        session.save(&self.connection)?;
        self.wake_at(until.0);
        Ok(Some(until))
    }

    /// Gives a session back, if `held` still holds it.
    pub(super) fn close_session(&mut self, lane: Lane, held: &Held) -> Result<()> {
        match self.held_until(lane, held)? {
            None => Ok(()),
            Some(_) => self.end_session(lane, held.session.as_str(), Previous::Released),
        }
    }

    /// Ends a session: what is unsettled comes back in order.
    pub(super) fn end_session(&mut self, lane: Lane, key: &str, previous: Previous) -> Result<()> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM entry e WHERE e.lane = ?1 AND e.key = ?2 AND e.key IS NOT NULL \
             AND e.state = 1 ORDER BY e.place"
        );
        let params = params![lane_code(lane), key];
        for entry in entry::all(&self.connection, sql, params)? {
            self.come_back(entry, Duration::ZERO, previous)?;
        }
        // Only now is it free, so that nobody was called for it before all is back.
        let mut session = SessionRow::load(&self.connection, lane, key)?;
        session.holder = 0;
        session.until = 0;
        session.save(&self.connection)?;
        self.offer_session(lane, key)?;
        // Who asked for this very session may have it empty.
        self.announce(lane);
        Ok(())
    }

    /// Returns up to `max` sessions whose lease has ended.
    pub(super) fn ended_sessions(&self, max: u32) -> Result<Vec<(Lane, Text)>> {
        let mut select = self.connection.prepare_cached(
            "SELECT lane, key FROM session WHERE holder <> 0 AND until <= ?1 \
             ORDER BY until LIMIT ?2",
        )?;
        let mut rows = select.query((self.moment.tick.0, max))?;
        let mut ended = Vec::new();
        while let Some(row) = rows.next()? {
            ended.push((lane_of(row.get(0)?)?, Text::from(row.get::<_, String>(1)?)));
        }
        Ok(ended)
    }

    pub(super) fn read_session_state(
        &self,
        lane: Lane,
        held: &Held,
    ) -> Result<Option<Option<Bytes>>> {
        Ok(self.held(lane, held)?.map(|session| session.state))
    }

    pub(super) fn write_session_state(
        &mut self,
        lane: Lane,
        held: &Held,
        state: Option<&[u8]>,
    ) -> Result<bool> {
        let Some(mut session) = self.held(lane, held)? else {
            return Ok(false);
        };
        session.state = state.map(Bytes::copy_from_slice);
        session.save(&self.connection)?;
        Ok(true)
    }

    /// Ends the lease of every session at `tick`.
    pub(super) fn end_session_leases(&mut self, tick: i64) -> Result<()> {
        let mut select = self
            .connection
            .prepare_cached("SELECT lane, key FROM session WHERE holder <> 0")?;
        let held = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let held: Vec<(i64, String)> = held.collect::<Result<_, _>>()?;
        for (lane, key) in held {
            let mut session = SessionRow::load(&self.connection, lane_of(lane)?, &key)?;
            session.until = session.until.min(tick);
            session.save(&self.connection)?;
        }
        Ok(())
    }
}

fn lane_of(code: i64) -> Result<Lane> {
    let number = u16::try_from(code / 2);
    number
        .map(live)
        .map_err(|_| Fault::damaged(format!("a session is of lane {code}")))
}
