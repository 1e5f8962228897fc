//! Writes what has changed while the emulator runs, and says how far it has come.

use std::{io, sync::Arc};

use tokio::{
    select,
    sync::{oneshot, watch},
    task::{JoinHandle, spawn_blocking},
};

use super::{DataError, Store};
use crate::shared::Shared;

/// How far what has changed is on the disk.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    progress: watch::Sender<Progress>,
}

#[derive(Clone, Debug, Default)]
struct Progress {
    /// The number of the last call whose changes are there.
    upto: u64,
    /// Why nothing comes there any more.
    failure: Option<DataError>,
}

impl Kept {
    pub(crate) fn new() -> Self {
        Self {
            progress: watch::Sender::new(Progress::default()),
        }
    }

    pub(crate) fn has(&self, call: u64) -> bool {
        call <= self.progress.borrow().upto
    }

    /// Waits until the disk has what was changed up to a call. A wait that is given up changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// It will never have it.
    pub(crate) async fn wait(&self, call: u64) -> io::Result<()> {
        let mut progress = self.progress.subscribe();
        let is_over = |it: &Progress| call <= it.upto || it.failure.is_some();
        // There is a sender, as this is one.
        let Ok(progress) = progress.wait_for(is_over).await else {
            return Ok(());
        };
        match &progress.failure {
            Some(error) if progress.upto < call => Err(io::Error::other(error.clone())),
            _ => Ok(()),
        }
    }

    /// Waits until nothing can be written any more, and returns why.
    pub(crate) async fn failure(&self) -> Option<DataError> {
        let mut progress = self.progress.subscribe();
        let failed = progress.wait_for(|it| it.failure.is_some()).await.ok()?;
        failed.failure.clone()
    }
}

/// The task that writes.
#[derive(Debug)]
pub(crate) struct Keeper {
    task: JoinHandle<()>,
    end: oneshot::Sender<()>,
}

impl Keeper {
    /// Begins to write what changes, as the model tells.
    pub(crate) fn start(
        store: Store,
        changed: watch::Receiver<u64>,
        shared: Arc<Shared>,
        kept: Kept,
    ) -> Self {
        let (end, ended) = oneshot::channel();
        let task = tokio::spawn(keep(store, changed, shared, kept, ended));
        Self { task, end }
    }

    /// Writes what is left, and lets go of the file.
    pub(crate) async fn end(self) {
        drop(self.end);
        // It ends by itself, or it was aborted with its runtime.
        let _ = self.task.await;
    }

    pub(crate) fn abort(&self) {
        self.task.abort();
    }
}

async fn keep(
    mut store: Store,
    mut changed: watch::Receiver<u64>,
    shared: Arc<Shared>,
    kept: Kept,
    mut ended: oneshot::Receiver<()>,
) {
    let mut is_over = false;
    while !is_over {
        select! {
            changed = changed.changed() => is_over = changed.is_err(),
            _ = &mut ended => is_over = true,
        }
        let changes = shared.state().model.take_changes();
        let written = spawn_blocking(move || {
            let written = store.write(&changes.all);
            (store, written, changes.upto)
        });
        // It is only cancelled with its runtime.
        let Ok((back, written, upto)) = written.await else {
            return;
        };
        store = back;
        let failure = written.err();
        is_over |= failure.is_some();
        kept.progress.send_modify(|progress| match failure {
            None => progress.upto = upto,
            Some(error) => progress.failure = Some(error),
        });
    }
}
