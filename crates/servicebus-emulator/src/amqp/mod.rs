//! AMQP 1.0 without sockets: bytes in, bytes and events out.
//!
//! A [`Connection`] is the server's side of one connection. Whoever owns the socket hands it what
//! was read by [`receive`](Connection::receive), acts on each [`Event`], answers by calls, and
//! writes what [`take_output`](Connection::take_output) returns. It knows no clock: calls bring the
//! time, and [`due`](Connection::due) says when [`wake`](Connection::wake) is to be called next.
//!
//! What a peer can make it hold is bounded by [`Limits`].

mod check;
mod commands;
mod connection;
mod disposition;
mod error;
mod event;
mod flow;
mod frame;
mod incoming;
mod limits;
mod link;
mod outgoing;
mod output;
mod performative;
mod sasl;
mod session;
mod state;

#[cfg(test)]
mod tests;

pub(crate) use self::frame::append;
pub use self::{
    check::{Malformed, value_bytes},
    commands::{Acceptance, Shipment},
    connection::Connection,
    error::error,
    event::{Delivered, DeliveryId, Disposed, Event, LinkId, Login},
    limits::Limits,
};
