//! Ports that fail, as a seed says: around those of the memory adapter.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Context, Delivery, Error, ErrorKind, Extending, Outcome, QueueName, Receipt,
    Result, Sending, Settling, Source,
    port::{ReceiveRequest, Receiver, Sender, Settings},
};
use relayhouse_testkit::oracle::{Entry, Watch};

/// Draws faults, until they are switched off.
#[derive(Debug)]
pub(crate) struct Faults {
    pub(crate) context: Context,
    pub(crate) watch: Arc<Watch>,
    pub(crate) is_on: AtomicBool,
    pub(crate) injected: AtomicU64,
}

impl Faults {
    /// Says yes in `share` of the calls while faults are on.
    pub(crate) fn strikes(&self, share: f64) -> bool {
        let strikes = self.is_on.load(Relaxed) && self.context.random.chance(share);
        if strikes {
            self.injected.fetch_add(1, Relaxed);
        }
        strikes
    }

    async fn delay(&self) {
        if self.strikes(0.05) {
            let clock = &self.context.clock;
            let delay = self.context.random.up_to(Duration::from_millis(50));
            clock.sleep_until(clock.now() + delay).await;
        }
    }
}

fn throttled() -> Error {
    Error::new(ErrorKind::Throttled, "a simulated throttle")
}

fn unknown() -> Error {
    Error::new(ErrorKind::OutcomeUnknown, "a simulated broken connection")
}

/// Is a sender that throttles, and loses answers.
#[derive(Debug)]
pub(crate) struct FaultySender {
    pub(crate) inner: Arc<dyn Sender>,
    pub(crate) faults: Arc<Faults>,
}

#[async_trait]
impl Sender for FaultySender {
    fn queue(&self) -> &QueueName {
        self.inner.queue()
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn send(&self, batch: &mut [Sending]) -> Result<()> {
        self.faults.delay().await;
        if self.faults.strikes(0.01) {
            return Err(throttled());
        }
        if self.faults.strikes(0.005) {
            // The request is lost, and nobody knows.
            batch.iter_mut().for_each(|item| item.fail(unknown()));
            return Ok(());
        }
        let result = self.inner.send(batch).await;
        for item in batch.iter_mut().filter(|item| item.outcome.is_done()) {
            if self.faults.strikes(0.002) {
                // The answer is lost.
                item.outcome = Outcome::Failed(unknown());
            }
        }
        result
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}

/// Is a receiver that throttles, loses what it received, and loses answers.
#[derive(Debug)]
pub(crate) struct FaultyReceiver {
    pub(crate) inner: Arc<dyn Receiver>,
    pub(crate) faults: Arc<Faults>,
}

#[async_trait]
impl Receiver for FaultyReceiver {
    fn source(&self) -> &Source {
        self.inner.source()
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn settings(&self) -> Result<Settings> {
        self.inner.settings().await
    }

    async fn receive(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        self.faults.delay().await;
        if self.faults.strikes(0.01) {
            return Err(throttled());
        }
        if !self.faults.strikes(0.002) {
            return self.inner.receive(request, into).await;
        }
        // The answer is lost: its messages stay leased to nobody.
        let mut lost = Vec::new();
        self.inner.receive(request, &mut lost).await?;
        let now = self.faults.context.clock.now();
        for delivery in &lost {
            self.faults.watch.note(now, Entry::Received(delivery));
        }
        Err(Error::new(
            ErrorKind::ConnectionFailed,
            "a simulated broken connection",
        ))
    }

    async fn settle(&self, batch: &mut [Settling]) -> Result<()> {
        self.faults.delay().await;
        if self.faults.strikes(0.01) {
            return Err(throttled());
        }
        if self.faults.strikes(0.001) {
            return pending().await;
        }
        if self.faults.strikes(0.005) {
            for item in batch {
                item.outcome = Outcome::Failed(unknown());
            }
            return Ok(());
        }
        let result = self.inner.settle(batch).await;
        for item in batch.iter_mut().filter(|item| item.outcome.is_done()) {
            if self.faults.strikes(0.002) {
                item.outcome = Outcome::Failed(unknown());
            }
        }
        result
    }

    async fn extend(&self, batch: &mut [Extending], by: Duration) -> Result<()> {
        self.faults.delay().await;
        if self.faults.strikes(0.05) {
            return Err(throttled());
        }
        self.inner.extend(batch, by).await
    }

    async fn lost(&self, into: &mut Vec<Receipt>) {
        self.inner.lost(into).await;
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}
