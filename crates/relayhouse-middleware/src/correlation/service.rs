//! The service that says which messages belong together, and which brought about which.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use relayhouse_core::{Delivery, Error, Message, MessageIds, Result, Text};
use tower_service::Service;

use super::CAUSATION_ID;
use crate::scope::{Scope, Scoped};

/// Gives messages the ids of what they belong to and of what brought them about.
#[derive(Clone, Debug)]
pub struct Correlation<S> {
    inner: S,
    ids: Arc<MessageIds>,
}

impl<S> Correlation<S> {
    pub(super) const fn new(inner: S, ids: Arc<MessageIds>) -> Self {
        Self { inner, ids }
    }

    /// Sets what `message` does not say itself.
    fn mark(&self, message: &mut Message) {
        let Scope {
            correlation_id,
            causation_id,
            deadline: _,
        } = Scope::current();
        if message.details().correlation_id.is_none() {
            let id = correlation_id.unwrap_or_else(|| self.ids.next_id().to_string().into());
            message.details_mut().correlation_id = Some(id);
        }
        if let Some(id) = causation_id.filter(|_| message.headers().get(CAUSATION_ID).is_none()) {
            message.details_mut().headers.set(CAUSATION_ID, id);
        }
    }
}

/// Returns the exchange that a delivery belongs to: one that names none begins its own.
fn correlation_id(delivery: &Delivery) -> Text {
    let named = delivery.message.details().correlation_id.clone();
    named.unwrap_or_else(|| delivery.id.to_string().into())
}

/// Returns the scope of a batch: what all its deliveries have in common.
fn scope_of(batch: &[Delivery]) -> Scope {
    let first = batch.first().map(correlation_id);
    let is_common = |id: &Text| batch.iter().all(|other| correlation_id(other) == *id);
    let causation_id = match batch {
        [alone] => Some(alone.id.to_string().into()),
        _ => None,
    };
    Scope {
        correlation_id: first.filter(is_common),
        causation_id,
        ..Scope::current()
    }
}

impl<S: Service<Message, Error = Error>> Service<Message> for Correlation<S> {
    type Response = S::Response;
    type Error = Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut message: Message) -> Self::Future {
        self.mark(&mut message);
        self.inner.call(message)
    }
}

impl<S: Service<Delivery, Error = Error>> Service<Delivery> for Correlation<S> {
    type Response = S::Response;
    type Error = Error;
    type Future = Scoped<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        let scope = scope_of(std::slice::from_ref(&delivery));
        scope.run(|| self.inner.call(delivery))
    }
}

impl<S: Service<Vec<Delivery>, Error = Error>> Service<Vec<Delivery>> for Correlation<S> {
    type Response = S::Response;
    type Error = Error;
    type Future = Scoped<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, batch: Vec<Delivery>) -> Self::Future {
        scope_of(&batch).run(|| self.inner.call(batch))
    }
}
