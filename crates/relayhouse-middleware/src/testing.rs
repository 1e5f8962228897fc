//! What tests of several layers share: a context, deliveries, and futures that are dropped early.

use std::{future::Future, pin::pin, task::Poll};

use relayhouse_core::{
    Context, Delivery, Instant, Lease, Message, MessageId, Previous, Receipt, Timestamp,
};
use relayhouse_time::simulated;

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
