//! The input: read by a thread of its own, a few lines ahead at most.

mod json;
mod lines;

use std::{
    fs::File,
    io::{self, BufReader, IsTerminal, Read},
    path::Path,
    thread,
};

use tokio::sync::mpsc;

use self::lines::Lines;
pub(crate) use self::{
    json::{Wrong, json, not_json, utf8},
    lines::{Cut, Line},
};
use crate::exit::{Code, Failure};

const LINES_AHEAD_MAX: usize = 64;
const BUFFER_BYTES: usize = 64 << 10;

/// Is what can be read, opened.
pub(crate) struct Input {
    name: String,
    read: Box<dyn Read + Send>,
    size: Option<u64>,
    is_terminal: bool,
}

impl Input {
    /// Opens the file at `path`, or standard input for `-`.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self {
                name: "standard input".to_owned(),
                is_terminal: io::stdin().is_terminal(),
                read: Box::new(io::stdin()),
                size: None,
            });
        }
        let name = path.display().to_string();
        let refused = |error: &dyn std::fmt::Display| {
            Failure::new(Code::NoInput, format!("cannot read {name}: {error}"))
        };
        let file = File::open(path).map_err(|error| refused(&error))?;
        let metadata = file.metadata().map_err(|error| refused(&error))?;
        if metadata.is_dir() {
            return Err(refused(&"it is a directory"));
        }
        Ok(Self {
            name,
            read: Box::new(file),
            size: metadata.is_file().then_some(metadata.len()),
            is_terminal: false,
        })
    }

    /// Returns the bytes there are to read, if that is known.
    pub(crate) fn size(&self) -> Option<u64> {
        self.size
    }

    /// Returns true if somebody has to type it.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Starts to read, cut into lines as `cut` says, each read by `parse` with its number. What
    /// comes ends with the input, or with an error.
    ///
    /// The thread ends when the input does, or at the first line after the receiver was dropped;
    /// nobody joins it, since a read from a terminal or a pipe may never end.
    pub(crate) fn lines<T: Send + 'static>(
        self,
        cut: Cut,
        parse: impl Fn(u64, &[u8]) -> Result<T, Wrong> + Send + 'static,
    ) -> mpsc::Receiver<Result<Line<T>, Failure>> {
        let (sender, receiver) = mpsc::channel(LINES_AHEAD_MAX);
        let Self { name, read, .. } = self;
        thread::spawn(move || {
            let mut lines = Lines::new(BufReader::with_capacity(BUFFER_BYTES, read), cut);
            loop {
                let next = lines.next_line(&parse);
                let is_end = !matches!(next, Ok(Some(_)));
                let next = next.map_err(|error| {
                    Failure::new(Code::Io, format!("cannot read {name}: {error}"))
                });
                let is_closed = next
                    .transpose()
                    .is_some_and(|it| sender.blocking_send(it).is_err());
                if is_end || is_closed {
                    return;
                }
            }
        });
        receiver
    }
}
