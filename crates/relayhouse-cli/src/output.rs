//! What is written for programs: whole records, by a thread of their own.

use std::{
    fs::File,
    future::pending,
    io::{self, Write},
    path::Path,
    thread::{self, JoinHandle},
};

use bytes::Bytes;
use relayhouse::{Error, ErrorKind};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    Stdout,
    exit::{Code, Failure},
};

const RECORDS_WAITING_MAX: usize = 64;

/// Writes records to one file or to standard output, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    records: mpsc::Sender<Record>,
    failed: watch::Receiver<bool>,
}

/// Joins the thread that writes.
#[derive(Debug)]
pub(crate) struct Writing {
    name: String,
    thread: JoinHandle<io::Result<()>>,
}

#[derive(Debug)]
struct Record {
    bytes: Bytes,
    written: oneshot::Sender<()>,
}

/// Creates the file at `path`, and starts to write to it.
pub(crate) fn create(path: &Path) -> Result<(Output, Writing), Failure> {
    let name = path.display().to_string();
    match File::create(path) {
        Ok(file) => Ok(Output::start(name, file)),
        Err(error) => Err(Failure::new(
            Code::CannotCreate,
            format!("cannot create {name}: {error}"),
        )),
    }
}

impl Output {
    /// Starts to write to standard output.
    pub(crate) fn to(stdout: Stdout) -> (Self, Writing) {
        Self::start("standard output".to_owned(), stdout)
    }

    /// Starts to write to `to`, which `name` is for a person.
    pub(crate) fn start(name: String, to: impl Write + Send + 'static) -> (Self, Writing) {
        let (records, waiting) = mpsc::channel(RECORDS_WAITING_MAX);
        let (failing, failed) = watch::channel(false);
        let thread = thread::spawn(move || {
            let result = write_all(waiting, to);
            // Nobody listens any more at the end, which is right.
            let _ = failing.send(result.is_err());
            result
        });
        (Self { records, failed }, Writing { name, thread })
    }

    /// Writes `bytes`, and a line feed unless they end with one. Ends when that is done.
    pub(crate) async fn write(&self, bytes: Bytes) -> Result<(), Error> {
        let (written, is_written) = oneshot::channel();
        let record = Record { bytes, written };
        let is_sent = self.records.send(record).await.is_ok();
        if is_sent && is_written.await.is_ok() {
            return Ok(());
        }
        Err(
            Error::new(ErrorKind::Closed, "the result cannot be written")
                .retry(relayhouse::Retry::Temporary),
        )
    }

    /// Ends when writing has failed, never otherwise.
    pub(crate) async fn failed(&self) {
        let mut failed = self.failed.clone();
        if failed.wait_for(|failed| *failed).await.is_err() {
            pending::<()>().await;
        }
    }
}

impl Writing {
    /// Waits until all is written, once every [`Output`] is dropped.
    pub(crate) fn join(self) -> Result<(), Failure> {
        let Self { name, thread } = self;
        match thread.join() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::io(format_args!("cannot write {name}"), &error)),
            Err(_) => Err(Failure::new(Code::Io, format!("cannot write {name}"))),
        }
    }
}

/// Writes record by record, and flushes when no further one waits: an answer means written.
fn write_all(mut waiting: mpsc::Receiver<Record>, to: impl Write) -> io::Result<()> {
    let mut to = io::BufWriter::new(to);
    let mut unanswered = Vec::new();
    while let Some(record) = waiting.blocking_recv() {
        write_record(&mut to, &record.bytes)?;
        unanswered.push(record.written);
        if waiting.is_empty() || RECORDS_WAITING_MAX <= unanswered.len() {
            to.flush()?;
            for written in unanswered.drain(..) {
                // Who asked may have been dropped.
                let _ = written.send(());
            }
        }
    }
    to.flush()
}

fn write_record(to: &mut io::BufWriter<impl Write>, bytes: &[u8]) -> io::Result<()> {
    // Each write has whole records, so that whoever reads along sees no part of one, and a kill
    // leaves none.
    if to.capacity() - to.buffer().len() <= bytes.len() {
        to.flush()?;
    }
    to.write_all(bytes)?;
    if bytes.is_empty() || bytes.ends_with(b"\n") {
        return Ok(());
    }
    to.write_all(b"\n")
}
