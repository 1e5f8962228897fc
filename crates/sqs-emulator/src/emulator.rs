//! An emulator that runs.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
};

use tokio::task::JoinHandle;

use crate::{
    builder::Builder,
    clock::Clock,
    fault::Faults,
    operation::Operation,
    record::{Count, Request},
    shared::Shared,
};

/// An emulator that runs. When it is dropped, it ends at once.
#[derive(Debug)]
pub struct SqsEmulator {
    address: SocketAddr,
    endpoint: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl SqsEmulator {
    /// Begins to set up an emulator.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(
        address: SocketAddr,
        endpoint: String,
        shared: Arc<Shared>,
        server: JoinHandle<()>,
    ) -> Self {
        Self {
            address,
            endpoint,
            shared,
            server,
        }
    }

    /// Returns the address at which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL that a client takes as its endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns the URL of a queue of the default account, whether it is there or not.
    #[must_use]
    pub fn queue_url(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.endpoint, self.shared.accounts.default)
    }

    /// Returns the clock that it was built with.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.shared.clock
    }

    /// Returns what changes its faults.
    #[must_use]
    pub fn faults(&self) -> Faults {
        Faults::new(Arc::clone(&self.shared))
    }

    /// Returns how often an operation was called.
    #[must_use]
    pub fn count(&self, operation: Operation) -> Count {
        self.shared.state().records.count(operation)
    }

    /// Returns how many calls there were, of all operations.
    #[must_use]
    pub fn calls(&self) -> u64 {
        let state = self.shared.state();
        let counts = Operation::ALL.into_iter().map(|it| state.records.count(it));
        counts.map(|count| count.calls).sum()
    }

    /// Returns how many connections were made to it.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Returns the latest requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().records.requests()
    }

    /// Returns the ids of the latest messages that are kept twice, oldest first: up to 65,536 of
    /// those that [`Faults::duplicate`] led to.
    #[must_use]
    pub fn doubled(&self) -> Vec<String> {
        self.shared.state().model.doubled()
    }

    /// Stops listening, ends long polls with nothing, lets open requests end for up to a second,
    /// and closes every connection.
    ///
    /// If this is dropped, the emulator ends at once.
    pub async fn close(mut self) {
        self.shared.closing.send_replace(true);
        // It ends by itself, or it was aborted with its runtime.
        let _ = (&mut self.server).await;
    }
}

impl Drop for SqsEmulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}
