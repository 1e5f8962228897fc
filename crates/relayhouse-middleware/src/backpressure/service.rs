//! The service that calls another while there is room.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use relayhouse_core::{Error, ErrorKind, Result, Retry};
use tower_service::Service;

use super::{BackpressureConfig, Full};
use crate::{
    permits::{Amount, Hold, Permit, Permits},
    prepare::Called,
    request::Request,
};

/// Bounds what is in flight to a service.
///
/// A clone shares the bounds, and starts without the permit of the first.
#[derive(Debug)]
pub struct Backpressure<S> {
    inner: S,
    permits: Arc<Permits>,
    config: Arc<BackpressureConfig>,
    hold: Hold,
    /// Whether the service inside was not ready when it was asked last.
    is_blocked: bool,
}

/// Says what is in flight, and how many wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// The messages in flight, those of instances that are ready included.
    pub messages: u64,
    /// The bytes in flight, those kept for instances that are ready included.
    pub bytes: u64,
    /// The instances that wait for room.
    pub waiting: usize,
}

impl<S> Backpressure<S> {
    pub(super) const fn new(
        inner: S,
        permits: Arc<Permits>,
        config: Arc<BackpressureConfig>,
    ) -> Self {
        Self {
            inner,
            permits,
            config,
            hold: Hold::Nothing,
            is_blocked: false,
        }
    }

    /// Returns what is in flight now, and how many wait.
    pub fn load(&self) -> Load {
        Load::of(&self.permits)
    }

    /// Returns what readiness keeps free: one message, and the bytes it is expected to have.
    fn reserve(&self) -> Amount {
        Amount {
            messages: 1,
            bytes: self.config.request_bytes.min(self.config.bytes_max.get()),
        }
    }

    fn full(&self) -> Error {
        let error = Error::new(ErrorKind::Full, "as much is in flight as may be");
        match self.config.full {
            Full::Shed => error.retry(Retry::After(self.config.shed_delay)),
            Full::Wait | Full::Fail => error,
        }
    }
}

impl Load {
    pub(super) fn of(permits: &Permits) -> Self {
        let (Amount { messages, bytes }, waiting) = permits.load();
        Self {
            messages,
            bytes,
            waiting,
        }
    }
}

impl<S: Clone> Clone for Backpressure<S> {
    fn clone(&self) -> Self {
        let Self {
            inner,
            permits,
            config,
            hold: _,
            is_blocked: _,
        } = self;
        Self::new(inner.clone(), Arc::clone(permits), Arc::clone(config))
    }
}

impl<S, R> Service<R> for Backpressure<S>
where
    S: Service<R, Error = Error>,
    R: Request,
{
    type Response = S::Response;
    type Error = Error;
    type Future = Called<S::Future, S::Response, Permit>;

    /// Is ready when the service is, and then when there is room: an instance that waits for the
    /// service keeps neither room nor a place in the line from others. Where calls are shed or fail,
    /// it is always ready.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let inner = self.inner.poll_ready(context)?;
        self.is_blocked = inner.is_pending();
        if self.config.full != Full::Wait {
            return Poll::Ready(Ok(()));
        }
        if self.is_blocked {
            self.hold = Hold::Nothing;
            return Poll::Pending;
        }
        let reserve = self.reserve();
        let taken = self.permits.poll_take(&mut self.hold, reserve, context);
        taken.map(Ok)
    }

    #[inline]
    fn call(&mut self, request: R) -> Self::Future {
        if self.is_blocked {
            return Called::answered(Err(self.full()));
        }
        let amount = Amount {
            messages: request.messages().into(),
            bytes: request.bytes(),
        };
        let permit = match self.hold.take_permit() {
            Some(mut permit) => {
                permit.resize(amount);
                Some(permit)
            }
            None => self.permits.try_take(amount),
        };
        match permit {
            Some(permit) => Called::watched(self.inner.call(request), permit),
            None => Called::answered(Err(self.full())),
        }
    }
}
