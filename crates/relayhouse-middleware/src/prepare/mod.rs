//! Calls whose request is prepared first: one that cannot be prepared never reaches the service.
//!
//! These are the futures of layers that change messages, such as compression and encryption.

mod answered;
#[cfg(any(feature = "encryption", feature = "gzip", feature = "zstd"))]
mod batch;
#[cfg(any(feature = "claim-check", feature = "encryption"))]
mod later;
#[cfg(feature = "encryption")]
mod later_batch;
#[cfg(any(
    feature = "claim-check",
    feature = "encryption",
    feature = "gzip",
    feature = "zstd"
))]
mod once;

use std::{future::Future, pin::Pin};

pub(crate) use self::answered::Answered;
#[cfg(any(feature = "encryption", feature = "gzip", feature = "zstd"))]
pub use self::batch::PreparedBatch;
#[cfg(any(feature = "claim-check", feature = "encryption"))]
pub use self::later::Preparing;
#[cfg(feature = "encryption")]
pub use self::later_batch::PreparingBatch;
#[cfg(any(
    feature = "claim-check",
    feature = "encryption",
    feature = "gzip",
    feature = "zstd"
))]
pub use self::once::Prepared;

/// Prepares a request in its own time.
pub(crate) type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Takes the instance that is ready out of `service`, and leaves a clone behind.
pub(crate) fn take<S: Clone>(service: &mut S) -> S {
    let clone = service.clone();
    std::mem::replace(service, clone)
}
