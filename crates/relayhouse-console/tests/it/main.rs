//! The console over HTTP, before consumers of queues in memory.
#![cfg(test)]

mod access;
mod client;
mod clock;
mod control;
mod fixture;
mod limits;
mod probes;
mod secrets;
mod shown;
mod streams;
