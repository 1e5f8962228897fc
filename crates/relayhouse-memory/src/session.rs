//! Sessions of a queue: accepting one, and receiving within it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use relayhouse_core::{
    Capabilities, Delivery, Extending, Instant, Operation, Receipt, Result, SessionId, Settling,
    Source,
    port::{ReceiveRequest, Receiver, SessionReceiver, Sessions, Settings},
};

use crate::{
    engine::{AcceptWait, Asking, Held, Lane, Queue, ReceiveWait},
    error,
    namespace::Namespace,
    receiver,
};

/// Accepts the sessions of one queue.
#[derive(Debug)]
pub(crate) struct MemorySessions {
    namespace: Arc<Namespace>,
    queue: Arc<Queue>,
    source: Source,
    capabilities: Arc<Capabilities>,
    lease: Duration,
    is_closed: AtomicBool,
}

impl MemorySessions {
    pub(crate) fn new(
        namespace: Arc<Namespace>,
        queue: Arc<Queue>,
        source: Source,
        capabilities: Arc<Capabilities>,
        lease: Duration,
    ) -> Self {
        Self {
            namespace,
            queue,
            source,
            capabilities,
            lease,
            is_closed: AtomicBool::new(false),
        }
    }
}

#[async_trait]
impl Sessions for MemorySessions {
    fn source(&self) -> &Source {
        &self.source
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn accept(
        &self,
        session: Option<&SessionId>,
        wait: Duration,
    ) -> Result<Option<Arc<dyn SessionReceiver>>> {
        let closed = [&self.is_closed, &self.namespace.is_closed];
        if closed.iter().any(|flag| flag.load(Ordering::Acquire)) {
            return Err(error::closed(Operation::Session).queue(&self.source));
        }
        let wait = AcceptWait::new(&self.queue, session, self.lease, wait, &closed);
        let Some(held) = wait.await? else {
            return Ok(None);
        };
        let receiver = MemorySession::new(self, held)?;
        Ok(Some(Arc::new(receiver)))
    }

    async fn close(&self) -> Result<()> {
        self.is_closed.store(true, Ordering::Release);
        self.queue.stir();
        Ok(())
    }
}

/// Receives within one session, whose lease it holds.
#[derive(Debug)]
pub(crate) struct MemorySession {
    namespace: Arc<Namespace>,
    queue: Arc<Queue>,
    source: Source,
    capabilities: Arc<Capabilities>,
    lease: Duration,
    session: SessionId,
    key: u32,
    holder: u64,
    until: AtomicU64,
    is_closed: AtomicBool,
    has_told_lost: AtomicBool,
}

impl MemorySession {
    fn new(sessions: &MemorySessions, held: Held) -> Result<Self> {
        Ok(Self {
            namespace: Arc::clone(&sessions.namespace),
            queue: Arc::clone(&sessions.queue),
            source: sessions.source.clone(),
            capabilities: Arc::clone(&sessions.capabilities),
            lease: sessions.lease,
            session: SessionId::new(held.name)?,
            key: held.key,
            holder: held.holder,
            until: AtomicU64::new(held.until.as_nanos()),
            is_closed: AtomicBool::new(false),
            has_told_lost: AtomicBool::new(false),
        })
    }
}

#[async_trait]
impl Receiver for MemorySession {
    fn source(&self) -> &Source {
        &self.source
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn settings(&self) -> Result<Settings> {
        Ok(receiver::settings_of(
            &self.queue,
            &self.source,
            &self.capabilities,
            self.lease,
        ))
    }

    async fn receive(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        let closed = [&self.is_closed, &self.namespace.is_closed];
        if closed.iter().any(|flag| flag.load(Ordering::Acquire)) {
            return Err(error::closed(Operation::Receive).queue(&self.source));
        }
        let request = receiver::clamp(&self.capabilities, request);
        let asking = Asking::Session {
            key: self.key,
            holder: self.holder,
        };
        ReceiveWait::new(&self.queue, asking, request, self.lease, &closed, into).await
    }

    async fn settle(&self, batch: &mut [Settling]) -> Result<()> {
        receiver::settle(
            &self.namespace,
            &self.queue,
            Lane::Live,
            &self.capabilities,
            batch,
        )
    }

    async fn extend(&self, batch: &mut [Extending], _: Duration) -> Result<()> {
        for item in batch.iter_mut().filter(|item| item.outcome.is_pending()) {
            let error = error::unsupported(
                &self.source,
                Operation::Extend,
                "the lease is that of the session, which is renewed",
            );
            item.outcome = Err(error).into();
        }
        Ok(())
    }

    async fn lost(&self, into: &mut Vec<Receipt>) {
        receiver::lost(&self.queue, &self.has_told_lost, into).await;
    }

    async fn close(&self) -> Result<()> {
        if !self.is_closed.swap(true, Ordering::AcqRel) {
            self.queue.close_session(self.key, self.holder);
        }
        Ok(())
    }
}

#[async_trait]
impl SessionReceiver for MemorySession {
    fn session(&self) -> &SessionId {
        &self.session
    }

    fn until(&self) -> Instant {
        Instant::from_nanos(self.until.load(Ordering::Acquire))
    }

    async fn renew(&self) -> Result<Instant> {
        let until = self.queue.renew(self.key, self.holder, self.lease)?;
        self.until.store(until.as_nanos(), Ordering::Release);
        Ok(until)
    }

    async fn state(&self) -> Result<Option<Bytes>> {
        self.queue.session_state(self.key, self.holder)
    }

    async fn set_state(&self, state: Option<Bytes>) -> Result<()> {
        self.queue.set_session_state(self.key, self.holder, state)
    }
}

impl Drop for MemorySession {
    /// Gives the session back, which nobody else can do before its lease ends.
    fn drop(&mut self) {
        if !self.is_closed.swap(true, Ordering::AcqRel) {
            self.queue.close_session(self.key, self.holder);
        }
    }
}
