//! Where the files are: a directory of its own beside this program, on a real disk.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

/// How much is read at once.
#[cfg(target_os = "linux")]
const CHUNK_BYTES: usize = 1 << 20;

/// Is a directory for files of queues, removed at the end.
#[derive(Debug)]
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Result<Self> {
        let program = std::env::current_exe()?;
        let folder = program.parent().context("this program is nowhere")?;
        let directory = tempfile::Builder::new()
            .prefix("bench-")
            .tempdir_in(folder)?;
        Ok(Self(directory))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Makes a directory in it, removed when it is dropped.
    pub(crate) fn new_directory(&self) -> Result<TempDir> {
        Ok(TempDir::new_in(&self.0)?)
    }

    /// Says which file system it is, where the system tells.
    pub(crate) fn file_system(&self) -> Option<String> {
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        let place = fs::canonicalize(self.path()).ok()?;
        let mounts = mounts.lines().filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let (root, kind) = (fields.next()?, fields.next()?);
            place.starts_with(root).then_some((root.len(), kind))
        });
        let (_, kind) = mounts.max_by_key(|(length, _)| *length)?;
        Some(kind.to_owned())
    }
}

/// Holds the sizes of the files of the queue `bench`, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) queue: u64,
    pub(super) log: u64,
}

impl Sizes {
    /// Looks at the files in `directory`; one that is not there has no bytes.
    pub(super) fn of(directory: &Path) -> Self {
        let [queue, log] = files(directory).map(|path| fs::metadata(path).map_or(0, |it| it.len()));
        Self { queue, log }
    }
}

/// Returns the paths of the queue `bench` and of its log.
fn files(directory: &Path) -> [PathBuf; 2] {
    ["bench.queue", "bench.queue-wal"].map(|name| directory.join(name))
}

/// Has the system forget what it keeps of the files in memory; returns false where it cannot.
#[cfg(target_os = "linux")]
pub(super) fn forget(directory: &Path) -> Result<bool> {
    use rustix::fs::{Advice, fadvise};

    for path in files(directory) {
        let file = fs::File::open(path)?;
        // What is not written yet is not forgotten.
        file.sync_all()?;
        fadvise(&file, 0, None, Advice::DontNeed)?;
    }
    Ok(true)
}

/// Reads the files once, so that the system has them in memory, as if they had just been written:
/// by pages. What is read ahead it keeps in pieces of up to some megabytes, and then each page that
/// is written costs the time of a piece.
#[cfg(target_os = "linux")]
pub(super) fn remember(directory: &Path) -> Result<()> {
    use std::io::Read;

    use rustix::fs::{Advice, fadvise};

    forget(directory)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    for path in files(directory) {
        let mut file = fs::File::open(path)?;
        fadvise(&file, 0, None, Advice::Random)?;
        while 0 < file.read(&mut chunk)? {}
    }
    Ok(())
}

/// Reads the files once, so that the system has them in memory.
#[cfg(not(target_os = "linux"))]
pub(super) fn remember(directory: &Path) -> Result<()> {
    for path in files(directory) {
        std::io::copy(&mut fs::File::open(path)?, &mut std::io::sink())?;
    }
    Ok(())
}

/// Has the system forget what it keeps of the files in memory; returns false where it cannot.
#[cfg(not(target_os = "linux"))]
pub(super) fn forget(_: &Path) -> Result<bool> {
    Ok(false)
}
