//! The future of one call, which becomes an entry among the deadlines when it has to wait.

use std::{
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use relayhouse_core::{Error, ErrorKind, Instant, Result};

use super::{
    Hold,
    deadlines::{Deadlines, Ticket},
};

pin_project! {
    /// Is the future of one call.
    pub struct ResponseFuture<F, H> {
        #[pin]
        future: F,
        // First of the two: a ticket is dropped before the hold that it was made for.
        ticket: Option<Ticket>,
        hold: H,
        // The end by the limit, once the call has to wait.
        end: Option<Instant>,
        late: ErrorKind,
        deadlines: Arc<Deadlines>,
    }
}

impl<F, H> ResponseFuture<F, H> {
    #[inline(always)]
    pub(super) fn new(future: F, hold: H, late: ErrorKind, deadlines: Arc<Deadlines>) -> Self {
        Self {
            future,
            ticket: None,
            hold,
            end: None,
            late,
            deadlines,
        }
    }
}

impl<F, H> Debug for ResponseFuture<F, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

impl<F: Future<Output = Result<T>>, H: Hold, T> Future for ResponseFuture<F, H> {
    type Output = Result<T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        let this = self.project();
        if let Poll::Ready(answer) = this.future.poll(context) {
            *this.ticket = None;
            return Poll::Ready(answer);
        }
        loop {
            if let Some(ticket) = this.ticket
                && ticket.poll(context).is_pending()
            {
                return Poll::Pending;
            }
            // The first time, or the deadline has come: the lease may have been renewed since.
            let config = &this.deadlines.config;
            let now = this.deadlines.clock().now();
            let end = *this.end.get_or_insert_with(|| now + config.limit);
            let held = this.hold.until() - config.lease_margin;
            let deadline = end.min(held);
            if deadline <= now {
                *this.ticket = None;
                return Poll::Ready(Err(late(*this.late, end <= now, config.limit)));
            }
            *this.ticket = Some(this.deadlines.enter(deadline, context));
        }
    }
}

fn late(kind: ErrorKind, is_over_limit: bool, limit: Duration) -> Error {
    if is_over_limit {
        return Error::new(kind, format!("no answer within {limit:?}"));
    }
    Error::new(kind, "no answer before the lease ends")
}
