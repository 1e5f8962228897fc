//! Keys in the files of a directory.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use relayhouse_core::{
    Error, ErrorKind, Result, Retry, Secret,
    port::{Key, KeyId, KeyProvider, KeyRing},
};

/// How the name of a file with a key ends; what stands before it is the id.
const EXTENSION: &str = "key";

/// The file that names the current key.
const CURRENT: &str = "current";

/// The most bytes of a file with a key: its digits, and the end of a line.
const FILE_BYTES_MAX: u64 = 128;

/// Reads keys from a directory: from each file `ID.key` one of 64 hexadecimal digits.
///
/// The current key is the one that the file `current` names, or else the last one by name: keys
/// that are named after their day rotate by adding a file. A directory that is mounted from a
/// secret store is read anew each time, links included. Whoever may write there may read every
/// message.
///
/// Reading goes to tokio's threads for blocking work.
#[derive(Clone, Debug)]
pub struct KeyDirectory {
    path: Arc<Path>,
}

impl KeyDirectory {
    /// Names the directory, which is read when keys are asked for.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into().into(),
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl KeyProvider for KeyDirectory {
    async fn keys(&self) -> Result<KeyRing> {
        let path = Arc::clone(&self.path);
        let read = tokio::task::spawn_blocking(move || read(&path));
        let stopped = |error: tokio::task::JoinError| {
            Error::new(ErrorKind::Closed, "the program ends").with_source(error)
        };
        read.await.map_err(stopped)?
    }
}

fn read(path: &Path) -> Result<KeyRing> {
    let failed = |error| cannot_read(path, error);
    let mut keys = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let is_key = file.extension().is_some_and(|it| it == EXTENSION);
        let name = file.file_stem().and_then(|name| name.to_str());
        if let Some(name) = name.filter(|_| is_key) {
            let id = KeyId::new(name.to_owned())?;
            let text = read_file(&file)?;
            keys.push(Key::from_hex(id, text.expose().trim_ascii())?);
        }
    }
    keys.sort_by(|one, other| one.id().cmp(other.id()));
    let current = take_current(path, &mut keys)?;
    let ring = KeyRing::new(current);
    Ok(keys.into_iter().fold(ring, KeyRing::older))
}

/// Takes the current key out of `keys`.
fn take_current(path: &Path, keys: &mut Vec<Key>) -> Result<Key> {
    let file = path.join(CURRENT);
    let place = match read_file(&file) {
        Ok(name) => {
            let name = name.expose().trim_ascii();
            keys.iter().position(|key| key.id().as_str() == name)
        }
        Err(_) if !file.exists() => keys.len().checked_sub(1),
        Err(error) => return Err(error),
    };
    let shown = path.display();
    let none = || {
        let text = format!("directory {shown} has no current key");
        Error::new(ErrorKind::KeyNotFound, text)
    };
    place.map(|place| keys.remove(place)).ok_or_else(none)
}

/// Reads a short text, which is wiped when it is dropped.
fn read_file(path: &Path) -> Result<Secret> {
    use std::io::Read;

    let failed = |error| cannot_read(path, error);
    let file = std::fs::File::open(path).map_err(failed)?;
    let length = usize::try_from(FILE_BYTES_MAX).unwrap_or_default();
    // Room for all of it, so that no part is left behind when it grows.
    let mut text = String::with_capacity(length + 1);
    let read = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text);
    let text = read.map(|_| Secret::from(text)).map_err(failed)?;
    if length < text.expose().len() {
        let error = "it is too long to be a key";
        return Err(cannot_read(
            path,
            io::Error::new(io::ErrorKind::InvalidData, error),
        ));
    }
    Ok(text)
}

fn cannot_read(path: &Path, error: io::Error) -> Error {
    let text = format!("cannot read {}", path.display());
    Error::new(ErrorKind::KeyNotFound, text)
        .retry(Retry::Temporary)
        .with_source(error)
}
