//! A command for each message: how it is run, what its exit code means, how it is stopped.

mod body;
mod command;
mod group;
mod handler;

use std::{future::Future, time::Duration};

use relayhouse::ctrl_c;

pub(crate) use self::{
    command::{HTTP_VARIABLES, Shell, Shown},
    group::Groups,
    handler::{Handler, Results, place},
};
use crate::progress::Progress;

/// A command may take as long as it likes, its timeout apart.
pub(crate) const LEASE_TOTAL_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// Waits for `drain`, in which running commands may end, after a first Ctrl-C; a second one kills
/// them, and gives `None`.
pub(crate) async fn drain<T>(
    drain: impl Future<Output = T>,
    groups: &Groups,
    progress: &Progress,
) -> Option<T> {
    // It listens before anybody is told to use it.
    let again = ctrl_c();
    progress.note("interrupted: running commands may end; once more kills them");
    tokio::select! {
        drained = drain => Some(drained),
        () = again => {
            groups.kill();
            None
        }
    }
}
