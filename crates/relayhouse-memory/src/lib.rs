//! Queues in memory: the reference adapter of relayhouse.

mod admin;
mod capability;
mod config;
mod convert;
mod engine;
mod error;
mod namespace;
mod profile;
mod provider;
mod receiver;
mod sender;
mod session;
mod transaction;

pub use self::{
    config::{Config, Full, MemoryBuilder},
    profile::Profile,
    provider::Memory,
};
