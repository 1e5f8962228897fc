//! Adapters on a service that runs elsewhere, in real time: an emulator that is a program of its
//! own, or the service itself.

mod finding;
mod servicebus;
pub mod sqs;
mod suite;

pub use self::{
    finding::{Ending, Finding},
    servicebus::Namespace,
    suite::{Place, run},
};
