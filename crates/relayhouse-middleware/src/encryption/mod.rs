//! Encrypts bodies on their way out, and decrypts and checks them on their way in.
//!
//! Around a producer the layer puts each body into an [envelope](#envelope) that only a holder of
//! the key can read or make. Around a handler it opens envelopes, and refuses everything else: a
//! body that was altered, one that is too old or was seen before, one whose key is not known, and
//! plain text. Each is an error of its own kind, none is a panic, and by a consumer's failure
//! policy each ends as a dead letter. In a batch they are answers of their own item, and its
//! neighbours reach the handler.
//!
//! | what is wrong | kind of error | hint |
//! | --- | --- | --- |
//! | body, or something that is bound to it, was altered, left out or added | [`Forged`] | permanent |
//! | the key of the envelope is not known | [`KeyNotFound`] | temporary |
//! | version or suite of the envelope is not known | [`Unsupported`] | permanent |
//! | the message is older than its window, or was seen before | [`Replayed`] | permanent |
//! | the body is plain text | [`NotEncrypted`] | permanent |
//!
//! # What is protected
//!
//! The body is secret and authenticated. Headers, ordering key, content type, correlation id and
//! reply-to stay readable, since brokers route by them, and are authenticated: all that are there
//! when the message is encrypted, but those named in
//! [`unbound`](EncryptionConfig::unbound), which others may change on the way. So is the message's
//! id, if it has one by then. A header named in [`bound`](EncryptionConfig::bound) is bound even
//! when it is absent, so that nobody can add it. What else is added on the way is neither removed
//! nor to be trusted. Dedup id, times, priority and time to live are the provider's to change, and
//! are not bound. Length and time of a message are seen by everybody.
//!
//! With a replay window a copy is told from a redelivery by the time of its arrival in the queue. A
//! copy that arrives at the very time of the first, as the provider counts it, is taken for a
//! redelivery.
//!
//! What tells that a body is encrypted is the body itself: there is no header to strip. An envelope
//! that is damaged so far that it is none any more is plain text, and refused as such.
//!
//! # Keys
//!
//! Keys come from a [`KeyProvider`](relayhouse_core::port::KeyProvider): a
//! [`KeyRing`](relayhouse_core::port::KeyRing) that does not change, a [`KeyDirectory`], or your
//! own. They are read when the layer is made, again when what was read is older than
//! [`refresh`](EncryptionConfig::refresh), and when a message names a key that is not there, at
//! most once a second. One call asks, and the others go on with what there is; if the provider
//! fails, all do. To rotate, add the new key as an older one everywhere, make it the current one,
//! and remove the old one when no message with it is left. Keys, and what is derived from them, are
//! wiped from memory when they are no longer used.
//!
//! # Envelope
//!
//! ```text
//! magic     4   9E 52 48 45
//! version   1   1
//! suite     1   1: XAES-256-GCM, 2: XChaCha20-Poly1305
//! flags     1   bit 0: the id of the message is bound
//! key id    1 + n
//! time      8   microseconds since 1970, of the encryption
//! nonce    24   random, from the operating system
//! headers   1   how many are bound, then the name of each: 2 + n
//! text          encrypted body
//! tag      16
//! ```
//!
//! All before the text is authenticated. Both suites take nonces of 192 random bits: no counter is
//! kept, none can be lost, and a key is good for more messages than anybody sends. XAES-256-GCM is
//! AES-256-GCM under a key derived from the nonce, by standard parts alone.
//!
//! # Order
//!
//! Inside compression, which finds nothing to save in encrypted bytes; outside claim check, so that
//! the blob store holds ciphertext. On the consuming side next to the consumer, so that nothing
//! acts on what was not checked: outside idempotency, or a forged message could mark the key of
//! another as done.
//!
//! Outside retry, on both sides: inside it the work would be done anew with each attempt.
//!
//! # Cancellation
//!
//! Dropping the future drops the call. A nonce that was noted stays noted: the message may come
//! again, and is not taken for a replay, since it has the same place in the queue.
//!
//! # Defaults
//!
//! - XAES-256-GCM.
//! - Plain text is rejected. Whoever accepts it hears so once, by an event when the layer is made,
//!   and [`EncryptionLayer::gauges`] counts such messages; with [`PlainText::Alert`] each of them is
//!   an event as well.
//! - All headers are bound but `traceparent`, `tracestate` and `baggage`; `content-encoding` even
//!   if it is absent.
//! - No replay window. With one, of 5 minutes if nothing else is said, a message must come within
//!   it, redeliveries included, with 30 s more for clocks that disagree; and nonces are noted in
//!   memory, up to a million, unless a store is given.
//! - Keys are read again after a minute.
//!
//! # Example
//!
//! ```
//! use relayhouse_core::{
//!     Error, Message,
//!     port::{Key, KeyId, KeyRing},
//! };
//! use relayhouse_middleware::encryption::EncryptionLayer;
//! use std::sync::Arc;
//! use tower::{Service, ServiceBuilder};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let context = relayhouse_time::context()?;
//! let key = Key::from_hex(KeyId::new("2026-11")?, &"0f".repeat(32))?;
//! let keys = Arc::new(KeyRing::new(key));
//! let layer = EncryptionLayer::builder(keys).build(&context).await?;
//!
//! let mut producer = ServiceBuilder::new()
//!     .layer(layer)
//!     .service_fn(|message: Message| async move { Ok::<_, Error>(message) });
//! let sent = producer.call(Message::new("my secret").header("tenant", "acme")).await?;
//! assert_eq!(sent.headers().text("tenant"), Some("acme"));
//! assert!(!sent.body.windows(6).any(|part| part == b"secret"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Forged`]: relayhouse_core::ErrorKind::Forged
//! [`KeyNotFound`]: relayhouse_core::ErrorKind::KeyNotFound
//! [`NotEncrypted`]: relayhouse_core::ErrorKind::NotEncrypted
//! [`Replayed`]: relayhouse_core::ErrorKind::Replayed
//! [`Unsupported`]: relayhouse_core::ErrorKind::Unsupported

mod bound;
mod builder;
mod cipher;
mod config;
mod directory;
mod envelope;
mod layer;
mod nonces;
mod ring;
mod service;
mod shared;

#[cfg(test)]
mod tests;

pub use self::{
    builder::EncryptionBuilder,
    config::{EncryptionConfig, PlainText, Suite},
    directory::KeyDirectory,
    layer::{EncryptionGauges, EncryptionLayer},
    service::Encryption,
};
