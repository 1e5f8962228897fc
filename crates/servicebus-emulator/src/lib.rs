//! Azure Service Bus over AMQP 1.0, in process, with the clock and the faults under control.
//!
//! A [`ServiceBusEmulator`] listens on a port of this machine and speaks AMQP 1.0 there, over TCP,
//! with TLS if it is given a certificate, bare or in a `WebSocket`: give a client its
//! [`connection_string`](ServiceBusEmulator::connection_string). A test moves its time, breaks its
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
//! # What it does not do
//!
//! - It takes no tokens of Entra ID unless it takes any token.
//! - Locks of messages outlast their link, until their time is over; those of sessions do not.
//! - Everything is in memory, and gone when it ends.

pub mod amqp;
mod builder;
mod clock;
mod emulator;
mod fault;
pub mod model;
mod node;
mod random;
pub mod rest;
mod shared;
mod wire;

pub use self::{
    builder::Builder,
    clock::{Clock, MachineClock, ManualClock, Sleep},
    emulator::ServiceBusEmulator,
    fault::{Fault, Faults, Operation, Times, UnfitFault},
};
