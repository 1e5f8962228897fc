//! What can go wrong in a file, and the error that tells it: which file, what, and what to do.

use std::path::Path;

use relayhouse_core::{Error, ErrorKind, Retry};
use rusqlite::ErrorCode;

pub(super) type Result<T, E = Fault> = std::result::Result<T, E>;

/// Is a failure of the file, not a refusal by the rules of a queue.
#[derive(Debug)]
pub(super) enum Fault {
    Sqlite(rusqlite::Error),
    /// What was read cannot be what was written.
    Damaged(String),
    /// It is of a newer format.
    Newer {
        found: i64,
        known: i64,
    },
    /// Some other program's.
    Foreign,
    /// The file was deleted.
    Deleted,
    Failed(Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Fault {
    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }

    /// An index has a message in a place that its row does not say.
    pub(super) fn misplaced(id: i64) -> Self {
        Self::damaged(format!("entry {id} is not where it should be"))
    }

    /// Messages are counted as ready, and none is found.
    pub(super) fn uncounted(ready: i64) -> Self {
        Self::damaged(format!("it counts {ready} messages and finds none"))
    }

    /// Returns true if nothing is wrong with the file: another call may do better.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Sqlite(error) => is_busy(error),
            Self::Failed(error) => error.is_temporary(),
            _ => false,
        }
    }

    /// Makes the error that names the file.
    pub(super) fn into_error(self, path: &Path) -> Error {
        let file = path.display();
        match self {
            Self::Failed(error) => error,
            Self::Deleted => Error::new(ErrorKind::QueueNotFound, "it was deleted"),
            Self::Foreign => Error::new(
                ErrorKind::ConfigInvalid,
                format!("file {file} was not made by relayhouse"),
            ),
            Self::Newer { found, known } => Error::new(
                ErrorKind::ConfigInvalid,
                format!(
                    "file {file} has format {found}, this version knows formats up to {known}: \
                     open it with a newer version"
                ),
            ),
            Self::Damaged(what) => damaged(path, &what),
            Self::Sqlite(error) => of_sqlite(error, path),
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(
        code,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

fn damaged(path: &Path, what: &str) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!(
            "file {} is damaged: {what}; it is read-only until it is opened again: copy it and \
             its -wal file before anything else",
            path.display()
        ),
    )
}

fn of_sqlite(error: rusqlite::Error, path: &Path) -> Error {
    let file = path.display();
    let read_only = "the queue is read-only until it is opened again";
    let made = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::new(
            ErrorKind::Timeout,
            format!("another process has locked file {file} for too long"),
        )
        .retry(Retry::Temporary),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            damaged(path, "its structure is broken")
        }
        Some(ErrorCode::DiskFull) => Error::new(
            ErrorKind::Full,
            format!("no space left for file {file}; {read_only}"),
        ),
        Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
            Error::new(
                ErrorKind::Unauthorized,
                format!("file {file} cannot be opened or written; {read_only}"),
            )
        }
        Some(ErrorCode::SystemIoFailure) => Error::new(
            ErrorKind::Unexpected,
            format!("reading or writing file {file} failed; {read_only}"),
        )
        .retry(Retry::Permanent),
        Some(_) => Error::new(ErrorKind::Unexpected, format!("file {file} failed")),
        // A value of another type than was written.
        None => damaged(path, "a value has another type than was written"),
    };
    made.with_source(error)
}
