//! Puts messages in a durable queue of this machine first, and forwards them from there.
//!
//! A send through an outbox is done when the message is in the local queue, such as one of the
//! local adapter: a broker that is out, slow or far away neither fails nor delays it, and a program
//! that is killed forwards the rest when it comes back. [`Outbox`] takes that queue as a pair of
//! ports, gives out a [`Sender`](relayhouse_core::port::Sender), and runs a task that forwards.
//!
//! # What it keeps
//!
//! - **No loss.** A message leaves the local queue when the broker has confirmed it.
//! - **Bounds.** They are those of the local queue: full means what that queue says.
//! - **Order.** Where the broker keeps an order, one message of a key is under way at a time, and
//!   none goes before an earlier one of its key that failed. Other keys go on. Messages without a
//!   key go in the order of the local queue, as far as none fails.
//! - **Ids.** A message has its id before it is stored, so that each try is the same message.
//! - **Duplicates.** A send whose outcome is unknown is tried again: that is what an outbox is for.
//!   So is one that was confirmed when the program died. Where the broker knows dedup ids, a
//!   message without one gets its id as that, and the copy is dropped within the broker's window;
//!   elsewhere it may arrive twice.
//! - **Refusals.** What the broker does not take at all is checked for when it is sent. What it
//!   refuses later, for good, is dead-lettered in the local queue with the reason
//!   `outbox-refused`; where that queue has no dead letters it is tried again with all others of
//!   its key waiting, and an event tells.
//!
//! A delay is kept in the local queue, if that can; a time to live is what is left of it.
//!
//! # Order
//!
//! Innermost, under a producer: layers around the producer see sends that are done when they are
//! stored. Retry, breaker and failover of the broker belong around its own sender, inside. A queue
//! with a limit on attempts is refused: a long outage would use them up. Wrong: retry around the
//! outbox for an outage of the broker, which it never hears of.
//!
//! # Cancellation
//!
//! Dropping a send is what dropping a send to the local queue is. [`Outbox::close`] ends the
//! forwarding and waits for the task: a send in flight is finished, what was not sent is released.
//! Dropping that future leaves the rest to the next call. Dropping the [`Outbox`] lets the task end
//! in the same way, with nobody waiting.
//!
//! # Defaults
//!
//! - Up to 100 messages and 1 MiB at a time, within the limits of the broker.
//! - A send may take 10 s; then its outcome is unknown.
//! - After a failure it waits 100 ms, twice as long after each further one, up to 30 s; how much of
//!   it is left to chance.
//! - After a crash, what was under way waits for its lease: give the local receiver one that is a
//!   little longer than a send may take. One that is not longer is refused.
//!
//! # Example
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! use relayhouse_core::{
//!     Message, Sending,
//!     port::{Provider, ReceiverOptions, Sender},
//! };
//! use relayhouse_memory::Memory;
//! use relayhouse_middleware::outbox::Outbox;
//!
//! let context = relayhouse_time::context()?;
//! let (here, broker) = (Memory::builder(context.clone()), Memory::builder(context.clone()));
//! let (here, broker) = (here.build()?, broker.build()?);
//! let store = here.sender(&"orders-outbox".parse()?).await?;
//! let stored = here.receiver(&"orders-outbox".parse()?, ReceiverOptions::default()).await?;
//! let orders = broker.sender(&"orders".parse()?).await?;
//!
//! let outbox = Outbox::builder(store, stored, orders).start(&context).await?;
//! let mut batch = [Sending::new(Message::new("order 7"))];
//! outbox.sender().send(&mut batch).await?;
//! assert!(batch[0].outcome.is_done());
//! outbox.close().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builder;
mod config;
mod forwarder;
mod handle;
mod sender;
mod wave;

#[cfg(test)]
mod tests;

pub use self::{
    builder::OutboxBuilder,
    config::OutboxConfig,
    handle::{Outbox, OutboxGauges},
    sender::OutboxSender,
};
