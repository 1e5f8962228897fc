//! The service that calls another once the schema is known.

use std::{
    mem,
    sync::Arc,
    task::{Context, Poll},
};

use relayhouse_core::{Delivery, Error, Message, Result};
use tower_service::Service;

use super::ResponseFuture;
use crate::avro::{Framing, SchemaId, SchemaStore};

/// Fetches the schema of each delivery that names one which is not known yet.
#[derive(Clone, Debug)]
pub struct FetchSchemas<S> {
    inner: S,
    store: Arc<dyn SchemaStore>,
    framing: Framing,
    /// What the codec's own schema is called, which it has.
    own: [SchemaId; 2],
}

impl<S> FetchSchemas<S> {
    pub(super) fn new(
        inner: S,
        store: Arc<dyn SchemaStore>,
        framing: Framing,
        own: [SchemaId; 2],
    ) -> Self {
        Self {
            inner,
            store,
            framing,
            own,
        }
    }

    /// Returns the id of the schema that must be fetched before `message` can be decoded.
    ///
    /// What is wrong with a message is left to who decodes it, who says so in better words.
    fn missing(&self, message: &Message) -> Option<SchemaId> {
        let content_type = message.details().content_type.as_deref();
        if content_type.is_some_and(|content_type| !self.framing.accepts(content_type)) {
            return None;
        }
        let id = self.framing.schema_of(message).ok()??;
        let is_missing = !self.own.contains(&id) && matches!(self.store.known(id), Ok(None));
        is_missing.then_some(id)
    }
}

impl<S> Service<Delivery> for FetchSchemas<S>
where
    S: Service<Delivery, Error = Error> + Clone,
{
    type Response = S::Response;
    type Error = Error;
    type Future = ResponseFuture<S>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        let Some(id) = self.missing(&delivery.message) else {
            return ResponseFuture::called(self.inner.call(delivery));
        };
        // The one that is ready goes along: its clone may not be.
        let clone = self.inner.clone();
        let ready = mem::replace(&mut self.inner, clone);
        let store = Arc::clone(&self.store);
        let fetch = Box::pin(async move { store.fetch(id).await });
        ResponseFuture::fetching(fetch, ready, delivery)
    }
}
