//! A bell that wakes a thread which polls by hand.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    task::Wake,
    time::Duration,
};

/// How long a wait lasts at most: what gets quiet does not ring.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Rings when the work can go on.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Mutex<bool>,
    ring: Condvar,
}

impl Bell {
    /// Returns true if it rings, and goes on ringing.
    pub(crate) fn rings(&self) -> bool {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns true if it has rung, and quietens it.
    pub(crate) fn has_rung(&self) -> bool {
        std::mem::take(&mut self.rung.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for it, but not for ever.
    pub(crate) fn wait(&self) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        if !*rung {
            drop(self.ring.wait_timeout(rung, LOOK_EVERY));
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.ring.notify_one();
    }
}
