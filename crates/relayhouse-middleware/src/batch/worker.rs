//! The task that gathers requests and calls the service inside.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use relayhouse_core::{Error, Instant, Result, Sleep};
use tower_service::Service;

use super::{
    call::{Call, hand_out},
    shared::{Item, Shared, Stage},
    size::{Left, Size},
};
use crate::sync::lock;

/// The most calls that begin in one poll: others want to run as well.
const CALLS_IN_A_POLL_MAX: usize = 32;

/// Gathers requests and calls the service inside, until it is closed and nothing is left.
pub(super) struct Worker<S: Service<Vec<R>>, R, T> {
    shared: Arc<Shared<R, T>>,
    service: S,
    size: Size,
    calls: FuturesUnordered<Call<S::Future, T>>,
    /// When the first request that waits has waited long enough.
    timer: Option<(Instant, Sleep)>,
}

/// What there is to do.
enum Next {
    Call(Left),
    WaitUntil(Instant),
    Wait,
    End,
}

impl<S, R, T> Worker<S, R, T>
where
    S: Service<Vec<R>, Response = Vec<Result<T>>, Error = Error>,
{
    pub(super) fn new(shared: Arc<Shared<R, T>>, service: S, size: Size) -> Self {
        Self {
            shared,
            service,
            size,
            calls: FuturesUnordered::new(),
            timer: None,
        }
    }

    fn step(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut calls = 0;
        loop {
            while let Poll::Ready(Some(())) = self.calls.poll_next_unpin(context) {}
            match self.next(context) {
                Next::End => return Poll::Ready(()),
                Next::Wait => return Poll::Pending,
                Next::WaitUntil(time) => {
                    if self.poll_timer(time, context).is_pending() {
                        return Poll::Pending;
                    }
                }
                Next::Call(_) if calls == CALLS_IN_A_POLL_MAX => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Next::Call(left) => match self.service.poll_ready(context) {
                    Poll::Ready(ready) => {
                        calls += 1;
                        self.call(ready, left);
                    }
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }

    /// Finds out what there is to do, and leaves the waker where it is woken for more.
    fn next(&self, context: &Context<'_>) -> Next {
        let config = &self.shared.config;
        let mut state = lock(&self.shared.state);
        let is_busy = config.calls_in_flight.get() as usize <= self.calls.len();
        let is_closing = state.stage != Stage::Open;
        let next = match state.waiting.front() {
            None if is_closing && self.calls.is_empty() => return Next::End,
            // A call that ends wakes the worker.
            None => Next::Wait,
            Some(_) if is_busy => Next::Wait,
            Some(_) if is_closing || state.is_full(config) => return Next::Call(Left::Full),
            Some(first) => {
                let time = first.since + config.linger;
                if time <= self.shared.context.clock.now() {
                    return Next::Call(Left::Late);
                }
                Next::WaitUntil(time)
            }
        };
        state.worker = Some(context.waker().clone());
        next
    }

    fn poll_timer(&mut self, time: Instant, context: &mut Context<'_>) -> Poll<()> {
        let clock = &self.shared.context.clock;
        let timer = self.timer.take().filter(|(due, _)| *due == time);
        let (due, mut sleep) = timer.unwrap_or_else(|| (time, clock.sleep_until(time)));
        let poll = sleep.as_mut().poll(context);
        if poll.is_pending() {
            self.timer = Some((due, sleep));
        }
        poll
    }

    /// Calls the service with the next batch, or tells everybody in it that it is not ready.
    fn call(&mut self, ready: Result<()>, left: Left) {
        let batch = {
            let mut state = lock(&self.shared.state);
            let batch = state.take(&self.shared.config);
            let count = u32::try_from(batch.len()).unwrap_or(u32::MAX);
            self.size.record(count, left);
            state.wanted = self.size.wanted();
            batch
        };
        if let Some(first) = batch.first() {
            let count = u32::try_from(batch.len()).unwrap_or(u32::MAX);
            self.shared.report(count, first.since);
        }
        let split = |item: Item<R, T>| (item.request, item.answer);
        let (requests, answers) = batch.into_iter().map(split).unzip();
        match ready {
            Ok(()) => {
                let future = self.service.call(requests);
                self.calls.push(Call::new(future, answers));
            }
            Err(error) => hand_out(answers, Err(error)),
        }
    }
}

/// Nothing in it is pinned but what is boxed.
impl<S: Service<Vec<R>>, R, T> Unpin for Worker<S, R, T> {}

impl<S, R, T> Future for Worker<S, R, T>
where
    S: Service<Vec<R>, Response = Vec<Result<T>>, Error = Error>,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.step(context)
    }
}

impl<S: Service<Vec<R>>, R, T> Drop for Worker<S, R, T> {
    fn drop(&mut self) {
        self.shared.end();
    }
}
