//! How an emulator is set up.

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use tokio::{net::TcpListener, task::spawn_blocking};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use crate::{
    clock::{Clock, MachineClock},
    emulator::{Places, ServiceBusEmulator},
    fault::Rules,
    model::{self, Config, Model, Path, QueueSettings, SubscriptionSettings, Time, TopicSettings},
    node::Keys,
    rest::Site,
    shared::{Access, Shared, State},
    store::{DataError, Keeper, Kept, Store},
    wire::{self, Protocol},
};

/// The name of the key that an emulator has if it is given no other.
pub(crate) const KEY_NAME: &str = "RootManageSharedAccessKey";
/// That key, which is no secret: it is the one that Microsoft's emulator has.
pub(crate) const KEY: &str = "SAS_KEY_VALUE";
/// The name of a namespace that no configuration names.
const NAMESPACE: &str = "sbemulatorns";

/// What an emulator is to be like. Made by [`ServiceBusEmulator::builder`].
#[derive(Clone)]
#[must_use = "an emulator runs when it is started"]
pub struct Builder {
    address: SocketAddr,
    http_address: SocketAddr,
    host: Option<String>,
    keys: Vec<(String, String)>,
    takes_any_token: bool,
    tls: Option<Arc<ServerConfig>>,
    clock: Arc<dyn Clock>,
    seed: u64,
    entities: Vec<(Path, Entity)>,
    config: Option<Config>,
    data: Option<PathBuf>,
}

#[derive(Clone, Debug)]
enum Entity {
    Queue(Box<QueueSettings>),
    Topic(TopicSettings),
    Subscription(Box<SubscriptionSettings>),
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            address,
            http_address,
            host,
            // Keys are not printed.
            keys: _,
            takes_any_token,
            tls,
            clock,
            seed,
            entities,
            config,
            data,
        } = self;
        f.debug_struct("Builder")
            .field("address", address)
            .field("http_address", http_address)
            .field("host", host)
            .field("takes_any_token", takes_any_token)
            .field("tls", &tls.is_some())
            .field("clock", clock)
            .field("seed", seed)
            .field("entities", entities)
            .field("config", config)
            .field("data", data)
            .finish_non_exhaustive()
    }
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            http_address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            host: None,
            keys: Vec::new(),
            takes_any_token: false,
            tls: None,
            clock: Arc::new(MachineClock::new()),
            seed: 0,
            entities: Vec::new(),
            config: None,
            data: None,
        }
    }

    /// Sets where to listen for AMQP; the default is a free port of 127.0.0.1.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Sets where to listen for HTTP; the default is a free port of 127.0.0.1.
    pub fn http_address(mut self, address: SocketAddr) -> Self {
        self.http_address = address;
        self
    }

    /// Sets the name of the host in both endpoints; the default is the address.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Adds a key by which tokens may be signed; the default is the one of Microsoft's emulator,
    /// and the first that is added takes its place.
    pub fn key(mut self, name: impl Into<String>, key: impl Into<String>) -> Self {
        self.keys.push((name.into(), key.into()));
        self
    }

    /// Lets everybody in, with any token or none; the default is that tokens are checked.
    pub fn any_token(mut self) -> Self {
        self.takes_any_token = true;
        self
    }

    /// Sets the certificate for clients that want TLS; the default is that none is there. Clients
    /// without TLS are served at the same ports.
    pub fn tls(mut self, config: Arc<ServerConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Sets the clock; the default is the machine's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets the seed of lock tokens and of faults with a chance; the default is 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Adds the entities of a configuration, in the format of Microsoft's emulator.
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(config);
        self
    }

    /// Keeps entities and what is in them in a directory, which is made if it is not there; the
    /// default is that they are gone when the emulator ends.
    ///
    /// What was kept there is there again. Entities that are added here are made unless they are
    /// there, and get the settings that are given here.
    pub fn data(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data = Some(directory.into());
        self
    }

    /// Adds a queue.
    pub fn queue(mut self, name: &str, settings: QueueSettings) -> Self {
        let entity = Entity::Queue(Box::new(settings));
        self.entities.push((Path::new(name), entity));
        self
    }

    /// Adds a topic.
    pub fn topic(mut self, name: &str, settings: TopicSettings) -> Self {
        let entity = Entity::Topic(settings);
        self.entities.push((Path::new(name), entity));
        self
    }

    /// Adds a subscription to a topic that was added before.
    pub fn subscription(mut self, topic: &str, name: &str, settings: SubscriptionSettings) -> Self {
        let entity = Entity::Subscription(Box::new(settings));
        let path = Path::of_subscription(topic, name);
        self.entities.push((path, entity));
        self
    }

    /// Starts the emulator, which serves when this returns. Needs a tokio runtime with IO and
    /// time enabled.
    ///
    /// # Errors
    ///
    /// Returns the kind of error that the operating system has if it cannot listen at an address,
    /// which the text names, [`io::ErrorKind::InvalidInput`] if an entity cannot be as it is set,
    /// and an error around a [`DataError`] if the directory cannot be used.
    pub async fn start(self) -> io::Result<ServiceBusEmulator> {
        let now = crate::shared::time_of(self.clock.now());
        let (mut model, store) = begin(self.seed, self.data.clone()).await?;
        let changed = store.is_some().then(|| model.resume(now));
        if let Some(config) = &self.config {
            let configured = model.configure(now, config);
            configured.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        }
        for (path, entity) in &self.entities {
            let ensured = ensure(&mut model, now, path, entity);
            ensured.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        }
        let amqp = listen(self.address).await?;
        let http = listen(self.http_address).await?;
        let mut keys = self.keys;
        if keys.is_empty() {
            keys.push((KEY_NAME.to_owned(), KEY.to_owned()));
        }
        let places = Places::new(&amqp, &http, self.host.as_deref(), self.tls.is_some())?;
        let site = Site {
            namespace: self.config.map_or_else(
                || NAMESPACE.to_owned(),
                |config| config.namespace.into_string(),
            ),
            endpoint: places.http_endpoint.clone(),
            created: now,
        };
        let key = keys.first().cloned().unwrap_or_default();
        let state = State {
            model,
            rules: Rules::new(!self.seed),
        };
        let access = access(keys, self.takes_any_token);
        let kept = store.is_some().then(Kept::new);
        let shared = Arc::new(Shared::new(self.clock, access, state, kept.clone()));
        let keeper = store
            .zip(changed)
            .zip(kept)
            .map(|((store, changed), kept)| {
                Keeper::start(store, changed, Arc::clone(&shared), kept)
            });
        let tls = self.tls.map(TlsAcceptor::from);
        let serve = |listener, protocol| {
            let served = wire::serve(listener, protocol, tls.clone(), Arc::clone(&shared));
            tokio::spawn(served)
        };
        let tasks = [
            serve(amqp, Protocol::Amqp),
            serve(http, Protocol::Http(Arc::new(site))),
            tokio::spawn(wire::keep_time(Arc::clone(&shared))),
        ];
        Ok(ServiceBusEmulator::new(places, key, shared, tasks, keeper))
    }
}

async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| {
        let text = format!("cannot listen at {address}: {error}");
        io::Error::new(error.kind(), text)
    })
}

/// Makes the model, of what was kept if something is.
async fn begin(seed: u64, directory: Option<PathBuf>) -> io::Result<(Model, Option<Store>)> {
    let Some(directory) = directory else {
        return Ok((Model::new(seed), None));
    };
    let loaded = spawn_blocking(move || {
        let store = Store::open(&directory)?;
        Ok((store.load(seed)?, Some(store)))
    });
    let loaded = loaded.await.map_err(io::Error::other)?;
    loaded.map_err(|error: DataError| io::Error::other(error))
}

fn ensure(model: &mut Model, now: Time, path: &Path, entity: &Entity) -> model::Result<()> {
    match entity {
        Entity::Queue(settings) => model.ensure_queue(now, path, settings),
        Entity::Topic(settings) => model.ensure_topic(now, path, settings),
        Entity::Subscription(settings) => model.ensure_subscription(now, path, settings),
    }
}

fn access(keys: Vec<(String, String)>, takes_any_token: bool) -> Access {
    if takes_any_token {
        return Access::Everybody;
    }
    let mut known = Keys::default();
    for (name, key) in keys {
        known.insert(name, key);
    }
    Access::Signed(known)
}
