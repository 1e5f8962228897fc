//! What all connections share.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::sync::watch;

use crate::{
    clock::{Clock, ShiftedClock},
    fault::Rules,
    model::{Model, Time},
    node::Keys,
    store::Kept,
};

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: ShiftedClock,
    pub(crate) access: Access,
    /// Becomes true when the emulator is to end.
    pub(crate) closing: watch::Sender<bool>,
    state: Mutex<State>,
    /// How far what has changed is on the disk, if it goes there.
    kept: Option<Kept>,
}

/// What only one call at a time touches.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) model: Model,
    pub(crate) rules: Rules,
}

/// Who may use the namespace.
#[derive(Clone, Debug)]
pub(crate) enum Access {
    /// Everybody, with any token or none.
    Everybody,
    /// Whoever has a token signed by one of the keys, or a key itself.
    Signed(Keys),
}

impl Shared {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        access: Access,
        state: State,
        kept: Option<Kept>,
    ) -> Self {
        Self {
            clock: ShiftedClock::new(clock),
            access,
            closing: watch::Sender::new(false),
            state: Mutex::new(state),
            kept,
        }
    }

    /// Locks the state; nobody holds it across an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns up to which call the disk must have what was changed before anything leaves that
    /// was answered by now, if it does not have it yet.
    pub(crate) fn owed(&self) -> Option<u64> {
        let kept = self.kept.as_ref()?;
        let owed = self.state().model.owed();
        (!kept.has(owed)).then_some(owed)
    }

    /// Waits until the disk has what [`owed`](Self::owed) has returned. A wait that is given up
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// It will never have it.
    pub(crate) async fn pay(&self, owed: Option<u64>) -> io::Result<()> {
        match (&self.kept, owed) {
            (Some(kept), Some(owed)) => kept.wait(owed).await,
            _ => Ok(()),
        }
    }

    /// Returns how far what has changed is on the disk, if it goes there.
    pub(crate) const fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref()
    }

    /// Returns the time as the model counts it.
    pub(crate) fn time(&self) -> Time {
        time_of(self.clock.now())
    }
}

/// Returns a time as the model counts it.
pub(crate) fn time_of(time: SystemTime) -> Time {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Returns the time of a clock at which the model's time has come.
pub(crate) fn clock_of(time: Time) -> SystemTime {
    UNIX_EPOCH + std::time::Duration::from_millis(time.millis())
}
