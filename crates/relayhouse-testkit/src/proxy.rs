//! A TCP proxy between an adapter and its server that breaks connections as it is told.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use relayhouse_core::{Clock, Random};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    select,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::harness::Connections;

/// The most bytes that are forwarded at a time.
const CHUNK: usize = 16 * 1024;

/// Says what a proxy does with what passes through it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// It forwards everything.
    #[default]
    None,
    /// It takes connections and requests, and lets no answer through.
    Silent,
    /// It breaks all connections, and takes no new ones.
    Cut,
    /// It forwards everything, each piece up to this much later.
    Delay(Duration),
    /// It breaks a connection when so many bytes of an answer have passed.
    CutAfter(u64),
}

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

    /// Does from now on what `fault` says, to open connections too.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
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
        let (client_read, client_write) = client.into_split();
        let (server_read, server_write) = server.into_split();
        select! {
            ended = self.requests(client_read, server_write) => ended,
            ended = self.answers(server_read, client_write) => ended,
        }
    }

    async fn requests(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK];
        loop {
            let count = from.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            self.wait().await;
            to.write_all(&buffer[..count]).await?;
        }
    }

    async fn answers(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK];
        let mut passed = 0;
        loop {
            let count = from.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            self.wait().await;
            let mut fault = self.fault.clone();
            // A watch ends with its sender, which lives as long as the proxy.
            let Ok(fault) = fault
                .wait_for(|it| *it != Fault::Silent)
                .await
                .map(|it| it.clone())
            else {
                return Ok(());
            };
            let allowed = match fault {
                Fault::CutAfter(bytes) => {
                    usize::try_from(bytes - passed.min(bytes)).unwrap_or(count)
                }
                _ => count,
            };
            to.write_all(&buffer[..count.min(allowed)]).await?;
            passed += count as u64;
            if allowed <= count && matches!(fault, Fault::CutAfter(_)) {
                return Ok(());
            }
        }
    }

    /// Waits as long as the fault of the moment says.
    async fn wait(&self) {
        let Fault::Delay(max) = *self.fault.borrow() else {
            return;
        };
        let delay = self.random.up_to(max);
        self.clock.sleep_until(self.clock.now() + delay).await;
    }
}

#[cfg(test)]
mod tests {
    use relayhouse_core::{SeededRandom, Timestamp};

    use super::*;
    use crate::clock::ManualClock;

    /// A server that answers each byte with itself.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.into_split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        address
    }

    async fn proxy(clock: &ManualClock) -> FaultProxy {
        let (clock, random) = (Arc::new(clock.clone()), Arc::new(SeededRandom::new(7)));
        FaultProxy::start(echo().await, clock, random)
            .await
            .expect("a port")
    }

    fn clock() -> ManualClock {
        ManualClock::new(Timestamp::default())
    }

    async fn connect(proxy: &FaultProxy) -> TcpStream {
        TcpStream::connect(proxy.address())
            .await
            .expect("a connection")
    }

    /// Sends a word and reads what comes back, up to its length.
    async fn ask(stream: &mut TcpStream, word: &[u8]) -> Vec<u8> {
        let mut answer = vec![0; word.len()];
        if stream.write_all(word).await.is_err() {
            return Vec::new();
        }
        let mut length = 0;
        while length < answer.len() {
            match stream.read(&mut answer[length..]).await {
                Ok(0) | Err(_) => break,
                Ok(count) => length += count,
            }
        }
        answer.truncate(length);
        answer
    }

    #[tokio::test]
    async fn proxy_forwards_and_counts() {
        let proxy = proxy(&clock()).await;
        let mut stream = connect(&proxy).await;
        assert_eq!(ask(&mut stream, b"hello").await, b"hello");
        assert_eq!(proxy.connections(), Connections { made: 1, open: 1 });
        proxy.close().await;
        assert_eq!(proxy.connections(), Connections { made: 1, open: 0 });
        assert_eq!(ask(&mut stream, b"hello").await, b"");
    }

    #[tokio::test]
    async fn cut_breaks_what_is_open_and_refuses_the_rest() {
        let proxy = proxy(&clock()).await;
        let mut stream = connect(&proxy).await;
        assert_eq!(ask(&mut stream, b"hello").await, b"hello");
        proxy.set(Fault::Cut);
        assert_eq!(ask(&mut stream, b"hello").await, b"");
        assert_eq!(ask(&mut connect(&proxy).await, b"hello").await, b"");
        proxy.set(Fault::None);
        assert_eq!(ask(&mut connect(&proxy).await, b"hello").await, b"hello");
        proxy.close().await;
    }

    #[tokio::test]
    async fn silence_holds_answers_back_until_it_ends() {
        let proxy = proxy(&clock()).await;
        let mut stream = connect(&proxy).await;
        proxy.set(Fault::Silent);
        let (answer, ()) = tokio::join!(ask(&mut stream, b"hello"), async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            proxy.set(Fault::None);
        });
        assert_eq!(answer, b"hello");
        proxy.close().await;
    }

    #[tokio::test]
    async fn answer_is_cut_in_the_middle() {
        let proxy = proxy(&clock()).await;
        proxy.set(Fault::CutAfter(3));
        assert_eq!(ask(&mut connect(&proxy).await, b"hello").await, b"hel");
        proxy.close().await;
    }

    #[tokio::test]
    async fn delay_lasts_as_long_as_the_clock_says() {
        let clock = clock();
        let proxy = proxy(&clock).await;
        proxy.set(Fault::Delay(Duration::from_secs(10)));
        let mut stream = connect(&proxy).await;
        let advance = async {
            loop {
                tokio::task::yield_now().await;
                if 0 < clock.sleepers() {
                    clock.advance(Duration::from_secs(1));
                }
            }
        };
        let answer = select! {
            answer = ask(&mut stream, b"hello") => answer,
            () = advance => unreachable!("it has no end"),
        };
        assert!(Duration::ZERO < clock.now().since(relayhouse_core::Instant::START));
        assert_eq!(answer, b"hello");
        proxy.close().await;
    }
}
