//! What everything of one provider shares.

use std::{sync::Arc, time::Duration};

use relayhouse_core::{Message, MessageId, MessageIds, Result};

use crate::{
    admin::Api,
    capability::CAPABILITIES,
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
}

impl Hub {
    /// Writes `message` as it is sent now, with its id, or a new one if it has none.
    pub(crate) fn write(&self, message: &Message) -> Result<(MessageId, Packet)> {
        let id = message.id.clone();
        let id = id.unwrap_or_else(|| self.ids.next_id());
        let packet = write(message, &id, &CAPABILITIES, self.link.clock().wall())?;
        Ok((id, packet))
    }
}
