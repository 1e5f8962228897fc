//! The provider: one namespace, and what was opened on it.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use relayhouse_core::{
    Address, Capabilities, Context, Error, ErrorKind, MessageIds, QueueName, Result, Source,
    port::{Admin, Provider, Receiver, ReceiverOptions, Sender, Sessions, Transactional},
};

use crate::{
    admin::{Api, Management, ServiceBusAdmin},
    capability::CAPABILITIES,
    config::{Config, ServiceBusBuilder},
    link::{Link, Way},
    net::{Http, Site},
    receiver::ServiceBusReceiver,
    sender::ServiceBusSender,
    token::TokenProvider,
};

/// The most bytes of an answer of the management API; a page of 100 entities has a tenth of them.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Opens queues, topics and subscriptions of one namespace.
///
/// A clone is a handle on the same connection.
#[derive(Clone, Debug)]
pub struct ServiceBus(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    link: Arc<Link>,
    api: Arc<Api>,
    ids: Arc<MessageIds>,
    call_timeout: std::time::Duration,
    receivers: Mutex<Vec<Weak<ServiceBusReceiver>>>,
}

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
        let ids = Arc::new(MessageIds::new(&*context.random));
        let container = format!("relayhouse-{}", ids.next_id());
        let timeout = config.connect_timeout;
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
        let link = Link::new(endpoint, tokens, context.clock, timeout, container);
        Self(Arc::new(Inner {
            link: Arc::new(link),
            api: Arc::new(api),
            ids,
            call_timeout: config.call_timeout,
            receivers: Mutex::new(Vec::new()),
        }))
    }

    /// Returns the management of the namespace: topics, and all that an entity can be set to.
    #[must_use]
    pub fn management(&self) -> Management {
        Management::new(Arc::clone(&self.0.api))
    }

    fn remember(&self, receiver: &Arc<ServiceBusReceiver>) {
        let receivers = self.0.receivers.lock();
        let mut receivers = receivers.unwrap_or_else(PoisonError::into_inner);
        receivers.retain(|receiver| 0 < receiver.strong_count());
        receivers.push(Arc::downgrade(receiver));
    }
}

#[async_trait]
impl Provider for ServiceBus {
    fn scheme(&self) -> &'static str {
        Self::SCHEME
    }

    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    async fn sender(&self, queue: &QueueName) -> Result<Arc<dyn Sender>> {
        let Inner {
            link,
            api: _,
            ids,
            call_timeout,
            receivers: _,
        } = &*self.0;
        let (link, ids) = (Arc::clone(link), Arc::clone(ids));
        let sender = ServiceBusSender::new(link, ids, queue.clone(), *call_timeout);
        sender.attach().await?;
        Ok(Arc::new(sender))
    }

    async fn receiver(
        &self,
        source: &Source,
        options: ReceiverOptions,
    ) -> Result<Arc<dyn Receiver>> {
        if options.lease.is_some() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a lease cannot be asked for: the queue sets how long its locks last",
            )
            .queue(source));
        }
        let link = Arc::clone(&self.0.link);
        let receiver = ServiceBusReceiver::new(link, source.clone(), self.0.call_timeout);
        let receiver = Arc::new(receiver);
        receiver.attach().await?;
        self.remember(&receiver);
        Ok(receiver)
    }

    async fn sessions(
        &self,
        source: &Source,
        _options: ReceiverOptions,
    ) -> Result<Arc<dyn Sessions>> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "sessions of Service Bus are not accepted here yet",
        )
        .queue(source))
    }

    fn admin(&self) -> Option<Arc<dyn Admin>> {
        Some(Arc::new(ServiceBusAdmin::new(self.clone())))
    }

    fn transactional(&self) -> Option<Arc<dyn Transactional>> {
        None
    }

    async fn close(&self) -> Result<()> {
        let receivers: Vec<_> = {
            let receivers = self.0.receivers.lock();
            let receivers = receivers.unwrap_or_else(PoisonError::into_inner);
            receivers.iter().filter_map(Weak::upgrade).collect()
        };
        for receiver in receivers {
            receiver.close().await?;
        }
        self.0.link.close().await;
        Ok(())
    }
}
