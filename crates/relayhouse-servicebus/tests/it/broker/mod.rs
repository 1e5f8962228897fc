//! A broker by hand, with as little of AMQP as an adapter needs, that answers as a test has it.

mod links;
mod made;
mod peer;
mod transfers;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use fe2o3_amqp_types::{
    messaging::DeliveryState,
    primitives::{Array, Timestamp, Value},
};
use tokio::{net::TcpListener, task::JoinHandle};

use self::peer::Peer;

pub(crate) const LOCK_LOST: &str = "com.microsoft:message-lock-lost";

/// What the broker answers to a settlement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    /// What it was asked for.
    Agree,
    /// The lock is gone.
    LockLost,
    /// It ends the link instead.
    Detach,
    /// It cuts the connection instead.
    Cut,
}

/// What the test has the broker do, and what it saw.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) queue: VecDeque<&'static str>,
    pub(crate) verdicts: VecDeque<Verdict>,
    /// What refuses the next message that is sent.
    pub(crate) refusal: Option<&'static str>,
    /// What the management node answers.
    pub(crate) answers: VecDeque<Answer>,
    /// What it was asked.
    pub(crate) asked: Vec<String>,
    /// The sessions that are given to those who want one.
    pub(crate) sessions: VecDeque<&'static str>,
    /// Whether a receiver must want a session.
    pub(crate) has_sessions: bool,
    pub(crate) sent: Vec<Vec<u8>>,
    /// The format of each transfer.
    pub(crate) formats: Vec<u32>,
    /// Where each sender was attached.
    pub(crate) targets: Vec<String>,
    /// How many sessions of AMQP were begun.
    pub(crate) begun: usize,
    /// Whether each transaction was committed.
    pub(crate) transactions: Vec<bool>,
    pub(crate) tokens: Vec<String>,
    pub(crate) credits: Vec<u32>,
    pub(crate) settled: Vec<DeliveryState>,
}

/// What the management node answers: the fields of a body, or why not.
pub(crate) type Answer = Result<Vec<(&'static str, Value)>, &'static str>;

/// Answers until when one lock or session holds.
pub(crate) fn until(name: &'static str, millis: i64) -> Answer {
    let time = Value::Timestamp(Timestamp::from(millis));
    let value = match name {
        "expirations" => Value::Array(Array::from(vec![time])),
        _ => time,
    };
    Ok(vec![(name, value)])
}

pub(crate) struct Broker {
    port: u16,
    pub(crate) script: Arc<Mutex<Script>>,
    task: JoinHandle<()>,
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Broker {
    pub(crate) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = Arc::new(Mutex::new(script));
        let shared = Arc::clone(&script);
        // One connection after the other: an adapter has one at a time.
        let task = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                socket.set_nodelay(true).unwrap();
                let mut peer = Peer::new(socket, Arc::clone(&shared));
                // The other side may end it at any point.
                let _ = peer.run().await;
            }
        });
        Self { port, script, task }
    }

    pub(crate) fn connection_string(&self) -> String {
        let port = self.port;
        format!(
            "Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=x;SharedAccessKey=y;\
             UseDevelopmentEmulator=true;"
        )
    }
}
