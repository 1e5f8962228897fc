//! The emulator over HTTP, by requests that are written by hand.
#![cfg(test)]

mod client;
mod faults;
mod life;
mod polls;
mod records;
mod wire;
