//! Sockets: bytes to clients and back, over TCP, with TLS or without: AMQP, bare or in a `WebSocket`,
//! and HTTP.

mod connection;
mod http;
mod pipe;
mod server;
mod websocket;

pub(crate) use self::server::{Protocol, keep_time, serve};
