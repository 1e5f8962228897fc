//! The service that calls another while it works.

use std::{
    fmt::{self, Debug},
    sync::Arc,
    task::{Context, Poll, ready},
};

use relayhouse_core::{Error, ErrorKind, Instant, Result, Retry, Sleep};
use tower_service::Service;

use super::{
    Open, Report, State,
    circuit::Refused,
    shared::{Pass, Place, Shared},
};
use crate::{
    prepare::Called,
    verdict::{Classify, Standard},
};

/// Leaves a service alone while it fails.
///
/// A clone shares the circuit, and starts without the place of the first.
#[derive(Debug)]
pub struct Breaker<S, C = Standard> {
    inner: S,
    shared: Arc<Shared>,
    open: Open,
    classify: C,
    pass: Option<Pass>,
    waiting: Waiting,
}

/// Is what an instance waits by while the breaker is open.
#[derive(Default)]
struct Waiting {
    place: Option<Place>,
    sleep: Option<(Instant, Sleep)>,
}

impl<S, C> Breaker<S, C> {
    #[inline]
    pub(super) fn new(inner: S, shared: Arc<Shared>, open: Open, classify: C) -> Self {
        Self {
            inner,
            shared,
            open,
            classify,
            pass: None,
            waiting: Waiting::default(),
        }
    }

    /// Returns whether the breaker lets calls through now.
    pub fn state(&self) -> State {
        self.shared.state()
    }

    /// Takes a pass, or waits for one.
    fn poll_pass(&mut self, context: &mut Context<'_>) -> Poll<()> {
        // The service may have failed since, and the pass of a probe is of no use then.
        self.pass.take_if(|pass| !pass.is_current());
        if self.pass.is_some() {
            return Poll::Ready(());
        }
        if let Ok(pass) = self.shared.admit() {
            self.pass = Some(pass);
            self.waiting = Waiting::default();
            return Poll::Ready(());
        }
        // Wait first, and then look once more: no change falls in between.
        let place = &mut self.waiting.place;
        self.shared.wait(place, context.waker());
        loop {
            match self.shared.admit() {
                Ok(pass) => {
                    self.pass = Some(pass);
                    self.waiting = Waiting::default();
                    return Poll::Ready(());
                }
                Err(Refused::Probing) => return Poll::Pending,
                Err(Refused::Until(until)) => {
                    let clock = &self.shared.context.clock;
                    let sleep = &mut self.waiting.sleep;
                    sleep.take_if(|(armed, _)| *armed != until);
                    let (_, sleep) = sleep.get_or_insert_with(|| (until, clock.sleep_until(until)));
                    ready!(sleep.as_mut().poll(context));
                    self.waiting.sleep = None;
                }
            }
        }
    }
}

impl<S: Clone, C: Clone> Clone for Breaker<S, C> {
    fn clone(&self) -> Self {
        let Self {
            inner,
            shared,
            open,
            classify,
            pass: _,
            waiting: _,
        } = self;
        Self::new(inner.clone(), Arc::clone(shared), *open, classify.clone())
    }
}

impl<S, C, R> Service<R> for Breaker<S, C>
where
    S: Service<R, Error = Error>,
    C: Classify<S::Response> + Clone,
{
    type Response = S::Response;
    type Error = Error;
    type Future = Called<S::Future, S::Response, Report<C>>;

    #[inline]
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        if self.open == Open::Pause {
            ready!(self.poll_pass(context));
        }
        self.inner.poll_ready(context)
    }

    #[inline]
    fn call(&mut self, request: R) -> Self::Future {
        let pass = match self.pass.take() {
            Some(pass) => Ok(pass),
            None => self.shared.admit(),
        };
        match pass {
            Ok(pass) => {
                let shared = &self.shared;
                let slow_after = shared.config.slow_after;
                let slow_at = slow_after.map(|slow_after| shared.context.clock.now() + slow_after);
                let report = Report {
                    pass,
                    slow_at,
                    classify: self.classify.clone(),
                };
                Called::watched(self.inner.call(request), report)
            }
            Err(refused) => Called::answered(Err(self.unavailable(refused))),
        }
    }
}

impl<S, C> Breaker<S, C> {
    fn unavailable(&self, refused: Refused) -> Error {
        let name = &self.shared.name;
        let text = format!("the breaker {name} is open, since calls have failed");
        let error = Error::new(ErrorKind::Unavailable, text);
        match refused {
            Refused::Until(until) => {
                let left = until.since(self.shared.context.clock.now());
                error.retry(Retry::After(left))
            }
            Refused::Probing => error,
        }
    }
}

impl Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = self.sleep.as_ref().map(|(until, _)| until);
        f.debug_struct("Waiting")
            .field("place", &self.place.is_some())
            .field("until", &until)
            .finish()
    }
}
