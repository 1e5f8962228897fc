//! Settling and extending: each receipt proves its lease, or changes nothing.

use std::time::Duration;

use relayhouse_core::{DeadLetter, Mark, Previous, Settlement};
use rusqlite::params;

use super::{
    SqliteStore,
    entry::{Entry, lane_code},
    fault::Result,
};
use crate::store::{Completing, Lane, Proof, Verdict};

impl SqliteStore {
    /// Settles each item. Acks that follow one another share their statements.
    pub(super) fn settle_all(
        &mut self,
        lane: Lane,
        items: &[(Proof, Settlement)],
    ) -> Result<Vec<Verdict>> {
        let is_ack = |item: &(Proof, Settlement)| matches!(item.1, Settlement::Ack);
        let mut verdicts = Vec::with_capacity(items.len());
        for alike in items.chunk_by(|one, next| is_ack(one) && is_ack(next)) {
            match alike {
                [item] if !is_ack(item) => {
                    verdicts.push(self.settle_one(lane, item.0, &item.1)?);
                }
                acks => self.ack(lane, acks, &mut verdicts)?,
            }
        }
        Ok(verdicts)
    }

    fn settle_one(&mut self, lane: Lane, proof: Proof, how: &Settlement) -> Result<Verdict> {
        match how {
            Settlement::Release { delay } => match self.leased(lane, proof)? {
                None => Ok(Verdict::LeaseLost),
                Some(entry) => {
                    self.come_back(entry, *delay, Previous::Released)?;
                    Ok(Verdict::Done)
                }
            },
            Settlement::DeadLetter(letter) => self.dead_letter(lane, proof, letter),
            Settlement::Forward(outgoing) if outgoing.messages().is_empty() => {
                self.ack_marked(lane, proof, outgoing.marks())
            }
            _ => Ok(Verdict::Unknown),
        }
    }

    /// Acks a message and completes keys, or does neither.
    fn ack_marked(&mut self, lane: Lane, proof: Proof, marks: &[Mark]) -> Result<Verdict> {
        if self.leased(lane, proof)?.is_none() {
            return Ok(Verdict::LeaseLost);
        }
        let completed = self.complete_all(marks.iter().map(Completing::from))?;
        if completed != Verdict::Done {
            return Ok(completed);
        }
        let mut verdicts = Vec::with_capacity(1);
        self.ack(lane, &[(proof, Settlement::Ack)], &mut verdicts)?;
        Ok(verdicts.pop().unwrap_or(Verdict::LeaseLost))
    }

    fn ack(
        &mut self,
        lane: Lane,
        acks: &[(Proof, Settlement)],
        verdicts: &mut Vec<Verdict>,
    ) -> Result<()> {
        let gone = self.remove_leased(lane, acks, verdicts)?;
        self.forget_all(&gone)?;
        for key in gone.iter().filter_map(|entry| entry.key.as_ref()) {
            self.offer_key(lane, key)?;
        }
        Ok(())
    }

    /// Removes the entries whose leases are proved, each in one statement: most deliveries end so.
    fn remove_leased(
        &self,
        lane: Lane,
        acks: &[(Proof, Settlement)],
        verdicts: &mut Vec<Verdict>,
    ) -> Result<Vec<Entry>> {
        let mut delete = self.connection.prepare_cached(
            "DELETE FROM entry WHERE id = ?1 AND state = 1 AND token & 4294967295 = ?2 \
             AND lane = ?3 AND (due IS NULL OR ?4 < due) RETURNING id, lane, state, rank, place, \
             key, due, expires, attempt, previous, token, bytes, seal",
        )?;
        let (lane, now) = (lane_code(lane), self.moment.tick.0);
        let mut gone = Vec::with_capacity(acks.len());
        for (proof, _) in acks {
            let found = if proof.file == self.proof_file() {
                let mut rows = delete.query(params![proof.id, proof.token, lane, now])?;
                rows.next()?.map(|row| Entry::read(row, 0)).transpose()?
            } else {
                None
            };
            verdicts.push(match found {
                Some(_) => Verdict::Done,
                None => Verdict::LeaseLost,
            });
            gone.extend(found);
        }
        Ok(gone)
    }

    fn dead_letter(&mut self, lane: Lane, proof: Proof, letter: &DeadLetter) -> Result<Verdict> {
        let Some(entry) = self.leased(lane, proof)? else {
            return Ok(Verdict::LeaseLost);
        };
        if lane.dead {
            return Ok(Verdict::DeadAlready);
        }
        if !self.has_dead_room(lane, entry.bytes)? {
            return Ok(Verdict::DeadLettersFull);
        }
        let key = entry.key.clone();
        self.bury(entry, letter.clone())?;
        if let Some(key) = key {
            self.offer_key(lane, &key)?;
        }
        Ok(Verdict::Done)
    }

    pub(super) fn extend_one(&mut self, lane: Lane, proof: Proof, by: Duration) -> Result<Verdict> {
        let Some(mut entry) = self.leased(lane, proof)? else {
            return Ok(Verdict::LeaseLost);
        };
        if entry.due.is_none() {
            // The lease is that of its session.
            return Ok(Verdict::Unknown);
        }
        let due = (self.moment.tick + by).0;
        entry.due = Some(due);
        entry.save_lease(&self.connection)?;
        self.wake_at(due);
        Ok(Verdict::Done)
    }
}
