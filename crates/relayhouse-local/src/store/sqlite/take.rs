//! Receiving: handing ready messages out under a lease.

use std::{collections::VecDeque, sync::Arc};

use relayhouse_core::{Delivery, Envelope, Instant, Lease, Text};
use rusqlite::{OptionalExtension, params};

use super::{
    SqliteStore,
    entry::{self, COLUMN_COUNT, Entry, State, columns, lane_code},
    fault::{Fault, Result},
    record::{self, Stored},
};
use crate::store::{Held, Lane, Proof, Take, Tick};

/// One of this many deliveries made past a lower priority goes to the oldest message instead.
const STARVATION_EVERY: u32 = 10;

/// An entry with its message.
macro_rules! joined {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            ", m.sequence, m.name, m.enqueued, m.details, m.body, m.crc \
             FROM entry e LEFT JOIN message m ON m.sequence = e.id >> 12 ",
            $rest
        )
    };
}
pub(super) use joined;

/// Collects what one receive takes.
struct Hand<'a> {
    take: Take,
    /// When a delivery's own lease ends; within a session it has none.
    due: Option<Tick>,
    until: Instant,
    count: u32,
    bytes: u64,
    into: &'a mut Vec<Delivery>,
}

impl Hand<'_> {
    const fn is_full(&self) -> bool {
        self.take.messages_max <= self.count || self.take.bytes_max <= self.bytes
    }

    const fn left(&self) -> u32 {
        self.take.messages_max.saturating_sub(self.count)
    }
}

impl SqliteStore {
    pub(super) fn hand_out(
        &mut self,
        lane: Lane,
        take: Take,
        into: &mut Vec<Delivery>,
    ) -> Result<()> {
        let is_by_session = !lane.dead && self.lane(lane)?.settings.requires_sessions;
        if is_by_session {
            return Ok(());
        }
        let due = self.moment.tick + take.lease;
        let mut hand = Hand {
            take,
            due: Some(due),
            until: self.moment.instant(due),
            count: 0,
            bytes: 0,
            into,
        };
        // Keys that gave a message to this receive, and may give it a further one.
        let mut again = VecDeque::new();
        while !hand.is_full() {
            let Some((rank, max)) = self.next_rank(lane, hand.left())? else {
                break;
            };
            self.hand_out_of(lane, rank, max, &mut hand, &mut again)?;
        }
        while !hand.is_full() {
            let Some((key, place)) = again.pop_front() else {
                break;
            };
            if let Some(place) = self.hand_out_next(lane, &key, place, &mut hand)? {
                again.push_back((key, place));
            }
        }
        match hand.count {
            0 if self.is_behind => {
                // What could be found was due itself.
                self.sweep_all()?;
                self.hand_out(lane, take, into)
            }
            0 => self.check_counts(lane),
            _ => Ok(()),
        }
    }

    /// Fails if messages are counted that cannot be found.
    fn check_counts(&self, lane: Lane) -> Result<()> {
        let counts = self.lane(lane)?.counts(lane.dead);
        if 0 < counts.ready() && counts.leased == 0 && counts.delayed == 0 {
            return Err(Fault::uncounted(counts.ready()));
        }
        Ok(())
    }

    /// Returns the rank whose turn it is, and how many of it may go at most.
    fn next_rank(&mut self, lane: Lane, max: u32) -> Result<Option<(u8, u32)>> {
        let Some(highest) = self.extreme_rank(lane, "ASC")? else {
            return Ok(None);
        };
        let lowest = self.extreme_rank(lane, "DESC")?.unwrap_or(highest);
        if highest == lowest {
            return Ok(Some((highest, max)));
        }
        let passed_over = self.passed_over.entry(lane).or_default();
        *passed_over += 1;
        if *passed_over < STARVATION_EVERY {
            return Ok(Some((highest, 1)));
        }
        *passed_over = 0;
        let mut oldest = None;
        for rank in highest..=lowest {
            let sql = "SELECT place FROM entry WHERE lane = ?1 AND state = 0 AND rank = ?2 \
                       ORDER BY place LIMIT 1";
            let place = entry::number(&self.connection, sql, params![lane_code(lane), rank])?;
            let found = place.map(|place| (place, rank));
            oldest = oldest.into_iter().chain(found).min();
        }
        Ok(oldest.map(|(_, rank)| (rank, 1)))
    }

    fn extreme_rank(&self, lane: Lane, direction: &str) -> Result<Option<u8>> {
        let sql = match direction {
            "ASC" => "SELECT rank FROM entry WHERE lane = ?1 AND state = 0 ORDER BY rank LIMIT 1",
            _ => "SELECT rank FROM entry WHERE lane = ?1 AND state = 0 ORDER BY rank DESC LIMIT 1",
        };
        let mut select = self.connection.prepare_cached(sql)?;
        Ok(select
            .query_row([lane_code(lane)], |row| row.get(0))
            .optional()?)
    }

    /// Hands out the first `max` ready messages of one rank.
    fn hand_out_of(
        &mut self,
        lane: Lane,
        rank: u8,
        max: u32,
        hand: &mut Hand<'_>,
        again: &mut VecDeque<(Text, i64)>,
    ) -> Result<()> {
        let sql =
            joined!("WHERE e.lane = ?1 AND e.state = 0 AND e.rank = ?2 ORDER BY e.place LIMIT ?3");
        let found = self.read(sql, params![lane_code(lane), rank, max], hand)?;
        for (entry, _) in &found {
            if entry.lane != lane || entry.rank != rank || entry.state != State::Ready {
                return Err(Fault::misplaced(entry.id));
            }
            if let Some(key) = &entry.key {
                again.push_back((key.clone(), entry.place));
            }
        }
        self.lend(found, hand)
    }

    /// Reads entries with their messages, as long as the hand is not full.
    fn read(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        hand: &mut Hand<'_>,
    ) -> Result<Vec<(Entry, Stored)>> {
        let mut select = self.connection.prepare_cached(sql)?;
        let mut rows = select.query(params)?;
        let mut found = Vec::new();
        while !hand.is_full() {
            let Some(row) = rows.next()? else {
                break;
            };
            let entry = Entry::read(row, 0)?;
            if entry.is_expired(self.moment.tick) {
                continue;
            }
            let stored = Stored::read(row, COLUMN_COUNT)?;
            hand.count += 1;
            hand.bytes += entry.bytes;
            found.push((entry, stored));
        }
        Ok(found)
    }

    /// Hands out the next message of a key behind `place`, and returns its place.
    fn hand_out_next(
        &mut self,
        lane: Lane,
        key: &Text,
        place: i64,
        hand: &mut Hand<'_>,
    ) -> Result<Option<i64>> {
        let sql =
            joined!("WHERE e.lane = ?1 AND e.key = ?2 AND ?3 < e.place ORDER BY e.place LIMIT 1");
        let mut select = self.connection.prepare_cached(sql)?;
        let mut rows = select.query(params![lane_code(lane), key.as_str(), place])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let entry = Entry::read(row, 0)?;
        if entry.state != State::Waiting || entry.is_expired(self.moment.tick) {
            return Ok(None);
        }
        let stored = Stored::read(row, COLUMN_COUNT)?;
        drop(rows);
        drop(select);
        hand.count += 1;
        hand.bytes += entry.bytes;
        let place = entry.place;
        self.lend(vec![(entry, stored)], hand)?;
        Ok(Some(place))
    }

    /// Marks messages as leased, and delivers them.
    fn lend(&mut self, mut found: Vec<(Entry, Stored)>, hand: &mut Hand<'_>) -> Result<()> {
        for (entry, _) in &mut found {
            self.lanes
                .counts_mut(entry.lane)?
                .change(entry.state, State::Leased);
            entry.state = State::Leased;
            entry.due = hand.due.map(|due| due.0);
            entry.attempt = entry.attempt.saturating_add(1);
            entry.token += 1;
        }
        entry::save_leases(&self.connection, found.iter().map(|(entry, _)| entry))?;
        if let Some(due) = hand.due.filter(|_| !found.is_empty()) {
            self.wake_at(due.0);
        }
        for (entry, stored) in found {
            let lease = Lease::new(hand.until, entry.token);
            let proof = self.proof(&entry);
            hand.into.push(self.delivery(&entry, stored, proof, lease)?);
        }
        Ok(())
    }

    /// Returns what tells receipts of this file from those of others.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a receipt has room for so much"
    )]
    pub(super) const fn proof_file(&self) -> u32 {
        self.file.identity as u32
    }

    /// Returns what the receipt of an entry's last delivery says.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a receipt has the low half"
    )]
    pub(super) const fn proof(&self, entry: &Entry) -> Proof {
        Proof {
            id: entry.id,
            file: self.proof_file(),
            token: entry.token as u32,
        }
    }

    pub(super) fn delivery(
        &self,
        entry: &Entry,
        stored: Stored,
        proof: Proof,
        lease: Lease,
    ) -> Result<Delivery> {
        let has_envelope = entry.lane.dead || entry.state == State::Parked;
        let envelope = match has_envelope {
            true => Some(Arc::new(self.envelope(entry.id)?)),
            false => None,
        };
        Ok(Delivery {
            id: stored.id,
            message: stored.message,
            receipt: proof.receipt(),
            lease,
            attempt: entry.attempt,
            previous: entry.previous,
            sequence: Some(entry.sequence().unsigned_abs()),
            enqueued_at: stored.enqueued_at,
            envelope,
        })
    }

    fn envelope(&self, id: i64) -> Result<Envelope> {
        let mut select = self
            .connection
            .prepare_cached("SELECT data FROM envelope WHERE id = ?1")?;
        let data: Option<Vec<u8>> = select.query_row([id], |row| row.get(0)).optional()?;
        let data =
            data.ok_or_else(|| Fault::damaged("the envelope of a dead letter is missing"))?;
        record::decode_envelope(&data)
    }

    /// Hands out messages of a session that `held` holds, in order.
    pub(super) fn hand_out_session(
        &mut self,
        lane: Lane,
        held: &Held,
        take: Take,
        into: &mut Vec<Delivery>,
    ) -> Result<bool> {
        let Some(until) = self.held_until(lane, held)? else {
            return Ok(false);
        };
        let mut hand = Hand {
            take,
            due: None,
            until: self.moment.instant(Tick(until)),
            count: 0,
            bytes: 0,
            into,
        };
        let sql =
            joined!("WHERE e.lane = ?1 AND e.key = ?2 AND e.state <> 1 ORDER BY e.place LIMIT ?3");
        let params = params![lane_code(lane), held.session.as_str(), take.messages_max];
        let found = self.read(sql, params, &mut hand)?.into_iter();
        // One that is held back holds back what is behind it.
        let waiting = found.take_while(|(entry, _)| entry.state == State::Waiting);
        self.lend(waiting.collect(), &mut hand)?;
        Ok(true)
    }

    /// Takes deliveries back that nobody has seen, as if they had never been made.
    pub(super) fn take_back(&mut self, lane: Lane, proofs: &[Proof]) -> Result<()> {
        for proof in proofs {
            let Some(mut entry) = self.leased(lane, *proof)? else {
                continue;
            };
            entry.attempt = entry.attempt.saturating_sub(1);
            if let Some(expires) = entry.expires {
                self.wake_at(expires);
            }
            self.stand(&mut entry)?;
        }
        Ok(())
    }

    /// Reads the entry whose lease `proof` proves, if it has not ended.
    pub(super) fn leased(&self, lane: Lane, proof: Proof) -> Result<Option<Entry>> {
        let entry = Entry::load(&self.connection, proof.id)?;
        let now = self.moment.tick.0;
        let is_held = |entry: &Entry| {
            entry.state == State::Leased
                && self.proof(entry) == proof
                && entry.lane == lane
                && entry.due.is_none_or(|due| now < due)
        };
        Ok(entry.filter(is_held))
    }
}
