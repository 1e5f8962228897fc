//! The ports that accept sessions and receive within one.

use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

use super::Receiver;
use crate::{
    capability::Capabilities,
    error::Result,
    name::{SessionId, Source},
    time::Instant,
};

/// Receives the messages of one session, in their order, under the session's lease.
///
/// Closing it gives the session back, unsettled deliveries first, in order.
#[async_trait]
pub trait SessionReceiver: Receiver {
    /// Returns the session.
    fn session(&self) -> &SessionId;

    /// Returns the present end of the session's lease.
    fn until(&self) -> Instant;

    /// Renews the lease of the session, and returns its new end.
    ///
    /// A lease that has ended fails with `LeaseLost`. Dropping the future may leave the lease
    /// renewed.
    async fn renew(&self) -> Result<Instant>;

    /// Reads the value kept with the session, if one was set.
    async fn state(&self) -> Result<Option<Bytes>>;

    /// Sets the value kept with the session, or with `None` removes it.
    ///
    /// Dropping the future leaves it unknown whether the value was set.
    async fn set_state(&self, state: Option<Bytes>) -> Result<()>;
}

/// Accepts sessions of one source.
#[async_trait]
pub trait Sessions: Debug + Send + Sync {
    /// Returns the source.
    fn source(&self) -> &Source;

    /// Returns what the source can do.
    fn capabilities(&self) -> &Capabilities;

    /// Waits up to `wait` for a session that is free and has messages, or for the one named, and
    /// takes it; `None` if there was none in time.
    ///
    /// The session named may be empty. One that somebody else holds fails with `SessionBusy`
    /// after `wait`. Dropping the future may leave a session held until its lease ends.
    async fn accept(
        &self,
        session: Option<&SessionId>,
        wait: Duration,
    ) -> Result<Option<Arc<dyn SessionReceiver>>>;

    /// Ends what this port started: an accept that waits returns `None`. A second call does
    /// nothing, and a later accept fails with `Closed`. Sessions in use are not given back.
    ///
    /// Dropping the future leaves the rest to the next call.
    async fn close(&self) -> Result<()>;
}
