//! Where queues are on the disk: names of files, the directory, and what is safe to open.

use std::{
    fs::{self, File, Metadata},
    io,
    path::{Path, PathBuf},
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use relayhouse_core::{Error, ErrorKind, Operation, QueueName, Result, Retry};

/// What the file of a queue or topic ends in.
const FILE_SUFFIX: &str = ".queue";

/// What the file that tells other processes of news ends in.
const BELL_SUFFIX: &str = ".bell";

/// What `SQLite` adds to the name of a file, where it adds most.
const LONGEST_ADDED: &str = "-journal";

/// The longest name of a file, in bytes, on all file systems that matter.
const FILE_NAME_BYTES_MAX: usize = 255;

const STEM_BYTES_MAX: usize = FILE_NAME_BYTES_MAX - FILE_SUFFIX.len() - LONGEST_ADDED.len();

/// All but `a-z`, `0-9`, `_` and `-`: capitals too, as many a disk takes `A` for `a`.
const ENCODED: &AsciiSet = &with_capitals(NON_ALPHANUMERIC.remove(b'_').remove(b'-'));

/// Says whether a file that does not exist is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    Create,
    Refuse,
}

/// Returns the file of the queue or topic `name`.
pub(crate) fn queue_file(directory: &Path, name: &QueueName) -> Result<PathBuf> {
    let stem = stem(name)?;
    Ok(directory.join(format!("{stem}{FILE_SUFFIX}")))
}

/// Returns the file beside that of the queue or topic `name` that tells of news.
pub(crate) fn bell_file(directory: &Path, name: &QueueName) -> Result<PathBuf> {
    let stem = stem(name)?;
    Ok(directory.join(format!("{stem}{BELL_SUFFIX}")))
}

/// Returns the name of the queue or topic that is kept in a file of this name: `None` if it was
/// not named here.
pub(crate) fn queue_name(file_name: &str) -> Option<QueueName> {
    let encoded = file_name.strip_suffix(FILE_SUFFIX)?;
    let name = percent_decode_str(encoded).decode_utf8().ok()?;
    let name: QueueName = name.parse().ok()?;
    (stem(&name).ok()? == encoded).then_some(name)
}

/// Returns the names of all queues and topics in `directory`, in order.
pub(crate) fn queue_names(directory: &Path) -> Result<Vec<QueueName>> {
    let failed = |error| failed("list", directory, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let file_name = entry.map_err(failed)?.file_name();
        names.extend(file_name.to_str().and_then(queue_name));
    }
    names.sort_unstable();
    Ok(names)
}

/// Makes sure that `directory` is there and safe to use, and returns the path of it that leads
/// over no link.
pub(crate) fn prepare_directory(directory: &Path, missing: Missing) -> Result<PathBuf> {
    // A path that ends in a slash would name what a link leads to.
    let mut directory: PathBuf = directory.components().collect();
    if directory.as_os_str().is_empty() {
        directory.push(".");
    }
    let found = match fs::symlink_metadata(&directory) {
        Err(error) if is_missing(&error) && missing == Missing::Create => {
            create_directory(&directory).map_err(|error| failed("create", &directory, error))?;
            fs::symlink_metadata(&directory)
        }
        found => found,
    };
    let metadata = found.map_err(|error| failed("open", &directory, error))?;
    check_directory(&directory, &metadata)?;
    fs::canonicalize(&directory).map_err(|error| failed("open", &directory, error))
}

/// Makes sure that the file at `path` is there and safe to use, without opening it.
///
/// As soon as a program closes a file by one of its handles, the system takes away all locks that
/// the program has on it by others: so nobody but `SQLite` may ever open its files.
pub(crate) fn ensure_file(path: &Path, missing: Missing) -> Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if is_missing(&error) && missing == Missing::Create => {
            match platform::create_file(path) {
                // Somebody else was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                created => created,
            }
            .map_err(|error| failed("create", path, error))?;
            fs::symlink_metadata(path)
        }
        found => found,
    };
    let metadata = found.map_err(|error| failed("open", path, error))?;
    check_file(path, &metadata)
}

/// Opens a file beside that of a queue to read and write it, or creates it for this user alone.
///
/// It keeps to the rules of [`ensure_file`], and is not for files of `SQLite`.
pub(crate) fn open_file(path: &Path) -> Result<File> {
    let opened = platform::open_options().open(path);
    let opened = match opened {
        Err(error) if is_missing(&error) => {
            ensure_file(path, Missing::Create)?;
            platform::open_options().open(path)
        }
        opened => opened,
    };
    let file = opened.map_err(|error| open_failed(path, error))?;
    let metadata = file
        .metadata()
        .map_err(|error| failed("open", path, error))?;
    check_file(path, &metadata)?;
    Ok(file)
}

fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// Refuses all but a plain file of this user or of root.
fn check_file(path: &Path, metadata: &Metadata) -> Result<()> {
    if metadata.is_symlink() {
        return Err(refused(path, "it is a symbolic link"));
    }
    if !metadata.is_file() {
        return Err(refused(path, "it is not a plain file"));
    }
    platform::check_owner(path, metadata)
}

/// Makes the error for a path that is not used, with the reason.
pub(crate) fn refused(path: &Path, why: &str) -> Error {
    let text = format!("cannot use {}: {why}", path.display());
    Error::new(ErrorKind::ConfigInvalid, text).operation(Operation::Open)
}

/// Makes the error for an operation on a path that the system refused.
pub(crate) fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    let (kind, retry) = match error.kind() {
        io::ErrorKind::NotFound => (ErrorKind::QueueNotFound, Retry::Permanent),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            (ErrorKind::Unauthorized, Retry::Permanent)
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            (ErrorKind::Full, Retry::Temporary)
        }
        io::ErrorKind::Interrupted => (ErrorKind::Unexpected, Retry::Temporary),
        _ => (ErrorKind::Unexpected, Retry::Permanent),
    };
    let text = format!("cannot {what} {}", path.display());
    Error::new(kind, text)
        .operation(Operation::Open)
        .retry(retry)
        .with_source(error)
}

/// Says what is wrong with a file that was not opened: that it is none, if that is so.
fn open_failed(path: &Path, error: io::Error) -> Error {
    let metadata = fs::symlink_metadata(path);
    let refusal = metadata.map(|metadata| check_file(path, &metadata));
    match refusal {
        Ok(Err(refusal)) => refusal,
        _ => failed("open", path, error),
    }
}

fn stem(name: &QueueName) -> Result<String> {
    let stem = utf8_percent_encode(name.as_str(), ENCODED).to_string();
    if STEM_BYTES_MAX < stem.len() {
        let text = format!(
            "name takes {} bytes in the name of a file, at most {STEM_BYTES_MAX} are allowed; \
             all but a-z, 0-9, _ and - take 3 bytes",
            stem.len()
        );
        let error = Error::new(ErrorKind::ConfigInvalid, text);
        return Err(error.operation(Operation::Open).queue(name.to_string()));
    }
    Ok(stem)
}

fn check_directory(directory: &Path, metadata: &Metadata) -> Result<()> {
    if metadata.is_symlink() {
        let why = "it is a symbolic link: name the directory that it leads to";
        return Err(refused(directory, why));
    }
    if !metadata.is_dir() {
        return Err(refused(directory, "it is not a directory"));
    }
    platform::check_writers(directory, metadata)
}

/// Creates the directory for nobody but this user; what is missing above it is usual.
fn create_directory(directory: &Path) -> io::Result<()> {
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent)?;
    }
    match platform::private_directory().create(directory) {
        // Somebody else was faster; what is there now is checked like any other.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created,
    }
}

const fn with_capitals(mut set: AsciiSet) -> AsciiSet {
    let mut capital = b'A';
    while capital <= b'Z' {
        set = set.add(capital);
        capital += 1;
    }
    set
}

#[cfg(unix)]
mod platform {
    use std::{
        fs::{DirBuilder, Metadata, OpenOptions},
        io,
        os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
        path::Path,
    };

    use relayhouse_core::Result;
    use rustix::{fs::OFlags, process};

    use super::refused;

    const FILE_MODE: u32 = 0o600;
    const DIRECTORY_MODE: u32 = 0o700;
    const WRITABLE_BY_ALL: u32 = 0o002;
    const STICKY: u32 = 0o1000;
    const ROOT: u32 = 0;

    pub(super) fn open_options() -> OpenOptions {
        // Without `NONBLOCK` a pipe in the place of the file would never be opened.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        options
            .mode(FILE_MODE)
            .custom_flags(flags.bits().cast_signed());
        options
    }

    /// Creates a file without opening it: see [`ensure_file`](super::ensure_file).
    #[cfg(target_os = "linux")]
    pub(super) fn create_file(path: &Path) -> io::Result<()> {
        use rustix::fs::{CWD, FileType, Mode, mknodat};

        let mode = Mode::from_raw_mode(FILE_MODE);
        Ok(mknodat(CWD, path, FileType::RegularFile, mode, 0)?)
    }

    /// Creates a file, and closes it before anybody else of this program may open it.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn create_file(path: &Path) -> io::Result<()> {
        open_options().create_new(true).open(path).map(drop)
    }

    pub(super) fn private_directory() -> DirBuilder {
        let mut builder = DirBuilder::new();
        builder.mode(DIRECTORY_MODE);
        builder
    }

    pub(super) fn check_owner(path: &Path, metadata: &Metadata) -> Result<()> {
        let us = process::geteuid().as_raw();
        let owner = metadata.uid();
        if is_trusted(owner, us) {
            return Ok(());
        }
        let why = format!("it belongs to user {owner}, and this program runs as user {us}");
        Err(refused(path, &why))
    }

    pub(super) const fn is_trusted(owner: u32, us: u32) -> bool {
        owner == us || owner == ROOT
    }

    pub(super) fn check_writers(directory: &Path, metadata: &Metadata) -> Result<()> {
        let mode = metadata.mode();
        if mode & WRITABLE_BY_ALL == 0 || mode & STICKY != 0 {
            return Ok(());
        }
        let why = "every user may replace its files: take write permission from others (chmod o-w)";
        Err(refused(directory, why))
    }
}

/// Access is what the directory hands down.
#[cfg(not(unix))]
mod platform {
    use std::{
        fs::{DirBuilder, Metadata, OpenOptions},
        io,
        path::Path,
    };

    use relayhouse_core::Result;

    pub(super) fn open_options() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        options
    }

    pub(super) fn create_file(path: &Path) -> io::Result<()> {
        open_options().create_new(true).open(path).map(drop)
    }

    pub(super) fn private_directory() -> DirBuilder {
        DirBuilder::new()
    }

    pub(super) fn check_owner(_path: &Path, _metadata: &Metadata) -> Result<()> {
        Ok(())
    }

    pub(super) fn check_writers(_directory: &Path, _metadata: &Metadata) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
