//! The SQS adapter on a service that runs elsewhere, in real time: an emulator that is a program of
//! its own, LocalStack, or AWS.

mod finding;
mod harness;
pub mod probe;
mod site;
mod suite;
pub mod verbs;

pub use self::{
    finding::{Ending, Finding},
    harness::ServiceHarness,
    site::Site,
    suite::run,
};
