//! The task of one receiver: it attaches, takes what comes in, and passes on what was decided.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use fe2o3_amqp::{
    link::{
        CreditMode, IllegalLinkStateError, Receiver as AmqpReceiver, RecvError,
        delivery::{Delivery, DeliveryInfo},
        receiver::TerminalDeliveryState,
    },
    transaction::TransactionRetirement,
};
use fe2o3_amqp_types::{
    definitions::{Fields, ReceiverSettleMode},
    messaging::{Body, Outcome, Released, Source, Target},
    primitives::Value,
};
use futures_util::TryFutureExt;
use relayhouse_core::{Error, ErrorKind, Operation, Result};
use tokio::sync::{mpsc, oneshot};

use super::{
    anchor::Anchor,
    credit::Credit,
    shelf::{Arrived, Shelf},
};
use crate::{
    convert::Payload,
    link::{
        self, Closing, Link, Pass, Passage, Seat,
        tap::{Answers, Token},
    },
    transaction::Part,
};

/// The most orders that wait for the task.
const ORDERS_MAX: usize = 64;

/// The most deliveries that are taken in before orders are looked at again.
const ALONG_MAX: usize = 100;

/// The most receives that wait for a link.
const WANTS_MAX: usize = 64;

/// How long after the last receive the broker may still send what that asked for. What has come by
/// then and nobody received goes back, so that its lock does not run out here.
const REST: Duration = Duration::from_secs(1);

/// A receive waits for as many round trips at least, so that what is there comes by its credit. As
/// long as that of an attach is taken for one.
const LOOK_TRIPS: u32 = 4;
const LOOK_MIN: Duration = Duration::from_millis(5);
const LOOK_MAX: Duration = Duration::from_millis(250);

/// How long the end of a link may take.
const END_MAX: Duration = Duration::from_secs(10);

/// Is what the task is asked to do.
#[derive(Debug)]
pub(super) enum Order {
    /// Let this many messages come in.
    Credit(u32),
    /// Take credit back, and tell when nothing more comes by it.
    TakeBack(oneshot::Sender<()>),
    /// Send these settlements, in their order.
    Settle(Vec<(DeliveryInfo, TerminalDeliveryState)>),
    /// Send these settlements as part of a transaction.
    Retire {
        part: Part,
        order: Vec<(DeliveryInfo, Outcome)>,
        done: oneshot::Sender<Result<()>>,
    },
}

impl Order {
    /// Gives back deliveries of which nobody waits to hear.
    pub(super) fn forget(deliveries: Vec<DeliveryInfo>) -> Self {
        let released = || TerminalDeliveryState::Released(Released {});
        let settlements = deliveries.into_iter().map(|info| (info, released()));
        Self::Settle(settlements.collect())
    }
}

/// Sends orders to the task, for one link, and hears what the broker answers.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    orders: mpsc::Sender<Order>,
    pub(super) answers: Answers,
    /// The name of the link.
    pub(super) name: Arc<str>,
    /// How the times of the broker are told.
    pub(super) anchor: Anchor,
    /// How long the broker needs to say what is there.
    pub(super) look: Duration,
}

impl Desk {
    /// Gives an order, and returns false if the link ended before it was taken.
    pub(super) async fn order(&self, order: Order) -> bool {
        self.orders.send(order).await.is_ok()
    }

    pub(super) fn is_over(&self) -> bool {
        self.orders.is_closed()
    }
}

/// Asks for a link.
pub(super) type Want = oneshot::Sender<Result<Desk>>;

/// Makes the channel by which links are asked for.
pub(super) fn wants() -> (mpsc::Sender<Want>, mpsc::Receiver<Want>) {
    mpsc::channel(WANTS_MAX)
}

/// Is a link that was attached.
#[derive(Debug)]
pub(crate) struct Attached {
    pub(crate) receiver: AmqpReceiver,
    session: Seat,
    answers: Answers,
    name: Arc<str>,
    pub(crate) anchor: Anchor,
    look: Duration,
    _pass: Arc<Pass>,
}

/// Attaches to `source`, which is at `path`, where the broker may take `wait` to answer.
pub(crate) async fn attach(
    link: &Link,
    path: &str,
    source: Source,
    properties: Option<Fields>,
    wait: Duration,
) -> Result<Attached> {
    let Passage {
        mut session,
        answers,
        pass,
    } = link.session(path).await?;
    let name = link.name();
    let mut builder = AmqpReceiver::builder()
        .name(name.as_str())
        .source(source)
        .target(Target::builder().address(name.as_str()).build())
        .receiver_settle_mode(ReceiverSettleMode::Second)
        .credit_mode(CreditMode::Manual);
    if let Some(properties) = properties {
        builder = builder.properties(properties);
    }
    let began = link.clock().now();
    let attaching = builder
        .attach(&mut session)
        .map_err(link::of_receiver_attach);
    let receiver = link.in_time(wait, attaching).await?;
    let took = link.clock().now().since(began);
    Ok(Attached {
        receiver,
        session,
        answers,
        name: name.into(),
        anchor: Anchor::new(link.clock()),
        look: (took * LOOK_TRIPS).clamp(LOOK_MIN, LOOK_MAX),
        _pass: pass,
    })
}

impl Attached {
    /// Makes the desk where orders for the link are given, and where they come in.
    pub(super) fn desk(&self) -> (Desk, mpsc::Receiver<Order>) {
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        let desk = Desk {
            orders,
            answers: self.answers.clone(),
            name: Arc::clone(&self.name),
            anchor: self.anchor,
            look: self.look,
        };
        (desk, inbox)
    }

    /// Ends the link.
    pub(crate) async fn close(self) {
        leave(self.receiver, self.session).await;
    }
}

/// Closes a link, and leaves its session to the next one.
async fn leave(receiver: AmqpReceiver, session: Seat) {
    match receiver.close().await {
        Ok(()) => session.leave().await,
        // A link that ended otherwise takes its session along.
        Err(_) => session.end().await,
    }
}

/// Attaches to the entity at `path` when somebody receives, and again after the link ended.
pub(super) async fn run(
    link: Arc<Link>,
    path: String,
    mut wants: mpsc::Receiver<Want>,
    shelf: Arc<Shelf>,
    mut closing: Closing,
) {
    let mut pace = link.pace();
    while let Some(Some(want)) = closing.unless(wants.recv()).await {
        if want.is_closed() {
            continue;
        }
        let attached = closing.unless(async {
            pace.wait().await;
            let source = Source::builder().address(path.as_str()).build();
            Box::pin(attach(&link, &path, source, None, Duration::ZERO)).await
        });
        match attached.await {
            Some(Ok(attached)) => {
                let since = link.clock().now();
                let (desk, inbox) = attached.desk();
                shelf.open(desk.clone());
                // Who wanted it may have stopped waiting.
                let _ = want.send(Ok(desk.clone()));
                let serving = Serving {
                    link: &link,
                    shelf: &shelf,
                    wants: &mut wants,
                    closing: &mut closing,
                    holds_session: false,
                };
                match serving.serve(attached, desk, inbox).await {
                    Some(error) => pace.ended(since, &error),
                    None => return,
                }
            }
            Some(Err(error)) => {
                pace.failed(&error);
                // Who wanted it may have stopped waiting.
                let _ = want.send(Err(error));
            }
            None => return,
        }
    }
}

/// Serves a link that is not made again after it ended.
pub(super) async fn run_once(
    link: Arc<Link>,
    attached: Attached,
    (desk, inbox): (Desk, mpsc::Receiver<Order>),
    mut wants: mpsc::Receiver<Want>,
    shelf: Arc<Shelf>,
    mut closing: Closing,
) {
    let serving = Serving {
        link: &link,
        shelf: &shelf,
        wants: &mut wants,
        closing: &mut closing,
        holds_session: true,
    };
    let Some(error) = serving.serve(attached, desk, inbox).await else {
        return;
    };
    while let Some(Some(want)) = closing.unless(wants.recv()).await {
        // Who wanted it may have stopped waiting.
        let _ = want.send(Err(error.clone()));
    }
}

/// Is what a link is served with.
struct Serving<'a> {
    link: &'a Link,
    shelf: &'a Shelf,
    wants: &'a mut mpsc::Receiver<Want>,
    closing: &'a mut Closing,
    /// The broker takes a session back with its link, and all that came over it.
    holds_session: bool,
}

impl Serving<'_> {
    /// Serves until the link ends, and returns why; `None` if the task is asked to end.
    async fn serve(
        self,
        attached: Attached,
        desk: Desk,
        mut inbox: mpsc::Receiver<Order>,
    ) -> Option<Error> {
        let (link, shelf, holds_session) = (self.link, self.shelf, self.holds_session);
        let mut credit = Credit::default();
        let Attached {
            mut receiver,
            session,
            _pass,
            ..
        } = attached;
        let error = self
            .work(&mut receiver, &mut credit, &desk, &mut inbox)
            .await
            .map(|error| {
                if holds_session {
                    session_lost(error)
                } else {
                    error
                }
            });
        // Settlements that are ordered from here on have nobody to send them.
        inbox.close();
        if let Some(error) = &error {
            shelf.end(error.clone());
        }
        let ending = async {
            if error.is_some() {
                return session.end().await;
            }
            if !holds_session {
                // What cannot be given back comes back when its lock ends.
                let _ = give_back(&mut receiver, &mut credit, &desk, shelf).await;
            }
            leave(receiver, session).await;
        };
        link::within(link.clock(), END_MAX, ending).await;
        if error.is_none() {
            shelf.end(link::closed());
        }
        error
    }

    async fn work(
        self,
        receiver: &mut AmqpReceiver,
        credit: &mut Credit,
        desk: &Desk,
        inbox: &mut mpsc::Receiver<Order>,
    ) -> Option<Error> {
        let clock = self.link.clock();
        let (mut rest, mut arrived) = (None, Vec::new());
        loop {
            let resting = async {
                match &mut rest {
                    Some(rest) => rest.await,
                    None => std::future::pending().await,
                }
            };
            let result = tokio::select! {
                biased;
                () = self.closing.asked() => return None,
                Some(order) = inbox.recv() => carry_out(receiver, credit, desk, order).await,
                want = self.wants.recv() => {
                    // Who wanted it may have stopped waiting.
                    let _ = want?.send(Ok(desk.clone()));
                    Ok(())
                }
                delivery = receiver.recv() => {
                    if rest.is_none() && !self.shelf.has_visitors() {
                        rest = Some(clock.sleep_until(clock.now() + REST));
                    }
                    take_along(delivery, receiver, credit, self.shelf, &mut arrived).await
                }
                () = credit.taken_back() => self.start_over(receiver, credit).await,
                () = self.shelf.rested.notified() => {
                    rest = Some(clock.sleep_until(clock.now() + REST));
                    Ok(())
                }
                () = resting => {
                    rest = None;
                    lay_down(receiver, credit, desk, self.shelf).await
                }
            };
            if let Err(error) = result {
                return Some(error);
            }
        }
    }

    /// Starts over with credit, and gives back what came by that which nobody waits for any more.
    ///
    /// What came in a session stays for the next receive: if the broker refused to have it back,
    /// what is behind it would overtake it.
    async fn start_over(&self, receiver: &mut AmqpReceiver, credit: &mut Credit) -> Result<()> {
        let started = async {
            let is_for_good = credit.start_over(receiver).await?;
            if is_for_good && !self.holds_session && !self.shelf.has_visitors() {
                let ready = self.shelf.take_ready();
                if !ready.is_empty() {
                    receiver.release_all(ready).await?;
                }
            }
            Ok(())
        };
        started
            .await
            .map_err(|error| link::of_state(error, Operation::Receive))
    }
}

/// The broker takes a session back with its link.
fn session_lost(error: Error) -> Error {
    if error.kind() == ErrorKind::LeaseLost {
        return error;
    }
    Error::new(ErrorKind::LeaseLost, "the session is lost with its link").with_source(error)
}

/// Takes back credit that nobody waits for any more.
async fn lay_down(
    receiver: &mut AmqpReceiver,
    credit: &mut Credit,
    desk: &Desk,
    shelf: &Shelf,
) -> Result<()> {
    if shelf.has_visitors() {
        return Ok(());
    }
    let laid = credit.take_back(receiver, desk, None).await;
    laid.map_err(|error| link::of_state(error, Operation::Receive))
}

/// Gives back what came for receives that have ended, and what is on its way to them.
async fn give_back(
    receiver: &mut AmqpReceiver,
    credit: &mut Credit,
    desk: &Desk,
    shelf: &Shelf,
) -> Result<()> {
    let of_state = |error| link::of_state(error, Operation::Receive);
    let ordered = credit.take_back(receiver, desk, None).await;
    ordered.map_err(of_state)?;
    let mut arrived = Vec::new();
    loop {
        tokio::select! {
            biased;
            () = credit.taken_back() => break,
            delivery = receiver.recv() => {
                take_along(delivery, receiver, credit, shelf, &mut arrived).await?;
            }
        }
    }
    let ready = shelf.take_ready();
    if ready.is_empty() {
        return Ok(());
    }
    receiver.release_all(ready).await.map_err(of_state)
}

async fn carry_out(
    receiver: &mut AmqpReceiver,
    credit: &mut Credit,
    desk: &Desk,
    order: Order,
) -> Result<()> {
    let carried = match order {
        Order::Credit(count) => credit.grant(receiver, count).await,
        Order::TakeBack(done) => credit.take_back(receiver, desk, Some(done)).await,
        Order::Settle(settlements) => settle(receiver, settlements).await,
        Order::Retire { part, order, done } => retire(receiver, &part, order, done).await,
    };
    carried.map_err(|error| link::of_state(error, Operation::Receive))
}

/// Sends settlements, with one for all acks that stand together.
async fn settle(
    receiver: &AmqpReceiver,
    settlements: Vec<(DeliveryInfo, TerminalDeliveryState)>,
) -> Result<(), IllegalLinkStateError> {
    let mut acks = Vec::new();
    for (info, state) in settlements {
        if matches!(state, TerminalDeliveryState::Accepted(_)) {
            acks.push(info);
            continue;
        }
        if !acks.is_empty() {
            receiver.accept_all(std::mem::take(&mut acks)).await?;
        }
        receiver.dispose(info, state).await?;
    }
    if !acks.is_empty() {
        receiver.accept_all(acks).await?;
    }
    Ok(())
}

async fn retire(
    receiver: &mut AmqpReceiver,
    part: &Part,
    order: Vec<(DeliveryInfo, Outcome)>,
    done: oneshot::Sender<Result<()>>,
) -> Result<(), IllegalLinkStateError> {
    for (info, outcome) in order {
        part.retire(receiver, info, outcome).await?;
    }
    // Who ends the transaction may have stopped waiting.
    let _ = done.send(Ok(()));
    Ok(())
}

/// Takes a delivery with what came along, but lets no order wait for much of it. The room of
/// `arrived` is used again.
async fn take_along(
    first: Received,
    receiver: &mut AmqpReceiver,
    credit: &mut Credit,
    shelf: &Shelf,
    arrived: &mut Vec<Arrived>,
) -> Result<()> {
    let mut taken = take(first, credit, shelf, arrived);
    while taken.is_ok() && arrived.len() < ALONG_MAX {
        let mut next = pin!(receiver.recv());
        // In place: the future is large, and would be moved for each delivery otherwise.
        let next = poll_fn(|context| Poll::Ready(next.as_mut().poll(context)));
        let Poll::Ready(next) = next.await else {
            break;
        };
        taken = take(next, credit, shelf, arrived);
    }
    shelf.arrive(arrived);
    taken
}

/// Is the end of one receive from the link.
type Received = Result<Delivery<Body<Value>>, RecvError>;

fn take(
    delivery: Received,
    credit: &mut Credit,
    shelf: &Shelf,
    arrived: &mut Vec<Arrived>,
) -> Result<()> {
    let delivery = delivery.map_err(|error| link::of_recv(error, Operation::Receive))?;
    credit.arrived();
    let format = *delivery.message_format();
    let (info, incoming) = delivery.into_parts();
    // Without a lock token nobody could settle it.
    let token = Token::try_from(&info.delivery_tag()[..]);
    let token =
        token.map_err(|_| link::of_recv(RecvError::DeliveryTagIsNone, Operation::Receive))?;
    let reading = Payload::new(format, incoming).reading(shelf.source());
    arrived.push(Arrived {
        token,
        info,
        reading: reading.map_err(|error| link::of_decode(error, Operation::Receive))?,
    });
    Ok(())
}
