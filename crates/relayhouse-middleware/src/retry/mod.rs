//! Tries a call again where that can help, within one budget.
//!
//! An error that may pass is waited for and tried again, after a delay that grows with each try and
//! is drawn by chance from zero to its full length, or after the delay that the error asks for.
//! A permanent error, and one that an inner layer has given up on, go through as they are. So does
//! what a handler settled: `Ok` is its decision.
//!
//! There is one budget of tries for a message. A delivery's attempt counts the deliveries before
//! it, and this layer remembers the tries that it made in them, for the latest 10,000 messages that
//! it released: tries in the process and redeliveries add up and do not multiply. Another process
//! does not know them, and counts each delivery as one. What has used up its tries ends as
//! [`Retry::Exhausted`](relayhouse_core::Retry::Exhausted), so that no outer layer starts over, and
//! a consumer dead-letters it.
//!
//! A wait with a delivery in hand holds its lease and the place of a handler. So only short waits
//! happen here; for a longer one the call ends as
//! [`Retry::After`](relayhouse_core::Retry::After) the delay, and the consumer releases the message
//! for that long. Several deliveries at a time are not tried again as they are: the consumer cuts
//! them in two until what fails is alone.
//!
//! All clones share a budget of retries: a first try pays a tenth of a retry into it. While it is
//! empty, a send that failed is given up, and a delivery is released; so a service in trouble gets
//! a tenth more calls, and not five times as many.
//!
//! A send whose outcome is unknown may have happened. It is tried again only if the message has a
//! dedup id, or if that is asked for by [`Unknown::Repeat`].
//!
//! # Order
//!
//! Outside timeout, breaker, rate limit and back-pressure: each try has its own time, is counted,
//! and gives its permit back before the wait. Inside a timeout of the whole call, where one is
//! wanted. Inside back-pressure, a message that waits for its next try would keep a permit from
//! those that could run.
//!
//! # Cancellation
//!
//! Dropping the future drops the try in flight, or the wait. The try in flight may have had its
//! effect. The tries of this delivery are then forgotten: its redelivery counts the delivery as
//! one.
//!
//! # Defaults
//!
//! - 5 tries, redeliveries included; no limit on the total time.
//! - 100 ms after the first failure, doubling up to 30 s, with full jitter.
//! - A delivery is held for delays of up to 250 ms, if 1 s of its lease is left after them.
//! - One call in ten may be a retry, and 100 besides.
//! - An unknown send is tried again if it has a dedup id.
//!
//! # Example
//!
//! ```
//! use std::sync::{Arc, atomic::{AtomicU32, Ordering}};
//!
//! use relayhouse_core::{Error, ErrorKind, Message};
//! use relayhouse_middleware::retry::{RetryConfig, RetryLayer};
//! use tower::{Service, ServiceBuilder};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()
//! #     .unwrap().block_on(async {
//! let context = relayhouse_time::context()?;
//! let config = RetryConfig { attempts_max: 3.try_into()?, ..RetryConfig::default() };
//! let tries = Arc::new(AtomicU32::new(0));
//! let mut service = ServiceBuilder::new()
//!     .layer(RetryLayer::with_config(config, &context))
//!     .service_fn(move |_: Message| {
//!         let is_third = tries.fetch_add(1, Ordering::Relaxed) == 2;
//!         let refusal = Error::new(ErrorKind::Throttled, "slow down");
//!         async move { if is_third { Ok(()) } else { Err(refusal) } }
//!     });
//! service.call(Message::new("order 7")).await?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod budget;
mod config;
mod future;
mod layer;
mod memory;
mod retryable;
mod service;
mod shared;

#[cfg(test)]
mod tests;

pub use self::{
    config::{RetryConfig, Unknown},
    future::ResponseFuture,
    layer::RetryLayer,
    retryable::Retryable,
    service::Retry,
};
