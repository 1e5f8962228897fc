//! What tests of several layers share: a context, deliveries, a service whose readiness comes and
//! goes, and futures that are dropped early.

use std::{
    future::{Future, Ready, ready},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{self, Poll},
};

use relayhouse_core::{
    Context, Delivery, Error, Instant, Lease, Message, MessageId, Previous, Receipt, Result, Sent,
    Timestamp,
};
use relayhouse_time::simulated;
use tower::Service;

/// Makes a context on tokio's clock, the same in every run.
pub(crate) fn context() -> Context {
    simulated(Timestamp::from_micros(1_700_000_000_000_000), 7)
}

/// Makes a delivery of the message `id` that is leased until `until`.
pub(crate) fn delivery(id: &str, attempt: u32, until: Instant) -> Delivery {
    Delivery {
        id: MessageId::from_text(id),
        message: Message::new("body"),
        receipt: Receipt::from_text(id),
        lease: Lease::new(until, 1),
        attempt,
        previous: Previous::None,
        sequence: None,
        enqueued_at: Timestamp::default(),
        envelope: None,
    }
}

/// Is a service that is ready while it is open, and wakes nobody when it opens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Door {
    is_closed: Arc<AtomicBool>,
}

impl Door {
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }
}

impl Service<Message> for Door {
    type Response = Sent;
    type Error = Error;
    type Future = Ready<Result<Sent>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<()>> {
        if self.is_closed.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Message) -> Self::Future {
        ready(Ok(Sent::default()))
    }
}

/// Polls `future` up to `polls` times, each time it is woken, and drops it; returns its output if
/// it ended by then.
pub(crate) async fn poll_and_drop<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polled = 0;
    std::future::poll_fn(|context| {
        if polled == polls {
            return Poll::Ready(None);
        }
        polled += 1;
        let poll = future.as_mut().poll(context).map(Some);
        // The last poll is followed by the drop, whether it is woken or not.
        if poll.is_pending() && polled == polls {
            return Poll::Ready(None);
        }
        poll
    })
    .await
}
