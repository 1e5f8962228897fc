//! Why data cannot be kept.

use std::{
    error::Error,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::ErrorCode;

/// Why the data of an emulator cannot be kept, or what was kept cannot be read.
#[derive(Clone, Debug)]
pub struct DataError {
    path: PathBuf,
    kind: DataErrorKind,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The kinds of what is wrong with kept data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataErrorKind {
    /// The directory is none, or cannot be made, or its file cannot be opened or written.
    Inaccessible,
    /// Another emulator keeps its data there.
    InUse,
    /// The file was written by something else.
    Foreign,
    /// The file was written by a newer version, in a format that this one does not know.
    Newer,
    /// The file does not say what it should.
    Damaged,
    /// It could not be written any more, for example because the disk is full.
    Failed,
}

impl DataError {
    pub(super) fn new(path: &Path, kind: DataErrorKind) -> Self {
        Self {
            path: path.to_owned(),
            kind,
            source: None,
        }
    }

    pub(super) fn inaccessible(path: &Path, error: io::Error) -> Self {
        Self {
            source: Some(Arc::new(error)),
            ..Self::new(path, DataErrorKind::Inaccessible)
        }
    }

    pub(super) fn of(path: &Path, error: rusqlite::Error) -> Self {
        Self {
            kind: kind_of(&error),
            path: path.to_owned(),
            source: Some(Arc::new(error)),
        }
    }

    /// What is read does not have the form that it was written in.
    pub(super) fn misread(path: &Path, error: postcard::Error) -> Self {
        Self {
            source: Some(Arc::new(error)),
            ..Self::new(path, DataErrorKind::Damaged)
        }
    }

    /// Returns what is wrong.
    #[must_use]
    pub const fn kind(&self) -> DataErrorKind {
        self.kind
    }

    /// Returns the file or the directory that it is about.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn kind_of(error: &rusqlite::Error) -> DataErrorKind {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => DataErrorKind::InUse,
        Some(ErrorCode::NotADatabase) => DataErrorKind::Foreign,
        Some(ErrorCode::DatabaseCorrupt) => DataErrorKind::Damaged,
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            DataErrorKind::Inaccessible
        }
        _ => DataErrorKind::Failed,
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.kind {
            DataErrorKind::Inaccessible => "it cannot be opened",
            DataErrorKind::InUse => "another process keeps its data there",
            DataErrorKind::Foreign => "it is no file of this emulator",
            DataErrorKind::Newer => "it was written by a newer version",
            DataErrorKind::Damaged => "it is damaged",
            DataErrorKind::Failed => "it cannot be written",
        };
        write!(f, "cannot keep data in {}: {reason}", self.path.display())
    }
}

impl Error for DataError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source: &(dyn Error + Send + Sync) = &**self.source.as_ref()?;
        Some(source)
    }
}
