//! Finds how many calls may be in flight, by what they tell of the service.
//!
//! A limit that is fixed is wrong as soon as the service changes. This one starts small, doubles
//! while the service has room, and from then on follows it:
//!
//! - [`Algorithm::Gradient`] compares how long calls take with how long they take when the service
//!   has room. While that is about the same the limit grows by half its square root; when calls
//!   take longer it falls by as much as they do. What they take with room is measured anew every
//!   few seconds, with the limit halved for a moment if it is used, so that a service that got
//!   slower by itself is not taken for a crowded one.
//! - [`Algorithm::Aimd`] grows by one, and falls by a tenth when calls take longer than
//!   `latency_max`.
//!
//! With both, the limit falls by three tenths when more than a tenth of the calls fail. What is a
//! failure is said by a [`Classify`](crate::Classify). A limit that is not used up does not grow.
//! It is decided at most every 100 ms, by at least 20 calls that began since the last decision;
//! [`AdaptiveLayer::explain`] says what was decided last, and why.
//!
//! The permits are those of [`backpressure`](crate::backpressure): counted in messages and bytes,
//! given out in order, held by an instance that is ready, and given back when it is dropped.
//! `docs/adaptive.md` shows it beside fixed limits while a service loses half of its capacity.
//!
//! # Order
//!
//! Directly around what it measures: inside retry, back-pressure and rate limit, whose waits are
//! not the service's. Outside retry, it would take the waits between tries for a crowded service.
//! Outside timeout, so that calls that were cut off are failures. A consumer's own concurrency is
//! set to the ceiling.
//!
//! # Cancellation
//!
//! A call that is dropped gives its permit back and tells nothing. An instance that is dropped
//! gives back its permit or its place in the line; one that waits, and is kept but not asked again,
//! keeps its place.
//!
//! # Defaults
//!
//! - Gradient; from 4, at least 1, at most 256 calls; 64 MiB.
//! - Calls may take 1.3 times as long as with room; that is measured anew every 5 s, but not before
//!   the fourth decision since.
//! - The limit falls when more than 10 % of the calls fail.
//! - A decision takes 100 ms and 20 calls.
//!
//! # Example
//!
//! ```
//! use relayhouse_core::{Error, Message, Sent};
//! use relayhouse_middleware::adaptive::{AdaptiveLayer, Reason};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let context = relayhouse_time::context()?;
//! let adaptive = AdaptiveLayer::new("orders", &context);
//! let mut service = ServiceBuilder::new()
//!     .layer(adaptive.clone())
//!     .service_fn(|_: Message| async { Ok::<_, Error>(Sent::default()) });
//! service.ready().await?.call(Message::new("order 7")).await?;
//! let decision = adaptive.explain();
//! assert_eq!(decision.reason, Reason::Start);
//! println!("{decision}");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod config;
mod decision;
mod layer;
mod limiter;
mod service;
mod shared;
mod watch;

#[cfg(test)]
mod tests;

pub use self::{
    config::{AdaptiveConfig, Algorithm},
    decision::{Decision, Reason},
    layer::AdaptiveLayer,
    service::Adaptive,
    watch::Measure,
};
