//! The futures that layers share: of calls that are refused or answered without being made, and of
//! calls whose request is prepared first.

mod answered;
mod batch;
mod called;
#[cfg(any(feature = "claim-check", feature = "encryption"))]
mod later;
#[cfg(feature = "encryption")]
mod later_batch;

use std::{future::Future, pin::Pin};

pub(crate) use self::answered::Answered;
#[cfg(any(feature = "claim-check", feature = "encryption"))]
pub use self::later::Preparing;
#[cfg(feature = "encryption")]
pub use self::later_batch::PreparingBatch;
pub use self::{
    batch::PreparedBatch,
    called::{Called, Watch},
};

/// Prepares a request in its own time.
pub(crate) type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Takes the instance that is ready out of `service`, and leaves a clone behind.
pub(crate) fn take<S: Clone>(service: &mut S) -> S {
    let clone = service.clone();
    std::mem::replace(service, clone)
}
