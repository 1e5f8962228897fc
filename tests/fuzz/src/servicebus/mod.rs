//! What the emulator of Service Bus reads: bytes of clients, and the texts of their settings.

mod client;
mod engine;
mod frames;
mod http;
mod texts;

pub(crate) use self::{
    client::client,
    engine::{connection, value},
    http::http,
    texts::{config, sql},
};
