//! The task of one link: it takes what comes in, and passes on what was decided.

use std::sync::Arc;

use fe2o3_amqp::{
    link::{
        IllegalLinkStateError, Receiver as AmqpReceiver, RecvError,
        delivery::{Delivery, DeliveryInfo},
        receiver::TerminalDeliveryState,
    },
    session::SessionHandle,
};
use fe2o3_amqp_types::{
    messaging::{Body, Released},
    primitives::Value,
};
use relayhouse_core::Operation;
use tokio::{
    sync::mpsc::{self, error::SendError},
    task::JoinHandle,
};

use super::shelf::{Arrived, Shelf};
use crate::link::{
    self,
    tap::{Answers, Token},
};

/// The most orders that wait for the task.
const ORDERS_MAX: usize = 64;

/// Is what the task is asked to do.
#[derive(Debug)]
pub(super) enum Order {
    /// Let this many messages come in.
    Credit(u32),
    /// Send these settlements, in their order.
    Settle(Vec<(DeliveryInfo, TerminalDeliveryState)>),
}

impl Order {
    /// Gives back deliveries of which nobody waits to hear.
    pub(super) fn forget(deliveries: Vec<DeliveryInfo>) -> Self {
        let released = || TerminalDeliveryState::Released(Released {});
        let settlements = deliveries.into_iter().map(|info| (info, released()));
        Self::Settle(settlements.collect())
    }
}

/// Is a handle on the task of one link.
#[derive(Debug)]
pub(super) struct Intake {
    orders: mpsc::Sender<Order>,
    answers: Answers,
    task: JoinHandle<()>,
}

/// Sends orders to a task, and hears what the broker answers.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) answers: Answers,
}

impl Intake {
    pub(super) fn start(
        receiver: AmqpReceiver,
        session: SessionHandle<()>,
        answers: Answers,
        shelf: Arc<Shelf>,
    ) -> Self {
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        let task = tokio::spawn(run(receiver, session, inbox, shelf));
        Self {
            orders,
            answers,
            task,
        }
    }

    pub(super) fn desk(&self) -> Desk {
        Desk {
            orders: self.orders.clone(),
            answers: self.answers.clone(),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.task.is_finished() || self.orders.is_closed()
    }

    /// Has the task give back what nobody received and end the link, and waits until it has.
    pub(super) async fn close(self) {
        let Self {
            orders,
            answers: _,
            task,
        } = self;
        drop(orders);
        // A task that panicked has ended as well.
        let _ = task.await;
    }
}

impl Desk {
    pub(super) async fn order(&self, order: Order) -> Result<(), SendError<Order>> {
        self.orders.send(order).await
    }
}

async fn run(
    mut receiver: AmqpReceiver,
    mut session: SessionHandle<()>,
    mut inbox: mpsc::Receiver<Order>,
    shelf: Arc<Shelf>,
) {
    let error = loop {
        let result = tokio::select! {
            biased;
            order = inbox.recv() => match order {
                Some(order) => carry_out(&mut receiver, order)
                    .await
                    .map_err(|error| link::of_state(error, Operation::Receive)),
                None => break None,
            },
            delivery = receiver.recv() => {
                take(delivery, &shelf).map_err(|error| link::of_recv(error, Operation::Receive))
            }
        };
        if let Err(error) = result {
            break Some(error);
        }
    };
    // Settlements that are ordered from here on have nobody to send them.
    inbox.close();
    match error {
        Some(error) => shelf.end(error),
        None => {
            let ready = shelf.take_ready();
            // What cannot be given back comes back when its lock ends.
            let _ = receiver.release_all(ready).await;
            let _ = receiver.close().await;
            shelf.end(link::closed());
        }
    }
    let _ = session.end().await;
}

async fn carry_out(receiver: &mut AmqpReceiver, order: Order) -> Result<(), IllegalLinkStateError> {
    match order {
        // Credit that was given is never taken back: what comes by it may be under way.
        Order::Credit(credit) if receiver.credit() < credit => receiver.set_credit(credit).await,
        Order::Credit(_) => Ok(()),
        Order::Settle(settlements) => settle(receiver, settlements).await,
    }
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

fn take(
    delivery: Result<Delivery<Body<Value>>, RecvError>,
    shelf: &Shelf,
) -> Result<(), RecvError> {
    let (info, incoming) = delivery?.into_parts();
    match Token::try_from(&info.delivery_tag()[..]) {
        Ok(token) => shelf.arrive(Arrived {
            token,
            info,
            incoming,
        }),
        // Without a lock token nobody could settle it.
        Err(_) => return Err(RecvError::DeliveryTagIsNone),
    }
    Ok(())
}
