//! The emulator, driven by a client of other people: bare `fe2o3-amqp`.
#![cfg(test)]

mod client;
mod data;
mod faults;
mod http;
mod management;
mod messages;
mod sessions;
mod settlements;
mod tokens;
mod transactions;
mod transports;
