//! One provider for several queues of a registry: it is closed with the last of them.

use std::{
    fmt::Debug,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Error, ErrorKind, Operation, QueueName, Result, Source,
    port::{Admin, Provider, Receiver, ReceiverOptions, Sender, Sessions, Transactional},
};

/// Is what all who share one provider hold.
#[derive(Debug)]
pub(crate) struct Hold<P>(P);

/// Is one share of a provider.
#[derive(Debug)]
pub(crate) struct Share<P> {
    provider: P,
    state: Mutex<State<P>>,
}

/// Says whether a share was closed, and what that comes to.
#[derive(Debug)]
enum State<P> {
    Open(Arc<Hold<P>>),
    /// Others had a share when it was closed.
    Left,
    /// It was the last one: the provider is closed with it.
    Last,
}

impl<P> Hold<P> {
    pub(crate) fn new(provider: P) -> Arc<Self> {
        Arc::new(Self(provider))
    }

    pub(crate) const fn provider(&self) -> &P {
        &self.0
    }
}

impl<P> Share<P> {
    /// Makes a share: `provider` is that of `hold` with options of its own.
    pub(crate) const fn new(provider: P, hold: Arc<Hold<P>>) -> Self {
        Self {
            provider,
            state: Mutex::new(State::Open(hold)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_open(&self) -> Result<()> {
        match *self.state() {
            State::Open(_) => Ok(()),
            State::Left | State::Last => {
                Err(Error::new(ErrorKind::Closed, "it was closed").operation(Operation::Open))
            }
        }
    }

    /// Gives the share up, and returns true if it was the last one.
    fn leave(&self) -> bool {
        let mut state = self.state();
        if let State::Open(hold) = mem::replace(&mut *state, State::Left) {
            *state = Arc::into_inner(hold).map_or(State::Left, |_| State::Last);
        }
        matches!(*state, State::Last)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<P: Provider + 'static> Provider for Share<P> {
    fn scheme(&self) -> &'static str {
        self.provider.scheme()
    }

    fn capabilities(&self) -> &Capabilities {
        self.provider.capabilities()
    }

    async fn sender(&self, queue: &QueueName) -> Result<Arc<dyn Sender>> {
        self.check_open()?;
        self.provider.sender(queue).await
    }

    async fn receiver(
        &self,
        source: &Source,
        options: ReceiverOptions,
    ) -> Result<Arc<dyn Receiver>> {
        self.check_open()?;
        self.provider.receiver(source, options).await
    }

    async fn sessions(
        &self,
        source: &Source,
        options: ReceiverOptions,
    ) -> Result<Arc<dyn Sessions>> {
        self.check_open()?;
        self.provider.sessions(source, options).await
    }

    fn admin(&self) -> Option<Arc<dyn Admin>> {
        self.provider.admin()
    }

    fn transactional(&self) -> Option<Arc<dyn Transactional>> {
        self.provider.transactional()
    }

    async fn close(&self) -> Result<()> {
        if self.leave() {
            return self.provider.close().await;
        }
        Ok(())
    }
}
