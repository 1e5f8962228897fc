//! How messages become AMQP messages, and how they come back.

mod names;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use self::{
    names::{
        DEAD_LETTER_ATTEMPTS, DEAD_LETTER_DESCRIPTION, DEAD_LETTER_FINGERPRINT, DEAD_LETTER_REASON,
        DEAD_LETTER_TIME,
    },
    read::{Incoming, read},
    write::{time_of, write},
};
