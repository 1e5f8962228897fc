//! Adapters on a service that runs elsewhere, in real time: an emulator that is a program of its
//! own, or the service itself.

mod finding;
mod place;
mod probe;
pub mod servicebus;
pub mod sqs;
mod suite;
pub mod verbs;

pub use self::{
    finding::{Ending, Finding},
    place::Place,
    suite::run,
};
