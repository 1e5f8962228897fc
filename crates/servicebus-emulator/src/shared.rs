//! What all connections share.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::sync::watch;

use crate::{
    clock::{Clock, ShiftedClock},
    fault::Rules,
    model::{Model, Time},
    node::Keys,
};

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: ShiftedClock,
    pub(crate) access: Access,
    /// Becomes true when the emulator is to end.
    pub(crate) closing: watch::Sender<bool>,
    state: Mutex<State>,
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
    pub(crate) fn new(clock: Arc<dyn Clock>, access: Access, state: State) -> Self {
        Self {
            clock: ShiftedClock::new(clock),
            access,
            closing: watch::Sender::new(false),
            state: Mutex::new(state),
        }
    }

    /// Locks the state; nobody holds it across an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
