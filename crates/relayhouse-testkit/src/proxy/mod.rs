//! A TCP proxy between an adapter and its server that breaks connections as it is told.

mod fault;
mod pump;
#[cfg(test)]
mod tests;

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use relayhouse_core::{Clock, Random};
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

pub use self::fault::{Direction, Fault, Harm, Passed, Strike};
use crate::harness::Connections;

/// Forwards connections to a server, and disturbs them as the fault of the moment says.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    stop: watch::Sender<Stop>,
    counts: Arc<Counts>,
    listener: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    No,
    Yes,
}

#[derive(Debug, Default)]
struct Counts {
    made: AtomicU64,
    open: AtomicU64,
    passed: Mutex<Passed>,
}

impl Counts {
    fn passed(&self) -> MutexGuard<'_, Passed> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What each connection works with.
#[derive(Clone, Debug)]
struct Shared {
    server: SocketAddr,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    fault: watch::Receiver<Fault>,
    stop: watch::Receiver<Stop>,
    counts: Arc<Counts>,
}

impl FaultProxy {
    /// Starts to listen on a free port of this machine, for connections to `server`.
    ///
    /// Delays are drawn from `random`, and kept by `clock`.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error if there is no port to listen on.
    pub async fn start(
        server: SocketAddr,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (fault, fault_now) = watch::channel(Fault::None);
        let (stop, stop_now) = watch::channel(Stop::No);
        let counts = Arc::new(Counts::default());
        let shared = Shared {
            server,
            clock,
            random,
            fault: fault_now,
            stop: stop_now,
            counts: Arc::clone(&counts),
        };
        let listening = tokio::spawn(shared.listen(listener));
        Ok(Self {
            address,
            fault,
            stop,
            counts,
            listener: Mutex::new(Some(listening)),
        })
    }

    /// Returns where the proxy listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Does from now on what `fault` says, to open connections too, and counts bytes anew.
    pub fn set(&self, fault: Fault) {
        let mut passed = self.counts.passed();
        *passed = Passed::default();
        self.fault.send_replace(fault);
    }

    /// Counts the bytes that passed since the fault was set.
    #[must_use]
    pub fn passed(&self) -> Passed {
        *self.counts.passed()
    }

    /// Counts the connections that were made, and those that are open.
    #[must_use]
    pub fn connections(&self) -> Connections {
        Connections {
            made: self.counts.made.load(Ordering::Relaxed),
            open: self.counts.open.load(Ordering::Relaxed),
        }
    }

    /// Breaks all connections, and ends when everything has ended.
    pub async fn close(&self) {
        self.stop.send_replace(Stop::Yes);
        let listener = self
            .listener
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(listener) = listener {
            // Nothing is left of a listener that panicked.
            drop(listener.await);
        }
    }
}

impl Shared {
    /// Takes connections until the stop, and joins them.
    async fn listen(self, listener: TcpListener) {
        let mut stop = self.stop.clone();
        let mut connections = JoinSet::new();
        loop {
            select! {
                _ = stop.wait_for(|it| *it == Stop::Yes) => break,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => {
                    if let Ok((client, _)) = accepted {
                        connections.spawn(self.clone().connection(client));
                    }
                }
            }
        }
        while connections.join_next().await.is_some() {}
    }

    /// Serves one connection until either side, the fault or the stop ends it.
    async fn connection(self, client: TcpStream) {
        let is_cut = *self.fault.borrow() == Fault::Cut;
        if is_cut {
            return;
        }
        self.counts.made.fetch_add(1, Ordering::Relaxed);
        self.counts.open.fetch_add(1, Ordering::Relaxed);
        let (mut stop, mut fault) = (self.stop.clone(), self.fault.clone());
        select! {
            _ = stop.wait_for(|it| *it == Stop::Yes) => {}
            _ = fault.wait_for(|it| *it == Fault::Cut) => {}
            // A side that breaks ends the connection: the other side sees it.
            _ = self.forward(client) => {}
        }
        self.counts.open.fetch_sub(1, Ordering::Relaxed);
    }

    async fn forward(&self, client: TcpStream) -> io::Result<()> {
        let server = TcpStream::connect(self.server).await?;
        // Without it, it is only slower.
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (client_read, client_write) = client.into_split();
        let (server_read, server_write) = server.into_split();
        select! {
            ended = self.pump(Direction::Requests, client_read, server_write) => ended,
            ended = self.pump(Direction::Answers, server_read, client_write) => ended,
        }
    }
}
