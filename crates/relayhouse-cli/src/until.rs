//! Work that ends when it is done, or when somebody interrupts.

use std::future::Future;

use relayhouse::ctrl_c;

/// Waits for `work`; none if somebody interrupts first.
pub(crate) async fn or_interrupted<T>(work: impl Future<Output = T>) -> Option<T> {
    let interrupted = ctrl_c();
    tokio::select! {
        biased;
        () = interrupted => None,
        done = work => Some(done),
    }
}
