//! What services are called with, and the services that do nothing.

use std::{
    future::{Ready, ready},
    sync::Arc,
    task::{Context as TaskContext, Poll},
};

use bytes::Bytes;
use relayhouse_core::{
    Context, Delivery, Error, Instant, Lease, LeaseSlot, LeaseTable, Message, MessageId,
    MessageIds, Previous, Receipt, Result, Sent, Settlement, Timestamp,
};
use tower::Service;

/// The bytes of a body, unless a layer has to have more.
pub(super) const BODY_BYTES: usize = 256;

/// Is a handler that acks, and nothing else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handler;

/// Is a producer that has sent, and nothing else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sink;

/// Is the lease table of a consumer whose leases do not end.
#[derive(Debug)]
struct Endless;

impl Service<Delivery> for Handler {
    type Response = Settlement;
    type Error = Error;
    type Future = Ready<Result<Settlement>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Delivery) -> Self::Future {
        ready(Ok(Settlement::Ack))
    }
}

impl Service<Message> for Sink {
    type Response = Sent;
    type Error = Error;
    type Future = Ready<Result<Sent>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Message) -> Self::Future {
        ready(Ok(Sent::default()))
    }
}

impl LeaseTable for Endless {
    fn until(&self, _: LeaseSlot) -> Instant {
        Instant::NEVER
    }

    fn poll_lost(&self, _: LeaseSlot, _: &mut TaskContext<'_>) -> Poll<()> {
        Poll::Pending
    }
}

/// Makes messages with ids, whose bodies are shared as those from a network are.
pub(super) fn messages(context: &Context) -> impl Fn() -> Message + 'static {
    messages_of(body(), context)
}

/// Makes messages with ids, of one body.
pub(super) fn messages_of(body: Bytes, context: &Context) -> impl Fn() -> Message + 'static {
    let ids = MessageIds::new(&*context.random);
    move || Message::new(body.clone()).id(ids.next_id())
}

/// Makes deliveries as a consumer hands them out: each of another message, with a lease that is
/// looked up.
pub(super) fn deliveries(context: &Context) -> impl Fn() -> Delivery + 'static {
    deliveries_of(Message::new(body()), context)
}

/// Makes deliveries of one message, under ids of their own.
pub(super) fn deliveries_of(
    message: Message,
    context: &Context,
) -> impl Fn() -> Delivery + 'static {
    let ids = MessageIds::new(&*context.random);
    let leases: Arc<dyn LeaseTable> = Arc::new(Endless);
    move || {
        let mut lease = Lease::new(Instant::NEVER, 1);
        lease.track(Arc::clone(&leases), LeaseSlot::default());
        delivery(ids.next_id(), message.clone(), lease)
    }
}

fn delivery(id: MessageId, message: Message, lease: Lease) -> Delivery {
    Delivery {
        id,
        message,
        receipt: Receipt::from_bytes([7; 16]),
        lease,
        attempt: 1,
        previous: Previous::None,
        sequence: Some(7),
        enqueued_at: Timestamp::default(),
        envelope: None,
    }
}

fn body() -> Bytes {
    Bytes::from(vec![7; BODY_BYTES])
}
