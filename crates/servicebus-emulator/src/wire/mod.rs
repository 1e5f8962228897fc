//! Sockets: bytes to clients and back, over TCP, with TLS or without, bare or in a `WebSocket`.

mod connection;
mod pipe;
mod server;
mod websocket;

pub(crate) use self::server::{keep_time, serve};
