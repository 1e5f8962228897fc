//! The service.

use std::{
    future::poll_fn,
    task::{Context, Poll},
};

use relayhouse_core::{Error, Message, Result};
use tower_service::Service;

use super::EncodingFuture;
use crate::codec::Encoder;

/// Sends values by a codec, through a producer or any stack of layers around one.
///
/// As a tower service it takes values of any type that the codec takes. [`send`](Self::send) takes
/// them by reference, and waits until the inner service is ready.
#[derive(Clone, Copy, Debug)]
pub struct Encoding<S, C> {
    inner: S,
    codec: C,
}

impl<S, C> Encoding<S, C> {
    pub(super) const fn new(inner: S, codec: C) -> Self {
        Self { inner, codec }
    }

    /// Makes the message of `value`, to add what a body cannot say, such as an ordering key.
    ///
    /// # Errors
    ///
    /// Returns what [`Encoder::encode_message`] returns.
    pub fn message<T: ?Sized>(&self, value: &T) -> Result<Message>
    where
        C: Encoder<T>,
    {
        self.codec.encode_message(value)
    }

    /// Returns the inner service: the producer.
    pub const fn producer(&self) -> &S {
        &self.inner
    }

    /// Encodes `value` and sends it.
    ///
    /// Dropping the future costs what it costs with the inner service.
    ///
    /// # Errors
    ///
    /// Returns what [`message`](Self::message) returns, when nothing was sent, or what the inner
    /// service returns.
    pub async fn send<T: ?Sized>(&self, value: &T) -> Result<S::Response, S::Error>
    where
        S: Service<Message> + Clone,
        S::Error: From<Error>,
        C: Encoder<T>,
    {
        let message = self.message(value)?;
        let mut inner = self.inner.clone();
        poll_fn(|context| inner.poll_ready(context)).await?;
        inner.call(message).await
    }
}

impl<S, C, T> Service<T> for Encoding<S, C>
where
    S: Service<Message>,
    S::Error: From<Error>,
    C: Encoder<T>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = EncodingFuture<S::Future, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, value: T) -> Self::Future {
        match self.codec.encode_message(&value) {
            Ok(message) => EncodingFuture::sending(self.inner.call(message)),
            Err(error) => EncodingFuture::failed(error.into()),
        }
    }
}
