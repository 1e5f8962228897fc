//! A receiver that follows scripts.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::{Either, select};
use relayhouse_core::{
    Capabilities, Clock, Delivery, ErrorKind, Extending, Instant, Lease, Message, MessageId,
    Outcome, Previous, Receipt, Result, Settlement, Settling, Source,
    port::{ReceiveRequest, Receiver, Settings},
};
use tokio::sync::Notify;

use super::script::{Player, Reply, Script, error, lock};

/// Hands out what a test put in, and answers by its scripts.
#[derive(Debug)]
pub struct HostileReceiver {
    source: Source,
    capabilities: Capabilities,
    clock: Arc<dyn Clock>,
    lease: Duration,
    receives: Player,
    settles: Player,
    extends: Player,
    state: Mutex<State>,
    arrived: Notify,
    lost: Notify,
    receives_started: AtomicU64,
    is_closed: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Delivery>,
    settled: Vec<Settled>,
    extended: Vec<Receipt>,
    lost: Vec<Receipt>,
    next: u64,
}

/// Tells of one settlement that took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The message.
    pub id: MessageId,
    /// The delivery.
    pub receipt: Receipt,
    /// How it ended.
    pub settlement: Settlement,
}

impl HostileReceiver {
    /// Makes a receiver of `source` that declares `capabilities`, and hands out leases of `lease`.
    #[must_use]
    pub fn new(
        source: Source,
        capabilities: Capabilities,
        clock: Arc<dyn Clock>,
        lease: Duration,
    ) -> Self {
        let player = || Player::new(Arc::clone(&clock), Script::new());
        Self {
            source,
            capabilities,
            lease,
            receives: player(),
            settles: player(),
            extends: player(),
            state: Mutex::default(),
            arrived: Notify::new(),
            lost: Notify::new(),
            receives_started: AtomicU64::new(0),
            is_closed: AtomicBool::new(false),
            clock,
        }
    }

    /// Sets how receives end: what is ready is their one item, which fails to come unless it is
    /// `Done`.
    #[must_use]
    pub fn receives(self, script: Script) -> Self {
        self.receives.set(script);
        self
    }

    /// Sets how settles are answered.
    #[must_use]
    pub fn settles(self, script: Script) -> Self {
        self.settles.set(script);
        self
    }

    /// Sets how extensions are answered.
    #[must_use]
    pub fn extends(self, script: Script) -> Self {
        self.extends.set(script);
        self
    }

    /// Puts `message` in, to be handed out with `attempt`.
    pub fn put(&self, message: Message, attempt: u32) {
        let mut state = lock(&self.state);
        state.next += 1;
        let number = state.next;
        let previous = if attempt == 1 {
            Previous::None
        } else {
            Previous::Unknown
        };
        let id = message
            .id
            .clone()
            .unwrap_or_else(|| MessageId::from(u128::from(number)));
        state.waiting.push_back(Delivery {
            id,
            message,
            receipt: Receipt::from_bytes(u128::from(number).to_be_bytes()),
            lease: Lease::new(Instant::NEVER, number),
            attempt,
            previous,
            sequence: Some(number),
            enqueued_at: self.clock.wall(),
            envelope: None,
        });
        drop(state);
        self.arrived.notify_waiters();
        self.arrived.notify_one();
    }

    /// Ends the lease of `receipt` before its time.
    pub fn lose(&self, receipt: Receipt) {
        lock(&self.state).lost.push(receipt);
        self.lost.notify_one();
    }

    /// Returns the settlements that took effect, whatever was answered, in order.
    #[must_use]
    pub fn settled(&self) -> Vec<Settled> {
        lock(&self.state).settled.clone()
    }

    /// Returns the receipts of the extensions that took effect, in order.
    #[must_use]
    pub fn extended(&self) -> Vec<Receipt> {
        lock(&self.state).extended.clone()
    }

    /// Returns how many messages were not handed out.
    #[must_use]
    pub fn waiting(&self) -> usize {
        lock(&self.state).waiting.len()
    }

    /// Returns how many receives were started.
    #[must_use]
    pub fn receives_started(&self) -> u64 {
        self.receives_started.load(Ordering::Relaxed)
    }

    /// Returns true once it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    /// Waits for a first message, until `deadline` or the close.
    async fn arrival(&self, deadline: Instant) {
        let mut end = self.clock.sleep_until(deadline);
        loop {
            let mut arrived = std::pin::pin!(self.arrived.notified());
            arrived.as_mut().enable();
            if self.is_closed() || !lock(&self.state).waiting.is_empty() {
                return;
            }
            if let Either::Right(_) = select(arrived, &mut end).await {
                return;
            }
        }
    }

    /// Hands out what is waiting, within the bounds of `request`.
    fn hand_out(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) {
        let until = self.clock.now() + self.lease;
        let mut state = lock(&self.state);
        let mut bytes = 0;
        for _ in 0..request.messages_max.get() {
            if request.bytes_max.get() <= bytes {
                return;
            }
            let Some(mut delivery) = state.waiting.pop_front() else {
                return;
            };
            bytes += delivery.message.size();
            delivery.lease = Lease::new(until, delivery.lease.token());
            into.push(delivery);
        }
    }
}

/// Returns the answer of an item, and whether it takes effect.
fn outcome<T>(reply: Reply, done: T) -> (Outcome<T>, Effect) {
    let unknown = || Outcome::Failed(error(ErrorKind::OutcomeUnknown));
    match reply {
        Reply::Done => (Outcome::Done(done), Effect::Some),
        Reply::Failed(kind) => (Outcome::Failed(error(kind)), Effect::None),
        Reply::UnknownDone => (unknown(), Effect::Some),
        Reply::UnknownLost => (unknown(), Effect::None),
        Reply::MissingDone => (Outcome::Pending, Effect::Some),
        Reply::MissingLost => (Outcome::Pending, Effect::None),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Some,
    None,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Receiver for HostileReceiver {
    fn source(&self) -> &Source {
        &self.source
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn settings(&self) -> Result<Settings> {
        Ok(Settings {
            lease: Some(self.lease),
            ..Settings::default()
        })
    }

    async fn receive(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        if self.is_closed() {
            return Err(error(ErrorKind::Closed));
        }
        self.receives_started.fetch_add(1, Ordering::Relaxed);
        self.arrival(self.clock.now() + request.wait).await;
        let mut calls = [into];
        self.receives
            .play(&mut calls, |into, reply| {
                if reply == Reply::Done {
                    self.hand_out(request, into);
                }
            })
            .await
    }

    async fn settle(&self, batch: &mut [Settling]) -> Result<()> {
        self.settles
            .play(batch, |item, reply| {
                let (answer, effect) = outcome(reply, ());
                item.outcome = answer;
                if effect == Effect::Some {
                    lock(&self.state).settled.push(Settled {
                        id: item.delivery.id.clone(),
                        receipt: item.delivery.receipt.clone(),
                        settlement: item.settlement.clone(),
                    });
                }
            })
            .await
    }

    async fn extend(&self, batch: &mut [Extending], by: Duration) -> Result<()> {
        self.extends
            .play(batch, |item, reply| {
                let (answer, effect) = outcome(reply, self.clock.now() + by);
                item.outcome = answer;
                if effect == Effect::Some {
                    lock(&self.state).extended.push(item.receipt.clone());
                }
            })
            .await
    }

    async fn lost(&self, into: &mut Vec<Receipt>) {
        loop {
            let receipts = std::mem::take(&mut lock(&self.state).lost);
            if !receipts.is_empty() {
                into.extend(receipts);
                return;
            }
            self.lost.notified().await;
        }
    }

    async fn close(&self) -> Result<()> {
        self.is_closed.store(true, Ordering::Relaxed);
        self.arrived.notify_waiters();
        self.arrived.notify_one();
        Ok(())
    }
}
