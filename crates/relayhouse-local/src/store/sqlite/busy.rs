//! Waiting for another process's lock: short pauses, up to a bound.
//!
//! A lock is held for the length of a commit, a tenth of a millisecond to some milliseconds.
//! SQLite's own pauses grow to a tenth of a second, by which others would have had it many times.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rusqlite::Connection;

use super::fault::Result;

/// The first pauses, while it is likely that a commit is about to end.
const PAUSE_FIRST: Duration = Duration::from_micros(100);
const FIRST_COUNT: u32 = 20;

/// The pauses after these.
const PAUSE: Duration = Duration::from_millis(1);

/// How often one calls again: a quarter of a second.
const TRIES_MAX: u32 = 270;

/// Says whether a connection waits for locks.
#[derive(Clone, Debug)]
pub(super) struct Patience(Arc<AtomicBool>);

impl Patience {
    /// Lets `connection` wait up to `timeout` for a lock.
    pub(super) fn new(connection: &mut Connection, timeout: Duration) -> Result<Self> {
        let patience = Self(Arc::new(AtomicBool::new(true)));
        let Self(is_patient) = patience.clone();
        let wait = move |tries: i32| {
            let tries = u32::try_from(tries).unwrap_or(0);
            let has_time = is_patient.load(Ordering::Relaxed) && waited(tries) < timeout;
            if has_time {
                pause(tries);
            }
            has_time
        };
        connection.busy_handler(Some(wait))?;
        Ok(patience)
    }

    /// Makes a call that fails where it would wait.
    pub(super) fn without<T>(&self, call: impl FnOnce() -> Result<T>) -> Result<T> {
        self.0.store(false, Ordering::Relaxed);
        let called = call();
        self.0.store(true, Ordering::Relaxed);
        called
    }
}

/// Calls again while `call` finds a lock, for a moment: what changes how a file is written does
/// not wait for locks by itself.
pub(super) fn again<T>(call: impl Fn() -> Result<T>) -> Result<T> {
    let mut tries = 0;
    loop {
        match call() {
            Err(fault) if fault.is_passing() && tries < TRIES_MAX => pause(tries),
            done => return done,
        }
        tries += 1;
    }
}

/// Returns how long one has waited before a try.
fn waited(tries: u32) -> Duration {
    PAUSE_FIRST * tries.min(FIRST_COUNT) + PAUSE * tries.saturating_sub(FIRST_COUNT)
}

#[expect(
    clippy::disallowed_methods,
    reason = "SQLite waits within a call on the storage thread, where no clock of ours can"
)]
fn pause(tries: u32) {
    thread::sleep(if tries < FIRST_COUNT {
        PAUSE_FIRST
    } else {
        PAUSE
    });
}
