//! Skips messages that were handled before.
//!
//! A queue delivers at least once: an ack that is lost, a lease that ends too early or a sender
//! that tries again bring a message twice. This layer gives each message a key, and claims it in a
//! [`DedupStore`](relayhouse_core::port::DedupStore) before the handler runs. A key that is new is
//! handled, and noted as done when the handler has acked. A key that is done is acked without the
//! handler. A key that somebody else holds is released until that claim ends.
//!
//! [`MemoryDedup`] remembers within one process, and forgets with it. What is to be remembered
//! across restarts, or by several processes, needs a store of yours: the port has three methods,
//! and `conformance::stores::dedup` of `relayhouse-testkit` checks that a store keeps its rules.
//!
//! # What it cannot promise
//!
//! That a handler runs once. Between the handler's last effect and the note that it is done there
//! is a moment in which the process may die, and then the message is handled again: what must not
//! happen twice must be in one transaction with its key, in the handler's own database. What this
//! layer saves is all the rest: copies, and redeliveries of what was acked and noted.
//!
//! A handler that runs for longer than [`hold`](IdempotencyConfig::hold) is not protected from a
//! copy that comes then. A key is forgotten after [`keep`](IdempotencyConfig::keep). An answer that
//! sends messages before the ack ([`Settlement::Forward`](relayhouse_core::Settlement::Forward)) is
//! carried out after this layer has seen it: such a message is not noted as done, or a failing send
//! would be skipped the next time; give what it sends dedup ids. The same holds for one that was
//! released or dead-lettered, since it is to be handled again. While the store does not answer,
//! nothing is handled.
//!
//! # Order
//!
//! Outside retry: the claim then covers all tries, and a message is handled once it came to the
//! handler. Inside it, a try that is still running elsewhere would be waited for by each further
//! one. Inside decryption: a message that is not checked could mark the key of another as done.
//!
//! # Cancellation
//!
//! A call that is dropped, by a timeout around it for example, leaves its claim until it ends: what
//! it started may still have an effect. The same holds for a handler that panics, unless
//! [`catch_panic`](crate::catch_panic) stands inside.
//!
//! # Defaults
//!
//! - The key is the message's id, within one scope for all.
//! - A key is remembered for a day after it is done.
//! - A claim is held for 5 minutes at most.
//! - A message without a key (a header that is absent, a function that gives none) is handled as
//!   if this layer were not there.
//!
//! # Example
//!
//! ```
//! use std::{num::NonZeroUsize, sync::Arc};
//!
//! use relayhouse_core::{Delivery, Error, Settlement};
//! use relayhouse_middleware::idempotency::{IdempotencyLayer, MemoryDedup};
//! use tower::ServiceBuilder;
//!
//! let context = relayhouse_time::context()?;
//! let keys_max = NonZeroUsize::new(100_000).unwrap();
//! let store = Arc::new(MemoryDedup::new(keys_max, &context));
//! let handler = ServiceBuilder::new()
//!     .layer(IdempotencyLayer::new(store, &context).scope("payments").header("payment-id"))
//!     .service_fn(|delivery: Delivery| async move {
//!         println!("paying {}", delivery.id);
//!         Ok::<_, Error>(Settlement::Ack)
//!     });
//! # let _ = handler;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod future;
mod layer;
mod memory;
mod service;
mod shared;

#[cfg(test)]
mod tests;

pub use self::{
    config::IdempotencyConfig, future::ResponseFuture, layer::IdempotencyLayer,
    memory::MemoryDedup, service::Idempotency,
};
