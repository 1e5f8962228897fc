//! What everything of one provider shares.

use std::{sync::Arc, time::Duration};

use relayhouse_core::MessageIds;

use crate::{
    admin::Api,
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
