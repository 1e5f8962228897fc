//! Sends values through anything that sends messages.
//!
//! An [`Encoding`] is a tower service of values around one of messages: a producer, or a stack of
//! layers around one. It encodes, labels the message with the content type, and passes it on.
//!
//! # Order
//!
//! Outside of retry: a value is encoded once, and each attempt sends the same message.
//! Inside retry, each attempt would encode anew, and a layer that looks at messages, such as one
//! that compresses them, has to stand inside of the encoding anyway.
//!
//! # Cancellation
//!
//! Encoding is done when the call returns its future. Dropping that costs what it costs with the
//! inner service.

mod ext;
mod future;
mod layer;
mod service;

pub use self::{ext::EncodingExt, future::EncodingFuture, layer::EncodingLayer, service::Encoding};

#[cfg(all(test, feature = "json"))]
mod tests;
