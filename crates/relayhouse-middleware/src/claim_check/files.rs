//! A blob store in the files of a directory.

use std::{
    fs::{self, DirBuilder, DirEntry, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;
use relayhouse_core::{
    Clock, Context, Error, ErrorKind, Outcome, Random, Result, Retry,
    port::{BlobName, BlobStore, Deleting, Fetching, Storing},
};

/// How the name of a file ends that is not yet whole.
const UNFINISHED: &str = "part";

/// Keeps blobs in the files of a directory, which several processes can share.
///
/// A blob is written beside its place, flushed to disk with the directory, and moved there in one
/// step. The age of a blob counts by the clock that the store was made with. Directories are made
/// on first use, one for each first two digits of a name. Where the system knows owners, nobody but
/// the owner may enter a directory that was made here, or read a blob.
///
/// Work with files goes to tokio's threads for blocking work, and is finished there also if its
/// future is dropped.
#[derive(Clone, Debug)]
pub struct FileBlobs {
    path: Arc<Path>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl FileBlobs {
    /// Names the directory.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, context: &Context) -> Self {
        Self {
            path: path.into().into(),
            clock: Arc::clone(&context.clock),
            random: Arc::clone(&context.random),
        }
    }

    fn place(&self, name: BlobName) -> PathBuf {
        let name = name.to_string();
        self.path.join(&name[..2]).join(name)
    }

    /// Writes a blob, so that it is there whole or not at all.
    fn write(&self, name: BlobName, bytes: &[u8]) -> io::Result<()> {
        let place = self.place(name);
        let directory = place.parent().unwrap_or(&self.path);
        make(directory)?;
        let number = self.random.next_u64();
        let unfinished = place.with_extension(format!("{number:016x}.{UNFINISHED}"));
        let written = write_new(&unfinished, bytes, self.clock.wall().into());
        let moved = written.and_then(|()| fs::rename(&unfinished, &place));
        if moved.is_err() {
            // The first error is the one to tell; what is left behind is swept.
            let _ = fs::remove_file(&unfinished);
        }
        moved?;
        flush(directory)?;
        // Whoever made the directory may not have come to flush its entry.
        flush(&self.path)
    }

    fn read(&self, name: BlobName, bytes_max: u64) -> Result<Bytes> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => {
                let text = format!("blob {name} is not there");
                Error::new(ErrorKind::BlobNotFound, text)
            }
            _ => cannot("read", name, error),
        };
        let file = File::open(self.place(name)).map_err(failed)?;
        let mut bytes = Vec::new();
        let mut bounded = file.take(bytes_max.saturating_add(1));
        bounded.read_to_end(&mut bytes).map_err(failed)?;
        if bytes_max < bytes.len() as u64 {
            let text = format!("blob {name} has more than {bytes_max} bytes");
            return Err(Error::new(ErrorKind::MessageTooLarge, text));
        }
        Ok(bytes.into())
    }

    fn remove(&self, name: BlobName) -> Result<()> {
        match fs::remove_file(self.place(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(cannot("remove", name, error))
            }
            _ => Ok(()),
        }
    }

    fn sweep_until(&self, end: SystemTime) -> io::Result<u64> {
        let mut removed = 0;
        let directories = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            directories => directories?,
        };
        for directory in directories {
            let directory = directory?.path();
            if !directory.is_dir() {
                continue;
            }
            for file in fs::read_dir(directory)? {
                let file = file?;
                let is_over = is_ours(&file.path()) && is_older(&file, end)?;
                if is_over && fs::remove_file(file.path()).is_ok() {
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}

/// Returns true for a blob, or one that is not yet whole.
fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let stem = name.and_then(|name| name.split('.').next());
    stem.is_some_and(|stem| BlobName::parse(stem).is_ok())
}

/// Returns true for a file that was changed last before `end`, and is there still: others may remove
/// it, or move it to its place, at any time.
fn is_older(file: &DirEntry, end: SystemTime) -> io::Result<bool> {
    match file.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        metadata => Ok(metadata?.modified()? < end),
    }
}

/// Makes `directory` if it is missing, and those that it stands in, and flushes their entries.
fn make(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let parent = directory.parent().filter(|it| !it.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    make(parent)?;
    match private_directory().create(directory) {
        // Somebody else was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    flush(parent)
}

fn private_directory() -> DirBuilder {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn write_new(path: &Path, bytes: &[u8], time: SystemTime) -> io::Result<()> {
    let mut file = private_file().open(path)?;
    file.write_all(bytes)?;
    file.set_modified(time)?;
    file.sync_all()
}

/// Flushes the entries of a directory, where the system can.
fn flush(directory: &Path) -> io::Result<()> {
    if cfg!(unix) {
        return File::open(directory)?.sync_all();
    }
    Ok(())
}

fn cannot(what: &str, name: BlobName, error: io::Error) -> Error {
    Error::new(ErrorKind::Unexpected, format!("cannot {what} blob {name}"))
        .retry(Retry::Temporary)
        .with_source(error)
}

/// Does `work` where it may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let stopped = |error: tokio::task::JoinError| {
        Error::new(ErrorKind::Closed, "the program ends").with_source(error)
    };
    tokio::task::spawn_blocking(work).await.map_err(stopped)
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl BlobStore for FileBlobs {
    async fn put(&self, batch: &mut [Storing]) -> Result<()> {
        for item in batch {
            let (store, name, bytes) = (self.clone(), item.name, item.bytes.clone());
            let written = blocking(move || store.write(name, &bytes)).await?;
            item.outcome = written.map_err(|error| cannot("write", name, error)).into();
        }
        Ok(())
    }

    async fn get(&self, batch: &mut [Fetching], bytes_max: u64) -> Result<()> {
        for item in batch {
            let (store, name) = (self.clone(), item.name);
            item.outcome = blocking(move || store.read(name, bytes_max)).await?.into();
        }
        Ok(())
    }

    async fn delete(&self, batch: &mut [Deleting]) -> Result<()> {
        let names: Vec<BlobName> = batch.iter().map(|item| item.name).collect();
        let store = self.clone();
        let removed = blocking(move || names.iter().map(|it| store.remove(*it)).collect());
        let removed: Vec<Result<()>> = removed.await?;
        for (item, removed) in batch.iter_mut().zip(removed) {
            item.outcome = Outcome::from(removed);
        }
        Ok(())
    }

    async fn sweep(&self, age: Duration) -> Result<u64> {
        let (store, now) = (self.clone(), SystemTime::from(self.clock.wall()));
        let swept = blocking(move || now.checked_sub(age).map(|end| store.sweep_until(end)));
        let failed = |error| {
            Error::new(ErrorKind::Unexpected, "cannot sweep the blobs")
                .retry(Retry::Temporary)
                .with_source(error)
        };
        swept.await?.unwrap_or(Ok(0)).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_that_others_removed_is_not_swept_and_no_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("blob");
        fs::write(&path, "").unwrap();
        let file = fs::read_dir(directory.path()).unwrap().next();
        let file = file.unwrap().unwrap();
        let later = file.metadata().unwrap().modified().unwrap() + Duration::from_secs(1);
        assert!(is_older(&file, later).unwrap());
        fs::remove_file(path).unwrap();
        assert!(!is_older(&file, later).unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_made_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;

        let directory = tempfile::tempdir().unwrap();
        let made = directory.path().join("blobs/0f");
        make(&made).unwrap();
        make(&made).unwrap();
        let file = made.join("blob");
        write_new(&file, b"body", SystemTime::UNIX_EPOCH).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&made), 0o700);
        assert_eq!(mode(&directory.path().join("blobs")), 0o700);
        assert_eq!(mode(&file), 0o600);
    }
}
