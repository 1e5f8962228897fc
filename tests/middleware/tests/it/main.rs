//! The middleware on queues in files, and dropped at every poll.
#![cfg(test)]

mod cancel;
mod idempotency;
mod marks;
mod outbox;
mod plain_text;
