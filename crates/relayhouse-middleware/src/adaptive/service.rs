//! The service that calls another within a limit that it finds.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use relayhouse_core::{Error, ErrorKind, Result};
use tower_service::Service;

use super::{Decision, Measure, shared::Shared};
use crate::{
    permits::{Amount, Hold},
    prepare::Called,
    request::Request,
    verdict::{Classify, Standard},
};

/// Bounds the calls in flight to a service by a limit that follows how they end.
///
/// A clone shares the limit, and starts without the permit of the first.
#[derive(Debug)]
pub struct Adaptive<S, C = Standard> {
    inner: S,
    shared: Arc<Shared>,
    classify: C,
    hold: Hold,
}

impl<S, C> Adaptive<S, C> {
    pub(super) const fn new(inner: S, shared: Arc<Shared>, classify: C) -> Self {
        Self {
            inner,
            shared,
            classify,
            hold: Hold::Nothing,
        }
    }

    /// Explains the latest decision.
    pub fn explain(&self) -> Decision {
        self.shared.explain()
    }
}

impl<S: Clone, C: Clone> Clone for Adaptive<S, C> {
    fn clone(&self) -> Self {
        let Self {
            inner,
            shared,
            classify,
            hold: _,
        } = self;
        Self::new(inner.clone(), Arc::clone(shared), classify.clone())
    }
}

impl<S, C, R> Service<R> for Adaptive<S, C>
where
    S: Service<R, Error = Error>,
    C: Classify<S::Response> + Clone,
    R: Request,
{
    type Response = S::Response;
    type Error = Error;
    type Future = Called<S::Future, S::Response, Measure<C>>;

    /// Is ready when the service is, and then when there is room: an instance that waits for the
    /// service keeps neither room nor a place in the line from others.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let inner = self.inner.poll_ready(context)?;
        if inner.is_pending() {
            self.hold = Hold::Nothing;
            return Poll::Pending;
        }
        let Shared {
            permits, reserve, ..
        } = &*self.shared;
        permits.poll_take(&mut self.hold, *reserve, context).map(Ok)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let amount = Amount {
            messages: request.messages().into(),
            bytes: request.bytes(),
        };
        let permit = match self.hold.take_permit() {
            Some(mut permit) => {
                permit.resize(amount);
                Some(permit)
            }
            None => self.shared.permits.try_take(amount),
        };
        let Some(permit) = permit else {
            let error = Error::new(ErrorKind::Full, "as much is in flight as may be");
            return Called::answered(Err(error));
        };
        let measure = Measure {
            permit,
            began: self.shared.context.clock.now(),
            shared: Arc::clone(&self.shared),
            classify: self.classify.clone(),
        };
        Called::watched(self.inner.call(request), measure)
    }
}
