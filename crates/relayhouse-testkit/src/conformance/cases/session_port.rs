//! The one session of a queue as a plain receiver, for targets whose lease is that of a session.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Delivery, Error, ErrorKind, Extending, Receipt, Result, SessionId, Settling,
    Source,
    port::{ReceiveRequest, Receiver, SessionReceiver, Sessions, Settings},
};

use crate::conformance::fixture::PATIENCE;

/// The session that messages go to whose case does not care.
const ONLY: &str = "only";

/// Receives from a session, and accepts it again when its lease has ended.
#[derive(Debug)]
pub(in crate::conformance) struct SessionPort {
    sessions: Option<Arc<dyn Sessions>>,
    source: Source,
    capabilities: Capabilities,
    session: Mutex<Arc<dyn SessionReceiver>>,
    is_closed: AtomicBool,
}

impl SessionPort {
    /// Accepts the session that messages go to whose case does not care.
    pub(in crate::conformance) async fn accept(sessions: Arc<dyn Sessions>) -> Result<Self> {
        let session = accept(&*sessions).await?;
        Ok(Self {
            sessions: Some(sessions),
            ..Self::of(session)
        })
    }

    /// Receives from `session`, which is not accepted again.
    pub(super) fn of(session: Arc<dyn SessionReceiver>) -> Self {
        Self {
            sessions: None,
            source: session.source().clone(),
            capabilities: session.capabilities().clone(),
            session: Mutex::new(session),
            is_closed: AtomicBool::new(false),
        }
    }

    fn session(&self) -> Arc<dyn SessionReceiver> {
        let session = self.session.lock();
        Arc::clone(&session.unwrap_or_else(PoisonError::into_inner))
    }
}

async fn accept(sessions: &dyn Sessions) -> Result<Arc<dyn SessionReceiver>> {
    let only = SessionId::new(ONLY)?;
    let session = sessions.accept(Some(&only), PATIENCE).await?;
    let none = || Error::new(ErrorKind::Unexpected, "a session named was not accepted");
    session.ok_or_else(none)
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Receiver for SessionPort {
    fn source(&self) -> &Source {
        &self.source
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn settings(&self) -> Result<Settings> {
        self.session().settings().await
    }

    async fn receive(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        let received = self.session().receive(request, into).await;
        let is_lost = |error: &Error| error.kind() == ErrorKind::LeaseLost;
        let is_over = received.as_ref().is_err_and(is_lost);
        let is_wanted = is_over && !self.is_closed.load(Ordering::Relaxed);
        let Some(sessions) = self.sessions.as_ref().filter(|_| is_wanted) else {
            return received;
        };
        let session = accept(&**sessions).await?;
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&session);
        session.receive(request, into).await
    }

    async fn settle(&self, batch: &mut [Settling]) -> Result<()> {
        self.session().settle(batch).await
    }

    async fn extend(&self, batch: &mut [Extending], by: Duration) -> Result<()> {
        self.session().extend(batch, by).await
    }

    async fn lost(&self, into: &mut Vec<Receipt>) {
        self.session().lost(into).await;
    }

    async fn close(&self) -> Result<()> {
        self.is_closed.store(true, Ordering::Relaxed);
        self.session().close().await
    }
}
