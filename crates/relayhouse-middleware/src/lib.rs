//! Resilience for producers and consumers, composed from small tower layers.
//!
//! Each layer is a module of its own, which says where it stands in a stack, what its cancellation
//! costs, and what its defaults are. A layer goes around a producer, which is a
//! `Service<Message, Response = Sent>`, or around a handler, a
//! `Service<Delivery, Response = Settlement>`, or around both.
//!
//! The error of every stack is core's [`Error`](relayhouse_core::Error), and so is that of the
//! service inside. A layer of tower's own, whose error is a box, fits with one
//! `map_err(Error::from_boxed)` around it. `Ok(settlement)` is the handler's decision and final, and
//! no layer tries it again; `Err` is a failure.
//!
//! This crate knows no provider, no codec and no runtime. Time and chance come from the
//! [`Context`](relayhouse_core::Context) that a layer is made with.

pub mod adaptive;
pub mod backpressure;
pub mod batch;
pub mod breaker;
pub mod catch_panic;
#[cfg(feature = "claim-check")]
pub mod claim_check;
#[cfg(any(feature = "gzip", feature = "zstd"))]
pub mod compression;
pub mod correlation;
pub mod dead_letter;
pub mod deadline;
#[cfg(feature = "encryption")]
pub mod encryption;
pub mod failover;
pub mod fair;
pub mod fault;
pub mod idempotency;
mod line;
mod news;
pub mod outbox;
mod permits;
pub mod prepare;
pub mod rate_limit;
mod request;
pub mod retry;
mod scope;
mod sessions;
pub mod stack;
mod sync;
mod task;
#[cfg(test)]
mod testing;
pub mod timeout;
mod verdict;

pub use self::{
    request::{Leased, Request},
    sessions::WrappedSessions,
    verdict::{Classify, Standard, Success, Verdict, standard},
};
