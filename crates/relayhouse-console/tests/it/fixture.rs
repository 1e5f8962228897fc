//! A consumer of a queue in memory, and a console before it.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
};
use http::{Request, StatusCode};
use relayhouse_console::{Console, ConsoleBuilder, Token, Watch, Watched};
use relayhouse_core::{
    Clock, Context, Delivery, Message, Secret, SeededRandom, Sending, Settlement,
    port::{Admin, Provider},
};
use relayhouse_memory::Memory;
use relayhouse_runtime::{Consumer, Running};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
    task::JoinHandle,
};
use tower::ServiceExt;

use crate::clock::ManualClock;

pub(crate) const TOKEN: &str = "canary-7f3a9c-do-not-show";
pub(crate) const BEARER: &str = "authorization: Bearer canary-7f3a9c-do-not-show\r\n";

/// Is a consumer that counts what it handles.
pub(crate) struct Fixture {
    pub(crate) context: Context,
    pub(crate) watch: Arc<Watch>,
    pub(crate) running: Running,
    pub(crate) memory: Memory,
    handled: watch::Receiver<u64>,
}

/// Is a console that is served.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    end: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Fixture {
    pub(crate) async fn new(clock: Arc<dyn Clock>) -> Self {
        let context = Context::new(clock, Arc::new(SeededRandom::new(7)));
        let watch = Arc::new(Watch::new("orders".parse().unwrap()));
        let observed = context.clone().observer(Arc::clone(&watch) as _);
        let memory = Memory::builder(observed.clone()).build().unwrap();
        let provider = Arc::new(memory.clone());
        let (count, handled) = watch::channel(0);
        let count = Arc::new(count);
        let handler = move |_: Delivery| {
            let count = Arc::clone(&count);
            async move {
                count.send_modify(|count| *count += 1);
                Settlement::Ack
            }
        };
        let consumer = Consumer::of(provider, "orders".parse().unwrap(), observed);
        let running = consumer.handler(handler).start().await.unwrap();
        Self {
            context,
            watch,
            running,
            memory,
            handled,
        }
    }

    pub(crate) async fn still() -> (Self, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new());
        (Self::new(Arc::clone(&clock) as _).await, clock)
    }

    pub(crate) fn builder(&self) -> ConsoleBuilder {
        self.of(self.memory.admin().unwrap())
    }

    /// Builds a console whose queue is counted by `admin`.
    fn of(&self, admin: Arc<dyn Admin>) -> ConsoleBuilder {
        let watched = Watched::new(self.running.remote(), Arc::clone(&self.watch));
        let watched = watched.capabilities(Provider::capabilities(&self.memory));
        Console::builder(&self.context).consumer(watched.admin(admin))
    }

    pub(crate) fn guarded(&self) -> ConsoleBuilder {
        self.builder().token(token())
    }

    /// Builds a guarded console whose queue is counted by `admin`.
    pub(crate) fn before(&self, admin: Arc<dyn Admin>) -> ConsoleBuilder {
        self.of(admin).token(token())
    }

    pub(crate) async fn send(&self, body: &'static str) {
        let sender = self
            .memory
            .sender(&"orders".parse().unwrap())
            .await
            .unwrap();
        let mut batch = [Sending::new(Message::new(body))];
        sender.send(&mut batch).await.unwrap();
        assert!(batch[0].outcome.is_done());
    }

    /// Ends when so many messages were handled.
    pub(crate) async fn handled(&self, count: u64) {
        let mut handled = self.handled.clone();
        handled.wait_for(|handled| count <= *handled).await.unwrap();
    }

    pub(crate) fn count(&self) -> u64 {
        *self.handled.borrow()
    }
}

impl Served {
    pub(crate) async fn new(console: ConsoleBuilder) -> Self {
        let console = console.build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = oneshot::channel();
        let server = tokio::spawn(async move {
            let end = async {
                let _ = ended.await;
            };
            console.serve(listener, end).await.unwrap();
        });
        Self {
            address,
            end,
            server,
        }
    }

    /// Ends the server, and waits for its end.
    pub(crate) async fn end(self) {
        self.end.send(()).unwrap();
        self.server.await.unwrap();
    }
}

pub(crate) fn token() -> Token {
    Token::new(&Secret::from(TOKEN.to_owned())).unwrap()
}

/// Asks a router that is not served.
pub(crate) async fn ask(router: &Router, method: &str, path: &str) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("authorization", format!("Bearer {TOKEN}"));
    let request = request.body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let text = || Value::from(String::from_utf8_lossy(&body).into_owned());
    (
        status,
        serde_json::from_slice(&body).unwrap_or_else(|_| text()),
    )
}
