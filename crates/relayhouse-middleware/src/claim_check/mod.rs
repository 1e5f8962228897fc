//! Keeps large bodies out of the queue: they go to a blob store, and the queue carries a claim.
//!
//! On send a body above a limit is stored as a blob, and the message leaves with an empty body and
//! the header `relayhouse-claim`, which names the blob, its length and its SHA-256. On receive the
//! blob is fetched, checked, and put back: the handler gets the message as it was sent, with that
//! header. Smaller bodies pass untouched, unless the queue is known not to take them.
//!
//! Sending, use the layer [`ClaimCheckLayer`] around a producer, or [`ClaimSender`] around a port,
//! which tells the producer that large messages are welcome. Receiving there is the wrapper of a
//! port alone, [`ClaimReceiver`], or [`ClaimReceiver::sessions`] where the source is one of sessions:
//! settlements that a runtime decides by itself, such as a dead letter after a panic, pass the port
//! but no layer, and must carry the claim, not the body.
//!
//! # What goes wrong
//!
//! A message whose blob is missing, damaged or above the limit is dead-lettered by the wrapper with
//! the reason `blob-missing`, `blob-damaged` or `blob-too-large`, and one with a claim that cannot
//! be read with `not-decodable`: no handler sees it, and its claim stays with the dead letter. While
//! the store does not answer, messages are released to come back later, and where the source keeps
//! an order, so is what came behind them. Where the queue cannot hold a message back for a while,
//! the receive waits for that long before it releases. Where the queue has no dead letters, put
//! [`dead_letter`](crate::dead_letter) inside.
//!
//! A claim of another program, which tells no digest, is fetched where
//! [`without_digest`](ClaimCheckConfig::without_digest) allows it, and dead-lettered elsewhere.
//!
//! A claim can name any blob of the store: who may send may have such a blob fetched, if they know
//! its name and hash. Keep blobs of different trust in different stores, or encrypt.
//!
//! # Cleaning up
//!
//! A blob is stored before its message is sent, so that no receiver can be faster. If the message
//! is then not sent, [`ClaimSender`] removes the blob; if that is not known, or the process dies,
//! it stays. [`Cleanup::Acked`] removes the blob once the ack of its message is confirmed: only
//! where each message has one reader, since a topic's subscriptions share the blob. In every case
//! let something call [`BlobStore::sweep`](relayhouse_core::port::BlobStore::sweep) now and then,
//! with an age above the longest life of a message, dead letters included.
//!
//! # Order
//!
//! Inside compression and encryption on the sending side: what is stored is small and secret. The
//! port wrapper stands outside one for dead letters, so that a dead letter carries the claim.
//!
//! Outside encryption the store would hold plain text, and the header would be bound to what the
//! receiver never sees.
//!
//! # Cancellation
//!
//! Dropping a send may leave a blob that no message names. Dropping a receive while blobs are
//! fetched keeps its deliveries: the next receive brings them, if their leases last.
//!
//! # Defaults
//!
//! - Bodies from 192 KiB on are stored; up to 256 MiB.
//! - Blobs are kept.
//! - A message that came while the store did not answer comes back after 5 s.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//!
//! use relayhouse_core::{Error, Message};
//! use relayhouse_middleware::claim_check::{ClaimCheckLayer, FileBlobs};
//! use tower::{Service, ServiceBuilder};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let context = relayhouse_time::context()?;
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path();
//! let store = Arc::new(FileBlobs::new(path, &context));
//! let mut producer = ServiceBuilder::new()
//!     .layer(ClaimCheckLayer::new(store, &context).bytes_min(1_000))
//!     .service_fn(|message: Message| async move { Ok::<_, Error>(message) });
//! let sent = producer.call(Message::new(vec![7; 1_000_000])).await?;
//! assert!(sent.body.is_empty());
//! assert!(sent.headers().text("relayhouse-claim").is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod claim;
mod config;
mod files;
mod layer;
mod receiver;
mod sender;
mod service;
mod shared;

#[cfg(test)]
mod tests;

pub use self::{
    config::{ClaimCheckConfig, Cleanup},
    files::FileBlobs,
    layer::ClaimCheckLayer,
    receiver::ClaimReceiver,
    sender::ClaimSender,
    service::ClaimCheck,
};
