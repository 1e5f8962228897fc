//! The memory provider: a namespace of queues and topics, and the options of who opened it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use relayhouse_core::{
    Address, Capabilities, Context, Entity, Operation, QueueName, Result, Source,
    config::Params,
    port::{Admin, Provider, Receiver, ReceiverOptions, Sender, Sessions, Transactional},
};

use crate::{
    admin::MemoryAdmin,
    config::{Config, MemoryBuilder},
    engine::Queue,
    error,
    namespace::Namespace,
    receiver::MemoryReceiver,
    sender::MemorySender,
    session::MemorySessions,
    transaction::MemoryTransactional,
};

const SCHEME: &str = "memory";

/// Options that are not in a URL are read from variables with this prefix.
const ENV_PREFIX: &str = "RELAYHOUSE_MEMORY_";

/// Is one namespace of queues and topics in the memory of this process.
///
/// A clone is the same namespace; it lasts as long as a clone, or anything opened from one.
#[derive(Clone, Debug)]
pub struct Memory {
    namespace: Arc<Namespace>,
    config: Arc<Config>,
    capabilities: Arc<Capabilities>,
}

impl Memory {
    pub(crate) fn new(context: Context, config: Config) -> Self {
        Self::of(Arc::new(Namespace::new(context)), config)
    }

    fn of(namespace: Arc<Namespace>, config: Config) -> Self {
        Self {
            namespace,
            capabilities: config.declare(config.profile.capabilities()),
            config: Arc::new(config),
        }
    }

    /// Starts to build a namespace that tells time and draws chance by `context`.
    pub fn builder(context: Context) -> MemoryBuilder {
        MemoryBuilder::new(context)
    }

    /// Makes an empty namespace with the options of `address`, and of the environment
    /// (`RELAYHOUSE_MEMORY_*`) for those it does not set.
    ///
    /// Which source is meant, [`Address::source`] says; nothing is opened yet.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`](relayhouse_core::ErrorKind::ConfigInvalid) that names
    /// the option and what is wrong with it.
    pub fn open(address: &Address, context: Context) -> Result<Self> {
        let config = read_config(address)?;
        MemoryBuilder::new(context).config(config).build()
    }

    /// Opens `address` in this namespace: what it creates gets the options of `address`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`](relayhouse_core::ErrorKind::ConfigInvalid) if an
    /// option is wrong, or the profile is another than this namespace's.
    pub fn join(&self, address: &Address) -> Result<Self> {
        let config = read_config(address)?;
        config.check()?;
        if config.profile != self.config.profile {
            return Err(error::invalid(
                "option profile: it is another than that of the namespace",
            ));
        }
        Ok(Self::of(Arc::clone(&self.namespace), config))
    }

    /// Returns the options.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    fn open_queue(&self, source: &Source) -> Result<Arc<Queue>> {
        self.namespace.check_open(Operation::Open)?;
        let is_subscription = matches!(source.entity, Entity::Subscription { .. });
        if is_subscription && !self.capabilities.topics.is_supported() {
            let what = "there are no topics";
            return Err(error::unsupported(source, Operation::Open, what));
        }
        self.namespace.open(&source.entity, &self.config)
    }

    fn lease(&self, queue: &Queue, options: ReceiverOptions) -> Result<Duration> {
        let lease = options.lease.unwrap_or(queue.settings.lease);
        if lease.is_zero() {
            return Err(error::invalid("a lease must not be zero"));
        }
        match self.capabilities.lease_max {
            Some(max) if max < lease => Err(error::too_long(Operation::Open, lease, max)),
            _ => Ok(lease),
        }
    }
}

fn read_config(address: &Address) -> Result<Config> {
    if address.scheme() != SCHEME {
        let scheme = address.scheme();
        return Err(error::invalid(format!(
            "queue URL has the scheme {scheme}, memory was expected"
        )));
    }
    let params = address.params().clone();
    params.or(Params::from_env(ENV_PREFIX)).read()
}

#[async_trait]
impl Provider for Memory {
    fn scheme(&self) -> &'static str {
        SCHEME
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn sender(&self, queue: &QueueName) -> Result<Arc<dyn Sender>> {
        self.namespace.check_open(Operation::Open)?;
        self.namespace.ensure_target(queue, &self.config)?;
        Ok(Arc::new(MemorySender::new(
            Arc::clone(&self.namespace),
            queue.clone(),
            Arc::clone(&self.capabilities),
        )))
    }

    async fn receiver(
        &self,
        source: &Source,
        options: ReceiverOptions,
    ) -> Result<Arc<dyn Receiver>> {
        let queue = self.open_queue(source)?;
        if queue.settings.requires_sessions && !source.dead_letter {
            return Err(error::unsupported(
                source,
                Operation::Open,
                "its messages are received through sessions only",
            ));
        }
        let lease = self.lease(&queue, options)?;
        Ok(Arc::new(MemoryReceiver::new(
            Arc::clone(&self.namespace),
            queue,
            source.clone(),
            self.config
                .declare(self.config.profile.receiver_capabilities()),
            lease,
        )))
    }

    async fn sessions(
        &self,
        source: &Source,
        options: ReceiverOptions,
    ) -> Result<Arc<dyn Sessions>> {
        let queue = self.open_queue(source)?;
        if source.dead_letter || !queue.settings.requires_sessions {
            return Err(error::unsupported(
                source,
                Operation::Open,
                "it has no sessions: it was not created to require them",
            ));
        }
        let lease = self.lease(&queue, options)?;
        Ok(Arc::new(MemorySessions::new(
            Arc::clone(&self.namespace),
            queue,
            source.clone(),
            self.config
                .declare(self.config.profile.session_capabilities()),
            lease,
        )))
    }

    fn admin(&self) -> Option<Arc<dyn Admin>> {
        Some(Arc::new(MemoryAdmin::new(
            Arc::clone(&self.namespace),
            Arc::clone(&self.config),
            Arc::clone(&self.capabilities),
        )))
    }

    fn transactional(&self) -> Option<Arc<dyn Transactional>> {
        self.capabilities.transactions.is_supported().then(|| {
            let transactional: Arc<dyn Transactional> = Arc::new(MemoryTransactional::new(
                Arc::clone(&self.namespace),
                Arc::clone(&self.config),
            ));
            transactional
        })
    }

    async fn close(&self) -> Result<()> {
        self.namespace.is_closed.store(true, Ordering::Release);
        self.namespace.stir();
        Ok(())
    }
}
