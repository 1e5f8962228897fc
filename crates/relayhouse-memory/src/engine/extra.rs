//! What few messages need beside their slot: a key, an end, another place in order, an envelope.

use std::sync::Arc;

use relayhouse_core::{Envelope, Instant};

use super::slab::NONE;

/// Holds the part of a slot that few messages need.
#[derive(Debug)]
pub(crate) struct Extra {
    /// The number of the ordering key.
    pub(crate) key: u32,
    /// When the message is not worth delivering any more.
    pub(crate) expires: Instant,
    /// The place in order, if it is not the sequence number.
    pub(crate) order: Option<u64>,
    /// What accompanies a dead letter.
    pub(crate) envelope: Option<Arc<Envelope>>,
}

impl Default for Extra {
    fn default() -> Self {
        Self {
            key: NONE,
            expires: Instant::NEVER,
            order: None,
            envelope: None,
        }
    }
}

/// Holds extras by number.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    all: Vec<Extra>,
    free: Vec<u32>,
}

impl Extras {
    pub(crate) fn insert(&mut self, extra: Extra) -> u32 {
        if let Some(index) = self.free.pop() {
            self.all[index as usize] = extra;
            return index;
        }
        self.all.push(extra);
        u32::try_from(self.all.len() - 1).unwrap_or(NONE)
    }

    pub(crate) fn get(&self, index: u32) -> Option<&Extra> {
        self.all.get(index as usize)
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut Extra> {
        self.all.get_mut(index as usize)
    }

    pub(crate) fn remove(&mut self, index: u32) -> Option<Extra> {
        let extra = std::mem::take(self.all.get_mut(index as usize)?);
        self.free.push(index);
        Some(extra)
    }
}
