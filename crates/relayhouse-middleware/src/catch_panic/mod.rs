//! Turns a panic into an error, so that what stands around it can act on it.
//!
//! A consumer of ours catches the panics of its handler by itself and releases the message; this
//! layer is for what should see the panic before: a retry, a breaker, a limiter. Where the service
//! panics, in `call` or in its future, the call ends as
//! [`ErrorKind::Panicked`](relayhouse_core::ErrorKind::Panicked) with the text of the panic. The
//! hook of the program, which prints panics, runs as it always does.
//!
//! # Order
//!
//! Innermost, around the handler alone: retry, breaker and limits then hear of the panic.
//! Outermost, a panic would pass them by: no retry would follow it, and no breaker count it.
//!
//! # Cancellation
//!
//! Dropping the future drops the call.
//!
//! # Defaults
//!
//! - The error is temporary: the message may do better the next time.
//!
//! # Example
//!
//! ```
//! use relayhouse_core::{Error, ErrorKind, Message, Sent};
//! use relayhouse_middleware::catch_panic::CatchPanicLayer;
//! use tower::{Service, ServiceBuilder};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let mut service = ServiceBuilder::new()
//!     .layer(CatchPanicLayer::new())
//!     .service_fn(|message: Message| async move {
//!         assert!(!message.body.is_empty(), "the body is empty");
//!         Ok::<_, Error>(())
//!     });
//! let error = service.call(Message::new("")).await.unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Panicked);
//! assert_eq!(error.to_string(), "panicked: the body is empty");
//! # });
//! ```

mod future;
mod layer;
mod service;

#[cfg(test)]
mod tests;

pub use self::{future::Catching, layer::CatchPanicLayer, service::CatchPanic};
