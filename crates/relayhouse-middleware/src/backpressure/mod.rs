//! Keeps the number and the bytes of messages in flight within bounds.
//!
//! All services of a layer share the bounds. When they are reached, readiness waits, and those who
//! wait are served in the order they came; or the call is shed, to come again after a time; or it
//! fails at once.
//!
//! Readiness tells the truth: an instance that is ready holds room for one message and for
//! `request_bytes`, which the call exchanges for the request's real size. With `request_bytes` at
//! the greatest request that there is, `bytes_max` is never exceeded. A greater request is let in
//! and counted as it is, and nothing follows until there is room again; so does one that comes with
//! several messages. Where calls are shed or fail, readiness promises nothing: a request is let in
//! if the service inside is ready, and the request's real size fits or nothing else is in flight.
//!
//! An instance that is dropped, such as one that a consumer probes with, gives its room back.
//!
//! # Order
//!
//! Inside retry: each try takes a permit and gives it back, and a message that waits for its next
//! try holds none. Outside retry it would hold its permit while it waits. Outside timeout, so that
//! the wait for room is not taken for a slow service.
//!
//! # Cancellation
//!
//! Dropping the future gives the permit back; dropping an instance gives back its permit or its
//! place in the line. An instance that waits, and is kept but not asked again, keeps its place, and
//! those behind it wait: drop it.
//!
//! # Defaults
//!
//! - 256 messages and 64 MiB in flight.
//! - Readiness keeps 256 KiB free.
//! - Full means wait; what is shed may come again after 1 s.
//!
//! # Example
//!
//! ```
//! use relayhouse_core::{Error, ErrorKind, Message};
//! use relayhouse_middleware::backpressure::{BackpressureConfig, BackpressureLayer, Full};
//! use tower::{Service, ServiceBuilder};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let config = BackpressureConfig {
//!     messages_max: 1.try_into()?,
//!     full: Full::Fail,
//!     ..BackpressureConfig::default()
//! };
//! let mut service = ServiceBuilder::new()
//!     .layer(BackpressureLayer::new(config))
//!     .service_fn(|_: Message| async { Ok::<_, Error>(()) });
//! let first = service.call(Message::new("order 7"));
//! let error = service.call(Message::new("order 8")).await.unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Full);
//! first.await?;
//! service.call(Message::new("order 8")).await?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod config;
mod layer;
mod service;

#[cfg(test)]
mod tests;

pub use self::{
    config::{BackpressureConfig, Full},
    layer::BackpressureLayer,
    service::{Backpressure, Load},
};
