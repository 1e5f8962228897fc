//! The runtime and the SQS adapter on our emulator, while everything fails that can, judged by
//! the oracle.
#![cfg(test)]

mod credentials;
mod cuts;
mod drain;
mod faults;
mod load;
mod recreated;
mod secret;
mod skew;
mod time;
mod world;
