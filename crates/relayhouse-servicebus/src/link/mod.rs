//! What stands between the adapter and the network: one connection, and the links on it.

mod dial;
mod fault;
mod rpc;
pub(crate) mod tap;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use fe2o3_amqp::{
    connection::ConnectionHandle,
    session::{Session, SessionHandle},
};
use fe2o3_amqp_types::primitives::{OrderedMap, SimpleValue, Value};
use futures_util::future::BoxFuture;
use relayhouse_core::{Clock, Error, ErrorKind, Operation, Result, Timestamp};
use tokio::sync::Mutex;

use self::tap::Answers;
use crate::{
    convert::time_of,
    token::{Token, TokenProvider},
};

pub(crate) use self::{
    dial::{Way, within},
    fault::{
        link_is_lost, of_amqp, of_receiver_attach, of_recv, of_send, of_sender_attach, of_state,
        unknown,
    },
    rpc::{Question, Rpc},
};

/// The node that takes tokens.
const TOKENS: &str = "$cbs";

/// How long before its end a token is renewed: longer than any wait of a receive.
pub(crate) const TOKEN_MARGIN: Duration = Duration::from_secs(5 * 60);

/// The most entities whose tokens are remembered; beyond them the oldest is shown again.
const TOKENS_MAX: usize = 1024;

/// Holds what all queues of one provider share.
#[derive(Debug)]
pub(crate) struct Link {
    endpoint: Way,
    tokens: Arc<dyn TokenProvider>,
    clock: Arc<dyn Clock>,
    connect_timeout: Duration,
    container: String,
    names: AtomicU64,
    is_closed: AtomicBool,
    wire: Mutex<Option<Wire>>,
}

/// Is one connection.
#[derive(Debug)]
struct Wire {
    connection: ConnectionHandle<()>,
    answers: Answers,
    tokens: Option<Rpc>,
    /// Until when the broker lets us at an entity.
    allowed: HashMap<String, Timestamp>,
}

impl Link {
    pub(crate) fn new(
        endpoint: Way,
        tokens: Arc<dyn TokenProvider>,
        clock: Arc<dyn Clock>,
        connect_timeout: Duration,
        container: String,
    ) -> Self {
        Self {
            endpoint,
            tokens,
            clock,
            connect_timeout,
            container,
            names: AtomicU64::new(0),
            is_closed: AtomicBool::new(false),
            wire: Mutex::new(None),
        }
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Makes a name that no other link of this container has.
    pub(crate) fn name(&self) -> String {
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}", self.container)
    }

    /// Begins a session for one link at `path`, with a connection and a token that hold.
    pub(crate) async fn session(&self, path: &str) -> Result<(SessionHandle<()>, Answers)> {
        self.in_time(Box::pin(async {
            let mut wire = self.wire.lock().await;
            let wire = self.connected(&mut wire).await?;
            self.allow(wire, path).await?;
            let session = Session::begin(&mut wire.connection).await;
            Ok((session.map_err(fault::of_begin)?, wire.answers.clone()))
        }))
        .await
    }

    /// Attaches to the management node of the entity at `path`.
    pub(crate) async fn management(&self, path: &str) -> Result<Rpc> {
        self.in_time(Box::pin(async {
            let mut wire = self.wire.lock().await;
            let wire = self.connected(&mut wire).await?;
            self.allow(wire, path).await?;
            let node = format!("{path}/$management");
            Rpc::open(&mut wire.connection, &node, &self.name()).await
        }))
        .await
    }

    /// Shows a new token for `path` if the one that was shown ends soon.
    pub(crate) async fn renew(&self, path: &str) -> Result<()> {
        self.in_time(Box::pin(async {
            let mut wire = self.wire.lock().await;
            match &mut *wire {
                Some(wire) if !wire.connection.is_closed() => self.allow(wire, path).await,
                // The links notice by themselves that there is no connection.
                _ => Ok(()),
            }
        }))
        .await
    }

    async fn in_time<T>(&self, work: BoxFuture<'_, Result<T>>) -> Result<T> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        within(&*self.clock, self.connect_timeout, work)
            .await
            .unwrap_or_else(|| {
                Err(Error::new(
                    ErrorKind::Timeout,
                    format!(
                        "{} did not let us in within {:?}",
                        self.endpoint, self.connect_timeout
                    ),
                ))
            })
    }

    async fn connected<'a>(&self, wire: &'a mut Option<Wire>) -> Result<&'a mut Wire> {
        if wire
            .as_ref()
            .is_some_and(|wire| wire.connection.is_closed())
        {
            *wire = None;
        }
        match wire {
            Some(wire) => Ok(wire),
            None => {
                let answers = Answers::default();
                let connection = dial::dial(&self.endpoint, &self.container, &answers).await?;
                Ok(wire.insert(Wire {
                    connection,
                    answers,
                    tokens: None,
                    allowed: HashMap::new(),
                }))
            }
        }
    }

    async fn allow(&self, wire: &mut Wire, path: &str) -> Result<()> {
        let now = self.clock.wall();
        let holds = |until: &Timestamp| now + TOKEN_MARGIN < *until;
        if wire.allowed.get(path).is_some_and(holds) {
            return Ok(());
        }
        let audience = self.endpoint.audience(path);
        let token = self.tokens.token(&audience, now).await?;
        if wire.tokens.as_ref().is_some_and(Rpc::is_over) {
            wire.tokens = None;
        }
        let rpc = match &mut wire.tokens {
            Some(rpc) => rpc,
            None => {
                let rpc = Rpc::open(&mut wire.connection, TOKENS, &self.name()).await?;
                wire.tokens.insert(rpc)
            }
        };
        let reply = rpc.ask(showing(&token, audience), Operation::Open).await?;
        reply.done(Operation::Open)?;
        if TOKENS_MAX <= wire.allowed.len() {
            wire.allowed.clear();
        }
        wire.allowed.insert(path.to_owned(), token.expires_at);
        Ok(())
    }

    /// Ends the connection, and waits until it has.
    pub(crate) async fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        let Some(mut wire) = self.wire.lock().await.take() else {
            return;
        };
        let ending = async {
            if let Some(tokens) = wire.tokens.take() {
                tokens.close().await;
            }
            // One that broke has ended as well.
            let _ = wire.connection.close().await;
        };
        within(&*self.clock, self.connect_timeout, ending).await;
    }
}

fn showing(token: &Token, audience: String) -> Question {
    let mut properties = OrderedMap::new();
    let mut set = |name: &str, value| properties.insert(name.to_owned(), value);
    set("operation", SimpleValue::String("put-token".to_owned()));
    set("type", SimpleValue::String(token.kind.as_str().to_owned()));
    set("name", SimpleValue::String(audience));
    set(
        "expiration",
        SimpleValue::Timestamp(time_of(token.expires_at)),
    );
    Question {
        properties,
        body: Value::String(token.text.expose().to_owned()),
    }
}

/// Says that what was called is closed.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the provider is closed")
}
