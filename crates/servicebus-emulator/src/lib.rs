//! Azure Service Bus over AMQP 1.0, in process, with the clock and the faults under control.

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
