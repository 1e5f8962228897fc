//! The service that encrypts messages and opens deliveries.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use relayhouse_core::{Delivery, Error, Message, Result};
use tower_service::Service;

use super::shared::{AtOnce, Shared};
use crate::prepare::{Preparing, PreparingBatch, take};

/// Encrypts the bodies of messages, and decrypts and checks those of deliveries.
///
/// Clones share keys and nonces. A call waits only where keys are to be read, or nonces noted;
/// it then goes on with the instance that was ready, and leaves a clone of it behind.
#[derive(Clone, Debug)]
pub struct Encryption<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Encryption<S> {
    pub(super) const fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }
}

impl<S> Service<Message> for Encryption<S>
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
        match self.shared.seal_now(message) {
            AtOnce::Done(sealed) => Preparing::now(sealed, &mut self.inner),
            AtOnce::Later(message) => {
                let sealed = Arc::clone(&self.shared).seal_later(message);
                Preparing::later(Box::pin(sealed), take(&mut self.inner))
            }
        }
    }
}

impl<S> Service<Delivery> for Encryption<S>
where
    S: Service<Delivery, Error = Error> + Clone,
{
    type Response = S::Response;
    type Error = Error;
    type Future = Preparing<S, Delivery>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        match self.shared.open_one_now(delivery) {
            AtOnce::Done(opened) => Preparing::now(opened, &mut self.inner),
            AtOnce::Later(delivery) => {
                let opened = Arc::clone(&self.shared).open_one_later(delivery);
                Preparing::later(Box::pin(opened), take(&mut self.inner))
            }
        }
    }
}

impl<S, T> Service<Vec<Delivery>> for Encryption<S>
where
    S: Service<Vec<Delivery>, Response = Vec<Result<T>>, Error = Error> + Clone,
{
    type Response = Vec<Result<T>>;
    type Error = Error;
    type Future = PreparingBatch<S, T>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, batch: Vec<Delivery>) -> Self::Future {
        match self.shared.open_now(batch) {
            AtOnce::Done(opened) => PreparingBatch::now(opened, &mut self.inner),
            AtOnce::Later(batch) => {
                let opened = Arc::clone(&self.shared).open_later(batch);
                PreparingBatch::later(Box::pin(opened), take(&mut self.inner))
            }
        }
    }
}
