//! One open file: its storage thread, and everybody that waits on it.

use std::{
    fs, io,
    num::NonZeroU64,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use relayhouse_core::{Context, ErrorKind, Operation, QueueName, Result, port::Site};

use crate::{
    bell::{Belfry, Bell, Watch},
    config::{Config, Durability},
    error,
    path::{self, Missing},
    store::{Access, Moment, Options, SqliteStore, Store},
    wait::{Closing, Waits},
    writer::{self, Cost, Jobs, Opening},
};

/// Is the file of one queue or topic, open in this process.
///
/// Its storage thread ends with it, when it has run what waits.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) name: QueueName,
    /// Where its messages and its keys are kept.
    pub(crate) site: Site,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) waits: Arc<Waits>,
    bell: Arc<Bell>,
    is_watched: AtomicBool,
    /// Listens for other processes as long as it lives.
    watch: Mutex<Option<Watch>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Closed when the thread has ended.
    pub(crate) ended: Arc<Closing>,
}

/// Says where a file is and how it is opened.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) name: QueueName,
    pub(crate) path: PathBuf,
    pub(crate) bell: PathBuf,
    pub(crate) belfry: Belfry,
    pub(crate) missing: Missing,
}

impl File {
    /// Starts the thread, which opens the file; what is wrong with it the first call hears.
    pub(crate) fn open(place: Place, config: &Config, context: &Context) -> Result<Self> {
        let (jobs, waits) = (Arc::new(Jobs::new()), Arc::new(Waits::new()));
        let bell = Arc::new(Bell::new(&place.belfry, place.bell.clone()));
        let ended = Arc::default();
        let file = Self {
            name: place.name.clone(),
            site: site(&place.path),
            jobs: Arc::clone(&jobs),
            waits: Arc::clone(&waits),
            bell: Arc::clone(&bell),
            is_watched: AtomicBool::new(false),
            watch: Mutex::default(),
            thread: Mutex::default(),
            ended: Arc::clone(&ended),
        };
        let clock = Arc::clone(&context.clock);
        let (config, context) = (config.clone(), context.clone());
        let builder = thread::Builder::new().name(format!("local {}", place.name));
        let spawned = builder.spawn(move || {
            let open = || open_store(&place, &bell, &config, &context);
            writer::run(open, clock, &jobs, waits, ended);
        });
        *file.lock_thread() = Some(spawned.map_err(error::no_thread)?);
        Ok(file)
    }

    fn lock_thread(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns true if calls can be made.
    pub(crate) fn is_usable(&self) -> bool {
        !self.jobs.is_stopped() && !self.waits.end().is_closed()
    }

    /// Runs `run` in a group of the file.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        operation: Operation,
        access: Access,
        cost: Cost,
        run: impl FnOnce(&mut dyn Store, Moment) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let called = self.jobs.call(access, cost, run).await;
        called.map_err(|error| error.at(operation, &self.name))
    }

    /// Listens for other processes, from the first wait on.
    pub(crate) async fn watch(&self) -> Result<()> {
        if self.is_watched.swap(true, Ordering::SeqCst) {
            // The call that watches stands before whatever is called from here on.
            return Ok(());
        }
        let (bell, jobs) = (Arc::clone(&self.bell), Arc::downgrade(&self.jobs));
        let run = move |_: &mut dyn Store, _| Ok(bell.watch(move || nudge(&jobs)));
        let called = self
            .call(Operation::Receive, Access::Look, Cost::ONE, run)
            .await;
        match called.and_then(|watched| watched) {
            Ok(watch) => {
                *self.watch.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch);
                Ok(())
            }
            Err(error) => {
                self.is_watched.store(false, Ordering::SeqCst);
                Err(error)
            }
        }
    }

    /// Ends the thread when it has run what waits, and joins it.
    pub(crate) async fn close(&self) {
        self.jobs.stop();
        self.ended.closed().await;
        let thread = self.lock_thread().take();
        if let Some(thread) = thread {
            // It has nothing left to do. A panic there was told to the calls that it cost.
            drop(thread.join());
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.jobs.stop();
    }
}

fn nudge(jobs: &Weak<Jobs>) {
    if let Some(jobs) = jobs.upgrade() {
        jobs.nudge();
    }
}

fn open_store(
    place: &Place,
    bell: &Arc<Bell>,
    config: &Config,
    context: &Context,
) -> Result<Opening> {
    let which = Which::of(&place.path);
    let mut opening = try_open(place, bell, config, context)?;
    if place.missing == Missing::Refuse || !is_deleted(&mut opening, context)? {
        return Ok(opening);
    }
    // Who deleted it was stopped before the files were gone.
    drop(opening);
    remove(&place.path, &place.bell, which)?;
    try_open(place, bell, config, context)
}

fn try_open(
    place: &Place,
    bell: &Arc<Bell>,
    config: &Config,
    context: &Context,
) -> Result<Opening> {
    path::ensure_file(&place.path, place.missing)?;
    let mut options = Options {
        name: place.name.clone(),
        relaxed: config.durability == Durability::Relaxed,
        file_bytes_max: config.file_bytes_max.map(NonZeroU64::get),
        dedup_keys_max: config.dedup_keys_max.get(),
        busy_timeout: config.busy_timeout,
        mark: bell.read()?,
    };
    let open = |options| SqliteStore::open(&place.path, options, &*context.clock, &*context.random);
    let mut opened = open(options.clone());
    if matches!(&opened, Err(error) if error.kind() == ErrorKind::Corrupt) {
        // Meanwhile it may have become another file of its name, with a mark of its own.
        let mark = bell.read()?;
        if mark != options.mark {
            options.mark = mark;
            opened = open(options);
        }
    }
    let store = opened?;
    Ok(Opening {
        epoch: store.epoch(),
        store: Box::new(store),
        bell: Arc::clone(bell),
    })
}

/// Names the file at `path`, of which there is one on this machine.
pub(crate) fn site(path: &Path) -> Site {
    Site::new(format!("local:{}", path.display()))
}

/// Returns true if the file is one that was deleted.
fn is_deleted(opening: &mut Opening, context: &Context) -> Result<bool> {
    let moment = Moment {
        tick: opening.epoch.0,
        now: opening.epoch.1,
        wall: context.clock.wall(),
    };
    let begun = opening.store.begin(moment, Access::Look);
    opening.store.roll_back();
    match begun {
        Err(error) if error.kind() == ErrorKind::QueueNotFound => Ok(true),
        begun => begun.map(|()| false),
    }
}

/// Tells a file from another that has its name later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Which(Option<u64>);

impl Which {
    /// Returns which file is at `path` now, without opening it.
    #[cfg(unix)]
    pub(crate) fn of(path: &Path) -> Self {
        use std::os::unix::fs::MetadataExt;

        Self(fs::symlink_metadata(path).ok().map(|found| found.ino()))
    }

    /// Cannot tell: a file that is open cannot be replaced here.
    #[cfg(not(unix))]
    pub(crate) fn of(_path: &Path) -> Self {
        Self(None)
    }
}

/// Removes the files of a queue: the bell first, so that a mark is never left without its file.
/// What somebody else has created there since `which` was looked up stays.
pub(crate) fn remove(path: &Path, bell: &Path, which: Which) -> Result<()> {
    if Which::of(path) != which {
        return Ok(());
    }
    remove_file(bell)?;
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        remove_file(Path::new(&file))?;
    }
    Ok(())
}

fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error::not_removed(path, error))
        }
        _ => Ok(()),
    }
}
