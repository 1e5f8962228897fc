//! The middleware on queues in files.
#![cfg(test)]

mod outbox;
