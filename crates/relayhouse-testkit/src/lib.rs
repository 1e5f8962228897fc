//! Tools that hold an adapter to the contract: a conformance suite, an oracle over histories, a
//! reference model, and faults.
//!
//! Whoever writes an adapter implements a [`Harness`] for it and runs each case of
//! [`conformance::all`] as a test of its own. What a target declares decides which cases it must
//! pass, and which uses it must refuse.
//!
//! - [`conformance`]: the cases, by what they are about, and the table of what shows each ability.
//! - [`model`]: random operations on which a queue and a simple model must agree.
//! - [`oracle`]: a check of any history, also of a running program, by an observer.
//! - [`hostile`]: a provider that answers as badly as the ports allow.
//! - [`proxy`]: a TCP proxy that breaks connections.
//! - [`clock`] and [`generate`]: time and messages for tests.
//!
//! This crate is no test framework: it knows no adapter, and spawns nothing but the proxy.

pub mod clock;
pub mod conformance;
pub mod generate;
mod harness;
pub mod hostile;
pub mod model;
pub mod oracle;
pub mod proxy;

pub use self::harness::{Connections, Gauges, Harness, Network, Untrusted, WallClock};
