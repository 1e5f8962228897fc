//! An emulator that runs.

use std::{fmt, future, io, net::SocketAddr, sync::Arc};

use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    builder::Builder,
    clock::Clock,
    fault::Faults,
    model::{Model, Time},
    shared::Shared,
    store::{DataError, Keeper},
};

/// An emulator that runs. When it is dropped, it ends at once.
pub struct ServiceBusEmulator {
    places: Places,
    key: (String, String),
    shared: Arc<Shared>,
    tasks: [JoinHandle<()>; 3],
    keeper: Option<Keeper>,
}

/// Where an emulator is.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    address: SocketAddr,
    http_address: SocketAddr,
    endpoint: String,
    pub(crate) http_endpoint: String,
}

impl Places {
    pub(crate) fn new(
        amqp: &TcpListener,
        http: &TcpListener,
        host: Option<&str>,
        has_tls: bool,
    ) -> io::Result<Self> {
        let (address, http_address) = (amqp.local_addr()?, http.local_addr()?);
        let name = |address: SocketAddr| match host {
            Some(host) => format!("{host}:{}", address.port()),
            None => address.to_string(),
        };
        let scheme = if has_tls { "https" } else { "http" };
        Ok(Self {
            address,
            http_address,
            endpoint: format!("sb://{}", name(address)),
            http_endpoint: format!("{scheme}://{}", name(http_address)),
        })
    }
}

impl fmt::Debug for ServiceBusEmulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = &self.places;
        f.debug_struct("ServiceBusEmulator")
            .field("places", places)
            .finish_non_exhaustive()
    }
}

impl ServiceBusEmulator {
    /// Begins to set up an emulator.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(
        places: Places,
        key: (String, String),
        shared: Arc<Shared>,
        tasks: [JoinHandle<()>; 3],
        keeper: Option<Keeper>,
    ) -> Self {
        Self {
            places,
            key,
            shared,
            tasks,
            keeper,
        }
    }

    /// Returns the address at which it listens for AMQP.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.places.address
    }

    /// Returns the address at which it listens for HTTP.
    #[must_use]
    pub fn http_address(&self) -> SocketAddr {
        self.places.http_address
    }

    /// Returns the URL of the namespace.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.places.endpoint
    }

    /// Returns the URL of the HTTP API, with TLS if there is a certificate.
    #[must_use]
    pub fn http_endpoint(&self) -> &str {
        &self.places.http_endpoint
    }

    /// Returns the connection string that a client takes, with the first key.
    #[must_use]
    pub fn connection_string(&self) -> String {
        let (name, key) = &self.key;
        let endpoint = self.endpoint();
        format!(
            "Endpoint={endpoint};SharedAccessKeyName={name};SharedAccessKey={key};\
             UseDevelopmentEmulator=true;"
        )
    }

    /// Returns the clock by which it goes: the one that it was built with, moved on as far as clients
    /// have asked for.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &self.shared.clock
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

    /// Waits until its data cannot be kept any more, and returns why: from then on it breaks off
    /// every connection that asks for something. Without [`Builder::data`] this never ends. A wait
    /// that is given up changes nothing.
    pub async fn failed(&self) -> DataError {
        let failure = match self.shared.kept() {
            Some(kept) => kept.failure().await,
            None => None,
        };
        match failure {
            Some(error) => error,
            None => future::pending().await,
        }
    }

    /// Stops listening, closes every connection, waits up to a second for clients to agree, and
    /// writes what is left of its data.
    ///
    /// If this is dropped, the emulator ends at once.
    pub async fn close(mut self) {
        self.shared.closing.send_replace(true);
        for task in &mut self.tasks {
            // It ends by itself, or it was aborted with its runtime.
            let _ = task.await;
        }
        if let Some(keeper) = self.keeper.take() {
            keeper.end().await;
        }
    }
}

impl Drop for ServiceBusEmulator {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        if let Some(keeper) = &self.keeper {
            keeper.abort();
        }
    }
}
