//! Bounds the time of a call, and of a delivery by what is left of its lease.
//!
//! A call that is not done in time is dropped. Around a producer it then ends as
//! [`ErrorKind::OutcomeUnknown`](relayhouse_core::ErrorKind::OutcomeUnknown), for the message may
//! have left; around a handler as [`ErrorKind::Timeout`](relayhouse_core::ErrorKind::Timeout), and
//! the message is delivered again. The time counts from the first poll that had to wait.
//!
//! A handler has until its lease ends, less a margin in which it can be settled. Where a consumer
//! renews the lease, its end moves on, and only the limit counts; where a lease is not renewed, is
//! capped, or lost, the handler is cut off while its message is still its own.
//!
//! A call that is ready at once costs no more than the move of its future: no clock is read. One
//! that waits takes a place among the deadlines of the layer, behind one timer for all calls, which
//! is armed about once in the length of the limit. Nothing is spawned.
//!
//! # Order
//!
//! Inside retry: each try has its own time. Around retry, the limit is that of all tries together,
//! and what was late is not tried again. Around back-pressure or a rate limit it makes no
//! difference: those wait before the call.
//!
//! # Cancellation
//!
//! Dropping the future drops the call, and takes its deadline out.
//!
//! # Defaults
//!
//! - A limit is given by hand; 30 s in a configuration that sets none.
//! - A delivery is cut off 1 s before its lease ends.
//!
//! # Example
//!
//! ```
//! use std::{future::pending, time::Duration};
//!
//! use relayhouse_core::{Error, ErrorKind, Message, Sent};
//! use relayhouse_middleware::timeout::TimeoutLayer;
//! use tower::{Service, ServiceBuilder};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()
//! #     .unwrap().block_on(async {
//! let context = relayhouse_time::context()?;
//! let mut service = ServiceBuilder::new()
//!     .layer(TimeoutLayer::new(Duration::from_secs(10), &context))
//!     .service_fn(|_: Message| pending::<Result<Sent, Error>>());
//! let error = service.call(Message::new("order 7")).await.unwrap_err();
//! // The message may have left before the answer was given up on.
//! assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
//! # Ok::<_, std::io::Error>(())
//! # }).unwrap();
//! ```

mod config;
mod deadlines;
mod future;
mod layer;
mod service;
mod timed;

#[cfg(test)]
mod tests;

pub use self::{
    config::TimeoutConfig,
    future::ResponseFuture,
    layer::TimeoutLayer,
    service::Timeout,
    timed::{Hold, Timed},
};
