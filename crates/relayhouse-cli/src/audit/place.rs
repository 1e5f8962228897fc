//! Where the audit log is, and who writes it.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use crate::{
    exit::{Code, Failure},
    place,
};

const NAME: &str = "audit.jsonl";

/// Returns the file that was asked for, or the one in the user's directory for state.
pub(super) fn of(asked: Option<PathBuf>) -> Result<PathBuf, Failure> {
    if let Some(asked) = asked {
        return Ok(asked);
    }
    match place::of_state() {
        Some(state) => Ok(state.join(NAME)),
        None => Err(Failure::new(
            Code::CannotCreate,
            "there is no directory for the audit log; name a file with --audit",
        )),
    }
}

/// Opens the file at `path` to add lines to it, readable by its user alone.
pub(crate) fn append(path: &Path) -> Result<File, Failure> {
    open(path).map_err(|error| {
        let text = format!(
            "cannot write {}: {error}; nothing is changed",
            path.display()
        );
        Failure::new(Code::CannotCreate, text)
    })
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Names who runs this program.
pub(super) fn user() -> String {
    let named = ["USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .find_map(place::variable);
    named.unwrap_or_else(numbered)
}

#[cfg(unix)]
fn numbered() -> String {
    rustix::process::geteuid().as_raw().to_string()
}

#[cfg(not(unix))]
fn numbered() -> String {
    "unknown".to_owned()
}
