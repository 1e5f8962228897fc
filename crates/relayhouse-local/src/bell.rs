//! How a process tells others that a file has news for them: it writes to a file beside it, which
//! they watch.
//!
//! Whoever watches sleeps in the system until then. What is written is a [`Mark`]; it says
//! nothing that the file of the queue does not, but may say whether it is worth a look.

use std::{
    collections::HashMap,
    fmt::{self, Debug},
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
};

use notify::{
    ErrorKind as WatchErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
};
use relayhouse_core::{Error, ErrorKind, Operation, Result, Retry};

use crate::path;

/// What a ring leaves behind, for whoever hears it.
pub(crate) type Mark = [u8; 32];

/// Says too many open files: what Linux answers when a user has as many listeners as it may.
const EMFILE: i32 = 24;

type OnRing = dyn Fn() + Send + Sync;

/// Listens for the rings of all bells of a directory, with one thread as long as one is watched.
///
/// A clone is the same. The system gives a user few of these (on Linux 128), so that there is one
/// for a directory and not for a file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Belfry(Arc<Ears>);

#[derive(Default)]
struct Ears {
    /// Held while the thread that listens is asked for something; never by that thread.
    listener: Mutex<Option<Listener>>,
    /// Whom to call; held for moments, by that thread too.
    watches: Arc<Mutex<Watches>>,
}

/// Is the thread that listens, and the paths that it was told of.
#[derive(Debug)]
struct Listener {
    watcher: RecommendedWatcher,
    heard: Vec<PathBuf>,
}

#[derive(Default)]
struct Watches {
    next: u64,
    by_path: HashMap<PathBuf, Vec<(u64, Arc<OnRing>)>>,
}

/// Tells other processes that a file has news, and is told by them.
#[derive(Debug)]
pub(crate) struct Bell {
    belfry: Belfry,
    path: PathBuf,
    file: Mutex<Option<File>>,
}

/// Calls back at every ring as long as it lives.
#[derive(Debug)]
pub(crate) struct Watch {
    belfry: Belfry,
    path: PathBuf,
    number: u64,
}

impl Bell {
    /// Makes the bell whose file is at `path`, an absolute path. Nothing is opened yet.
    pub(crate) fn new(belfry: &Belfry, path: PathBuf) -> Self {
        Self {
            belfry: belfry.clone(),
            path,
            file: Mutex::default(),
        }
    }

    /// Rings: whoever watches the file, in this process or another, is called.
    ///
    /// One write to a file, of which nothing is flushed. A file that was removed is made anew.
    pub(crate) fn ring(&self, mark: &Mark) -> Result<()> {
        self.with_file("write", |file| write_at_start(file, mark))
    }

    /// Reads the mark of the last ring: `None` if there was none.
    ///
    /// A mark that is read while it is written may be mixed of two: it is a hint. A file that was
    /// removed is made anew, and watched again by who watched it.
    pub(crate) fn read(&self) -> Result<Option<Mark>> {
        self.with_file("read", |file| {
            let mut mark = Mark::default();
            match read_at_start(file, &mut mark) {
                Ok(()) => Ok(Some(mark)),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    /// Calls `on_ring` at every ring from now on, also those of this process, and when something
    /// happens to the file. Several rings may be one call, and a call may come without a ring.
    ///
    /// It is called on the thread that listens for all bells: it must neither block nor panic nor
    /// use a bell, and may drop the watch. Whoever is called [`read`](Self::read)s elsewhere: once
    /// the file was removed nothing is heard until then.
    pub(crate) fn watch(&self, on_ring: impl Fn() + Send + Sync + 'static) -> Result<Watch> {
        self.with_file("open", |_| Ok(()))?;
        let watch = self
            .belfry
            .0
            .add(&self.belfry, &self.path, Arc::new(on_ring));
        // If this fails, dropping the watch takes it back.
        self.belfry.0.listen(&self.path)?;
        Ok(watch)
    }

    fn with_file<T>(&self, what: &str, act: impl FnOnce(&File) -> io::Result<T>) -> Result<T> {
        let mut kept = lock(&self.file);
        let file = match &mut *kept {
            Some(file) if is_removed(file) => {
                self.replace(file)?;
                file
            }
            Some(file) => file,
            none => none.insert(path::open_file(&self.path)?),
        };
        act(file).map_err(|error| path::failed(what, &self.path, error))
    }

    /// Goes on with the file that is at the path now.
    fn replace(&self, file: &mut File) -> Result<()> {
        let ears = &self.belfry.0;
        let new = path::open_file(&self.path)?;
        // While the old file is open the system still tells of it. That has to end first, or its
        // end would be taken for that of the new one.
        ears.forget(&self.path);
        *file = new;
        if lock(&ears.watches).by_path.contains_key(&self.path) {
            ears.listen(&self.path)?;
            call(&ears.watches, |path| path == self.path);
        }
        Ok(())
    }
}

impl Ears {
    fn add(&self, belfry: &Belfry, path: &Path, on_ring: Arc<OnRing>) -> Watch {
        let mut watches = lock(&self.watches);
        let number = watches.next;
        watches.next += 1;
        let of_path = watches.by_path.entry(path.to_owned()).or_default();
        of_path.push((number, on_ring));
        Watch {
            belfry: belfry.clone(),
            path: path.to_owned(),
            number,
        }
    }

    /// Has the thread listen at `path`, and no longer at paths that nobody watches any more.
    fn listen(&self, path: &Path) -> Result<()> {
        let mut guard = lock(&self.listener);
        let failed = |error| watch_failed(path, error);
        let listener = match &mut *guard {
            Some(listener) => listener,
            none => none.insert(Listener::start(&self.watches).map_err(failed)?),
        };
        let stale = {
            let watches = lock(&self.watches);
            let heard = listener.heard.iter();
            let stale = heard.filter(|path| !watches.by_path.contains_key(*path));
            stale.cloned().collect::<Vec<_>>()
        };
        for path in stale {
            listener.forget(&path);
        }
        // The file may be another than it was, with nobody there to tell.
        let was_heard = listener.forget(path);
        listener.hear(path).map_err(failed)?;
        drop(guard);
        if was_heard {
            // They may have missed a ring in between.
            call(&self.watches, |each| each == path);
        }
        Ok(())
    }

    fn forget(&self, path: &Path) {
        let mut listener = lock(&self.listener);
        if let Some(listener) = &mut *listener {
            listener.forget(path);
        }
    }

    /// Ends a watch. It runs on any thread, so it asks nothing of the one that listens: that may
    /// be this one.
    fn remove(&self, path: &Path, number: u64) {
        let mut watches = lock(&self.watches);
        let mut dropped = None;
        if let Some(of_path) = watches.by_path.get_mut(path) {
            let at = of_path.iter().position(|(each, _)| *each == number);
            dropped = at.map(|at| of_path.swap_remove(at));
            if of_path.is_empty() {
                watches.by_path.remove(path);
            }
        }
        let is_last = watches.by_path.is_empty();
        drop(watches);
        // What the callback owns may end other watches as it is dropped.
        drop(dropped);
        if is_last {
            self.rest();
        }
    }

    /// Ends the thread if nobody watches. Whoever is about to begin needs it, and keeps it.
    fn rest(&self) {
        let mut listener = match self.listener.try_lock() {
            Ok(listener) => listener,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if lock(&self.watches).by_path.is_empty() {
            *listener = None;
        }
    }
}

impl Listener {
    fn start(watches: &Arc<Mutex<Watches>>) -> notify::Result<Self> {
        let watches = Arc::clone(watches);
        let watcher = notify::recommended_watcher(move |event| hear(&watches, event))?;
        Ok(Self {
            watcher,
            heard: Vec::new(),
        })
    }

    fn hear(&mut self, path: &Path) -> notify::Result<()> {
        self.watcher.watch(path, RecursiveMode::NonRecursive)?;
        self.heard.push(path.to_owned());
        Ok(())
    }

    /// Returns true if the thread was listening there.
    fn forget(&mut self, path: &Path) -> bool {
        let Some(at) = self.heard.iter().position(|heard| heard == path) else {
            return false;
        };
        self.heard.swap_remove(at);
        // It fails if the file is gone, and then the system has done it already.
        let _gone = self.watcher.unwatch(path);
        true
    }
}

/// Calls whom an event concerns: everybody, if it does not say.
fn hear(watches: &Mutex<Watches>, event: notify::Result<Event>) {
    match event {
        Ok(event) if event.need_rescan() => call(watches, |_| true),
        Ok(event) if is_ring(&event) => {
            call(watches, |path| event.paths.iter().any(|each| each == path));
        }
        Ok(_) => {}
        Err(_) => call(watches, |_| true),
    }
}

fn call(watches: &Mutex<Watches>, is_meant: impl Fn(&Path) -> bool) {
    let called: Vec<_> = {
        let watches = lock(watches);
        let meant = watches.by_path.iter().filter(|(path, _)| is_meant(path));
        meant
            .flat_map(|(_, of_path)| of_path.iter().map(|(_, on_ring)| Arc::clone(on_ring)))
            .collect()
    };
    for on_ring in called {
        on_ring();
    }
}

const fn is_ring(event: &Event) -> bool {
    matches!(event.kind, EventKind::Modify(_) | EventKind::Remove(_))
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.belfry.0.remove(&self.path, self.number);
    }
}

impl Debug for Ears {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listener, watches } = self;
        let paths: Vec<_> = lock(watches).by_path.keys().cloned().collect();
        f.debug_struct("Ears")
            .field("listener", listener)
            .field("paths", &paths)
            .finish()
    }
}

fn watch_failed(path: &Path, error: notify::Error) -> Error {
    let is_limit = match &error.kind {
        WatchErrorKind::MaxFilesWatch => true,
        WatchErrorKind::Io(error) => error.raw_os_error() == Some(EMFILE),
        _ => false,
    };
    let hint = if is_limit {
        ": the system gives no more (on Linux raise fs.inotify.max_user_instances and \
         fs.inotify.max_user_watches)"
    } else {
        ""
    };
    let text = format!("cannot watch {}{hint}", path.display());
    Error::new(ErrorKind::Unexpected, text)
        .operation(Operation::Receive)
        .retry(Retry::Temporary)
        .with_source(error)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(unix)]
fn is_removed(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;

    file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
}

/// A file that is open stays where it is.
#[cfg(windows)]
fn is_removed(_file: &File) -> bool {
    false
}

#[cfg(unix)]
fn write_at_start(file: &File, mark: &Mark) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, mark, 0)
}

#[cfg(unix)]
fn read_at_start(file: &File, mark: &mut Mark) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, mark, 0)
}

#[cfg(windows)]
fn write_at_start(file: &File, mark: &Mark) -> io::Result<()> {
    // So few bytes are written at once or not at all.
    std::os::windows::fs::FileExt::seek_write(file, mark, 0).map(drop)
}

#[cfg(windows)]
fn read_at_start(file: &File, mark: &mut Mark) -> io::Result<()> {
    let read = std::os::windows::fs::FileExt::seek_read(file, mark, 0)?;
    let is_whole = read == mark.len();
    is_whole
        .then_some(())
        .ok_or(io::ErrorKind::UnexpectedEof.into())
}

#[cfg(test)]
mod tests;
