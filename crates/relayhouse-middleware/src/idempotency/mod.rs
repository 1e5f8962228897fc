//! Skips messages that were handled before.
//!
//! A queue delivers at least once: an ack that is lost, a lease that ends too early or a sender
//! that tries again bring a message twice. This layer gives each message a key, and claims it in a
//! [`DedupStore`](relayhouse_core::port::DedupStore) before the handler runs. A key that is new is
//! handled, and noted as done with its message. A key that is done is acked without the handler. A
//! key that somebody else holds is released until that claim ends.
//!
//! # Where keys are kept
//!
//! - **In memory**, in a [`MemoryDedup`]: for one process, and forgotten with it.
//! - **In the file of a queue**, by `Local::dedup_store` of `relayhouse-local`, or
//!   `Queue::dedup_store` of the facade: through restarts, and for all programs of the machine that
//!   have the file open. Messages may come from there or from anywhere else.
//! - **In a store of yours**: the port has four methods, and `conformance::stores::dedup` of
//!   `relayhouse-testkit` checks that a store keeps its rules.
//!
//! # When a key is done
//!
//! With the ack of its message, and after what the handler's answer sends:
//!
//! - Where the store is in the same file as the source, which is received without sessions, the
//!   note, the ack and what is sent to one queue of that directory are one transaction: after a
//!   crash all of it has happened, or nothing.
//! - Elsewhere the sends are confirmed, then the key is noted, then the message is acked. A crash
//!   in between handles the message again, or skips it when it comes again; none is lost.
//!
//! So what the handler answers with [`Outgoing`](relayhouse_core::Outgoing) happens once for each
//! key in the first case; in the second it may be sent again with the same ids. If a send fails, the
//! claim is given up, and the message is handled again. If the lease of a message that sends nothing
//! has ended before the ack, its key is done all the same: the handler was.
//!
//! The layer leaves this to the consumer: its answer to an ack is a
//! [`Settlement::Forward`](relayhouse_core::Settlement::Forward) that sends nothing and takes the
//! key along as a [`Mark`](relayhouse_core::Mark). Only an ack whose key is kept where no messages
//! are, such as in memory, is noted here at once, and stays an ack.
//!
//! # What it cannot promise
//!
//! That a handler runs once. Between the handler's last effect and the note that it is done there
//! is a moment in which the process may die, and then the message is handled again: an effect
//! elsewhere that must not happen twice must be in one transaction with its key there, such as in
//! the handler's own database. What this layer saves is all the rest: copies, and redeliveries of
//! what was acked and noted.
//!
//! A handler that runs for longer than [`hold`](IdempotencyConfig::hold) is not protected from a
//! copy that comes then. A key is forgotten after [`keep`](IdempotencyConfig::keep). A message that
//! was released or dead-lettered is not noted, since it is to be handled again. A key that cannot
//! be noted, since another has it by then or since the store is full, is told to the observer, and
//! its message is acked; what would be sent as one with that is not sent then, and the message
//! comes again. While the store does not answer, or has no room for a claim, nothing is handled.
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
//! it started may still have an effect. The same holds for an answer that nobody carries out, and
//! for a handler that panics, unless [`catch_panic`](crate::catch_panic) stands inside.
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
