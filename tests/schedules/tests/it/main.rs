//! What keeps state across tasks, in orders of these tasks that a scheduler chooses.
//!
//! Each test runs its scenario some hundred times, by two schedulers with a seed: one draws each
//! step by chance, the other gives tasks priorities and changes a few of them on the way, which
//! finds what takes one task to be late for long. A scenario in which all tasks rest and none is
//! done is a failure: somebody was not woken.
#![cfg(test)]

mod adaptive;
mod batch;
mod breaker;
mod dedup;
mod encryption;
mod failover;
mod outbox;
mod permits;
mod rate_limit;
mod retry;
mod support;
mod timeout;
