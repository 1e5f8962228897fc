//! The wish of whoever runs the program that it ends.

use std::{
    future::{Future, pending},
    io,
};

use tracing::warn;

/// Returns a future that ends when the program is asked to: Ctrl-C on all platforms, and on Unix
/// SIGTERM as well, which is how service managers and containers ask.
///
/// Give it to a consumer's `run_until`. It listens from this call on, and hears one signal: for a
/// second Ctrl-C call it again. It must be called within a tokio runtime. If the platform refuses
/// to tell, it warns and the future never ends.
pub fn ctrl_c() -> impl Future<Output = ()> + Send + 'static {
    let listening = listen();
    async move {
        match listening {
            Ok(signal) => signal.await,
            Err(error) => {
                warn!(%error, "cannot listen for Ctrl-C");
                pending::<()>().await;
            }
        }
    }
}

#[cfg(unix)]
fn listen() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use std::{future::poll_fn, task::Poll};

    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(poll_fn(move |context| {
        if interrupt.poll_recv(context).is_ready() {
            return Poll::Ready(());
        }
        terminate.poll_recv(context).map(drop)
    }))
}

#[cfg(windows)]
fn listen() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn signal_between_the_call_and_the_wait_is_heard() {
        for signal in [Signal::INT, Signal::TERM] {
            let asked = ctrl_c();
            kill_process(getpid(), signal).unwrap();
            asked.await;
        }
    }
}
