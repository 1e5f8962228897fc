//! Queues in files of this machine: the embedded durable adapter of relayhouse.
//!
//! It needs no server. A queue is a file; several programs may use it at once, and what one has
//! confirmed survives `kill -9` and the loss of power. It keeps the whole contract by itself:
//! leases with fencing receipts, delayed release, attempts, dead letters, order by key, sessions,
//! schedules, expiry, priorities, dedup, topics and transactions. It is not for a disk that is
//! shared over a network.
//!
//! Start from [`Local::builder`], or from [`Local::open`] with a URL.
//!
//! ```
//! use relayhouse_core::{
//!     Message, Sending, Settlement, Settling,
//!     port::{Provider, ReceiveRequest, ReceiverOptions},
//! };
//! use relayhouse_local::Local;
//!
//! # let place = tempfile::tempdir()?;
//! # let directory = place.path().join("q");
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let local = Local::builder(relayhouse_time::context()?, directory).build()?;
//! let sender = local.sender(&"orders".parse()?).await?;
//! let receiver = local.receiver(&"orders".parse()?, ReceiverOptions::default()).await?;
//!
//! sender.send(&mut [Sending::new(Message::new("seven"))]).await?;
//!
//! let mut deliveries = Vec::new();
//! receiver.receive(ReceiveRequest::ONE, &mut deliveries).await?;
//! let acks = deliveries.into_iter().map(|delivery| Settling::new(delivery, Settlement::Ack));
//! let mut acks: Vec<Settling> = acks.collect();
//! receiver.settle(&mut acks).await?;
//! assert!(acks.iter().all(|ack| ack.outcome.is_done()));
//! local.close().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # URL
//!
//! `local:///path/to/directory/SOURCE?OPTION=VALUE`, or `local:./directory/SOURCE` from the
//! present directory, where the source is `orders`, `events/subscriptions/audit`, or either with
//! `/$deadletterqueue` behind it; everything before it is the directory. The options are the
//! fields of [`Config`], and are also read from `RELAYHOUSE_LOCAL_LEASE` and the like. The
//! directory, and a queue or subscription, is created on first use, unless `create=false`. A name
//! is a queue or a topic, never both: one that only a sender has opened is decided by its first
//! message, receiver or subscription.
//!
//! # Delivery semantics
//!
//! - **At least once, one at a time.** A lease ends by the clock of the machine, which does not
//!   jump with its wall clock: a late receipt gives `LeaseLost` and changes nothing. Each delivery
//!   counts as an attempt, whatever ended the one before. A restart of the machine ends all
//!   leases. Where a machine does not tell its time (any but Linux), the wall clock is asked when
//!   a file is opened: a jump between two opens moves the leases that are running then.
//! - **Order.** First in, first out within a priority. What is released or expires comes back in
//!   its first place, before everything that came after it.
//! - **Keys.** Messages of one ordering key come in the order of their send. While one of them is
//!   leased, no other receive gets one of that key. One that is released with a delay holds its
//!   key back, no other. A scheduled message takes its place when it is due.
//! - **Priorities.** The highest goes first, and now and then the oldest of all, so that none
//!   starves. The order within a key is stronger than priorities.
//! - **Expiry.** A message that is not delivered in time is dropped, or with
//!   `dead_letter_expired` dead-lettered, and never delivered. One that expires while it is leased
//!   can still be acked.
//! - **Dedup.** The first of a dedup id wins; a later one within the window is answered as sent,
//!   with the sequence number of the first.
//! - **Dead letters** keep id, headers and first-enqueued time, have leases and bounds of their
//!   own, and cannot be dead-lettered again. Redrive puts them before what came later.
//! - **Sessions** are handed out longest waiting first. Dropping a session receiver gives the
//!   session back, as closing it does.
//! - **Topics** need no creation. A message sent while there is no subscription is gone. It goes
//!   to all subscriptions or, while one of them is full, to none.
//! - **Full** is wait, shed or fail: see [`Full`]. Sends of one program wait in the order of their
//!   arrival; between programs nobody has a place in line.
//! - **Transactions** settle and send as one, also from one file to another: then the source notes
//!   what is to be sent, and the note is taken in once. What a crash leaves is finished when the
//!   source is opened next. A full target fails them.
//! - **Keys** of a dedup store ([`Local::dedup_store`]) are in the file of their queue or topic. One
//!   that is claimed or done stays so through restarts, by the same clock as leases, but a restart
//!   of the machine ends none. An ack and the keys that are done with it are one, and so is what is
//!   sent with them; that is flushed. A key that is claimed or given up is not: the loss of power
//!   may undo that.
//! - **Dropped futures.** A dropped receive gives back what was leased for it, without an attempt;
//!   a dropped accept gives its session back. A send, a settle or a transaction that has reached
//!   the storage thread goes on, and nobody hears its answer.
//! - **Lost leases.** A lease ends early only when its queue is deleted; then `lost` tells the
//!   receipts that this receiver gave out and that were not settled with it.
//!
//! # Mapping
//!
//! A queue is one `SQLite` file, and so is a topic with all its subscriptions. A thread for each
//! open file runs what has queued up as one transaction and answers when that is committed, so
//! that many sends at the same time share one flush. A lone receive or settle of up to 100 messages
//! runs on the caller's thread instead, while the file is free and nothing is due: it has no flush
//! to wait for. Waiting costs nothing: a receive sleeps until a commit of this program, the ring of
//! another one, or the next end of a lease or delay wakes it.
//!
//! # Limits
//!
//! A queue holds 1,000,000 messages and 1 GiB unless told otherwise, its dead letters as much
//! again, and its dedup store 1,000,000 keys. For each file at most 1,024 calls and 16 MiB of messages wait for its thread; further
//! calls wait for a place, in order. One group has at most 1,000 messages or 4 MiB, unless one
//! call alone has more. One program at a time writes to a file; others wait up to `busy_timeout`,
//! and then fail with a temporary error. A peek shows at most 1000 messages. A purge or redrive
//! goes in steps of 1,000, between which others have their turn: it may meet what was sent
//! meanwhile. A network file system is refused.
//!
//! # Escape hatch
//!
//! A file can be read with any `SQLite` tool, best while no program has it open; its tables may
//! change with any version. [`Provider::admin`] is all there is else.
//!
//! # Durability
//!
//! A send is confirmed, and so is a transaction, a session's state and a change by administration,
//! when the disk was told to keep it and said that it does. Leases and settlements are written at
//! once and flushed with the next of those: the end of the program, however it comes, loses none;
//! the loss of power may, and then a message comes again. With `durability=relaxed` nothing waits
//! for the disk: **the loss of power loses confirmed messages** of the last seconds.
//!
//! Every row has a checksum, and the bell tells how many flushed commits there were: what changed
//! by itself, and a log that was cut, is a `Corrupt` that names the file, and never other data.
//!
//! A commit that fails is `OutcomeUnknown`: whether it happened is known when the file is opened
//! again. Until then it is read-only, and nothing is tried a second time. What cannot be shown
//! here is the honesty of the disk: one that says it has flushed and has not loses what it had
//! promised.
//!
//! # Files
//!
//! The directory is created for its user alone (0700), and so are files (0600). The queue
//! `orders` is `orders.queue`, with `orders.queue-wal` and `orders.queue-shm` while it is in use,
//! and `orders.bell`, by which programs tell each other of news; other characters than `a-z`,
//! `0-9`, `_` and `-` are percent-encoded. Copy or move them together, while nobody has them
//! open. Room that messages have left is used again; once three quarters of a file are unused and
//! nothing else is to do, it is given back to the disk. Deleting a queue removes its files; who has it open elsewhere is told that it is
//! gone.
//!
//! [`Provider::admin`]: relayhouse_core::port::Provider::admin

mod admin;
mod bell;
mod capability;
mod config;
mod convert;
mod dedup;
mod disk;
mod error;
mod file;
mod gate;
mod namespace;
mod origin;
mod path;
mod provider;
mod queue;
mod receiver;
mod sender;
mod session;
mod store;
mod transaction;
mod wait;
mod writer;

pub use self::{
    config::{Config, Durability, Full, LocalBuilder},
    provider::Local,
};
