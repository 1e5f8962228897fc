//! Queues in the memory of this process: the reference adapter of relayhouse.
//!
//! It keeps the whole contract by itself: leases with fencing receipts, delayed release, attempts,
//! dead letters, order by key, sessions, schedules, expiry, priorities, dedup, topics and
//! transactions. It waits without polling, by the clock it is given alone, so that a test under
//! paused time advances hours at once. It keeps nothing on disk: what the process held is gone
//! with it.
//!
//! Start from [`Memory::builder`], or from [`Memory::open`] with a URL.
//!
//! ```
//! use std::num::NonZeroU32;
//!
//! use relayhouse_core::{
//!     Message, Sending, Settlement, Settling, Source,
//!     port::{Provider, ReceiveRequest, ReceiverOptions},
//! };
//! use relayhouse_memory::Memory;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let memory = Memory::builder(relayhouse_time::context()?).build()?;
//! let sender = memory.sender(&"orders".parse()?).await?;
//! let receiver = memory.receiver(&"orders".parse()?, ReceiverOptions::default()).await?;
//!
//! sender.send(&mut [Sending::new(Message::new("seven"))]).await?;
//!
//! let mut deliveries = Vec::new();
//! receiver.receive(ReceiveRequest::ONE, &mut deliveries).await?;
//! let acks = deliveries.into_iter().map(|delivery| Settling::new(delivery, Settlement::Ack));
//! let mut acks: Vec<Settling> = acks.collect();
//! receiver.settle(&mut acks).await?;
//! assert!(acks.iter().all(|ack| ack.outcome.is_done()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # URL
//!
//! `memory://SOURCE?OPTION=VALUE`, where the source is `orders`, `events/subscriptions/audit`, or
//! either with `/$deadletterqueue` behind it. The options are the fields of [`Config`], and are
//! also read from `RELAYHOUSE_MEMORY_LEASE` and the like. A queue or subscription is created on
//! first use, unless `create=false`. A name is a queue or a topic, never both: one that only a
//! sender has opened is decided by its first message, receiver or subscription.
//!
//! # Delivery semantics
//!
//! - **At least once, one at a time.** A message stays in its slot until it is settled. A lease
//!   ends by the clock at the moment of each call: a late receipt gives `LeaseLost` and changes
//!   nothing. Each delivery counts as an attempt, whatever ended the one before.
//! - **Order.** First in, first out within a priority. What is released or expires comes back in
//!   its first place, before everything that came after it.
//! - **Keys.** Messages of one ordering key come in the order of their send. While one of them is
//!   leased, no other receive gets one of that key; one receive may bring several, and takes each
//!   key in turn. One that is released with a delay holds its key back, no other. A scheduled
//!   message takes its place when it is due.
//! - **Priorities.** The highest goes first. Of every 10 deliveries made while a lower priority
//!   waits, one goes to the oldest message of all, whatever its priority. The order within a key
//!   is stronger than priorities.
//! - **Expiry.** A time to live runs from the send. A message that is not delivered in time is
//!   dropped, or with `dead_letter_expired` dead-lettered, and never delivered. One that expires
//!   while it is leased can still be acked.
//! - **Dedup.** The first of a dedup id wins; a later one within the window is answered as sent,
//!   with the sequence number of the first.
//! - **Dead letters** keep id, headers and first-enqueued time, have leases of their own, and
//!   cannot be dead-lettered again. They have bounds of their own: while those are reached, a
//!   dead-lettering settle fails with `Full`, and what the queue itself would dead-letter is held
//!   back until there is room. Redrive puts them before what came later, in the order of their
//!   first send, with fresh attempts and a fresh time to live.
//! - **Sessions** are handed out longest waiting first. Dropping a session receiver gives the
//!   session back, as closing it does.
//! - **Topics** need no creation. A message sent while there is no subscription is gone. It goes
//!   to all subscriptions or, while one of them is full, to none.
//! - **Full** is wait, shed or fail: see [`Full`]. A send that waits has its place in line; nobody
//!   who came later passes it.
//! - **Transactions** settle and send under the locks of all queues at once; a full target fails
//!   them.
//! - **Dropped futures.** A dropped receive leaves nothing leased, a dropped send leaves nothing
//!   but what it answered as done, and both hand their turn on.
//! - **Lost leases.** A lease ends early only when its queue is deleted; then `lost` tells the
//!   receipts of all leases of the queue.
//!
//! # Mapping
//!
//! A [`Profile`] gives a namespace the limits and habits of another provider, so that a test
//! finds what would break there. Chance comes from the context's randomness.
//!
//! | profile | lease | limits | habits |
//! |---|---|---|---|
//! | `native` | 5 min | its bounds | none |
//! | `sqs-standard` | 30 s, 12 h in total | batches of 10, 1 MiB a message and a batch, 10 headers, 15 min delay, 20 s wait, 120,000 in flight | no order (`reorder`), duplicates at once or after the ack (`duplicates`), failing items (`failures`), no keys, priorities, dedup, expiry or topics |
//! | `sqs-fifo` | 30 s, 12 h in total | as above, no delay of one message | needs an ordering key, takes the message's id for a missing dedup id, 5 min window, a receive brings one key after the other |
//! | `servicebus` | 1 min, at most 5 | 256 KiB | 10 attempts, failing items, no delayed release, priorities, keys, purge or redrive |
//! | `servicebus-sessions` | of the session | 256 KiB | as above, every message in a session |
//!
//! # Limits
//!
//! A queue holds 1,000,000 messages and 1 GiB unless told otherwise, its dead letters as much
//! again; 8,000,000 dedup ids within their window; 2³² slots. Beyond body and headers a queued
//! message takes at most 128 bytes. What a receive costs does not depend on how much waits.
//! Counting is exact and free; a peek reads the whole queue, some thousand slots under one hold of
//! its lock, and shows at most 1000 messages; a purge holds the lock while it goes over the queue.
//!
//! # Escape hatch
//!
//! There is nothing below this adapter: [`Provider::admin`] is all there is.
//!
//! [`Provider::admin`]: relayhouse_core::port::Provider::admin

mod admin;
mod capability;
mod config;
mod convert;
mod engine;
mod error;
mod namespace;
mod profile;
mod provider;
mod receiver;
mod sender;
mod session;
mod transaction;

pub use self::{
    config::{Config, Full, MemoryBuilder},
    profile::Profile,
    provider::Memory,
};
