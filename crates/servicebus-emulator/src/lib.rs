//! Azure Service Bus over AMQP 1.0, in process, with the clock and the faults under control.
//!
//! A [`ServiceBusEmulator`] listens on a port of this machine and speaks AMQP 1.0 there, over TCP,
//! with TLS if it is given a certificate, bare or in a `WebSocket`: give a client its
//! [`connection_string`](ServiceBusEmulator::connection_string). The HTTP API is at a port of its
//! own, [`http_endpoint`](ServiceBusEmulator::http_endpoint). A test moves its time, breaks its
//! answers, and looks into its entities.
//!
//! ```
//! use std::time::Duration;
//!
//! use servicebus_emulator::{
//!     Fault, ManualClock, Operation, ServiceBusEmulator, Times, model::QueueSettings,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clock = ManualClock::new();
//! let emulator = ServiceBusEmulator::builder()
//!     .queue("orders", QueueSettings::default())
//!     .clock(clock.clone())
//!     .start()
//!     .await?;
//! println!("the connection string is {}", emulator.connection_string());
//!
//! // The next send is refused, and one in ten settlements comes too late.
//! let faults = emulator.faults();
//! faults.inject(Operation::Send, Fault::Throttle, Times::Next(1))?;
//! faults.inject(Operation::Settle, Fault::LoseLock, Times::Chance(0.1))?;
//!
//! // Whatever was locked for a minute comes back now.
//! clock.advance(Duration::from_secs(60));
//! emulator.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # For clients in other processes
//!
//! Whoever has a token for the whole namespace may ask over HTTP what a test does here: `POST` to
//! `/$emulator/clock` with `{"advance": "PT1M"}` moves the time, `POST` to `/$emulator/faults` with
//! `{"operation": "send", "fault": "throttle", "times": 1}` injects a fault, and `DELETE` takes all
//! of them back. Without `times`, or a `chance`, it happens always; a `delay` says by how much with
//! `"by": "PT2S"`.
//!
//! # Fidelity
//!
//! It was never held against Azure: it does what the documentation says, and what the official
//! Python SDK expects, which is driven against it through all that it can do.
//!
//! | what | as in Azure | otherwise |
//! | --- | --- | --- |
//! | tokens | signatures, paths and times are checked | a key is for everything; none of Entra ID is taken |
//! | locks | the broker's clock decides, and its answer says so | those of messages outlast their link |
//! | sessions | exclusive, with a state and a lock of their own | |
//! | dead letters | reasons, counts, expiry, transfer, four hops | |
//! | rules | the documented grammar with three-valued logic | |
//! | transactions | sends and settlements, done as one | of any entities of the namespace |
//! | throttling | its error | on demand alone |
//! | HTTP | entities, rules, counts; sends, locks, settlements | no rights, no partitions |
//! | durability | with a directory, messages outlast the process | without one, all is gone at the end |
//!
//! # What outlasts it
//!
//! Nothing, unless it is given a directory by [`Builder::data`]. There it keeps entities with
//! settings and rules, messages whether they are ready, scheduled, deferred or dead, how often each
//! was delivered, the states of sessions, the ids that duplicates are found by, and the numbers
//! that it has given. A call is answered when the disk has what it has changed; calls that come
//! meanwhile share the next write.
//!
//! Locks end with the process, and transactions that are open: a message that was locked is ready
//! again, and the delivery is not counted.

pub mod amqp;
mod authority;
mod builder;
mod clock;
mod emulator;
mod fault;
pub mod model;
mod node;
mod random;
pub mod rest;
mod shared;
mod store;
mod wire;

pub use self::{
    authority::Authority,
    builder::Builder,
    clock::{Clock, MachineClock, ManualClock, Sleep},
    emulator::ServiceBusEmulator,
    fault::{Fault, Faults, Operation, Times, UnfitFault},
    store::{DataError, DataErrorKind},
};
