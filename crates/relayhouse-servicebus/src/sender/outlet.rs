//! The task of one sender: it attaches, and has messages leave in the order in which they came.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering, fence},
    },
    time::Duration,
};

use fe2o3_amqp::link::{
    SendError, Sender as AmqpSender,
    delivery::{DeliveryFut, Sendable},
};
use fe2o3_amqp_types::{
    messaging::{Body, Outcome, Source, Target},
    primitives::{Symbol, Value},
};
use futures_util::TryFutureExt;
use relayhouse_core::{Error, ErrorKind, Instant, Result};
use tokio::sync::{mpsc, oneshot};

use crate::link::{self, Closing, Link, Pace, Pass, Passage, Seat, Task};

/// The most sends of one sender that wait for its task.
const LOADS_MAX: usize = 64;

/// The property by which the broker says how large a batch may be.
const BATCH_BYTES_MAX: &str = "com.microsoft:max-message-batch-size";

/// The most bytes of a batch where the broker does not say: what every tier takes.
const BATCH_BYTES_UNTOLD: u64 = 256 * 1024;

/// How long the end of a link may take.
const END_MAX: Duration = Duration::from_secs(10);

/// Is what leaves in one transfer.
pub(super) type Cargo = Sendable<Body<Value>>;

/// Ends with what the broker says of one transfer.
pub(super) type Answer = DeliveryFut<Result<Outcome, SendError>>;

/// Is one transfer, and who waits for its answer.
pub(super) struct Parcel {
    pub(super) cargo: Cargo,
    /// Hears that it left, with what to wait for, or why it did not.
    pub(super) left: oneshot::Sender<Result<Answer>>,
}

/// Is what leaves together, in its order.
struct Load {
    parcels: Vec<Parcel>,
    /// How many may have left.
    started: Arc<AtomicUsize>,
    deadline: Instant,
}

enum Order {
    Attach(oneshot::Sender<Result<()>>),
    Send(Load),
}

/// Is a handle on the task.
#[derive(Debug)]
pub(super) struct Outlet {
    orders: mpsc::Sender<Order>,
    task: Task,
    limits: Arc<Mutex<Limits>>,
}

/// Says how large a transfer may be, as the broker said when the link was attached.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    /// The most bytes of one transfer.
    pub(super) message_bytes_max: Option<u64>,
    /// The most bytes of one batch.
    batch_bytes_max: Option<u64>,
}

impl Limits {
    fn of(sender: &AmqpSender) -> Self {
        let name = Symbol::from(BATCH_BYTES_MAX);
        Self {
            message_bytes_max: sender.max_message_size().filter(|max| 0 < *max),
            batch_bytes_max: sender.properties(|properties| {
                match properties.as_ref()?.get(&name)? {
                    Value::Ulong(max) => Some(*max),
                    Value::Uint(max) => Some(u64::from(*max)),
                    Value::Long(max) => u64::try_from(*max).ok(),
                    Value::Int(max) => u64::try_from(*max).ok(),
                    _ => None,
                }
            }),
        }
    }

    /// Returns the most bytes of one batch.
    pub(super) fn batch_bytes_max(&self) -> u64 {
        let message = self.message_bytes_max.unwrap_or(BATCH_BYTES_UNTOLD);
        let batch = self.batch_bytes_max.unwrap_or(BATCH_BYTES_UNTOLD);
        message.min(batch)
    }
}

impl Outlet {
    pub(super) fn new(link: Arc<Link>, path: String) -> Self {
        let (orders, inbox) = mpsc::channel(LOADS_MAX);
        let limits = Arc::<Mutex<Limits>>::default();
        let worker = Worker {
            pace: link.pace(),
            link,
            path,
            limits: Arc::clone(&limits),
            attached: None,
        };
        Self {
            orders,
            task: Task::spawn(|closing| worker.run(inbox, closing)),
            limits,
        }
    }

    pub(super) fn limits(&self) -> Limits {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Attaches, if there is no link.
    pub(super) async fn attach(&self) -> Result<()> {
        let (answer, attached) = oneshot::channel();
        let sent = self.orders.send(Order::Attach(answer)).await;
        sent.map_err(|_| link::closed())?;
        attached.await.map_err(|_| link::closed())?
    }

    /// Has `parcels` leave until `deadline`, and returns the count of those that may have left.
    pub(super) async fn send(
        &self,
        parcels: Vec<Parcel>,
        deadline: Instant,
    ) -> Result<Arc<AtomicUsize>> {
        let started = Arc::<AtomicUsize>::default();
        let load = Load {
            parcels,
            started: Arc::clone(&started),
            deadline,
        };
        let sent = self.orders.send(Order::Send(load)).await;
        sent.map_err(|_| link::closed())?;
        Ok(started)
    }

    /// Ends the link once everything that waits has left, and waits until it has.
    pub(super) async fn close(&self) {
        self.task.join().await;
    }
}

#[derive(Debug)]
struct Attached {
    sender: AmqpSender,
    session: Seat,
    since: Instant,
    _pass: Arc<Pass>,
}

/// Is what the task has.
#[derive(Debug)]
struct Worker {
    link: Arc<Link>,
    path: String,
    limits: Arc<Mutex<Limits>>,
    pace: Pace,
    attached: Option<Attached>,
}

impl Worker {
    async fn run(mut self, mut inbox: mpsc::Receiver<Order>, mut closing: Closing) {
        while let Some(Some(order)) = closing.unless(self.next(&mut inbox)).await {
            let attached = closing.unless(self.attach()).await;
            match (attached.unwrap_or_else(|| Err(link::closed())), order) {
                // Who asked may have stopped waiting.
                (attached, Order::Attach(answer)) => drop(answer.send(attached)),
                (Ok(()), Order::Send(load)) => self.send(load).await,
                (Err(error), Order::Send(load)) => refuse(load.parcels, &error),
            }
        }
        self.detach().await;
    }

    /// Waits for an order, and notices when the broker ends the link meanwhile.
    async fn next(&mut self, inbox: &mut mpsc::Receiver<Order>) -> Option<Order> {
        loop {
            let Some(attached) = &mut self.attached else {
                return inbox.recv().await;
            };
            let error = tokio::select! {
                biased;
                error = attached.sender.on_detach() => link::of_detach(error),
                order = inbox.recv() => return order,
            };
            self.pace.ended(attached.since, &error);
            self.detach().await;
        }
    }

    /// Attaches, if there is no link; after a failure not before its time.
    async fn attach(&mut self) -> Result<()> {
        if self.attached.is_some() {
            return Ok(());
        }
        self.pace.wait().await;
        match Box::pin(self.attached()).await {
            Ok(attached) => {
                self.attached = Some(attached);
                Ok(())
            }
            Err(error) => {
                self.pace.failed(&error);
                Err(error)
            }
        }
    }

    async fn attached(&self) -> Result<Attached> {
        let Passage {
            mut session, pass, ..
        } = self.link.session(&self.path).await?;
        let name = self.link.name();
        let attaching = AmqpSender::builder()
            .name(name.as_str())
            .source(Source::builder().address(name.as_str()).build())
            .target(Target::builder().address(self.path.as_str()).build())
            .attach(&mut session)
            .map_err(link::of_sender_attach);
        let sender = self.link.in_time(Duration::ZERO, attaching).await?;
        let limits = Limits::of(&sender);
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner) = limits;
        Ok(Attached {
            sender,
            session,
            since: self.link.clock().now(),
            _pass: pass,
        })
    }

    /// Has all of `load` leave, in its order, until one cannot.
    async fn send(&mut self, load: Load) {
        let Some(attached) = &mut self.attached else {
            return refuse(load.parcels, &link::closed());
        };
        let clock = self.link.clock();
        let mut parcels = load.parcels.into_iter();
        let mut lost = None;
        for Parcel { cargo, mut left } in parcels.by_ref() {
            load.started.fetch_add(1, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            if left.is_closed() {
                continue;
            }
            let time = load.deadline.since(clock.now());
            let sent = tokio::select! {
                biased;
                sent = link::within(clock, time, attached.sender.send_batchable(cargo)) => sent,
                () = left.closed() => None,
            };
            let error = match sent {
                Some(Ok(answer)) => {
                    // Who sent it may have stopped waiting.
                    let _ = left.send(Ok(answer));
                    continue;
                }
                Some(Err(error)) => {
                    let is_lost = link::link_is_lost(&error);
                    let error = link::of_send(error, false);
                    let _ = left.send(Err(error.clone()));
                    if !is_lost {
                        continue;
                    }
                    error
                }
                None => {
                    let _ = left.send(Err(no_room()));
                    no_room()
                }
            };
            lost = Some(error);
            break;
        }
        if let Some(error) = lost {
            // A part of a transfer may be under way, after which nothing else can follow.
            self.pace.ended(attached.since, &error);
            refuse(parcels, &error);
            self.detach().await;
        }
    }

    /// Ends the link, if there is one.
    async fn detach(&mut self) {
        let Some(attached) = self.attached.take() else {
            return;
        };
        let ending = async {
            // What ended already has nothing left to end.
            let _ = attached.sender.close().await;
            attached.session.end().await;
        };
        link::within(self.link.clock(), END_MAX, ending).await;
    }
}

/// Tells all who wait for `parcels` that nothing of them left.
fn refuse(parcels: impl IntoIterator<Item = Parcel>, error: &Error) {
    for parcel in parcels {
        // Who sent it may have stopped waiting.
        let _ = parcel.left.send(Err(error.clone()));
    }
}

/// Says that the broker gave no credit.
pub(super) fn no_room() -> Error {
    Error::new(
        ErrorKind::Timeout,
        "the broker did not take messages in time, and nothing of it left",
    )
}
