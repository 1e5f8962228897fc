//! All cases, by what they are about.

/// Names a case after its function, and takes its rule from the documentation there.
macro_rules! case {
    ($name:ident, $needs:expr) => {
        $crate::conformance::Case {
            name: stringify!($name),
            needs: $needs,
            source: SOURCE,
            run: |harness| Box::pin($name(harness)),
        }
    };
}

pub mod admin;
pub mod cancel;
pub mod close;
pub mod content;
pub mod dead_letter;
pub mod dedup;
pub mod history;
pub mod lease;
pub mod network;
pub mod order;
pub mod receive;
pub mod release;
pub mod schedule;
pub mod send;
pub mod session;
pub(super) mod session_port;
pub mod settle;
pub mod stress;
pub mod topic;
pub mod transaction;

use std::{
    future::poll_fn,
    pin::pin,
    task::{Poll, Waker},
    time::Duration,
};

use relayhouse_core::{Error, ErrorKind, Settlement, port::QueueConfig};

use super::{Case, Verdict, Violation, violation::fails};

/// An ack.
const ACK: Settlement = Settlement::Ack;

/// A release at once.
const RELEASE: Settlement = Settlement::RELEASE;

const GROUPS: &[&[Case]] = &[
    send::CASES,
    content::CASES,
    receive::CASES,
    lease::CASES,
    settle::CASES,
    release::CASES,
    dead_letter::CASES,
    schedule::CASES,
    dedup::CASES,
    order::CASES,
    session::CASES,
    topic::CASES,
    admin::CASES,
    transaction::CASES,
    close::CASES,
    cancel::CASES,
    stress::CASES,
    history::CASES,
    network::CASES,
];

/// Returns all cases, in the order of their groups.
pub fn all() -> impl Iterator<Item = Case> {
    GROUPS.iter().copied().flatten().copied()
}

/// Checks that a call was refused because the target lacks what it needs.
#[track_caller]
fn unsupported<T>(what: &str, result: Result<T, Error>) -> Verdict {
    fails(what, result, ErrorKind::Unsupported).map(drop)
}

/// Whether a target may fail with `error` any item of a batch, which its caller tries again.
pub(super) fn is_passing(error: &Error) -> bool {
    error.is_temporary() && error.kind() != ErrorKind::OutcomeUnknown
}

/// Asks for a queue whose leases last for `lease`.
fn lease_of(lease: Duration) -> QueueConfig {
    QueueConfig {
        lease: Some(lease),
        ..QueueConfig::default()
    }
}

/// Polls `future` up to `polls` times, and drops it: returns its output if it ended by then.
async fn cut<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        let mut quiet = std::task::Context::from_waker(Waker::noop());
        match future.as_mut().poll(&mut quiet) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    })
    .await
}
