//! The wish of whoever runs the program that it ends.

use std::{future::pending, io};

use tracing::warn;

/// Ends when the program is asked to: Ctrl-C on all platforms, and on Unix SIGTERM as well,
/// which is how service managers and containers ask.
///
/// Give it to a consumer's `run_until`. It asks once: a second Ctrl-C during the drain is
/// ignored unless the program waits for this again. If the platform refuses to tell, it warns
/// and never ends.
pub async fn ctrl_c() {
    if let Err(error) = asked_to_stop().await {
        warn!(%error, "cannot listen for Ctrl-C");
        pending::<()>().await;
    }
}

#[cfg(unix)]
async fn asked_to_stop() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    std::future::poll_fn(|context| {
        let is_asked = interrupt.poll_recv(context).is_ready();
        if is_asked || terminate.poll_recv(context).is_ready() {
            return std::task::Poll::Ready(Ok(()));
        }
        std::task::Poll::Pending
    })
    .await
}

#[cfg(not(unix))]
async fn asked_to_stop() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
