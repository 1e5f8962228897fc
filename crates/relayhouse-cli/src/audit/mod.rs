//! The audit log: a line of JSON before each change, and one when it has ended.

mod place;

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use relayhouse::{Clock, Delivery, Error, ErrorKind, Fingerprint};
use serde::Serialize;

pub(crate) use self::place::append;
use crate::{
    args::Audited,
    exit::Failure,
    open,
    output::{Output, Writing},
};

/// Writes down what is changed. A clone writes to the same file.
#[derive(Clone, Debug)]
pub(crate) struct Audit {
    output: Output,
    clock: Arc<dyn Clock>,
    of: Arc<Of>,
}

/// Is what all lines of one command have in common.
#[derive(Debug, Serialize)]
struct Of {
    user: String,
    verb: &'static str,
    /// Without its options, which may be secret.
    queue: String,
    #[serde(skip)]
    file: PathBuf,
}

/// Is what a change is about; never a body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    time: String,
    #[serde(flatten)]
    of: &'a Of,
    #[serde(flatten)]
    change: &'a Change,
    result: String,
}

/// Joins the thread that writes, and waits for the disk.
#[derive(Debug)]
pub(crate) struct Auditing(Writing);

/// Says that a change could not be written down.
#[derive(Debug)]
pub(crate) struct Unwritten;

/// Is a file whose flush waits for the disk.
#[derive(Debug)]
struct Synced(File);

impl Audit {
    /// Opens the log for changes that `verb` makes to the queue at `url`.
    pub(crate) fn open(
        args: Audited,
        verb: &'static str,
        url: &str,
        clock: &Arc<dyn Clock>,
    ) -> Result<(Self, Auditing), Failure> {
        let file = place::of(args.audit)?;
        let to = Synced(append(&file)?);
        let (output, writing) = Output::start(file.display().to_string(), to);
        let of = Of {
            user: place::user(),
            verb,
            queue: open::parts(url).0.to_owned(),
            file,
        };
        let audit = Self {
            output,
            clock: Arc::clone(clock),
            of: Arc::new(of),
        };
        Ok((audit, Auditing(writing)))
    }

    /// Returns the file of the log.
    pub(crate) fn file(&self) -> &Path {
        &self.of.file
    }

    /// Writes down a change that is about to begin, and returns when it is on the disk.
    pub(crate) async fn begun(&self, change: &Change) -> Result<(), Unwritten> {
        self.write(change, "begun".to_owned()).await
    }

    /// Writes down how a change ended, and returns when it is on the disk.
    pub(crate) async fn ended(
        &self,
        change: &Change,
        result: Result<(), &Error>,
    ) -> Result<(), Unwritten> {
        let result = match result {
            Ok(()) => "done".to_owned(),
            Err(error) if error.kind() == ErrorKind::OutcomeUnknown => "unknown".to_owned(),
            // Its text may tell of what is in the message.
            Err(error) => format!("failed: {:?}", error.kind()),
        };
        self.write(change, result).await
    }

    async fn write(&self, change: &Change, result: String) -> Result<(), Unwritten> {
        let line = Line {
            time: self.clock.wall().to_string(),
            of: &self.of,
            change,
            result,
        };
        let mut line = serde_json::to_vec(&line).map_err(|_| Unwritten)?;
        line.push(b'\n');
        self.output.write(line.into()).await.map_err(|_| Unwritten)
    }
}

impl Auditing {
    /// Waits until all is on the disk, once every [`Audit`] is dropped.
    pub(crate) fn join(self) -> Result<(), Failure> {
        self.0.join()
    }
}

impl Change {
    /// Names a message that goes `to` another queue, if it goes anywhere.
    pub(crate) fn of(delivery: &Delivery, to: Option<String>) -> Self {
        let letter = delivery.envelope.as_deref().map(|it| &it.dead_letter);
        Self {
            id: Some(delivery.id.to_string()),
            group: letter.map(|letter| short(letter.fingerprint)),
            to,
            ..Self::default()
        }
    }

    /// Names a message by its number.
    pub(crate) fn of_sequence(sequence: u64) -> Self {
        let sequence = Some(sequence);
        Self {
            sequence,
            ..Self::default()
        }
    }

    /// Names a message of which no more than the id is known.
    pub(crate) fn of_id(id: Option<String>, to: String) -> Self {
        let to = Some(to);
        Self {
            id,
            to,
            ..Self::default()
        }
    }

    /// Adds how many messages it was about.
    pub(crate) fn count(self, count: u64) -> Self {
        let count = Some(count);
        Self { count, ..self }
    }
}

/// Shows the digits of a fingerprint that a person needs.
pub(crate) fn short(fingerprint: Fingerprint) -> String {
    let mut digits = fingerprint.to_string();
    digits.truncate(8);
    digits
}

impl Write for Synced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}
