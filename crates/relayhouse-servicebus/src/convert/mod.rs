//! How messages become AMQP messages, and how they come back.

mod copy;
mod encode;
mod names;
mod packet;
mod read;
mod scan;
#[cfg(test)]
mod tests;
mod told;
mod value;
mod wire;
mod write;

use bytes::Bytes;
use fe2o3_amqp_types::messaging::message::DecodeIntoMessage;
use relayhouse_core::Source;
use serde_amqp::read::SliceReader;

use self::read::read_body;
pub(crate) use self::{
    copy::copy,
    names::{
        DEAD_LETTER_ATTEMPTS, DEAD_LETTER_DESCRIPTION, DEAD_LETTER_FINGERPRINT, DEAD_LETTER_REASON,
        DEAD_LETTER_TIME, FIRST_ENQUEUED,
    },
    packet::{Packet, value_of},
    read::{Incoming, read},
    told::Reading,
    write::{time_of, write},
};
use crate::link::tap::WRAPPED;

/// Is a message as it came in.
#[derive(Debug)]
pub(crate) enum Payload {
    Decoded(Box<Incoming>),
    /// It was wrapped, so that the client library decoded nothing.
    Encoded(Bytes),
}

impl Payload {
    /// Takes apart what the client library received.
    pub(crate) fn new(format: Option<u32>, incoming: Incoming) -> Self {
        match format {
            Some(WRAPPED) => Self::Encoded(read_body(incoming.body)),
            _ => Self::Decoded(Box::new(incoming)),
        }
    }

    /// Reads it, as it came from `source`.
    ///
    /// # Errors
    ///
    /// Returns that of the client library if it is no message.
    pub(crate) fn reading(self, source: &Source) -> Result<Reading, serde_amqp::Error> {
        let incoming = match self {
            Self::Decoded(incoming) => *incoming,
            Self::Encoded(bytes) => match scan::scan(bytes, source) {
                Ok(reading) => return Ok(reading),
                Err(bytes) => decode(&bytes)?,
            },
        };
        Ok(read(incoming, source))
    }

    /// Returns the message as the client library decodes it.
    ///
    /// # Errors
    ///
    /// Returns that of the library if it is no message.
    pub(crate) fn decoded(self) -> Result<Incoming, serde_amqp::Error> {
        match self {
            Self::Decoded(incoming) => Ok(*incoming),
            Self::Encoded(bytes) => decode(&bytes),
        }
    }
}

fn decode(bytes: &[u8]) -> Result<Incoming, serde_amqp::Error> {
    DecodeIntoMessage::decode_message_from_reader(SliceReader::new(bytes))
}
