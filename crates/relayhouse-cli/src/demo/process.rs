//! The parent's hold on the process of the first consumer: started, listened to, killed.

use std::{
    io,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use relayhouse::{Clock, Error, ErrorKind, Source};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::{
    replay::Replay,
    wire::{Line, Order, Shift},
    witness::Witness,
};
use crate::console::{Console, Verbosity};

/// The command that [`child`](super::child) runs.
const COMMAND: &str = "demo-consumer";
/// No message of the data set is near it.
const LINE_BYTES_MAX: usize = 4 << 20;
/// How long the process may take to start, and how long to end.
const ANSWER_MAX: Duration = Duration::from_secs(15);

/// Is the process of the first consumer. Dropped before its end, it is killed.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) id: u32,
    child: Child,
    /// Held open: the process ends when it is closed.
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    line: Vec<u8>,
    pub(crate) replay: Replay,
    clock: Arc<dyn Clock>,
}

impl Process {
    /// Starts this program once more.
    pub(crate) fn spawn(
        console: Console,
        source: &Source,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let mut child = command(console)
            .and_then(|mut command| command.spawn())
            .map_err(|error| failed("start the process of the first consumer", error))?;
        let (Some(id), Some(stdin), Some(stdout)) =
            (child.id(), child.stdin.take(), child.stdout.take())
        else {
            return Err(wrong("the process of the first consumer has no pipes"));
        };
        Ok(Self {
            id,
            child,
            stdin,
            stdout: BufReader::new(stdout),
            line: Vec::new(),
            replay: Replay::new(source),
            clock: Arc::clone(clock),
        })
    }

    /// Gives the process its order, and returns when it consumes.
    pub(crate) async fn begin(&mut self, order: &Order) -> Result<(), Error> {
        let deadline = self.clock.now() + ANSWER_MAX;
        let clock = Arc::clone(&self.clock);
        tokio::select! {
            begun = self.greet(order) => begun,
            () = clock.sleep_until(deadline) => {
                let text = format!("the first consumer was not ready after {ANSWER_MAX:?}");
                Err(Error::new(ErrorKind::Timeout, text))
            }
        }
    }

    async fn greet(&mut self, order: &Order) -> Result<(), Error> {
        let mut text = serde_json::to_string(order)
            .map_err(|error| failed("write the first consumer's order", error.into()))?;
        text.push('\n');
        self.write(text.as_bytes()).await?;
        match self.next().await? {
            Some(Line::Ready) => {}
            line => return Err(self.unexpected(line).await),
        }
        let ours = self.clock.now();
        self.write(b"go\n").await?;
        match self.next().await? {
            Some(Line::Begun { at }) => self.replay.shift = Shift::new(ours, at),
            line => return Err(self.unexpected(line).await),
        }
        Ok(())
    }

    async fn write(&mut self, text: &[u8]) -> Result<(), Error> {
        match self.stdin.write_all(text).await {
            // It has ended: what it said before, or its end, tells why.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|error| failed("write to the first consumer", error)),
        }
    }

    /// Tells `witness` what the process tells, until one of its handlers hangs.
    pub(crate) async fn listen(&mut self, witness: &Witness) -> Result<(), Error> {
        loop {
            match self.next().await? {
                Some(Line::Hanging) => return Ok(()),
                Some(Line::Happened { at, what }) => self.replay.tell(witness, at, what)?,
                line => return Err(self.unexpected(line).await),
            }
        }
    }

    /// Kills the process with SIGKILL, and tells `witness` what it still had told.
    ///
    /// May be called again if it was dropped half-way.
    pub(crate) async fn kill(&mut self, witness: &Witness) -> Result<ExitStatus, Error> {
        let deadline = self.clock.now() + ANSWER_MAX;
        let clock = Arc::clone(&self.clock);
        // A process that has ended already is as well.
        let _ = self.child.start_kill();
        tokio::select! {
            status = self.drain(witness) => status,
            () = clock.sleep_until(deadline) => {
                let text = format!("the first consumer had not ended {ANSWER_MAX:?} after its kill");
                Err(Error::new(ErrorKind::Timeout, text))
            }
        }
    }

    async fn drain(&mut self, witness: &Witness) -> Result<ExitStatus, Error> {
        while let Some(line) = self.next().await? {
            if let Line::Happened { at, what } = line {
                self.replay.tell(witness, at, what)?;
            }
        }
        let status = self.child.wait().await;
        status.map_err(|error| failed("wait for the end of the first consumer", error))
    }

    /// Says what is wrong about a line, or about the end of all lines.
    async fn unexpected(&mut self, line: Option<Line>) -> Error {
        match line {
            Some(Line::Failed { text }) => wrong(format!("the first consumer failed: {text}")),
            Some(line) => wrong(format!("the first consumer said {line:?} out of turn")),
            None => match self.child.wait().await {
                Ok(status) => wrong(format!("the first consumer ended early: {status}")),
                Err(error) => failed("wait for the end of the first consumer", error),
            },
        }
    }

    /// Reads the next line. The rest that a kill leaves of one is none: it was not told.
    ///
    /// Dropping the future loses nothing: the next call goes on.
    async fn next(&mut self) -> Result<Option<Line>, Error> {
        let failed = |error| failed("read what the first consumer says", error);
        loop {
            let bytes = self.stdout.fill_buf().await.map_err(failed)?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(bytes.len());
            self.line.extend_from_slice(&bytes[..taken]);
            self.stdout.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                break;
            }
            if LINE_BYTES_MAX < self.line.len() {
                let text = format!("a line of the first consumer has over {LINE_BYTES_MAX} bytes");
                return Err(wrong(text));
            }
        }
        let line = serde_json::from_slice(&self.line);
        self.line.clear();
        line.map(Some).map_err(|error| failed(error.into()))
    }
}

fn command(console: Console) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    match console.verbosity {
        Verbosity::Quiet => command.arg("--quiet"),
        Verbosity::Normal => &mut command,
        Verbosity::Verbose => command.arg("-v"),
        Verbosity::Debug => command.arg("-vv"),
    };
    command
        .arg(COMMAND)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    Ok(command)
}

fn failed(what: &str, error: io::Error) -> Error {
    wrong(format!("cannot {what}")).with_source(error)
}

fn wrong(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unexpected, text.into())
}
