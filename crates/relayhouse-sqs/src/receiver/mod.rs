//! Receives from one queue, settles and extends.

mod attempt;
mod extend;
mod hop;
mod onward;
mod receive;
mod settle;

use std::{
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Delivery, Error, ErrorKind, Extending, Operation, Receipt, Result, Settling,
    Source,
    port::{ReceiveRequest, Receiver, Settings},
};

use self::attempt::Attempts;
use crate::{
    convert::{Dead, whole_seconds_i32},
    lease::Leases,
    link::{Closing, Link},
    queue::{Attributes, Queue},
    settings,
};

/// The lease of a queue whose visibility timeout cannot be read; a receive then asks for it.
const LEASE: Duration = Duration::from_secs(30);

/// Receives from one queue.
#[derive(Debug)]
pub(crate) struct SqsReceiver {
    link: Arc<Link>,
    queue: Queue,
    source: Source,
    dead: Option<Dead>,
    lease: Duration,
    /// The visibility timeout that a receive asks for, where it is not the queue's own.
    visibility: Option<i32>,
    /// Where dead letters go, once that was looked for.
    dead_letters: Mutex<Option<Queue>>,
    leases: Leases,
    attempts: Attempts,
    closing: Closing,
}

impl SqsReceiver {
    /// Opens `source`, which is `queue`, and holds dead letters if `dead` says so; `lease` is the one that was asked for.
    pub(crate) async fn open(
        link: Arc<Link>,
        queue: Queue,
        source: Source,
        dead: Option<Dead>,
        lease: Option<Duration>,
    ) -> Result<Self> {
        let known = match lease {
            Some(_) => None,
            None => readable(queue.attributes(&link, Operation::Open).await)?,
        };
        let of_queue = known.and_then(|attributes| attributes.lease);
        let asked = lease.or(of_queue.is_none().then_some(LEASE));
        // A queue may give no time at all: such a lease has ended when it comes.
        Ok(Self {
            lease: asked.or(of_queue).unwrap_or(LEASE),
            visibility: asked.map(whole_seconds_i32),
            link,
            queue,
            source,
            dead,
            dead_letters: Mutex::default(),
            leases: Leases::default(),
            attempts: Attempts::default(),
            closing: Closing::default(),
        })
    }

    /// Names the queue in the error of a receive.
    pub(crate) fn named(&self, error: Error) -> Error {
        self.queue.at(error, Operation::Receive)
    }

    /// Returns the lease that a receive gives.
    pub(crate) const fn lease(&self) -> Duration {
        self.lease
    }

    /// Returns the dead-letter queue, looked for until there is one.
    async fn dead_letters(&self) -> Result<Option<Queue>> {
        let known = self.known_dead_letters().clone();
        if known.is_some() {
            return Ok(known);
        }
        let found = self
            .queue
            .dead_letters(&self.link, Operation::Settle)
            .await?;
        let found = found.map(|(queue, _)| queue);
        self.known_dead_letters().clone_from(&found);
        Ok(found)
    }

    fn known_dead_letters(&self) -> MutexGuard<'_, Option<Queue>> {
        let known = self.dead_letters.lock();
        known.unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for the dead-letter queue anew next time: it is not where it was.
    fn forget_dead_letters(&self) {
        *self.known_dead_letters() = None;
    }
}

/// Returns attributes, or `None` where the caller may not read them.
fn readable(attributes: Result<Attributes>) -> Result<Option<Attributes>> {
    match attributes {
        Ok(attributes) => Ok(Some(attributes)),
        Err(error) if error.kind() == ErrorKind::Unauthorized => Ok(None),
        Err(error) => Err(error),
    }
}

#[async_trait]
impl Receiver for SqsReceiver {
    fn source(&self) -> &Source {
        &self.source
    }

    fn capabilities(&self) -> &Capabilities {
        self.link.declared.queue(self.queue.is_fifo)
    }

    async fn settings(&self) -> Result<Settings> {
        let attributes = self.queue.attributes(&self.link, Operation::Open).await;
        let attributes = readable(attributes)?.unwrap_or_default();
        let settings = settings::of(&attributes, &self.queue, &self.source);
        Ok(Settings {
            lease: Some(self.lease),
            ..settings
        })
    }

    async fn receive(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        let received = Box::pin(self.receive_call(request, into)).await;
        received.map_err(|error| self.named(error))
    }

    async fn settle(&self, batch: &mut [Settling]) -> Result<()> {
        Box::pin(self.settle_all(batch)).await;
        Ok(())
    }

    async fn extend(&self, batch: &mut [Extending], by: Duration) -> Result<()> {
        Box::pin(self.extend_all(batch, by)).await;
        Ok(())
    }

    async fn lost(&self, _into: &mut Vec<Receipt>) {
        pending::<()>().await;
    }

    async fn close(&self) -> Result<()> {
        self.closing.close();
        Ok(())
    }
}
