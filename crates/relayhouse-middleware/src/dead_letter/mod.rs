//! Gives dead letters to a queue whose provider has none.
//!
//! [`DeadLetterReceiver`] goes around a receiver. What is settled as a dead letter is sent to
//! another queue with its whole envelope, and acked when that send is confirmed; all other
//! settlements pass. [`EnvelopeReceiver`] goes around the receiver of that other queue, and gives
//! each delivery its envelope back. Around a source of sessions go
//! [`DeadLetterReceiver::sessions`] and [`EnvelopeReceiver::sessions`]. All of them wrap ports, and
//! are no layers: settlements that a runtime decides by itself, such as one after a panic, pass no
//! layer.
//!
//! # What can go wrong
//!
//! The message is nowhere else acked than after a confirmed send. A fault between the two leaves it
//! in both queues: it may be dead-lettered twice, and is never lost. Where the other queue knows
//! dedup ids, a settlement that is tried again within one delivery is one message there. While the
//! other queue does not take messages, the settlement fails with the error of its send, and the
//! message is kept: it comes again when its lease ends.
//!
//! A dead letter is sent without delay, time to live and dedup id of its own; id, body, headers,
//! ordering key and all else stay. Three headers are added, which stay when it is read:
//! `dead-letter`, `dead-letter-reason` and `dead-letter-description`. A message that has nearly as
//! many headers as the other queue takes, or as many bytes, goes there without the description, or
//! without all three. One that is larger than the other queue takes at all cannot be dead-lettered
//! there, and comes again and again: put [`claim_check`](crate::claim_check) outside.
//!
//! # Order
//!
//! Inside [`claim_check`](crate::claim_check), which settles claims instead of bodies. Outside it,
//! the dead letter would have the body, and be too large for the other queue.
//!
//! # Cancellation
//!
//! Dropping a settle leaves what is not answered unknown: a dead letter may be sent and its message
//! not acked.
//!
//! # Defaults
//!
//! - There are no options. The other queue's retention is its own.
//!
//! # Example
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! use relayhouse_core::{
//!     Message, Sending, Settlement, Settling,
//!     port::{Provider, ReceiveRequest, ReceiverOptions, Receiver},
//! };
//! use relayhouse_memory::Memory;
//! use relayhouse_middleware::dead_letter::{DeadLetterReceiver, EnvelopeReceiver};
//!
//! let context = relayhouse_time::context()?;
//! let memory = Memory::builder(context.clone()).build()?;
//! let options = ReceiverOptions::default();
//! let orders = memory.receiver(&"orders".parse()?, options).await?;
//! let to = memory.sender(&"orders-dead".parse()?).await?;
//! let orders = DeadLetterReceiver::new(orders, to, &context);
//! let dead = memory.receiver(&"orders-dead".parse()?, options).await?;
//! let dead = EnvelopeReceiver::new(dead);
//!
//! let sender = memory.sender(&"orders".parse()?).await?;
//! sender.send(&mut [Sending::new(Message::new("seven"))]).await?;
//! let mut deliveries = Vec::new();
//! orders.receive(ReceiveRequest::ONE, &mut deliveries).await?;
//! let settlement = Settlement::dead_letter("rejected", "no such order");
//! orders.settle(&mut [Settling::new(deliveries.remove(0), settlement)]).await?;
//!
//! dead.receive(ReceiveRequest::ONE, &mut deliveries).await?;
//! let envelope = deliveries[0].envelope.as_ref().unwrap();
//! assert_eq!(envelope.dead_letter.reason, "rejected");
//! assert_eq!(envelope.source.to_string(), "orders");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod envelope;
mod read;
mod write;

#[cfg(test)]
mod tests;

pub use self::{read::EnvelopeReceiver, write::DeadLetterReceiver};
