//! The queues of one directory: which files are open, and what each queue is created with.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use relayhouse_core::{
    Context, Entity, ErrorKind, MessageIds, Operation, QueueName, Result, SubscriptionName,
    port::QueueConfig,
};

use crate::{
    bell::Belfry,
    config::Config,
    error,
    file::{File, Place},
    path::{self, Missing},
    queue::Queue,
    store::{Access, Kind, Lane, Settings, Store},
    transaction,
    wait::Closing,
    writer::Cost,
};

/// Is one directory of queues and topics, as this process has it open.
#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) context: Context,
    pub(crate) ids: MessageIds,
    pub(crate) closing: Closing,
    pub(crate) directory: PathBuf,
    belfry: Belfry,
    files: Mutex<Files>,
}

/// Holds the files that are open.
#[derive(Debug, Default)]
struct Files {
    by_name: HashMap<QueueName, Weak<File>>,
    /// Those as well that were deleted and that somebody still has open.
    all: Vec<Weak<File>>,
    /// The ends of the threads of all that were opened.
    ends: Vec<Arc<Closing>>,
}

/// Is where a sender sends.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) file: Arc<File>,
    pub(crate) settings: Settings,
}

impl Namespace {
    pub(crate) fn new(context: Context, directory: PathBuf) -> Self {
        Self {
            ids: MessageIds::new(&*context.random),
            context,
            closing: Closing::default(),
            directory,
            belfry: Belfry::default(),
            files: Mutex::default(),
        }
    }

    /// Fails if the namespace was closed.
    pub(crate) fn check_open(&self, operation: Operation) -> Result<()> {
        if self.closing.is_closed() {
            return Err(error::closed(operation));
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns every file that is open.
    pub(crate) fn open_files(&self) -> Vec<Arc<File>> {
        self.lock().all.iter().filter_map(Weak::upgrade).collect()
    }

    /// Returns the ends of all storage threads: those as well whose file nobody holds any more.
    pub(crate) fn ends(&self) -> Vec<Arc<Closing>> {
        self.lock().ends.clone()
    }

    /// Returns where the file of `name` is.
    pub(crate) fn place(&self, name: &QueueName, missing: Missing) -> Result<Place> {
        Ok(Place {
            name: name.clone(),
            path: path::queue_file(&self.directory, name)?,
            bell: path::bell_file(&self.directory, name)?,
            belfry: self.belfry.clone(),
            missing,
        })
    }

    /// Returns the file of `name`, one for all who have it open.
    pub(crate) async fn file(
        self: &Arc<Self>,
        name: &QueueName,
        config: &Config,
        missing: Missing,
        operation: Operation,
    ) -> Result<Arc<File>> {
        let (mut file, is_new) = self.get_or_open(name, config, missing, operation)?;
        if !is_new {
            let alive = file.call(operation, Access::Look, Cost::ONE, |_, _| Ok(()));
            match alive.await {
                Ok(()) => return Ok(file),
                // It was deleted elsewhere: there may be another of its name by now.
                Err(error) if error.kind() == ErrorKind::QueueNotFound => {}
                Err(error) => return Err(error),
            }
            (file, _) = self.get_or_open(name, config, missing, operation)?;
        }
        let finished = transaction::finish_notes(self, &file, config).await;
        finished.map_err(|error| error.at(operation, name))?;
        Ok(file)
    }

    fn get_or_open(
        &self,
        name: &QueueName,
        config: &Config,
        missing: Missing,
        operation: Operation,
    ) -> Result<(Arc<File>, bool)> {
        let mut files = self.lock();
        // Under the lock, so that a close sees every file.
        self.check_open(operation)?;
        let found = files.by_name.get(name).and_then(Weak::upgrade);
        if let Some(file) = found.filter(|file| file.is_usable()) {
            return Ok((file, false));
        }
        files.by_name.retain(|_, file| 0 < file.strong_count());
        files.all.retain(|file| 0 < file.strong_count());
        files.ends.retain(|end| !end.is_closed());
        let place = self.place(name, missing)?;
        let file = Arc::new(File::open(place, config, &self.context)?);
        files.by_name.insert(name.clone(), Arc::downgrade(&file));
        files.all.push(Arc::downgrade(&file));
        files.ends.push(Arc::clone(&file.ended));
        Ok((file, true))
    }

    /// Makes sure that `name` can be sent to.
    pub(crate) async fn ensure_target(
        self: &Arc<Self>,
        name: &QueueName,
        config: &Config,
    ) -> Result<Arc<File>> {
        self.file(name, config, missing(config), Operation::Open)
            .await
    }

    /// Decides that what is sent to `file` goes to a queue, where that is open.
    pub(crate) async fn target(
        &self,
        file: &Arc<File>,
        config: &Config,
        operation: Operation,
    ) -> Result<Target> {
        let wanted = settings(config, &QueueConfig::default());
        let run = move |store: &mut dyn Store, _| match store.kind()? {
            Kind::Topic => topic_settings(store, wanted),
            Kind::Queue | Kind::Undecided => Ok(decided_queue(store, &wanted)?.1),
        };
        Ok(Target {
            settings: file.call(operation, Access::Flush, Cost::ONE, run).await?,
            file: Arc::clone(file),
        })
    }

    /// Returns the queue or subscription `entity`, created if it may be.
    pub(crate) async fn open(self: &Arc<Self>, entity: &Entity, config: &Config) -> Result<Queue> {
        let (name, _) = parts(entity);
        let file = self
            .file(name, config, missing(config), Operation::Open)
            .await?;
        if config.create {
            return self
                .create_in(&file, entity, config, &QueueConfig::default(), false)
                .await;
        }
        self.find_in(&file, entity, config, Operation::Open).await
    }

    /// Returns the queue or subscription `entity`, if it is there.
    pub(crate) async fn find(
        self: &Arc<Self>,
        entity: &Entity,
        config: &Config,
        operation: Operation,
    ) -> Result<Queue> {
        let (name, _) = parts(entity);
        let file = self.file(name, config, Missing::Refuse, operation).await;
        // The text for a queue is that of a queue, not that of a file.
        let file = file.map_err(|error| match error.kind() {
            ErrorKind::QueueNotFound => {
                error::not_found(entity.to_string(), operation).with_source(error)
            }
            _ => error,
        })?;
        self.find_in(&file, entity, config, operation).await
    }

    async fn find_in(
        &self,
        file: &Arc<File>,
        entity: &Entity,
        config: &Config,
        operation: Operation,
    ) -> Result<Queue> {
        let (_, subscription) = parts(entity);
        let subscription = subscription.cloned();
        let run = move |store: &mut dyn Store, _| match (store.kind()?, &subscription) {
            (Kind::Topic, None) => Ok(Found::IsTopic),
            (Kind::Undecided, None) => Ok(Found::IsOpenQuestion),
            (_, name) => Ok(match store.find(name.as_ref())? {
                Some((lane, settings)) => Found::Is(lane, settings),
                None => Found::Nothing,
            }),
        };
        let found = file.call(operation, Access::Look, Cost::ONE, run).await?;
        if matches!(found, Found::IsOpenQuestion) {
            let wanted = QueueConfig::default();
            return self.create_in(file, entity, config, &wanted, false).await;
        }
        found.into_queue(file, entity, operation)
    }

    /// Creates `entity`; one that is there fails if `must_match` and its settings are others.
    pub(crate) async fn create(
        self: &Arc<Self>,
        entity: &Entity,
        config: &Config,
        wanted: &QueueConfig,
    ) -> Result<Queue> {
        let (name, _) = parts(entity);
        let file = self
            .file(name, config, Missing::Create, Operation::Admin)
            .await?;
        self.create_in(&file, entity, config, wanted, true).await
    }

    async fn create_in(
        &self,
        file: &Arc<File>,
        entity: &Entity,
        config: &Config,
        wanted: &QueueConfig,
        must_match: bool,
    ) -> Result<Queue> {
        let (_, subscription) = parts(entity);
        let (wanted, subscription) = (settings(config, wanted), subscription.cloned());
        let run = move |store: &mut dyn Store, _| {
            let found = match (store.kind()?, &subscription) {
                (Kind::Topic, None) => return Ok(Found::IsTopic),
                (Kind::Queue, Some(_)) => return Ok(Found::IsQueue),
                (Kind::Undecided, None) => {
                    let (lane, settings) = decided_queue(store, &wanted)?;
                    return Ok(Found::Is(lane, settings));
                }
                (_, name) => store.find(name.as_ref())?,
            };
            match found {
                Some((_, there)) if must_match && there != wanted => Ok(Found::IsOther),
                Some((lane, there)) => Ok(Found::Is(lane, there)),
                None => {
                    store.decide(kind_of(subscription.as_ref()))?;
                    let lane = store.create(subscription.as_ref(), &wanted)?;
                    Ok(Found::Is(lane, wanted))
                }
            }
        };
        let found = file
            .call(Operation::Open, Access::Flush, Cost::ONE, run)
            .await?;
        found.into_queue(file, entity, Operation::Open)
    }
}

/// Is what a look for a queue or subscription found.
enum Found {
    Is(Lane, Settings),
    /// A sender has opened it and nothing else has touched it.
    IsOpenQuestion,
    IsTopic,
    IsQueue,
    IsOther,
    Nothing,
}

impl Found {
    fn into_queue(self, file: &Arc<File>, entity: &Entity, operation: Operation) -> Result<Queue> {
        let name = || entity.to_string();
        match self {
            Self::Is(lane, settings) => Ok(Queue::new(file, entity, lane, settings)),
            Self::IsTopic if operation == Operation::Open => {
                Err(error::conflict(name(), "it is a topic"))
            }
            Self::IsTopic => Err(error::conflict(
                name(),
                "it is a topic, which has no messages",
            )),
            Self::IsQueue => Err(error::conflict(name(), "it is a queue, not a topic")),
            Self::IsOther => Err(error::conflict(name(), "it exists with other settings")),
            Self::Nothing | Self::IsOpenQuestion => Err(error::not_found(name(), operation)),
        }
    }
}

/// Returns the file that `entity` is in, and its name there.
pub(crate) const fn parts(entity: &Entity) -> (&QueueName, Option<&SubscriptionName>) {
    match entity {
        Entity::Queue(name) => (name, None),
        Entity::Subscription { topic, name } => (topic, Some(name)),
    }
}

const fn kind_of(subscription: Option<&SubscriptionName>) -> Kind {
    match subscription {
        None => Kind::Queue,
        Some(_) => Kind::Topic,
    }
}

/// Says whether a file is made on first use.
pub(crate) const fn missing(config: &Config) -> Missing {
    match config.create {
        true => Missing::Create,
        false => Missing::Refuse,
    }
}

/// Returns the queue of a file, which is now decided to be one.
fn decided_queue(store: &mut dyn Store, wanted: &Settings) -> Result<(Lane, Settings)> {
    if store.kind()? == Kind::Queue
        && let Some(found) = store.find(None)?
    {
        return Ok(found);
    }
    store.decide(Kind::Queue)?;
    let lane = store.create(None, wanted)?;
    Ok((lane, wanted.clone()))
}

/// Returns what a message for a topic has to obey: what each of its subscriptions wants.
fn topic_settings(store: &mut dyn Store, mut wanted: Settings) -> Result<Settings> {
    for name in store.subscriptions()? {
        if let Some((_, settings)) = store.find(Some(&name))? {
            wanted.requires_sessions |= settings.requires_sessions;
            wanted.bytes_max = wanted.bytes_max.min(settings.bytes_max);
        }
    }
    Ok(wanted)
}

/// Returns the settings of a queue: what is wanted of it, else what the options say.
fn settings(config: &Config, wanted: &QueueConfig) -> Settings {
    Settings {
        lease: wanted.lease.unwrap_or(config.lease),
        attempts_max: wanted.attempts_max.or(config.attempts_max),
        requires_sessions: wanted.requires_sessions || config.requires_sessions,
        dedup_window: wanted.dedup_window.unwrap_or(config.dedup_window),
        ttl: wanted.ttl.or(config.ttl),
        dead_letter_expired: wanted.dead_letter_expired || config.dead_letter_expired,
        messages_max: wanted.messages_max.unwrap_or(config.messages_max).get(),
        bytes_max: wanted.bytes_max.unwrap_or(config.bytes_max).get(),
    }
}
