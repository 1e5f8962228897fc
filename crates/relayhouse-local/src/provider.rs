//! The local provider: a directory of queues and topics, and the options of who opened it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use relayhouse_core::{
    Address, Capabilities, Context, Operation, QueueName, Result, Source,
    config::Params,
    port::{
        Admin, DedupStore, Provider, Receiver, ReceiverOptions, Sender, Sessions, Transactional,
    },
};

use crate::{
    admin::LocalAdmin,
    capability,
    config::{Config, LocalBuilder},
    dedup::LocalDedup,
    disk, error,
    namespace::{self, Namespace},
    origin::Origin,
    path,
    queue::Queue,
    receiver::LocalReceiver,
    sender::LocalSender,
    session::LocalSessions,
    transaction::LocalTransactional,
};

const SCHEME: &str = "local";

/// Options that are not in a URL are read from variables with this prefix.
const ENV_PREFIX: &str = "RELAYHOUSE_LOCAL_";

const SUBSCRIPTIONS: &str = "/subscriptions/";
const DEAD_LETTER: &str = "/$deadletterqueue";

/// Is one directory of queues and topics.
///
/// A clone is the same directory, and shares its open files; they are closed when the last clone
/// is gone, and everything opened from one. Programs, and several of these in one program, may
/// have the same directory open.
#[derive(Clone, Debug)]
pub struct Local {
    namespace: Arc<Namespace>,
    config: Arc<Config>,
    capabilities: Arc<Capabilities>,
}

impl Local {
    pub(crate) fn new(context: Context, directory: &Path, config: Config) -> Result<Self> {
        let directory = path::prepare_directory(directory, namespace::missing(&config))?;
        disk::check(&directory)?;
        Ok(Self::of(
            Arc::new(Namespace::new(context, directory)),
            config,
        ))
    }

    fn of(namespace: Arc<Namespace>, config: Config) -> Self {
        Self {
            namespace,
            capabilities: config.declare(&capability::NATIVE),
            config: Arc::new(config),
        }
    }

    /// Starts to build a directory of queues that tells time and draws chance by `context`.
    pub fn builder(context: Context, directory: impl Into<PathBuf>) -> LocalBuilder {
        LocalBuilder::new(context, directory.into())
    }

    /// Opens the directory of `address` with its options, and those of the environment
    /// (`RELAYHOUSE_LOCAL_*`) for those it does not set.
    ///
    /// Which source is meant, [`Local::source`] says; no queue is opened yet.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`](relayhouse_core::ErrorKind::ConfigInvalid) that names
    /// the option and what is wrong with it, or what keeps queues from being kept in the
    /// directory.
    pub fn open(address: &Address, context: Context) -> Result<Self> {
        let config = read_config(address)?;
        let (directory, _) = split(address)?;
        Self::builder(context, directory).config(config).build()
    }

    /// Opens `address`, of the same directory, with the files that are open already: what it
    /// creates gets the options of `address`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`](relayhouse_core::ErrorKind::ConfigInvalid) if an
    /// option is wrong, the directory is another, or an option of files (`durability`,
    /// `file_bytes_max`, `busy_timeout`, `dedup_keys_max`) is another than that of this directory.
    pub fn join(&self, address: &Address) -> Result<Self> {
        let config = read_config(address)?;
        config.check()?;
        let (directory, _) = split(address)?;
        let directory = path::prepare_directory(&directory, namespace::missing(&config))?;
        if directory != self.namespace.directory {
            return Err(error::invalid("queue URL names another directory"));
        }
        let of_files = |config: &Config| {
            (
                config.durability,
                config.file_bytes_max,
                config.busy_timeout,
                config.dedup_keys_max,
            )
        };
        if of_files(&config) != of_files(&self.config) {
            return Err(error::invalid(
                "options durability, file_bytes_max, busy_timeout and dedup_keys_max: they are the \
                 same for all who share open files",
            ));
        }
        Ok(Self::of(Arc::clone(&self.namespace), config))
    }

    /// Returns the source that `address` names: its last part, the directory being all before it.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`](relayhouse_core::ErrorKind::ConfigInvalid) that names
    /// the rule it breaks.
    pub fn source(address: &Address) -> Result<Source> {
        Ok(split(address)?.1)
    }

    /// Returns the options.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the directory, by the path that leads over no link.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.namespace.directory
    }

    /// Returns true if it was closed: nothing can be opened here any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.namespace.closing.is_closed()
    }

    /// Counts the calls that storage threads have not answered, for gauges and for tests that
    /// move a clock when nothing else goes on.
    #[must_use]
    pub fn pending(&self) -> usize {
        let files = self.namespace.open_files();
        files.iter().map(|file| file.jobs.pending()).sum()
    }

    /// Opens the dedup store in the file of `queue`, or of a topic of that name: keys that are
    /// claimed and done survive the end of the program, and are shared with others that have the
    /// file open. What is received from that file is acked as one with its key.
    ///
    /// # Errors
    ///
    /// Returns what opening the queue returns.
    pub async fn dedup_store(&self, queue: &QueueName) -> Result<Arc<dyn DedupStore>> {
        self.namespace.check_open(Operation::Open)?;
        let store = LocalDedup::open(&self.namespace, queue, &self.config).await?;
        Ok(Arc::new(store))
    }

    /// Returns what is behind the ports, for tests of what they do not show.
    #[cfg(test)]
    pub(crate) fn inside(&self) -> (&Arc<Namespace>, &Config) {
        (&self.namespace, &self.config)
    }

    async fn open_queue(&self, source: &Source) -> Result<Queue> {
        self.namespace.check_open(Operation::Open)?;
        let queue = self.namespace.open(&source.entity, &self.config).await?;
        Ok(queue.dead_letters(source.dead_letter))
    }
}

/// Takes the lease that is asked for, else the queue's.
fn lease(queue: &Queue, options: ReceiverOptions) -> Result<Duration> {
    let lease = options.lease.unwrap_or(queue.settings.lease);
    if lease.is_zero() {
        return Err(error::invalid("a lease must not be zero"));
    }
    Ok(lease)
}

fn read_config(address: &Address) -> Result<Config> {
    if address.scheme() != SCHEME {
        let scheme = address.scheme();
        return Err(error::invalid(format!(
            "queue URL has the scheme {scheme}, local was expected"
        )));
    }
    let params = address.params().clone();
    params.or(Params::from_env(ENV_PREFIX)).read()
}

/// Takes a location apart: the directory, and the source in it.
fn split(address: &Address) -> Result<(PathBuf, Source)> {
    let location = address.location();
    let lower = location.to_ascii_lowercase();
    let end = lower
        .strip_suffix(DEAD_LETTER)
        .map_or(location.len(), str::len);
    let end = lower[..end].rfind(SUBSCRIPTIONS).unwrap_or(end);
    let (directory, source) = match location[..end].rfind('/') {
        Some(0) => ("/", &location[1..]),
        Some(at) => (&location[..at], &location[at + 1..]),
        None => (".", location),
    };
    Ok((PathBuf::from(directory), source.parse()?))
}

#[async_trait]
impl Provider for Local {
    fn scheme(&self) -> &'static str {
        SCHEME
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn sender(&self, queue: &QueueName) -> Result<Arc<dyn Sender>> {
        self.namespace.check_open(Operation::Open)?;
        let file = self.namespace.ensure_target(queue, &self.config).await?;
        Ok(Arc::new(LocalSender::new(
            Arc::clone(&self.namespace),
            file,
            Arc::clone(&self.config),
            Arc::clone(&self.capabilities),
        )))
    }

    async fn receiver(
        &self,
        source: &Source,
        options: ReceiverOptions,
    ) -> Result<Arc<dyn Receiver>> {
        let queue = self.open_queue(source).await?;
        if queue.settings.requires_sessions && !source.dead_letter {
            return Err(error::unsupported(
                source,
                Operation::Open,
                "its messages are received through sessions only",
            ));
        }
        let lease = lease(&queue, options)?;
        let capabilities = Arc::clone(&self.capabilities);
        let origin = Origin::new(&self.namespace, queue, source, capabilities, lease);
        Ok(Arc::new(LocalReceiver::new(origin)))
    }

    async fn sessions(
        &self,
        source: &Source,
        options: ReceiverOptions,
    ) -> Result<Arc<dyn Sessions>> {
        let queue = self.open_queue(source).await?;
        if source.dead_letter || !queue.settings.requires_sessions {
            return Err(error::unsupported(
                source,
                Operation::Open,
                "it has no sessions: it was not created to require them",
            ));
        }
        let lease = lease(&queue, options)?;
        let capabilities = self.config.declare(&capability::NATIVE_SESSIONS);
        let origin = Origin::new(&self.namespace, queue, source, capabilities, lease);
        Ok(Arc::new(LocalSessions::new(origin)))
    }

    fn admin(&self) -> Option<Arc<dyn Admin>> {
        Some(Arc::new(LocalAdmin::new(
            Arc::clone(&self.namespace),
            Arc::clone(&self.config),
            Arc::clone(&self.capabilities),
        )))
    }

    fn transactional(&self) -> Option<Arc<dyn Transactional>> {
        Some(Arc::new(LocalTransactional::new(
            Arc::clone(&self.namespace),
            Arc::clone(&self.config),
        )))
    }

    /// Closes everything that was opened here. Calls that have reached a storage thread are done
    /// first; then the threads are joined.
    async fn close(&self) -> Result<()> {
        self.namespace.closing.close();
        for file in self.namespace.open_files() {
            file.close().await;
        }
        for end in self.namespace.ends() {
            end.closed().await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> (String, String) {
        let (directory, source) = split(&url.parse().unwrap()).unwrap();
        (directory.display().to_string(), source.to_string())
    }

    #[test]
    fn last_part_is_the_source_and_the_rest_the_directory() {
        for (url, directory, source) in [
            ("local:///var/q/orders", "/var/q", "orders"),
            ("local:./q/orders", "./q", "orders"),
            ("local://q/orders", "q", "orders"),
            ("local:orders", ".", "orders"),
            ("local:///orders", "/", "orders"),
            (
                "local:./q/events/subscriptions/audit",
                "./q",
                "events/subscriptions/audit",
            ),
            (
                "local:./q/orders/$DeadLetterQueue",
                "./q",
                "orders/$deadletterqueue",
            ),
            (
                "local:/subscriptions/q/events/subscriptions/audit/$deadletterqueue",
                "/subscriptions/q",
                "events/subscriptions/audit/$deadletterqueue",
            ),
        ] {
            assert_eq!(
                parts(url),
                (directory.to_owned(), source.to_owned()),
                "{url}"
            );
        }
    }
}
