//! Messages that come through sessions only, which nobody but a consumer gets: it hands them over one
//! by one, and waits for what is to become of each.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use relayhouse::{
    Clock, Delivery, Error, ErrorKind, Event, Instant, Observer, Queue, Receipt, Result,
    Settlement,
    runtime::{ConsumerConfig, Running, Suspects},
};
use tokio::sync::{mpsc, oneshot};

use crate::failure::never;

/// How long a settlement may take until nobody waits for its answer any more.
const SETTLE_MAX: Duration = Duration::from_secs(60);

/// How long it may take to give back what was not taken.
const DRAIN: Duration = Duration::from_secs(30);

/// How long is waited for a message at least: a session has to be found first.
const WAIT_MIN: Duration = Duration::from_secs(1);

/// A session that is empty for this part of the wait is left for another.
const IDLE_PART: u32 = 4;

/// Takes the messages of a queue with sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    running: Running,
    inbox: mpsc::Receiver<Delivery>,
    desk: Arc<Desk>,
    wait: Duration,
}

/// Tells the consumer what becomes of what it handed over, and hears what the provider answers.
#[derive(Debug)]
pub(crate) struct Desk {
    clock: Arc<dyn Clock>,
    entries: Mutex<HashMap<Receipt, Entry>>,
}

/// Is a delivery that was handed over.
#[derive(Debug)]
struct Entry {
    /// Where the handler waits; nothing once it was told.
    decided: Option<oneshot::Sender<Settlement>>,
    /// Where somebody waits for the answer of the provider.
    answered: Option<oneshot::Sender<Result<()>>>,
}

/// Forgets a delivery whose handler is dropped, since its lease has ended.
struct Handling<'a> {
    desk: &'a Desk,
    receipt: Option<Receipt>,
}

impl Sessions {
    /// Opens `queue`, for a caller that is done if nothing comes within `wait`, a second at least.
    pub(crate) async fn open(
        queue: &Queue,
        wait: Duration,
        lease: Option<Duration>,
    ) -> Result<Self> {
        let wait = wait.max(WAIT_MIN);
        let desk = Arc::new(Desk {
            clock: Arc::clone(&queue.context().clock),
            entries: Mutex::default(),
        });
        let context = queue.context().clone().observer(Arc::clone(&desk) as _);
        let provider = Arc::clone(queue.provider());
        let queue = Queue::new(provider, queue.source().clone(), context)?;
        let (outbox, inbox) = mpsc::channel(1);
        let consumer = queue.consumer().config(config(wait));
        let consumer = match lease {
            Some(lease) => consumer.lease(lease),
            None => consumer,
        };
        let told = Arc::clone(&desk);
        let hand_over = move |delivery: Delivery| {
            let (desk, outbox) = (Arc::clone(&told), outbox.clone());
            async move { desk.hand_over(delivery, &outbox).await }
        };
        Ok(Self {
            running: consumer.handler(hand_over).start().await?,
            inbox,
            desk,
            wait,
        })
    }

    /// Takes the next message; none if none comes in time.
    pub(crate) async fn next(&mut self) -> Result<Option<Delivery>> {
        let clock = &self.desk.clock;
        tokio::select! {
            biased;
            delivery = self.inbox.recv() => Ok(delivery),
            () = self.running.failed() => {
                let text = "the consumer cannot go on";
                Err(Error::new(ErrorKind::Unexpected, text))
            }
            () = clock.sleep_until(clock.now() + self.wait) => Ok(None),
        }
    }

    pub(crate) fn desk(&self) -> Arc<Desk> {
        Arc::clone(&self.desk)
    }

    /// Gives back what was not taken, and ends.
    pub(crate) async fn close(self) -> Result<()> {
        let Self {
            running,
            inbox,
            desk,
            wait: _,
        } = self;
        drop(inbox);
        desk.let_go();
        running.shutdown(DRAIN).await.map(drop)
    }
}

/// Dead-letters nothing, gives back at once, and leaves empty sessions early enough for others to
/// be reached within the wait.
fn config(wait: Duration) -> ConsumerConfig {
    ConsumerConfig {
        receive_wait: wait / IDLE_PART,
        session_idle_max: wait / IDLE_PART,
        suspects: Suspects::Mix,
        failure: never(),
        ..ConsumerConfig::default()
    }
}

impl Desk {
    /// Hands a delivery over, and waits for what is to become of it.
    async fn hand_over(&self, delivery: Delivery, outbox: &mpsc::Sender<Delivery>) -> Settlement {
        let (decide, decided) = oneshot::channel();
        let receipt = delivery.receipt.clone();
        let entry = Entry {
            decided: Some(decide),
            answered: None,
        };
        self.lock().insert(receipt.clone(), entry);
        let mut handling = Handling {
            desk: self,
            receipt: Some(receipt),
        };
        if outbox.send(delivery).await.is_err() {
            return Settlement::RELEASE;
        }
        match decided.await {
            Ok(settlement) => {
                handling.receipt = None;
                settlement
            }
            // Nobody wants it any more.
            Err(_) => Settlement::RELEASE,
        }
    }

    /// Settles a delivery, and returns when the provider has confirmed it.
    pub(crate) async fn settle(&self, delivery: &Delivery, settlement: Settlement) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        let decided = self.lock().get_mut(&delivery.receipt).and_then(|entry| {
            entry.answered = Some(answer);
            entry.decided.take()
        });
        let is_told = decided.is_some_and(|decided| decided.send(settlement).is_ok());
        if !is_told {
            return Err(Error::new(ErrorKind::LeaseLost, "the lease has ended"));
        }
        tokio::select! {
            biased;
            Ok(answer) = answered => answer,
            () = self.clock.sleep_until(self.clock.now() + SETTLE_MAX) => {
                let text = "nobody says whether it was settled";
                Err(Error::new(ErrorKind::OutcomeUnknown, text))
            }
        }
    }

    /// Lets all handlers go whose deliveries nobody wants.
    fn let_go(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Receipt, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Desk {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        for event in events {
            let Event::Settled {
                delivery, result, ..
            } = event
            else {
                continue;
            };
            let entry = self.lock().remove(&delivery.receipt);
            if let Some(answered) = entry.and_then(|entry| entry.answered) {
                // Who asked may have stopped waiting.
                let _ = answered.send(result.map_err(Clone::clone));
            }
        }
    }
}

impl Drop for Handling<'_> {
    fn drop(&mut self) {
        if let Some(receipt) = &self.receipt {
            self.desk.lock().remove(receipt);
        }
    }
}
