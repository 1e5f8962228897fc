//! The end of something: told once, heard by all who wait.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Tells who waits that it is over.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    is_closed: AtomicBool,
    notify: Notify,
}

impl Closing {
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.notify.notify_waiters();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// Ends when it is closed. Dropping the future is free of consequence.
    pub(crate) async fn wait(&self) {
        // It listens before it looks, so that no close goes unheard.
        let heard = self.notify.notified();
        if !self.is_closed() {
            heard.await;
        }
    }
}
