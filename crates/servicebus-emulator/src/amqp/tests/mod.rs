//! The engine, by bytes.

mod deliveries;
mod failures;
mod handshake;
mod links;
mod peer;
mod properties;
