//! A sender that follows a script.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Clock, ErrorKind, Message, QueueName, Result, Sending, Sent, port::Sender,
};

use super::script::{Player, Reply, Script, error, lock};

/// Sends to nowhere, and answers by its script.
#[derive(Debug)]
pub struct HostileSender {
    queue: QueueName,
    capabilities: Capabilities,
    player: Player,
    taken: Mutex<Vec<Message>>,
    batches: Mutex<Vec<usize>>,
    calls_open: AtomicU64,
    calls_open_max: AtomicU64,
    is_closed: AtomicBool,
}

impl HostileSender {
    /// Makes a sender to `queue` that declares `capabilities`.
    #[must_use]
    pub fn new(
        queue: QueueName,
        capabilities: Capabilities,
        clock: Arc<dyn Clock>,
        script: Script,
    ) -> Self {
        Self {
            queue,
            capabilities,
            player: Player::new(clock, script),
            taken: Mutex::default(),
            batches: Mutex::default(),
            calls_open: AtomicU64::new(0),
            calls_open_max: AtomicU64::new(0),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Puts another script in the place of what is left of this one.
    pub fn script(&self, script: Script) {
        self.player.set(script);
    }

    /// Returns the messages that were taken, whatever was answered, in order.
    #[must_use]
    pub fn taken(&self) -> Vec<Message> {
        lock(&self.taken).clone()
    }

    /// Returns the number of items of each call.
    #[must_use]
    pub fn batches(&self) -> Vec<usize> {
        lock(&self.batches).clone()
    }

    /// Returns how many calls were open at the same time, at most.
    #[must_use]
    pub fn calls_open_max(&self) -> u64 {
        self.calls_open_max.load(Ordering::Relaxed)
    }

    /// Returns true once it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    fn answer(&self, item: &mut Sending, reply: Reply) {
        let has_effect = matches!(reply, Reply::Done | Reply::UnknownDone | Reply::MissingDone);
        if has_effect {
            lock(&self.taken).push(item.message.clone());
        }
        match reply {
            Reply::Done => {
                let sequence = Some(lock(&self.taken).len() as u64);
                let id = item.message.id.clone();
                let sent = Sent {
                    id,
                    sequence,
                    deduplicated: false,
                };
                drop(item.done(sent));
            }
            Reply::Failed(kind) => item.fail(error(kind)),
            Reply::UnknownDone | Reply::UnknownLost => item.fail(error(ErrorKind::OutcomeUnknown)),
            Reply::MissingDone | Reply::MissingLost => {}
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Sender for HostileSender {
    fn queue(&self) -> &QueueName {
        &self.queue
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn send(&self, batch: &mut [Sending]) -> Result<()> {
        if self.is_closed() {
            return Err(error(ErrorKind::Closed));
        }
        lock(&self.batches).push(batch.len());
        let open = Open::new(&self.calls_open);
        self.calls_open_max.fetch_max(open.count, Ordering::Relaxed);
        self.player
            .play(batch, |item, reply| self.answer(item, reply))
            .await
    }

    async fn close(&self) -> Result<()> {
        self.is_closed.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// Counts a call while it is open, also if it is dropped.
struct Open<'a> {
    counter: &'a AtomicU64,
    count: u64,
}

impl<'a> Open<'a> {
    fn new(counter: &'a AtomicU64) -> Self {
        let count = counter.fetch_add(1, Ordering::Relaxed) + 1;
        Self { counter, count }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.counter.fetch_sub(1, Ordering::Relaxed);
    }
}
