//! Sessions: who holds which key, until when, and what comes back when they let go.

use std::{
    collections::{BTreeSet, VecDeque},
    mem,
    time::Duration,
};

use bytes::Bytes;
use relayhouse_core::{Instant, Operation, Previous, Result, Text};

use super::{
    After, Lane, Queue,
    slab::{NONE, Phase},
    state::State,
    waiters::Line,
    wheel::Owner,
};
use crate::error;

/// Is the exclusive lease over one key, and the value kept with it.
#[derive(Debug)]
pub(crate) struct Session {
    /// The token of who holds it; 0 if nobody does.
    pub(crate) holder: u64,
    pub(crate) until: Instant,
    timer: u32,
    /// The deliveries that are out, by order.
    pub(crate) leased: BTreeSet<(u64, u32)>,
    pub(crate) state: Option<Bytes>,
    /// The receives that wait within the session.
    pub(crate) line: Line,
    /// Who waits for this very session.
    pub(crate) claimants: Line,
    is_listed: bool,
}

/// Holds the sessions that are free and have messages, the longest waiting first, and who waits
/// for one.
#[derive(Debug, Default)]
pub(crate) struct SessionLine {
    free: VecDeque<u32>,
    pub(crate) line: Line,
    /// Everybody that waits in this line, for a session by name, or within one.
    pub(crate) waiting: usize,
}

/// Is a session that was taken.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) key: u32,
    pub(crate) name: Text,
    pub(crate) holder: u64,
    pub(crate) until: Instant,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            holder: 0,
            until: Instant::START,
            timer: NONE,
            leased: BTreeSet::new(),
            state: None,
            line: Line::default(),
            claimants: Line::default(),
            is_listed: false,
        }
    }
}

impl Session {
    /// Returns true if nothing would be lost with it.
    pub(crate) fn is_idle(&self) -> bool {
        self.holder == 0
            && self.state.is_none()
            && !self.is_listed
            && self.line.is_empty()
            && self.claimants.is_empty()
    }
}

impl State {
    /// Tells those that wait of a session which has a message ready.
    pub(crate) fn offer_session(&mut self, index: u32, after: &mut After) {
        let Some(key) = self.keys.get_mut(index) else {
            return;
        };
        let first = key.queue.front();
        if !first.is_some_and(|slot| self.slab[*slot].phase == Phase::Ready) {
            return;
        }
        let session = &mut key.session;
        if session.holder != 0 {
            session.line.call(1, &mut after.wakes);
        } else if !session.claimants.is_empty() {
            session.claimants.call(1, &mut after.wakes);
        } else if !session.is_listed {
            session.is_listed = true;
            self.sessions.free.push_back(index);
            self.sessions.line.call(1, &mut after.wakes);
        }
    }

    /// Takes the session that has waited longest, if one is free and has messages.
    pub(crate) fn hold_next(&mut self, now: Instant, lease: Duration) -> Option<Held> {
        while let Some(index) = self.sessions.free.pop_front() {
            let Some(key) = self.keys.get_mut(index) else {
                continue;
            };
            key.session.is_listed = false;
            let first = key.queue.front();
            let is_ready = first.is_some_and(|slot| self.slab[*slot].phase == Phase::Ready);
            if is_ready && key.session.holder == 0 {
                return self.hold(index, now, lease);
            }
            self.keys.tidy(index);
        }
        None
    }

    /// Takes the session of `key`, unless somebody holds it.
    pub(crate) fn hold(&mut self, index: u32, now: Instant, lease: Duration) -> Option<Held> {
        let key = self.keys.get_mut(index)?;
        if key.session.holder != 0 {
            return None;
        }
        self.deliveries += 1;
        let until = now + lease;
        key.session.holder = self.deliveries;
        key.session.until = until;
        key.session.timer = self.wheel.lease(now, until, Owner::Session(index));
        Some(Held {
            key: index,
            name: key.name.clone(),
            holder: self.deliveries,
            until,
        })
    }

    /// Returns the session if `holder` has it and its lease has not ended by `now`.
    pub(crate) fn held(&mut self, key: u32, holder: u64, now: Instant) -> Option<&mut Session> {
        let session = &mut self.keys.get_mut(key)?.session;
        (session.holder == holder && now < session.until).then_some(session)
    }

    /// Renews the lease of a session, and returns its new end.
    pub(crate) fn renew(
        &mut self,
        key: u32,
        holder: u64,
        now: Instant,
        lease: Duration,
    ) -> Option<Instant> {
        let until = now + lease;
        let timer = self.held(key, holder, now)?.timer;
        let timer = self.wheel.extend(timer, until, Owner::Session(key));
        let session = self.held(key, holder, now)?;
        session.timer = timer;
        session.until = until;
        Some(until)
    }

    /// Returns the end of the session that has leased `slot`.
    pub(crate) fn session_until(&self, slot: u32) -> Instant {
        self.keys
            .get(self.key_of(slot))
            .filter(|key| key.session.holder != 0)
            .map_or(Instant::START, |key| key.session.until)
    }

    /// Gives a session back: what is unsettled comes back in order.
    pub(crate) fn close_session(&mut self, key: u32, holder: u64, now: Instant, after: &mut After) {
        let Some(session) = self.held(key, holder, now) else {
            return;
        };
        let timer = session.timer;
        self.wheel.cancel(timer);
        self.end_session(key, Previous::Released, now, after);
    }

    pub(crate) fn session_expired(&mut self, key: u32, now: Instant, after: &mut After) {
        self.end_session(key, Previous::Expired, now, after);
    }

    fn end_session(&mut self, index: u32, previous: Previous, now: Instant, after: &mut After) {
        let Some(key) = self.keys.get_mut(index) else {
            return;
        };
        // The state is kept, and so is everybody's place in line.
        let session = &mut key.session;
        let leased = mem::take(&mut session.leased);
        session.until = Instant::START;
        session.timer = NONE;
        session.line.call_all(&mut after.wakes);
        // The key stays while its messages move.
        key.members += 1;
        for (_, slot) in leased {
            self.end_lease(slot, after);
            self.give_back(slot, Duration::ZERO, previous, now, after);
        }
        if let Some(key) = self.keys.get_mut(index) {
            // Only now is it free, so that nobody was called for it before all is back.
            key.session.holder = 0;
            if key.session.claimants.is_empty() {
                self.offer_session(index, after);
            } else {
                // Who asked for this very session may have it empty.
                key.session.claimants.call(1, &mut after.wakes);
            }
        }
        self.leave_key(index);
    }
}

impl Queue {
    pub(crate) fn close_session(&self, key: u32, holder: u64) {
        let now = self.now();
        self.run(|state, after| {
            state.sweep(now, after);
            state.close_session(key, holder, now, after);
        });
    }

    pub(crate) fn renew(&self, key: u32, holder: u64, lease: Duration) -> Result<Instant> {
        self.in_session(key, holder, |state, now| {
            state.renew(key, holder, now, lease)
        })
    }

    pub(crate) fn session_state(&self, key: u32, holder: u64) -> Result<Option<Bytes>> {
        self.in_session(key, holder, |state, now| {
            Some(state.held(key, holder, now)?.state.clone())
        })
    }

    pub(crate) fn set_session_state(
        &self,
        key: u32,
        holder: u64,
        value: Option<Bytes>,
    ) -> Result<()> {
        let earlier = self.in_session(key, holder, |state, now| {
            let session = state.held(key, holder, now)?;
            Some(mem::replace(&mut session.state, value))
        })?;
        drop(earlier);
        Ok(())
    }

    fn in_session<R>(
        &self,
        key: u32,
        holder: u64,
        call: impl FnOnce(&mut State, Instant) -> Option<R>,
    ) -> Result<R> {
        let now = self.now();
        self.run(|state, after| {
            if state.is_deleted {
                return Err(error::deleted(self.name(Lane::Live), Operation::Session));
            }
            state.sweep(now, after);
            let is_held = state.held(key, holder, now).is_some();
            let answer = if is_held { call(state, now) } else { None };
            answer.ok_or_else(|| error::session_lost(Operation::Session))
        })
    }
}
