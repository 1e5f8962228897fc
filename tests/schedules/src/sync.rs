//! What `sync` of the middleware has, as shuttle has it.

use std::sync::PoisonError;

pub(crate) use shuttle::{
    future::{JoinHandle, spawn},
    sync::{Mutex, MutexGuard, RwLock},
};

pub(crate) mod atomic {
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64, Ordering};
}

/// Locks `mutex`, whoever panicked with it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
