//! Makes faults, for tests and game days: the same ones for the same seed.
//!
//! A call may fail before it is made, be made and lose its answer, be made twice, wait, be
//! overtaken by one that came later, or panic. How often is a share for each, which
//! [`FaultLayer::set`] changes while the services run; [`FaultLayer::counts`] says what was made.
//!
//! Around a producer, a call that was not made is
//! [`ErrorKind::ConnectionFailed`](relayhouse_core::ErrorKind::ConnectionFailed), and one whose
//! answer was lost is [`ErrorKind::OutcomeUnknown`](relayhouse_core::ErrorKind::OutcomeUnknown):
//! the message was sent. Around a handler both are a failure of the handler, which in the second
//! case has run.
//!
//! # Order
//!
//! Innermost, around the producer or the handler: what is tested is the layers around it.
//! Outermost, no layer would see a fault, and the stack would be tested as if it had none.
//!
//! # Cancellation
//!
//! Dropping the future drops the wait or the call. Of a call that is made twice, one may have been
//! made.
//!
//! # Defaults
//!
//! - No faults.
//! - A wait is up to 1 s; a call waits for up to 1 s to be overtaken.
//!
//! # Example
//!
//! ```
//! use relayhouse_core::{Error, ErrorKind, Message, Sent};
//! use relayhouse_middleware::fault::{FaultConfig, FaultLayer};
//! use tower::{Service, ServiceBuilder};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let context = relayhouse_time::context()?;
//! let config = FaultConfig { lose_answer: 1.0, ..FaultConfig::default() };
//! let faults = FaultLayer::new(config, 7, &context);
//! let mut producer = ServiceBuilder::new()
//!     .layer(faults.clone())
//!     .service_fn(|_: Message| async { Ok::<_, Error>(Sent::default()) });
//! let error = producer.call(Message::new("order 7")).await.unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
//! faults.set(FaultConfig::default());
//! producer.call(Message::new("order 8")).await?;
//! assert_eq!(faults.counts().answers_lost, 1);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod config;
mod faulty;
mod future;
mod layer;
mod service;
mod shared;

#[cfg(test)]
mod tests;

pub use self::{
    config::FaultConfig, faulty::Faulty, future::ResponseFuture, layer::FaultLayer, service::Fault,
    shared::FaultCounts,
};
