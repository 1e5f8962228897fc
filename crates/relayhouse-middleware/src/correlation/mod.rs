//! Says which messages belong together, and which brought about which.
//!
//! Around a producer, a message that has no correlation id gets one: that of the message that is
//! being handled, or a new one where none is. What is sent while a message is handled also gets the
//! header `causation-id`, which is that message's id. What the message says by itself stays.
//!
//! Around a handler, the layer says what is being handled: a message without a correlation id
//! begins an exchange of its own, by its id. Several deliveries at a time have a correlation in
//! common, or none, and no cause.
//!
//! What is being handled is known wherever the handler itself is polled, in all that it awaits. It
//! is not known in what it spawns, unless that is wrapped in [`carry`].
//!
//! # Order
//!
//! Around a producer, outside retry: all tries of a message are of one correlation; and outside
//! encryption, which binds the ids: inside it they would be set after they were bound. Around a
//! handler, outside whatever sends while it is handled.
//!
//! # Cancellation
//!
//! Dropping the future drops the call.
//!
//! # Defaults
//!
//! - A correlation id is made as message ids are: 32 hexadecimal digits.
//!
//! # Example
//!
//! ```
//! use relayhouse_core::{Error, Message};
//! use relayhouse_middleware::correlation::CorrelationLayer;
//! use tower::{Service, ServiceBuilder};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let context = relayhouse_time::context()?;
//! let mut producer = ServiceBuilder::new()
//!     .layer(CorrelationLayer::new(&context))
//!     .service_fn(|message: Message| async move {
//!         assert!(message.details().correlation_id.is_some());
//!         Ok::<_, Error>(())
//!     });
//! producer.call(Message::new("order 7")).await?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod layer;
mod service;

#[cfg(test)]
mod tests;

pub use self::{layer::CorrelationLayer, service::Correlation};
pub use crate::scope::{Scoped, carry};

/// The header with the id of the message whose handling sent this one.
pub const CAUSATION_ID: &str = "causation-id";
