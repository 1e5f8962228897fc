//! The middleware once more, on primitives that a scheduler steps through.
//!
//! Each module is the file of `relayhouse-middleware` that it names; `sync` alone is another, which
//! has the locks, the atomics and the tasks of shuttle. So the tests of this package run the code
//! that users run, one task at a time, in orders that shuttle chooses: at each lock, at each atomic
//! operation, at each poll that is pending and at each spawn another task may go on.
//!
//! # What is not scheduled
//!
//! - What tokio's channels do inside (`oneshot` in a batch, `watch` and `Notify` where a task is
//!   waited for or stopped): they have atomics and locks of their own, and so happen here in one
//!   step. Their wake-ups are those of shuttle's tasks, and a lost one is found.
//! - Orderings that are weaker than sequential consistency: shuttle has no others.
//! - `claim_check` and `compression`, which call the system or C in between, and share a list
//!   behind one lock; `correlation` and `deadline`, which keep what they know in the thread, and
//!   all tasks of a schedule share one.
//! - The stores and clocks of the tests, which are to be right, and happen in one step as well.
// The tests and the examples of those files run where they live.
#![cfg(not(any(test, doctest)))]

#[path = "../../../crates/relayhouse-middleware/src/adaptive/mod.rs"]
pub mod adaptive;
#[path = "../../../crates/relayhouse-middleware/src/backpressure/mod.rs"]
pub mod backpressure;
#[path = "../../../crates/relayhouse-middleware/src/batch/mod.rs"]
pub mod batch;
#[path = "../../../crates/relayhouse-middleware/src/breaker/mod.rs"]
pub mod breaker;
#[path = "../../../crates/relayhouse-middleware/src/catch_panic/mod.rs"]
pub mod catch_panic;
#[path = "../../../crates/relayhouse-middleware/src/encryption/mod.rs"]
pub mod encryption;
#[path = "../../../crates/relayhouse-middleware/src/failover/mod.rs"]
pub mod failover;
#[path = "../../../crates/relayhouse-middleware/src/fair/mod.rs"]
pub mod fair;
#[path = "../../../crates/relayhouse-middleware/src/fault/mod.rs"]
pub mod fault;
#[path = "../../../crates/relayhouse-middleware/src/idempotency/mod.rs"]
pub mod idempotency;
#[path = "../../../crates/relayhouse-middleware/src/line.rs"]
mod line;
#[path = "../../../crates/relayhouse-middleware/src/news.rs"]
mod news;
#[path = "../../../crates/relayhouse-middleware/src/outbox/mod.rs"]
pub mod outbox;
#[path = "../../../crates/relayhouse-middleware/src/permits/mod.rs"]
mod permits;
#[path = "../../../crates/relayhouse-middleware/src/prepare/mod.rs"]
pub mod prepare;
#[path = "../../../crates/relayhouse-middleware/src/rate_limit/mod.rs"]
pub mod rate_limit;
#[path = "../../../crates/relayhouse-middleware/src/request.rs"]
mod request;
#[path = "../../../crates/relayhouse-middleware/src/retry/mod.rs"]
pub mod retry;
mod sync;
#[path = "../../../crates/relayhouse-middleware/src/task.rs"]
mod task;
#[path = "../../../crates/relayhouse-middleware/src/timeout/mod.rs"]
pub mod timeout;
#[path = "../../../crates/relayhouse-middleware/src/verdict.rs"]
mod verdict;

pub use self::{
    request::{Leased, Request},
    verdict::{Classify, Standard, Success, Verdict, standard},
};
