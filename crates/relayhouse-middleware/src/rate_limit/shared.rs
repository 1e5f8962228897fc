//! What all clones share: the bucket, and the line of those who wait for it.

use std::{
    sync::Arc,
    task::{Context as TaskContext, Poll, Waker, ready},
};

use relayhouse_core::{Clock, Instant, Sleep};

use super::{RateLimitConfig, Unit, bucket::Bucket};
use crate::{
    line::{Line, wake},
    request::Request,
    sync::{Mutex, lock},
};

/// What readiness takes of the bucket: the rest is taken when the request is known.
const TOKENS_READY: u64 = 1;

/// Is shared by all clones of a rate limit.
#[derive(Debug)]
pub(super) struct Shared {
    clock: Arc<dyn Clock>,
    unit: Unit,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    bucket: Bucket,
    line: Line,
}

/// Is what one instance has of the bucket.
#[derive(Default)]
pub(super) enum Hold {
    #[default]
    Nothing,
    Waiting(Place),
    Ready(Token),
}

/// Is a place in the line, with the timer of who is first. Dropping it leaves the line.
pub(super) struct Place {
    shared: Arc<Shared>,
    ticket: u64,
    timer: Option<(Instant, Sleep)>,
}

/// Is what readiness took. Dropping it gives back what was not used of it.
pub(super) struct Token {
    shared: Arc<Shared>,
    left: u64,
}

impl Shared {
    pub(super) fn new(config: &RateLimitConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            unit: config.unit,
            inner: Mutex::new(Inner {
                bucket: Bucket::new(config),
                line: Line::default(),
            }),
        }
    }

    /// Changes the rate; who waits first looks again.
    pub(super) fn set(&self, config: &RateLimitConfig) {
        let now = self.clock.now();
        let waker = {
            let mut inner = lock(&self.inner);
            inner.bucket.set(config, now);
            inner.line.first()
        };
        wake(waker);
    }

    /// Takes what readiness needs, or waits for it in line.
    pub(super) fn poll_take(
        self: &Arc<Self>,
        hold: &mut Hold,
        context: &mut TaskContext<'_>,
    ) -> Poll<()> {
        loop {
            let at = match self.take(hold, context.waker()) {
                Taken::Ready => return Poll::Ready(()),
                Taken::Behind => return Poll::Pending,
                Taken::Until(at) => at,
            };
            let Hold::Waiting(place) = hold else {
                return Poll::Pending;
            };
            place.timer.take_if(|(armed, _)| *armed != at);
            let (_, timer) = place
                .timer
                .get_or_insert_with(|| (at, self.clock.sleep_until(at)));
            ready!(timer.as_mut().poll(context));
            place.timer = None;
        }
    }

    fn take(self: &Arc<Self>, hold: &mut Hold, waker: &Waker) -> Taken {
        let ticket = match hold {
            Hold::Ready(_) => return Taken::Ready,
            Hold::Waiting(place) => Some(place.ticket),
            Hold::Nothing => None,
        };
        let now = self.clock.now();
        let mut inner = lock(&self.inner);
        let is_turn = ticket.map_or(inner.line.is_empty(), |ticket| inner.line.is_first(ticket));
        let taken = if is_turn {
            inner.bucket.take(now, TOKENS_READY).map_err(Taken::Until)
        } else {
            Err(Taken::Behind)
        };
        let Err(refused) = taken else {
            let next = ticket.and_then(|ticket| inner.line.leave(ticket));
            drop(inner);
            wake(next);
            let shared = Arc::clone(self);
            let left = TOKENS_READY;
            *hold = Hold::Ready(Token { shared, left });
            return Taken::Ready;
        };
        match ticket {
            Some(ticket) => inner.line.stay(ticket, waker),
            None => {
                *hold = Hold::Waiting(Place {
                    shared: Arc::clone(self),
                    ticket: inner.line.join(waker),
                    timer: None,
                });
            }
        }
        refused
    }

    /// Charges `request`, of which readiness may have taken some before.
    pub(super) fn charge<R: Request>(&self, request: &R, token: Option<Token>) {
        let mut tokens = match self.unit {
            Unit::Messages => u64::from(request.messages()),
            Unit::Bytes => request.bytes(),
        };
        if let Some(mut token) = token {
            let used = token.left.min(tokens);
            token.left -= used;
            tokens -= used;
        }
        if 0 < tokens {
            let now = self.clock.now();
            lock(&self.inner).bucket.owe(now, tokens);
        }
    }
}

/// Says how taking went.
enum Taken {
    Ready,
    /// Others come first.
    Behind,
    /// The bucket has what is needed at that time.
    Until(Instant),
}

impl Drop for Token {
    fn drop(&mut self) {
        if self.left == 0 {
            return;
        }
        let waker = {
            let mut inner = lock(&self.shared.inner);
            inner.bucket.give_back(self.left);
            inner.line.first()
        };
        wake(waker);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let waker = lock(&self.shared.inner).line.leave(self.ticket);
        wake(waker);
    }
}
