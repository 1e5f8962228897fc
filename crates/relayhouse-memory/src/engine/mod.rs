//! The engine: one short lock per queue, and what is woken and dropped after it.

mod dead;
mod dedup;
mod extra;
mod gate;
mod key;
mod look;
mod lost;
mod queue;
mod ready;
mod receipt;
mod send;
mod session;
mod settle;
mod slab;
mod state;
mod sweep;
mod take;
mod topic;
mod transaction;
mod wait;
mod waiters;
mod wheel;

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use relayhouse_core::{Envelope, Message, Source};

pub(crate) use self::{
    queue::Queue,
    send::{Progress, SendWait},
    session::Held,
    settle::Refusal,
    slab::Lane,
    take::Take,
    topic::Topic,
    transaction::settle_and_send,
    wait::{AcceptWait, Asking, LostWait, ReceiveWait},
};
use self::{slab::Chunk, state::State, waiters::Wakes};
use crate::{config::Full, profile::Behaviour};

/// Says how one queue behaves.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// The queue or subscription itself.
    pub(crate) source: Source,
    pub(crate) lease: Duration,
    pub(crate) attempts_max: Option<NonZeroU32>,
    pub(crate) requires_sessions: bool,
    pub(crate) dedup_window: Duration,
    pub(crate) ttl: Option<Duration>,
    pub(crate) dead_letter_expired: bool,
    pub(crate) messages_max: u64,
    pub(crate) bytes_max: u64,
    pub(crate) full: Full,
    pub(crate) behaviour: Behaviour,
}

/// Collects, under the lock, what is to be done after it: wake, drop, let in.
#[derive(Debug, Default)]
pub(crate) struct After {
    pub(crate) wakes: Wakes,
    garbage: Vec<Garbage>,
    /// True if a message left the queue, so that a topic may send on.
    pub(crate) made_room: bool,
}

/// Is what a call leaves to be dropped.
#[derive(Debug)]
#[expect(dead_code, reason = "it is there to be dropped")]
pub(crate) enum Garbage {
    Message(Message),
    Envelope(Arc<Envelope>),
    Chunks(Vec<Chunk>),
    State(Box<State>),
}

impl After {
    /// Leaves a message to be dropped, if that frees anything: what a delivery still shares is
    /// dropped at once.
    #[inline]
    pub(crate) fn discard(&mut self, message: Message) {
        if !message.is_shared() {
            self.discard_rare(Garbage::Message(message));
        }
    }

    /// Leaves something rare to be dropped.
    #[cold]
    pub(crate) fn discard_rare(&mut self, garbage: Garbage) {
        self.garbage.push(garbage);
    }
}

/// Takes a lock; a thread that panicked under it has left nothing half done that matters here.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the draw that follows `draw`, where one call needs several.
pub(crate) const fn next_draw(draw: u64) -> u64 {
    let mut next = draw.wrapping_add(0x9e37_79b9_7f4a_7c15);
    next = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    next = (next ^ (next >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    next ^ (next >> 31)
}

/// Returns true for a `share` of all draws.
pub(crate) fn is_hit(draw: u64, share: f64) -> bool {
    const BITS: u32 = 53;
    #[expect(
        clippy::cast_precision_loss,
        reason = "53 bits fit the mantissa of a double"
    )]
    let drawn = (draw >> (u64::BITS - BITS)) as f64 / (1_u64 << BITS) as f64;
    drawn < share
}
