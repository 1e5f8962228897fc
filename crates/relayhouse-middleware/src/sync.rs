//! The locks, the atomics and the tasks of this crate, and a lock that ignores poisoning.
//!
//! No other module takes them from elsewhere: `tests/schedules` has all modules but this one, and
//! others in its place, by which a scheduler puts the steps of tasks in any order.

use std::sync::PoisonError;

#[cfg(feature = "encryption")]
pub(crate) use std::sync::RwLock;
pub(crate) use std::sync::{Mutex, MutexGuard};
pub(crate) use tokio::{spawn, task::JoinHandle};

pub(crate) mod atomic {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
}

/// Locks `mutex`. A panic of another holder is no reason to stop: no invariant of ours spans a
/// call to foreign code under a lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
