//! How a message becomes an entry of SQS, and an entry a delivery.

mod body;
mod digest;
mod envelope;
mod packed;
mod packet;
mod pointer;
mod read;
mod seconds;
mod write;

pub(crate) use self::{
    digest::{Digests, hex},
    packet::Packet,
    read::{Dead, Reading, Rules, read, sequence},
    seconds::{whole_seconds, whole_seconds_i32},
    write::{Envoy, Writing, write},
};

#[cfg(feature = "sns")]
pub(crate) use self::packet::Value;

#[cfg(test)]
mod tests;
