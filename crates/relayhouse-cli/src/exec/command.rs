//! The command of one message: its input, its output, its end.

use std::{
    future::pending,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use relayhouse::{Clock, Delivery, Error, ErrorKind, Retry};
use tokio::{
    io::{self, AsyncReadExt},
    process::{Child, Command},
};

use super::{body, group::Groups};

/// The most that one command may print, since a result is written whole.
const OUTPUT_BYTES_MAX: u64 = 64 << 20;

/// What starts the name of a variable that shows a header.
const HEADER_VARIABLE: &str = "RELAYHOUSE_HEADER_";

/// What starts the names of variables of the operations endpoint.
pub(crate) const HTTP_VARIABLES: &str = "RELAYHOUSE_HTTP_";

/// Says what a command sees of its message beside id and attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The number of its line, which is in this header.
    Line(&'static str),
    /// Its ordering key and its headers.
    Details,
}

/// Runs one command line for each message.
#[derive(Clone, Debug)]
pub(crate) struct Shell {
    pub(crate) command: Arc<str>,
    pub(crate) shown: Shown,
    pub(crate) timeout: Option<Duration>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) groups: Groups,
}

/// Is how a command ended by itself.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) output: Bytes,
}

impl Shell {
    /// Runs the command with the body of `delivery` on its standard input.
    ///
    /// Dropping the future kills the command, with all that it started.
    pub(crate) async fn run(&self, delivery: &Delivery) -> Result<Ended, Error> {
        let stdin = body::stdin(&delivery.message.body)
            .await
            .map_err(|error| failed("body cannot be handed over", error))?;
        let mut command = self.command(delivery);
        command.stdin(stdin);
        let started = self.groups.start(command);
        let (mut child, group) =
            started.map_err(|error| failed("command cannot be started", error))?;
        let ended = tokio::select! {
            ended = listen(&mut child) => ended?,
            error = self.too_long() => return Err(error),
        };
        group.ended();
        Ok(ended)
    }

    /// Ends when the time of a command that starts now is over.
    async fn too_long(&self) -> Error {
        let Some(timeout) = self.timeout else {
            return pending().await;
        };
        self.clock.sleep_until(self.clock.now() + timeout).await;
        let limit = humantime::format_duration(timeout);
        Error::new(
            ErrorKind::Handler,
            format!("command took longer than {limit}"),
        )
    }

    fn command(&self, delivery: &Delivery) -> Command {
        let mut command = shell(&self.command);
        command.stdout(Stdio::piped()).kill_on_drop(true);
        // It is a secret of this program, not of its commands.
        command.env_remove(format!("{HTTP_VARIABLES}TOKEN"));
        for (name, value) in self.variables(delivery) {
            command.env(name, value);
        }
        command
    }

    /// Lists what the command sees of `delivery`.
    fn variables(&self, delivery: &Delivery) -> Vec<(String, String)> {
        let mut variables = vec![
            (
                "RELAYHOUSE_ATTEMPT".to_owned(),
                delivery.attempt.to_string(),
            ),
            ("RELAYHOUSE_MESSAGE_ID".to_owned(), delivery.id.to_string()),
        ];
        let mut show = |name: String, value: &str| variables.push((name, value.to_owned()));
        let headers = delivery.message.headers();
        match self.shown {
            Shown::Line(header) => {
                if let Some(line) = headers.text(header) {
                    show("RELAYHOUSE_LINE".to_owned(), line);
                }
            }
            Shown::Details => {
                if let Some(key) = &delivery.message.details().ordering_key {
                    show("RELAYHOUSE_KEY".to_owned(), key);
                }
                for (key, value) in headers.iter() {
                    if let Some(text) = value.as_text() {
                        show(variable(key), text);
                    }
                }
            }
        }
        // An environment cannot hold it, and what comes in is data, whatever a sender may do.
        variables.retain(|(_, value)| !value.contains('\0'));
        variables
    }
}

/// Names the variable that shows the header `key`.
fn variable(key: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    HEADER_VARIABLE
        .chars()
        .chain(key.chars().map(plain))
        .collect()
}

#[cfg(unix)]
fn shell(line: &str) -> Command {
    let mut command = Command::new("sh");
    // In a group of its own, Ctrl-C does not reach it, and it can be killed with its children.
    command.arg("-c").arg(line).process_group(0);
    command
}

#[cfg(windows)]
fn shell(line: &str) -> Command {
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
    let mut command = Command::new("cmd");
    // In a group of its own, Ctrl-C does not reach it. Quotes are the command's own business.
    command
        .arg("/C")
        .raw_arg(line)
        .creation_flags(CREATE_NEW_PROCESS_GROUP);
    command
}

/// Reads what the command prints, then waits for its end.
async fn listen(child: &mut Child) -> Result<Ended, Error> {
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let mut stdout = stdout.take(OUTPUT_BYTES_MAX + 1);
        let read = stdout.read_to_end(&mut output).await;
        read.map_err(|error| failed("command cannot be listened to", error))?;
    }
    if OUTPUT_BYTES_MAX < output.len() as u64 {
        let text = format!("command printed more than {OUTPUT_BYTES_MAX} bytes");
        return Err(Error::new(ErrorKind::Handler, text).retry(Retry::Permanent));
    }
    let status = child
        .wait()
        .await
        .map_err(|error| failed("command is lost", error))?;
    let output = output.into();
    Ok(Ended { status, output })
}

fn failed(text: &'static str, error: io::Error) -> Error {
    Error::new(ErrorKind::Handler, text).with_source(error)
}
