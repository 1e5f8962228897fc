//! Tools that hold an adapter to the contract: a conformance suite, an oracle over histories, a
//! reference model, and faults.
//!
//! Whoever writes an adapter implements a [`Harness`] for it and runs [`conformance`].

pub mod clock;
pub mod conformance;
pub mod generate;
mod harness;
pub mod hostile;
pub mod model;
pub mod oracle;
pub mod proxy;

pub use self::harness::{Connections, Gauges, Harness, Network, Untrusted, WallClock};
