//! The service that stores large bodies before they are sent.

use std::task::{Context, Poll};

use relayhouse_core::{Error, Message, Result};
use tower_service::Service;

use super::shared::Shared;
use crate::prepare::{Preparing, take};

/// Stores the bodies of large messages, and sends claims in their place.
///
/// A call that stores goes on with the instance that was ready, and leaves a clone of it behind.
#[derive(Clone, Debug)]
pub struct ClaimCheck<S> {
    inner: S,
    shared: Shared,
}

impl<S> ClaimCheck<S> {
    pub(super) const fn new(inner: S, shared: Shared) -> Self {
        Self { inner, shared }
    }
}

impl<S> Service<Message> for ClaimCheck<S>
where
    S: Service<Message, Error = Error> + Clone,
{
    type Response = S::Response;
    type Error = Error;
    type Future = Preparing<S, Message>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, message: Message) -> Self::Future {
        if self.shared.is_small(&message) {
            return Preparing::now(Ok(message), &mut self.inner);
        }
        let prepare = self.shared.clone().check_in_one(message);
        Preparing::later(Box::pin(prepare), take(&mut self.inner))
    }
}
