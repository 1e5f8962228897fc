//! The SQS provider: one client, and the queues opened with it.

use std::{
    fmt::{self, Debug},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use relayhouse_core::{
    Address, Capabilities, Context, Entity, ErrorKind, Operation, QueueName, Result, Source,
    config::Params,
    port::{
        Admin, Provider, QueueConfig, Receiver, ReceiverOptions, Sender, Sessions, Transactional,
    },
};

#[cfg(feature = "sns")]
use crate::topic::Topic;
use crate::{
    admin::SqsAdmin,
    config::{Config, HAS_TOPICS, SqsBuilder, check_lease},
    cost::Cost,
    error,
    link::{Given, Link},
    location::{Location, is_fifo},
    preset,
    queue::{Queue, dead_letters},
    receiver::SqsReceiver,
    redriving::Redriving,
    sender::SqsSender,
    shards::{self, ShardedReceiver, ShardedSender, Shards},
};

const SCHEME: &str = "sqs";

/// Options that are not in a URL are read from variables with this prefix.
const ENV_PREFIX: &str = "RELAYHOUSE_SQS_";

/// Is one client of Amazon SQS, and opens its queues.
///
/// A clone is the same client. Connections are made when the first queue is opened.
#[derive(Clone)]
pub struct Sqs {
    link: Arc<Link>,
    capabilities: Arc<Capabilities>,
}

impl Sqs {
    pub(crate) fn new(
        context: Context,
        config: Config,
        given: Given,
        kind: Kind,
        location: Option<Location>,
    ) -> Self {
        let link = Arc::new(Link::new(context, config, given, location));
        let capabilities = match kind.shards {
            Some(count) => link.declared.sharded(kind.is_fifo, count),
            None => link.declared.queue(kind.is_fifo).clone(),
        };
        Self {
            link,
            capabilities: Arc::new(capabilities),
        }
    }

    /// Starts to build a provider that tells time and draws chance by `context`.
    pub fn builder(context: Context) -> SqsBuilder {
        SqsBuilder::new(context, Config::default())
    }

    /// Makes a provider with the options of `address`, and of the environment
    /// (`RELAYHOUSE_SQS_*`) for those it does not set.
    ///
    /// Which source is meant, [`source_of`](Self::source_of) says; nothing is opened yet.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`](relayhouse_core::ErrorKind::ConfigInvalid) that names
    /// what is wrong with the URL or an option.
    pub fn open(address: &Address, context: Context) -> Result<Self> {
        let (config, location) = read(address)?;
        Self::at(context, config, Given::NONE, location)
    }

    /// Makes a provider as [`open`](Self::open) does, which uses `client` as
    /// [`SqsBuilder::client`] does.
    ///
    /// # Errors
    ///
    /// Returns what [`open`](Self::open) returns, and
    /// [`ErrorKind::ConfigInvalid`](relayhouse_core::ErrorKind::ConfigInvalid) too if `client` is
    /// of another region than `address`, or an option says what the client decides: region,
    /// endpoint or profile, or for topics, which take a client of SNS besides: see
    /// [`builder`](Self::builder).
    pub fn open_with(address: &Address, context: Context, client: Client) -> Result<Self> {
        let (config, location) = read(address)?;
        let ours = client.config().region().map(AsRef::as_ref);
        if let (Some(ours), Some(theirs)) = (ours, location.region.as_deref())
            && ours != theirs
        {
            return Err(error::other_region(theirs, ours).queue(&location.source));
        }
        let given = Given::sqs(client);
        given.check(&config, config.topics || location.is_of_topic())?;
        Self::at(context, config, given, location)
    }

    fn at(context: Context, config: Config, given: Given, location: Location) -> Result<Self> {
        if location.is_of_topic() && !HAS_TOPICS {
            return Err(error::left_out("queue URL"));
        }
        let kind = Kind::of(&location.source)?;
        Ok(Self::new(context, config, given, kind, Some(location)))
    }

    /// Returns the source that `address` names.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`](relayhouse_core::ErrorKind::ConfigInvalid) that names
    /// what is wrong with the URL.
    pub fn source_of(address: &Address) -> Result<Source> {
        location(address).map(|location| location.source)
    }

    /// Returns the options.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.link.config
    }

    /// Returns the SDK's client, for all that relayhouse has no word for.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`](relayhouse_core::ErrorKind::ConfigInvalid) if no region
    /// is known. Dropping the future leaves the client to the next call.
    pub async fn client(&self) -> Result<&Client> {
        self.link.client().await
    }

    /// Returns the SDK's client of SNS, for all that relayhouse has no word for, such as the filter
    /// policy of a subscription.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`](relayhouse_core::ErrorKind::ConfigInvalid) if no region
    /// is known. Dropping the future leaves the client to the next call.
    #[cfg(feature = "sns")]
    pub async fn sns_client(&self) -> Result<&aws_sdk_sns::Client> {
        self.link.sns().await
    }

    /// Returns what the calls were since the provider was made.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.link.meter.cost()
    }

    /// Starts to send the dead letters of `source` back, at a rate, with a filter, or with a look at
    /// how far it is. [`Admin::redrive`] sends back all of them, or a number.
    pub fn redrive(&self, source: &Source) -> Redriving {
        Redriving::new(SqsAdmin::new(Arc::clone(&self.link)), source.live())
    }

    /// Lists the queues whose redrive policies name the dead-letter queue `letters`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::QueueNotFound`](relayhouse_core::ErrorKind::QueueNotFound) if there is
    /// no such queue, or what SQS says. Dropping the future is free of consequence.
    pub async fn dead_letter_sources(&self, letters: &QueueName) -> Result<Vec<QueueName>> {
        let admin = SqsAdmin::new(Arc::clone(&self.link));
        Box::pin(admin.sources(letters)).await
    }

    /// Finds the queue of `entity`, or creates it where that was asked for.
    async fn find(&self, entity: &Entity) -> Result<Queue> {
        self.link.check_open(Operation::Open)?;
        let name = self.link.queue_of(entity, Operation::Open)?;
        match Queue::find(&self.link, &name, Operation::Open).await {
            Err(error) if error.kind() == ErrorKind::QueueNotFound && self.link.config.create => {
                let admin = SqsAdmin::new(Arc::clone(&self.link));
                admin.create(entity, &QueueConfig::default()).await?;
                Queue::find(&self.link, &name, Operation::Open).await
            }
            found => found,
        }
    }

    /// Finds the topic `name`, if it is one: whatever the URL says is one, and what has a name that no
    /// queue has.
    #[cfg(feature = "sns")]
    async fn find_topic(&self, name: &QueueName) -> Result<Option<Topic>> {
        self.link.check_open(Operation::Open)?;
        if !self.link.has_topics {
            return Ok(None);
        }
        if let Some(topic) = Topic::named(&self.link, name).await? {
            return Ok(Some(topic));
        }
        match Queue::find(&self.link, name, Operation::Open).await {
            Err(error) if error.kind() == ErrorKind::QueueNotFound => {
                Box::pin(Topic::find(&self.link, name, Operation::Open)).await
            }
            _ => Ok(None),
        }
    }

    /// Finds all queues of `name`, or creates them where that was asked for.
    async fn find_shards(&self, name: &QueueName, shards: &Shards) -> Result<Vec<Queue>> {
        self.link.check_open(Operation::Open)?;
        let can_be_made =
            |kind| matches!(kind, ErrorKind::QueueNotFound | ErrorKind::QueueConflict);
        match shards::open(&self.link, name, shards).await {
            Err(error) if self.link.config.create && can_be_made(error.kind()) => {
                let config = QueueConfig::default();
                Box::pin(shards::create(&self.link, name, shards, &config)).await?;
                shards::open(&self.link, name, shards).await
            }
            opened => opened,
        }
    }

    async fn sharded_receiver(
        &self,
        source: &Source,
        name: &QueueName,
        shards: &Shards,
        lease: Option<Duration>,
    ) -> Result<ShardedReceiver> {
        let live = Box::pin(self.find_shards(name, shards)).await?;
        let queues: Vec<_> = if source.dead_letter {
            let letters = dead_letters(&self.link, &live, Operation::Open).await?;
            let letters = letters.into_iter().map(|(queue, dead)| (queue, Some(dead)));
            letters.collect()
        } else {
            live.into_iter().map(|queue| (queue, None)).collect()
        };
        if queues.is_empty() {
            return Err(error::not_found(source, Operation::Open));
        }
        Box::pin(ShardedReceiver::open(&self.link, source, queues, lease)).await
    }
}

/// Says what the queues of a provider are, as far as that is known before one is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) is_fifo: bool,
    /// How many queues make one.
    pub(crate) shards: Option<u32>,
}

impl Kind {
    fn of(source: &Source) -> Result<Self> {
        let (Entity::Queue(name) | Entity::Subscription { topic: name, .. }) = &source.entity;
        let shards = Shards::of(name.as_str())?;
        Ok(Self {
            is_fifo: is_fifo(name.as_str()),
            shards: shards.as_ref().map(Shards::count),
        })
    }
}

/// Reads what `address` says, and the environment for what it does not.
fn read(address: &Address) -> Result<(Config, Location)> {
    let location = location(address)?;
    let params = address.params().clone();
    let config = preset::read(&params.or(Params::from_env(ENV_PREFIX)))?;
    config.check()?;
    let of_url = Params::clone(address.params()).read::<Config>()?.region;
    if let (Some(asked), Some(named)) = (&of_url, &location.region)
        && asked != named
    {
        return Err(error::invalid(format!(
            "option region: {asked} is another than {named}, where the queue is"
        )));
    }
    Ok((config, location))
}

fn location(address: &Address) -> Result<Location> {
    if address.scheme() != SCHEME {
        let scheme = address.scheme();
        return Err(error::invalid(format!(
            "queue URL has the scheme {scheme}, sqs was expected"
        )));
    }
    Location::of(address)
}

impl Debug for Sqs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            link,
            capabilities: _,
        } = self;
        f.debug_struct("Sqs")
            .field("link", link)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for Sqs {
    fn scheme(&self) -> &'static str {
        SCHEME
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn sender(&self, queue: &QueueName) -> Result<Arc<dyn Sender>> {
        if let Some(shards) = Shards::of(queue.as_str())? {
            let queues = Box::pin(self.find_shards(queue, &shards)).await?;
            let sender = ShardedSender::new(&self.link, queue, shards, queues);
            return Ok(Arc::new(sender));
        }
        #[cfg(feature = "sns")]
        if let Some(topic) = Box::pin(self.find_topic(queue)).await? {
            let link = Arc::clone(&self.link);
            return Ok(Arc::new(SqsSender::new(link, topic, queue.clone())));
        }
        let found = self.find(&Entity::Queue(queue.clone())).await?;
        let link = Arc::clone(&self.link);
        Ok(Arc::new(SqsSender::new(link, found, queue.clone())))
    }

    async fn receiver(
        &self,
        source: &Source,
        options: ReceiverOptions,
    ) -> Result<Arc<dyn Receiver>> {
        let lease = options.lease.or(self.link.config.lease);
        lease.map_or(Ok(()), check_lease)?;
        if let Entity::Queue(name) = &source.entity
            && let Some(shards) = Shards::of(name.as_str())?
        {
            let opened = self.sharded_receiver(source, name, &shards, lease);
            return Ok(Arc::new(Box::pin(opened).await?));
        }
        let mut queue = Box::pin(self.find(&source.entity)).await?;
        let mut dead = None;
        if source.dead_letter {
            let found = queue.dead_letters(&self.link, Operation::Open).await?;
            let (letters, of) = found.ok_or_else(|| error::not_found(source, Operation::Open))?;
            (queue, dead) = (letters, Some(of));
        }
        let link = Arc::clone(&self.link);
        let receiver = SqsReceiver::open(link, queue, source.clone(), dead, lease).await?;
        Ok(Arc::new(receiver))
    }

    async fn sessions(
        &self,
        source: &Source,
        _options: ReceiverOptions,
    ) -> Result<Arc<dyn Sessions>> {
        let what = "it has no sessions: messages of one group are received in order without";
        Err(error::unsupported(source, Operation::Open, what))
    }

    fn admin(&self) -> Option<Arc<dyn Admin>> {
        Some(Arc::new(SqsAdmin::new(Arc::clone(&self.link))))
    }

    fn transactional(&self) -> Option<Arc<dyn Transactional>> {
        None
    }

    async fn close(&self) -> Result<()> {
        self.link.closing.close();
        Ok(())
    }
}
