//! Bounds how many messages, or how many bytes, pass in a time.
//!
//! A token bucket: it fills at the rate, holds at most the burst, and each message, or each byte,
//! takes a token. All services of a layer share the bucket, so the rate is that of all clones
//! together, and [`RateLimitLayer::set`] changes it while they run. Who waits is served in the
//! order of arrival, at the time the next token is there: nothing polls.
//!
//! An instance that is ready has taken one token, and gives it back if it is dropped, as one is
//! that a consumer probes with. It takes the token before it asks the service inside, and keeps it
//! while it waits for that. What a request takes beyond that, because bytes are counted or
//! because it has several messages, is known when it is called: it may overdraw the bucket, and
//! what follows waits until that has come back. The rate holds over time; at once, at most the
//! burst passes and, beyond it, one request for each instance that was ready. A call without
//! readiness overdraws likewise.
//!
//! # Order
//!
//! Inside retry: tries count as what they are, calls of the service. Outside retry, a message is
//! counted once, however often it is tried. Around back-pressure or within makes no difference: the
//! wait comes before the permit.
//!
//! # Cancellation
//!
//! An instance that is dropped while it waits leaves the line, and the next moves up. One that is
//! kept but not asked again keeps its place, and those behind it wait: drop it. A call that is
//! dropped has passed, and keeps its tokens.
//!
//! # Defaults
//!
//! - The amount is given by hand, for each second.
//! - The burst is the amount; messages are counted.
//! - Of a burst of 1,024 or more a thousandth is taken ahead, by calls that then read no clock:
//!   after a pause, as many fewer may pass at once.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//!
//! use relayhouse_core::{Error, Message};
//! use relayhouse_middleware::rate_limit::RateLimitLayer;
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()
//! #     .unwrap().block_on(async {
//! let context = relayhouse_time::context()?;
//! let began = context.clock.now();
//! let mut service = ServiceBuilder::new()
//!     .layer(RateLimitLayer::per_second(10.try_into()?, &context))
//!     .service_fn(|_: Message| async { Ok::<_, Error>(()) });
//! for _ in 0..15 {
//!     service.ready().await?.call(Message::new("order 7")).await?;
//! }
//! // Ten at once, and five more at ten a second.
//! assert!(Duration::from_millis(500) <= context.clock.now().since(began));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

pub(crate) mod bucket;
mod config;
mod layer;
mod service;
mod shared;

#[cfg(test)]
mod tests;

pub use self::{
    config::{RateLimitConfig, Unit},
    layer::RateLimitLayer,
    service::RateLimit,
};
