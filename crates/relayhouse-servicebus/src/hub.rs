//! What everything of one provider shares.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use relayhouse_core::{Capabilities, Message, MessageId, MessageIds, Result, Timestamp};

use crate::{
    admin::Api,
    convert::{Packet, write},
    link::{Clerks, Link},
    opened::Opened,
};

/// Holds what everything of one provider shares.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) link: Arc<Link>,
    pub(crate) clerks: Clerks,
    pub(crate) api: Arc<Api>,
    pub(crate) ids: MessageIds,
    pub(crate) call_timeout: Duration,
    pub(crate) opened: Opened,
    /// The last number of a lock of a session.
    pub(crate) session_locks: AtomicU64,
}

impl Hub {
    /// Numbers the lock of a session that first ends at `until`: later locks have greater numbers,
    /// also those of other processes, which begin when this one has ended.
    pub(crate) fn number_of_lock(&self, until: Timestamp) -> u64 {
        let next = |last: u64| until.as_micros().max(last + 1);
        let before = self
            .session_locks
            .fetch_update(Relaxed, Relaxed, |last| Some(next(last)));
        before.map_or_else(next, next)
    }

    /// Writes `message` as it is sent now by who can do so much, with its id, or a new one if it has
    /// none.
    pub(crate) fn write(
        &self,
        message: &Message,
        capabilities: &Capabilities,
    ) -> Result<(MessageId, Packet)> {
        let id = message.id.clone();
        let id = id.unwrap_or_else(|| self.ids.next_id());
        let packet = write(message, &id, capabilities, self.link.clock().wall())?;
        Ok((id, packet))
    }
}
