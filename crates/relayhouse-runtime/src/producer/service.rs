//! A producer as a tower service.

use std::{
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use relayhouse_core::{Error, Message, Result, Sent};
use tower_service::Service;

use super::{Producer, Reserved};

/// Is the future of one send.
pub struct SendFuture(Pin<Box<dyn Future<Output = Result<Sent>> + Send>>);

impl Future for SendFuture {
    type Output = Result<Sent>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl Debug for SendFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendFuture")
    }
}

impl Service<Message> for Producer {
    type Response = Sent;
    type Error = Error;
    type Future = SendFuture;

    /// Is ready when the buffer has room for one more message, which it then keeps for this
    /// instance until it is called or dropped.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let Reserved { permit, waiting } = &mut self.reserved;
        if permit.is_some() {
            return Poll::Ready(Ok(()));
        }
        if waiting.is_none() {
            *permit = self.outlet.try_reserve();
            if permit.is_some() {
                return Poll::Ready(Ok(()));
            }
        }
        let reserve = waiting.get_or_insert_with(|| Box::pin(self.outlet.reserve()));
        reserve.as_mut().poll(context).map(|reserved| {
            *waiting = None;
            *permit = Some(reserved?);
            Ok(())
        })
    }

    fn call(&mut self, message: Message) -> SendFuture {
        // The send keeps the outlet open, also when the service is dropped before it ends.
        let producer = self.clone();
        let reserved = self.reserved.permit.take();
        SendFuture(Box::pin(async move {
            producer.send_with(message, reserved).await
        }))
    }
}
