//! Administration: counting, peeking, cancelling, purging.

use relayhouse_core::{Delivery, Instant, Lease, Timestamp, port::Stats};
use rusqlite::params;

use super::{
    SqliteStore,
    entry::{self, COLUMN_COUNT, Entry, State, columns, id_of, lane_code},
    fault::Result,
    record::Stored,
    take::joined,
};
use crate::store::{Lane, Proof};

/// How the messages of a lane are found that nobody has leased: the ready ones, those of a key,
/// those held back, those that wait for room.
const UNLEASED: [&str; 4] = [
    concat!(
        "SELECT ",
        columns!(),
        " FROM entry e WHERE e.lane = ?1 AND e.state = 0 LIMIT ?2"
    ),
    concat!(
        "SELECT ",
        columns!(),
        " FROM entry e WHERE e.lane = ?1 AND e.key IS NOT NULL AND e.state <> 1 LIMIT ?2"
    ),
    concat!(
        "SELECT ",
        columns!(),
        " FROM entry e WHERE e.due IS NOT NULL AND e.lane = ?1 AND e.state <> 1 LIMIT ?2"
    ),
    concat!(
        "SELECT ",
        columns!(),
        " FROM entry e WHERE e.lane = ?1 AND e.state = 5 LIMIT ?2"
    ),
];

impl SqliteStore {
    /// Counts the messages of a lane.
    pub(super) fn count(&mut self, lane: Lane) -> Result<Stats> {
        let row = self.lane(lane)?;
        let counts = *row.counts(lane.dead);
        let dead = if lane.dead { 0 } else { row.dead.messages };
        let oldest = self.oldest(lane)?;
        Ok(Stats {
            ready: counts.ready().unsigned_abs(),
            leased: Some(counts.leased.unsigned_abs()),
            delayed: counts.delayed.unsigned_abs(),
            dead: dead.unsigned_abs(),
            bytes: Some(counts.bytes.unsigned_abs()),
            oldest_age: oldest.map(|oldest| self.moment.wall.since(oldest)),
            is_approximate: false,
            cost: None,
        })
    }

    /// Returns when the oldest message was sent that can be received.
    fn oldest(&self, lane: Lane) -> Result<Option<Timestamp>> {
        let is_by_session = !lane.dead && self.lane(lane)?.settings.requires_sessions;
        let state = if is_by_session {
            State::Waiting
        } else {
            State::Ready
        };
        let by_rank = "SELECT min(m.enqueued) FROM message m WHERE m.sequence IN \
             (SELECT (SELECT e.id >> 12 FROM entry e WHERE e.lane = ?1 AND e.state = 0 \
              AND e.rank = r.value ORDER BY e.place LIMIT 1) FROM \
              (WITH RECURSIVE n(value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM n \
               WHERE value < 9) SELECT value FROM n) r)";
        let by_session = "SELECT m.enqueued FROM entry e JOIN message m \
             ON m.sequence = e.id >> 12 WHERE e.lane = ?1 AND e.state = 4 ORDER BY e.id LIMIT 1";
        let sql = match state {
            State::Waiting => by_session,
            _ => by_rank,
        };
        let oldest = entry::number(&self.connection, sql, [lane_code(lane)])?;
        Ok(oldest.map(|oldest| Timestamp::from_micros(oldest.unsigned_abs())))
    }

    /// Shows up to `max` messages from the sequence number `from` on.
    pub(super) fn show(&mut self, lane: Lane, from: u64, max: u32) -> Result<Vec<Delivery>> {
        let live = joined!("WHERE ?2 <= e.id AND e.lane = ?1 ORDER BY e.id");
        let dead = joined!("WHERE e.lane = ?1 AND e.lane % 2 = 1 AND ?2 <= e.id ORDER BY e.id");
        let sql = if lane.dead { dead } else { live };
        let from = i64::try_from(from).unwrap_or(i64::MAX).min(i64::MAX >> 12);
        let mut select = self.connection.prepare_cached(sql)?;
        let mut rows = select.query(params![lane_code(lane), id_of(from, 0)])?;
        let mut shown = Vec::new();
        while shown.len() < usize::try_from(max).unwrap_or(usize::MAX) {
            let Some(row) = rows.next()? else {
                break;
            };
            let entry = Entry::read(row, 0)?;
            if entry.is_expired(self.moment.tick) {
                continue;
            }
            let stored = Stored::read(row, COLUMN_COUNT)?;
            let nothing = Proof {
                id: 0,
                file: 0,
                token: 0,
            };
            let lease = Lease::new(Instant::START, 0);
            shown.push(self.delivery(&entry, stored, nothing, lease)?);
        }
        Ok(shown)
    }

    /// Removes up to `max` messages that nobody has leased.
    pub(super) fn remove_some(&mut self, lane: Lane, max: u32) -> Result<u64> {
        let mut count = 0;
        for sql in UNLEASED {
            let left = max.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
            let found = entry::all(&self.connection, sql, params![lane_code(lane), left])?;
            for entry in found {
                self.discard(&entry)?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Removes a message that its send holds back, from every lane.
    pub(super) fn cancel_scheduled(&mut self, sequence: u64) -> Result<bool> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM entry e WHERE e.id BETWEEN ?1 AND ?2 AND e.state = 2"
        );
        let sequence = i64::try_from(sequence)
            .unwrap_or(i64::MAX)
            .min(i64::MAX >> 12);
        let range = (id_of(sequence, 0), id_of(sequence, entry::LANES_MAX - 1));
        let found = entry::all(&self.connection, sql, range)?;
        for entry in &found {
            self.discard(entry)?;
        }
        Ok(!found.is_empty())
    }
}
