//! How messages become AMQP messages, and how they come back.

mod copy;
mod encode;
mod names;
mod packet;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use self::{
    copy::copy,
    names::{
        DEAD_LETTER_ATTEMPTS, DEAD_LETTER_DESCRIPTION, DEAD_LETTER_FINGERPRINT, DEAD_LETTER_REASON,
        DEAD_LETTER_TIME, FIRST_ENQUEUED,
    },
    packet::{Packet, value_of},
    read::{Incoming, Reading, read},
    write::{time_of, write},
};
