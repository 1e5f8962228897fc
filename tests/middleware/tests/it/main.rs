//! The middleware on queues in files.
#![cfg(test)]

mod idempotency;
mod marks;
mod outbox;
