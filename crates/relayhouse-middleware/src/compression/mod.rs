//! Compresses bodies on their way out, and restores them on their way in.
//!
//! Around a producer the layer compresses a body above a threshold, keeps the result if it is
//! smaller, and says so in the header `content-encoding`. Around a handler it restores what carries
//! that header, and takes the header away: the handler gets the message as it was sent. A message
//! without the header passes untouched, so that both ends can be changed one at a time.
//!
//! A body from outside may be a bomb: a few bytes that become gigabytes. What comes out is bounded
//! twice, in bytes and by its ratio to what went in, and memory is taken as output arrives, never
//! by what the body claims. A body above a bound fails with
//! [`ErrorKind::MessageTooLarge`](relayhouse_core::ErrorKind::MessageTooLarge), a damaged one or
//! one of an encoding that is not known here with
//! [`ErrorKind::Codec`](relayhouse_core::ErrorKind::Codec). Both are permanent, so that a consumer
//! dead-letters the message at once. In a batch they are answers of their own item, and its
//! neighbours reach the handler. What the bounds of this side would refuse it does not send.
//!
//! The work is done in the task of the caller, in `call`.
//!
//! # Order
//!
//! Outside encryption, on both sides: a body is compressed and then encrypted, decrypted and then
//! restored. The other way round nothing would become smaller, since encrypted bytes do not
//! compress. Where an attacker can choose a part of a body that also holds a secret, the length of
//! what was compressed and then encrypted tells about the secret: leave compression out there.
//!
//! Inside retry a body would be compressed again with each attempt; outside it, once.
//!
//! # Cancellation
//!
//! Dropping the future drops the call.
//!
//! # Defaults
//!
//! - Zstandard, or gzip where the feature `zstd` is off, at normal effort.
//! - Bodies from 1 KiB on.
//! - At most 64 MiB come out, and at most 250 times what went in; up to 64 KiB any ratio will do.
//!
//! # Example
//!
//! ```
//! use relayhouse_core::{Error, Message};
//! use relayhouse_middleware::compression::{CompressionLayer, Encoding};
//! use tower::{Service, ServiceBuilder};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let mut producer = ServiceBuilder::new()
//!     .layer(CompressionLayer::new(Encoding::default()).bytes_min(100))
//!     .service_fn(|message: Message| async move { Ok::<_, Error>(message) });
//! let sent = producer.call(Message::new("seven".repeat(100))).await?;
//! assert!(sent.headers().text("content-encoding").is_some());
//! assert!(sent.body.len() < 100);
//! # Ok::<(), Error>(())
//! # }).unwrap();
//! ```

mod config;
mod encoding;
mod layer;
mod press;
mod service;

#[cfg(test)]
mod tests;

pub use self::{
    config::{CompressionConfig, Effort},
    encoding::Encoding,
    layer::CompressionLayer,
    service::Compression,
};
