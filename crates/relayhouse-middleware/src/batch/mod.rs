//! Collects single calls into batches.
//!
//! Inside is a service that takes many requests at once: a bulk insert, or a handler of batches.
//! Outside is one that takes a single request, and answers it by itself. A worker task gathers what
//! was called, and calls the service inside when a batch is due:
//!
//! - it has as many requests as are waited for, or as many bytes as are allowed, or
//! - its first request has waited for [`linger`](BatchConfig::linger), also if no further call
//!   comes, or
//! - the layer is closed.
//!
//! What waits while calls are in flight leaves with the next batch, up to its bounds, so that a
//! service that is busy gets large batches without anybody having waited for one.
//!
//! How many requests are waited for adapts, unless it is fixed. It begins with one, so that a lone
//! caller never waits. It grows to what had gathered during a call, and by half after some batches
//! that came together in time; it falls to what there was when a batch waited in vain. After each
//! such miss it takes twice as many full batches before it tries again.
//!
//! # Answers
//!
//! Each request has its own answer. If the call fails as a whole, its error is everybody's. A
//! request that the service left without an answer ends as
//! [`ErrorKind::OutcomeUnknown`](relayhouse_core::ErrorKind::OutcomeUnknown).
//!
//! # Order
//!
//! Outside what acts on batches, inside what acts on single messages: retry, timeout, idempotency.
//! A retry inside would try neighbours again that were done.
//!
//! Requests leave in the order of their calls. With more than one call in flight a later batch may
//! be done before an earlier one.
//!
//! # Cancellation
//!
//! What was called is called: dropping the future gives up the answer, and the request stays in its
//! batch, beside its neighbours. Dropping all services of a layer lets the worker send what it has
//! gathered, and end. [`Batch::close`] does that and waits for it; dropping that future leaves the
//! rest to the next call.
//!
//! If the service inside panics, the worker ends: calls in flight end as `OutcomeUnknown`, what had
//! not left and what comes later as [`ErrorKind::Closed`](relayhouse_core::ErrorKind::Closed). Put
//! [`catch_panic`](crate::catch_panic) inside.
//!
//! # Defaults
//!
//! - Up to 100 requests and 1 MiB in a batch, of which a single request may be larger.
//! - A linger of 5 ms, and an adaptive size.
//! - One call in flight.
//! - Up to 10,000 requests and 64 MiB that wait or are in flight: then readiness waits, in the
//!   order of arrival.
//!
//! # Example
//!
//! ```
//! use relayhouse_core::{Delivery, Error, Result, Settlement};
//! use relayhouse_middleware::batch::BatchLayer;
//! use tower::ServiceBuilder;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let context = relayhouse_time::context()?;
//! let handler = ServiceBuilder::new()
//!     .layer(BatchLayer::new(&context))
//!     .service_fn(|batch: Vec<Delivery>| async move {
//!         println!("inserting {} rows", batch.len());
//!         Ok::<Vec<Result<Settlement>>, Error>(batch.iter().map(|_| Ok(Settlement::Ack)).collect())
//!     });
//! // `handler` takes single deliveries.
//! handler.close().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod call;
mod config;
mod future;
mod layer;
mod service;
mod shared;
mod size;
mod worker;

#[cfg(test)]
mod tests;

pub use self::{
    config::{BatchConfig, BatchSize},
    future::ResponseFuture,
    layer::BatchLayer,
    service::Batch,
};
