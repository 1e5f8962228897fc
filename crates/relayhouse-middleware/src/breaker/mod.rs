//! Leaves a service alone while it fails, and tries again by and by.
//!
//! The breaker opens when half of the latest 20 calls have failed, when 5 have failed one after the
//! other, or, where slow calls are counted, when half of the latest 20 were slow. After 30 s it is
//! half open: up to 3 calls go through as probes. When 3 have succeeded it closes; when one fails
//! it opens again. An observer hears of each of these changes; that it is half open, when the first
//! probe is let through.
//!
//! What is a failure is said by a [`Classify`](crate::Classify): by default an error that may pass,
//! a panic, and wrong credentials. A message that is at fault itself, and a handler that decided to
//! release or dead-letter, count neither way.
//!
//! While it is open a producer had better hear of it, and a consumer had better stop:
//!
//! - [`Open::Fail`], around a producer: the call ends at once as
//!   [`ErrorKind::Unavailable`](relayhouse_core::ErrorKind::Unavailable), with the time after which
//!   it may be tried again. Nothing has left.
//! - [`Open::Pause`], around a handler: readiness waits. The consumer asks no queue for more, and
//!   no message uses up its attempts in an outage. The probes are deliveries like any other.
//!
//! The services of one layer share one circuit, so a layer is made for each thing that can fail on
//! its own.
//!
//! # Order
//!
//! Inside retry: each try is counted, and a try that finds it open waits for its time. Outside
//! timeout, so that a call that was cut off is a failure. Outside retry, five tries of one bad
//! moment would be one failure; inside timeout, a call that hangs would never be counted.
//!
//! # Cancellation
//!
//! A call that is dropped counts neither way. A probe that is dropped, before its call or after,
//! gives its place back.
//!
//! # Defaults
//!
//! - Opens at 50 % failures of 20 calls, or at 5 in a row. No call is slow.
//! - Open for 30 s; then 3 probes.
//!
//! # Example
//!
//! ```
//! use relayhouse_core::{Error, ErrorKind, Message, Sent};
//! use relayhouse_middleware::breaker::{BreakerLayer, Open, State};
//! use tower::{Service, ServiceBuilder};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let context = relayhouse_time::context()?;
//! let breaker = BreakerLayer::new("orders", Open::Fail, &context);
//! let mut service = ServiceBuilder::new()
//!     .layer(breaker.clone())
//!     .service_fn(|_: Message| async {
//!         Err::<Sent, _>(Error::new(ErrorKind::ConnectionFailed, "nobody is there"))
//!     });
//! for _ in 0..5 {
//!     let error = service.call(Message::new("order 7")).await.unwrap_err();
//!     assert_eq!(error.kind(), ErrorKind::ConnectionFailed);
//! }
//! assert_eq!(breaker.state(), State::Open);
//! let error = service.call(Message::new("order 7")).await.unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Unavailable);
//! # Ok::<_, std::io::Error>(())
//! # }).unwrap();
//! ```

mod circuit;
mod config;
mod layer;
mod service;
mod shared;
mod watch;

#[cfg(test)]
mod tests;

pub use self::{
    circuit::State,
    config::{BreakerConfig, Open},
    layer::BreakerLayer,
    service::Breaker,
    watch::Report,
};
