//! The leases that ended before their time, because their queue was deleted.

use std::sync::Arc;

use relayhouse_core::Receipt;

use super::waiters::Line;

/// Tells receivers which leases were lost.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    /// The receipts, once there are some.
    pub(crate) receipts: Option<Arc<[Receipt]>>,
    /// Who waits to hear of it.
    pub(crate) line: Line,
}
