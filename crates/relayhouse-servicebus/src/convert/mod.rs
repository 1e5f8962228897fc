//! How messages become AMQP messages, and how they come back.

mod copy;
mod names;
mod read;
mod size;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use self::{
    copy::copy,
    names::{
        DEAD_LETTER_ATTEMPTS, DEAD_LETTER_DESCRIPTION, DEAD_LETTER_FINGERPRINT, DEAD_LETTER_REASON,
        DEAD_LETTER_TIME, FIRST_ENQUEUED,
    },
    read::{Incoming, Reading, read},
    size::encoded_bytes_max,
    write::{Packet, is_scheduled, time_of, value_of, write},
};
