//! An absolute deadline that travels with a message, and is honoured before work starts.
//!
//! The deadline is the time until which the answer to a message is of use, in the header that
//! [`Message::deadline`](relayhouse_core::Message::deadline) sets.
//!
//! Around a producer, a message without a deadline gets the one of the message that is being
//! handled, or one by the configured limit; what it says by itself stays. A message whose deadline
//! has passed is not sent: the call ends as a permanent
//! [`ErrorKind::Timeout`](relayhouse_core::ErrorKind::Timeout).
//!
//! Around a handler, a delivery whose deadline has passed is dead-lettered with the reason
//! `expired`, or acked, and the handler does not run. The others run, and what they send inherits
//! their deadline; of several deliveries at a time, the earliest. A deadline does not cut a handler
//! off that has begun: that is the work of [`timeout`](crate::timeout).
//!
//! It compares wall clocks, of the machine that set the deadline and of this one.
//!
//! # Order
//!
//! Around a producer, inside retry, so that a deadline that passes between two tries ends them.
//! Around a handler, outside everything that waits or counts: what is late is no failure. Inside
//! a breaker, what is late would take a probe's place for nothing.
//!
//! # Cancellation
//!
//! Dropping the future drops the call.
//!
//! # Defaults
//!
//! - No limit: messages get no deadline but the one they inherit.
//! - What is late is dead-lettered.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//!
//! use relayhouse_core::{Error, ErrorKind, Message};
//! use relayhouse_middleware::deadline::DeadlineLayer;
//! use tower::{Service, ServiceBuilder};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let context = relayhouse_time::context()?;
//! let mut producer = ServiceBuilder::new()
//!     .layer(DeadlineLayer::new(&context))
//!     .service_fn(|_: Message| async { Ok::<_, Error>(()) });
//! let soon = context.clock.wall() + Duration::from_secs(60);
//! producer.call(Message::new("order 7").deadline(soon)).await?;
//! let past = context.clock.wall();
//! let error = producer.call(Message::new("order 7").deadline(past)).await.unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Timeout);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod config;
mod layer;
mod service;

#[cfg(test)]
mod tests;

pub use self::{
    config::{DeadlineConfig, Late},
    layer::DeadlineLayer,
    service::Deadline,
};
