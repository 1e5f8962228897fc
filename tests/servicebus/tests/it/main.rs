//! The runtime and the Service Bus adapter on our emulator, while everything fails that can, judged
//! by the oracle.
#![cfg(test)]

mod cuts;
mod faults;
mod kill;
mod sessions;
mod size;
mod start;
mod world;
