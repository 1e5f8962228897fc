//! An emulator that runs.

use std::{fmt, net::SocketAddr, sync::Arc};

use tokio::task::JoinHandle;

use crate::{
    builder::Builder,
    clock::Clock,
    fault::Faults,
    model::{Model, Time},
    shared::Shared,
};

/// An emulator that runs. When it is dropped, it ends at once.
pub struct ServiceBusEmulator {
    address: SocketAddr,
    endpoint: String,
    key: (String, String),
    shared: Arc<Shared>,
    tasks: [JoinHandle<()>; 2],
}

impl fmt::Debug for ServiceBusEmulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = &self.endpoint;
        f.debug_struct("ServiceBusEmulator")
            .field("endpoint", endpoint)
            .finish_non_exhaustive()
    }
}

impl ServiceBusEmulator {
    /// Begins to set up an emulator.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(
        address: SocketAddr,
        endpoint: String,
        key: (String, String),
        shared: Arc<Shared>,
        tasks: [JoinHandle<()>; 2],
    ) -> Self {
        Self {
            address,
            endpoint,
            key,
            shared,
            tasks,
        }
    }

    /// Returns the address at which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of the namespace.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns the connection string that a client takes, with the first key.
    #[must_use]
    pub fn connection_string(&self) -> String {
        let (name, key) = &self.key;
        let endpoint = &self.endpoint;
        format!(
            "Endpoint={endpoint};SharedAccessKeyName={name};SharedAccessKey={key};\
             UseDevelopmentEmulator=true;"
        )
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

    /// Looks at the entities, or changes them, at this time of the clock. Clients wait meanwhile.
    pub fn with_model<T>(&self, run: impl FnOnce(&mut Model, Time) -> T) -> T {
        let now = self.shared.time();
        run(&mut self.shared.state().model, now)
    }

    /// Stops listening, closes every connection, and waits up to a second for clients to agree.
    ///
    /// If this is dropped, the emulator ends at once.
    pub async fn close(mut self) {
        self.shared.closing.send_replace(true);
        for task in &mut self.tasks {
            // It ends by itself, or it was aborted with its runtime.
            let _ = task.await;
        }
    }
}

impl Drop for ServiceBusEmulator {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
