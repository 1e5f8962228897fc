//! What all clones share: the bucket, and the line of those who wait for it.

use std::{
    num::NonZeroU64,
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

/// Of how many tokens of a burst one is spare.
const SPARE_SHARE: u64 = 1024;

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
    /// Tokens that were taken out of the bucket already, for calls that then read no clock. The
    /// bucket's own burst is smaller by as many, so that both together never pass more.
    spare: u64,
    spare_max: u64,
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
            inner: Mutex::new(Inner::new(config)),
        }
    }

    /// Changes the rate; who waits first looks again.
    pub(super) fn set(&self, config: &RateLimitConfig) {
        let now = self.clock.now();
        let waker = {
            let mut inner = lock(&self.inner);
            inner.set(config, now);
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
        if ticket.is_none() && lock(&self.inner).take_spare(TOKENS_READY) {
            *hold = Hold::Ready(self.token());
            return Taken::Ready;
        }
        let now = self.clock.now();
        let mut inner = lock(&self.inner);
        let is_turn = ticket.map_or(inner.line.is_empty(), |ticket| inner.line.is_first(ticket));
        let taken = if is_turn {
            inner.take(now, TOKENS_READY).map_err(Taken::Until)
        } else {
            Err(Taken::Behind)
        };
        let Err(refused) = taken else {
            let next = ticket.and_then(|ticket| inner.line.leave(ticket));
            drop(inner);
            wake(next);
            *hold = Hold::Ready(self.token());
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

    fn token(self: &Arc<Self>) -> Token {
        Token {
            shared: Arc::clone(self),
            left: TOKENS_READY,
        }
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
        if 0 < tokens && !lock(&self.inner).take_spare(tokens) {
            let now = self.clock.now();
            lock(&self.inner).bucket.owe(now, tokens);
        }
    }
}

impl Inner {
    fn new(config: &RateLimitConfig) -> Self {
        let (bucket, spare_max) = divide(config);
        Self {
            bucket: Bucket::new(&bucket),
            spare: spare_max,
            spare_max,
            line: Line::default(),
        }
    }

    fn set(&mut self, config: &RateLimitConfig, now: Instant) {
        let (bucket, spare_max) = divide(config);
        self.bucket.set(&bucket, now);
        self.spare_max = spare_max;
        self.spare = self.spare.min(spare_max);
    }

    /// Takes spare tokens, if there are so many and nobody waits.
    fn take_spare(&mut self, tokens: u64) -> bool {
        let is_there = tokens <= self.spare && self.line.is_empty();
        if is_there {
            self.spare -= tokens;
        }
        is_there
    }

    /// Takes tokens out of the bucket, and spare ones if they are there too.
    fn take(&mut self, now: Instant, tokens: u64) -> Result<(), Instant> {
        self.bucket.take(now, tokens)?;
        let lacking = self.spare_max - self.spare;
        if 0 < lacking && self.bucket.take(now, lacking).is_ok() {
            self.spare = self.spare_max;
        }
        Ok(())
    }
}

/// Divides a burst into that of the bucket and what is spare.
fn divide(config: &RateLimitConfig) -> (RateLimitConfig, u64) {
    let burst = config.burst.unwrap_or(config.amount);
    let spare = burst.get() / SPARE_SHARE;
    let bucket = RateLimitConfig {
        burst: NonZeroU64::new(burst.get() - spare),
        ..config.clone()
    };
    (bucket, spare)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        /// Spare tokens and the bucket pass no more together, in any span of time, than the burst
        /// and the rate times the span.
        #[test]
        fn no_span_passes_more_than_the_rate(
            amount in 1..5_000_000_u64,
            burst in 1..10_000_u64,
            steps in vec((0..2_000_000_u64, 1..3_000_u64), 1..200),
        ) {
            let config = RateLimitConfig {
                burst: NonZeroU64::new(burst),
                ..RateLimitConfig::per_second(NonZeroU64::new(amount).unwrap())
            };
            let mut inner = Inner::new(&config);
            let mut now = Instant::START;
            let mut passed: Vec<(Instant, u64)> = Vec::new();
            for (pause, calls) in steps {
                now = now + Duration::from_nanos(pause);
                let pass = |_: &u64| inner.take_spare(1) || inner.take(now, 1).is_ok();
                let count = (0..calls).take_while(pass).count() as u64;
                passed.push((now, count));
            }
            for (first, (start, _)) in passed.iter().enumerate() {
                let mut sum = 0;
                for (end, count) in &passed[first..] {
                    sum += u128::from(*count);
                    let span = u128::from(end.as_nanos() - start.as_nanos());
                    let allowed = u128::from(burst) + span * u128::from(amount) / 1_000_000_000;
                    prop_assert!(sum <= allowed + 1, "{sum} passed of {allowed}");
                }
            }
        }
    }

    #[test]
    fn burst_passes_at_once_and_no_more() {
        let amount = NonZeroU64::new(4_096).unwrap();
        let mut inner = Inner::new(&RateLimitConfig::per_second(amount));
        let mut pass = || inner.take_spare(1) || inner.take(Instant::START, 1).is_ok();
        assert_eq!((0..5_000).take_while(|_| pass()).count(), 4_096);
    }
}
