//! The provider: one namespace, and what was opened on it.

use std::{
    num::NonZeroU32,
    sync::{Arc, atomic::AtomicU64},
};

use async_trait::async_trait;
use relayhouse_core::{
    Address, Capabilities, Context, Delivery, Error, ErrorKind, MessageIds, Operation, QueueName,
    Result, Source,
    port::{Admin, Provider, Receiver, ReceiverOptions, Sender, Sessions, Transactional},
};

use crate::{
    admin::{Api, Management, ServiceBusAdmin},
    browse,
    capability::PROVIDER_CAPABILITIES,
    config::{Config, ServiceBusBuilder},
    hub::Hub,
    link::{Clerks, Link, Place, Way},
    net::{Http, Site},
    opened::Opened,
    receiver::ServiceBusReceiver,
    rule::{self, Rule},
    sender::ServiceBusSender,
    session::ServiceBusSessions,
    token::TokenProvider,
    transaction::ServiceBusTransactional,
};

/// The most bytes of an answer of the management API; a page of 100 entities has a tenth of them.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What stands behind an entity to name its transfer dead-letter queue.
const TRANSFER_DEAD_LETTERS: &str = "/$transfer/$deadletterqueue";

/// Opens queues, topics and subscriptions of one namespace.
///
/// A clone is a handle on the same connection.
#[derive(Clone, Debug)]
pub struct ServiceBus(Arc<Hub>);

impl ServiceBus {
    /// The scheme of the URLs.
    pub const SCHEME: &'static str = "servicebus";

    /// Opens the namespace of `address`, with options of the environment and of the URL. It
    /// connects when the first queue is opened.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] that names the option and what is wrong with it.
    pub fn open(address: &Address, context: Context) -> Result<Self> {
        Self::source(address)?;
        let config = Config::of(address)?;
        Self::builder(context).config(config).build()
    }

    /// Returns the queue or subscription that `address` names.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] that names the rule it breaks.
    pub fn source(address: &Address) -> Result<Source> {
        let location = address.location();
        let path = location.split_once('/').map_or("", |(_, path)| path);
        path.parse()
    }

    /// Starts to build a provider.
    pub fn builder(context: Context) -> ServiceBusBuilder {
        ServiceBusBuilder::new(context, Config::default())
    }

    pub(crate) fn new(
        context: Context,
        config: &Config,
        endpoint: Way,
        admin: Site,
        tokens: Arc<dyn TokenProvider>,
    ) -> Self {
        let ids = MessageIds::new(&*context.random);
        let container = format!("relayhouse-{}", ids.next_id());
        let api = Api {
            http: Http {
                net: Arc::clone(&endpoint.net),
                clock: Arc::clone(&context.clock),
                timeout: config.admin_timeout,
                reply_bytes_max: ANSWER_BYTES_MAX,
            },
            site: admin,
            endpoint: endpoint.endpoint.clone(),
            tokens: Arc::clone(&tokens),
            clock: Arc::clone(&context.clock),
        };
        let link = Arc::new(Link::new(Place {
            endpoint,
            tokens,
            clock: context.clock,
            random: context.random,
            connect_timeout: config.connect_timeout,
            container,
            observer: context.observer,
        }));
        Self(Arc::new(Hub {
            clerks: Clerks::new(Arc::clone(&link)),
            link,
            api: Arc::new(api),
            ids,
            call_timeout: config.call_timeout,
            opened: Opened::default(),
            session_locks: AtomicU64::default(),
        }))
    }
}

/// What Service Bus can do, and other providers cannot.
impl ServiceBus {
    /// Returns the management of the namespace: topics, and all that an entity can be set to.
    #[must_use]
    pub fn management(&self) -> Management {
        Management::new(Arc::clone(&self.0.api))
    }

    /// Opens `source` to receive, with all that Service Bus can do with its messages.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::QueueNotFound`] if there is no such source, and
    /// [`ErrorKind::Unsupported`] if it is received through sessions only.
    pub async fn open_receiver(&self, source: &Source) -> Result<Arc<ServiceBusReceiver>> {
        let receiver = ServiceBusReceiver::new(Arc::clone(&self.0), source.clone());
        self.opened(receiver).await
    }

    /// Opens the messages that the broker could not forward from `source`: its transfer
    /// dead-letter queue.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::QueueNotFound`] if there is no such source.
    pub async fn open_transfer_dead_letters(
        &self,
        source: &Source,
    ) -> Result<Arc<ServiceBusReceiver>> {
        let path = format!("{}{TRANSFER_DEAD_LETTERS}", source.live());
        let receiver = ServiceBusReceiver::at(Arc::clone(&self.0), source.dead_letters(), path);
        self.opened(receiver).await
    }

    async fn opened(&self, receiver: ServiceBusReceiver) -> Result<Arc<ServiceBusReceiver>> {
        let receiver = Arc::new(receiver);
        self.0.opened.receiver(&receiver);
        receiver.attach().await?;
        Ok(receiver)
    }

    /// Shows up to `max` messages of `source` without taking them, the oldest first, from the
    /// sequence number `from` on. The deliveries have no lease, and cannot be settled.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::QueueNotFound`] if there is no such source.
    pub async fn peek(&self, source: &Source, from: u64, max: NonZeroU32) -> Result<Vec<Delivery>> {
        let Hub {
            clerks,
            call_timeout,
            ..
        } = &*self.0;
        browse::peek(clerks, source, from, max, *call_timeout).await
    }

    /// Cancels the message that `queue` holds back, by the sequence number that its send brought.
    ///
    /// Dropping the future leaves it unknown whether it is cancelled.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::MessageNotFound`] if it is not there, or not held back any more.
    pub async fn cancel_scheduled(&self, queue: &QueueName, sequence: u64) -> Result<()> {
        let Hub {
            clerks,
            call_timeout,
            ..
        } = &*self.0;
        browse::cancel(clerks, queue, sequence, *call_timeout).await
    }

    /// Adds `rule` to `subscription`.
    ///
    /// Dropping the future leaves it unknown whether it is added.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::QueueConflict`] if a rule of the name is there, and
    /// [`ErrorKind::MessageInvalid`] if the broker cannot read it.
    pub async fn add_rule(&self, subscription: &Source, rule: &Rule) -> Result<()> {
        rule::add(&self.0, subscription, rule).await
    }

    /// Removes the rule `name` from `subscription`.
    ///
    /// Dropping the future leaves it unknown whether it is removed.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::QueueNotFound`] if there is no such rule.
    pub async fn remove_rule(&self, subscription: &Source, name: &str) -> Result<()> {
        rule::remove(&self.0, subscription, name).await
    }

    /// Lists the rules of `subscription`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::QueueNotFound`] if there is no such subscription.
    pub async fn rules(&self, subscription: &Source) -> Result<Vec<Rule>> {
        rule::list(&self.0, subscription).await
    }
}

#[async_trait]
impl Provider for ServiceBus {
    fn scheme(&self) -> &'static str {
        Self::SCHEME
    }

    fn capabilities(&self) -> &Capabilities {
        &PROVIDER_CAPABILITIES
    }

    async fn sender(&self, queue: &QueueName) -> Result<Arc<dyn Sender>> {
        let sender = Arc::new(ServiceBusSender::new(Arc::clone(&self.0), queue.clone()));
        self.0.opened.sender(&sender);
        sender.attach().await?;
        Ok(sender)
    }

    async fn receiver(
        &self,
        source: &Source,
        options: ReceiverOptions,
    ) -> Result<Arc<dyn Receiver>> {
        check(source, options)?;
        Ok(self.open_receiver(source).await?)
    }

    async fn sessions(
        &self,
        source: &Source,
        options: ReceiverOptions,
    ) -> Result<Arc<dyn Sessions>> {
        check(source, options)?;
        let sessions = ServiceBusSessions::open(Arc::clone(&self.0), source.clone());
        let sessions = Arc::new(sessions.await?);
        self.0.opened.accepting(&sessions);
        Ok(sessions)
    }

    fn admin(&self) -> Option<Arc<dyn Admin>> {
        Some(Arc::new(ServiceBusAdmin::new(self.clone())))
    }

    fn transactional(&self) -> Option<Arc<dyn Transactional>> {
        Some(Arc::new(ServiceBusTransactional(Arc::clone(&self.0))))
    }

    async fn close(&self) -> Result<()> {
        self.0.opened.close().await?;
        self.0.clerks.close().await;
        self.0.link.close().await;
        Ok(())
    }
}

fn check(source: &Source, options: ReceiverOptions) -> Result<()> {
    if options.lease.is_none() {
        return Ok(());
    }
    let rule = "a lease cannot be asked for: the queue sets how long its locks last";
    Err(Error::new(ErrorKind::Unsupported, rule).at(Operation::Open, source))
}
