//! What all connections share.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use tokio::sync::watch;

use crate::{clock::Clock, fault::Rules, model::Model, record::Records};

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) accounts: Accounts,
    /// How far from the clock a request may be signed; any distance if there is none.
    pub(crate) skew_max: Option<Duration>,
    /// Becomes true when the emulator is to end.
    pub(crate) closing: watch::Sender<bool>,
    /// The connections that were accepted.
    pub(crate) connections: AtomicU64,
    state: Mutex<State>,
}

/// What only one call at a time touches.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) model: Model,
    pub(crate) rules: Rules,
    pub(crate) records: Records,
}

/// Whose account an access key is of.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    pub(crate) default: String,
    pub(crate) by_access_key: BTreeMap<String, String>,
}

impl Shared {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        accounts: Accounts,
        skew_max: Option<Duration>,
        state: State,
    ) -> Self {
        Self {
            clock,
            accounts,
            skew_max,
            closing: watch::Sender::new(false),
            connections: AtomicU64::new(0),
            state: Mutex::new(state),
        }
    }

    /// Locks the state; nobody holds it across an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Accounts {
    pub(crate) fn of(&self, access_key: Option<&str>) -> &str {
        let account = access_key.and_then(|key| self.by_access_key.get(key));
        account.unwrap_or(&self.default)
    }
}
