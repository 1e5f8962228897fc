//! Sends to the first endpoint that works: the same queue in another region, or another queue.
//!
//! [`Failover`] takes several producers, each with a breaker of its own, and sends each message to
//! one of them: the first by the [`Policy`] whose breaker is not open. If that endpoint fails, the
//! message goes to the next. An error that is the message's own, such as one that is too large, is
//! the answer at once.
//!
//! # What it costs
//!
//! - **Order.** Messages of one key may go to different endpoints, and their order across these is
//!   lost, when an endpoint fails, when it comes back, and with [`Policy::Fastest`] at any time.
//! - **Duplicates.** A send whose outcome is unknown may have arrived. It goes on to the next
//!   endpoint if the message has a dedup id, or where [`Unknown::Repeat`] says so; otherwise
//!   [`ErrorKind::OutcomeUnknown`](relayhouse_core::ErrorKind::OutcomeUnknown) is the answer. A
//!   provider knows a dedup id within its own queue alone: consumers of all endpoints must share
//!   what they remember, for example by [`idempotency`](crate::idempotency) with the dedup id in a
//!   header.
//! - **Honesty.** If every endpoint fails, the answer is `OutcomeUnknown` if one of them may have
//!   the message, else the first error that says more than that a breaker is open.
//!
//! Where messages were sent while the first endpoint was out, somebody has to consume them there.
//!
//! # Order
//!
//! Inside retry, so that a further try can go to any endpoint. Around retry, all tries of one
//! endpoint would be spent before the next one is asked. Each endpoint has its own timeout inside:
//! what hangs does not fail, and so does not fail over.
//!
//! # Cancellation
//!
//! Dropping the future drops the call to the present endpoint; no further one is made.
//!
//! # Defaults
//!
//! - In the order in which the endpoints were given.
//! - An unknown outcome goes on with a dedup id alone.
//! - Breakers with [their defaults](crate::breaker).
//! - With [`Policy::Fastest`] another endpoint must be faster by a fifth to be preferred, and one of
//!   100 calls goes to one that is not preferred, to measure it.
//!
//! # Example
//!
//! ```
//! use relayhouse_core::{Error, ErrorKind, Message, Sent};
//! use relayhouse_middleware::failover::Failover;
//! use tower::{Service, util::BoxCloneService, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let context = relayhouse_time::context().unwrap();
//! let here = service_fn(|_: Message| async {
//!     Err::<Sent, _>(Error::new(ErrorKind::ConnectionFailed, "region is out"))
//! });
//! let there = service_fn(|_: Message| async { Ok::<_, Error>(Sent::default()) });
//! let mut producer = Failover::builder(&context)
//!     .endpoint("eu-central", BoxCloneService::new(here))
//!     .endpoint("us-east", BoxCloneService::new(there))
//!     .build()?;
//! producer.call(Message::new("order 7")).await?;
//! # Ok::<(), Error>(())
//! # }).unwrap();
//! ```
//!
//! [`Unknown::Repeat`]: crate::retry::Unknown::Repeat

mod builder;
mod choice;
mod config;
mod future;
mod service;
mod shared;

#[cfg(test)]
mod tests;

pub use self::{
    builder::FailoverBuilder,
    config::{FailoverConfig, Policy},
    future::ResponseFuture,
    service::Failover,
};
