//! Turns: sends that come while the sender is being opened keep their order.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use tokio::sync::{Mutex, MutexGuard};

/// Gives turns to sends, first come, first served.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Held by the send that opens the sender, and then by those that came meanwhile.
    opening: Mutex<()>,
    /// The sends that hold it or wait for it.
    count: AtomicUsize,
}

/// Is the turn of one send.
///
/// It ends when the send has its place among those that wait, or its call has begun.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    _lock: MutexGuard<'a, ()>,
    _count: Counted<'a>,
}

#[derive(Debug)]
struct Counted<'a>(&'a AtomicUsize);

impl Turns {
    /// Waits for a turn, unless the sender is open and nobody else waits for one: who comes when
    /// it has just been opened passes nobody.
    pub(super) async fn take(&self, is_open: bool) -> Option<Turn<'_>> {
        if is_open && self.count.load(SeqCst) == 0 {
            return None;
        }
        let count = Counted::new(&self.count);
        Some(Turn {
            _lock: self.opening.lock().await,
            _count: count,
        })
    }
}

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, SeqCst);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}
