//! What becomes of a message: its command decides.

use std::{
    num::NonZeroU32,
    process::ExitStatus,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use relayhouse::{DeadLetter, Delivery, Error, ErrorKind, Settlement};
use serde::Serialize;

use super::{
    command::{LINE_HEADER, Shell},
    output::Output,
};
use crate::{console::Console, exit::chain};

const EXIT_DATA: i32 = 65;
const EXIT_NOT_NOW: i32 = 75;
const DEAD_LETTERS_SAID_MAX: u64 = 10;

/// Handles the messages.
#[derive(Clone, Debug)]
pub(crate) struct Handler {
    /// What to run; without it the body is the result.
    pub(crate) shell: Option<Shell>,
    pub(crate) results: Output,
    pub(crate) attempts_max: NonZeroU32,
    pub(crate) release_delay: Duration,
    pub(crate) console: Console,
}

impl Handler {
    /// Runs the command, and writes its result before the message is acked.
    pub(crate) async fn handle(self, delivery: Delivery) -> Result<Settlement, Error> {
        let Some(shell) = &self.shell else {
            self.results.write(delivery.message.body).await?;
            return Ok(Settlement::Ack);
        };
        let result = match shell.run(&delivery).await {
            Ok(ended) if ended.status.success() => {
                self.results.write(ended.output).await?;
                return Ok(Settlement::Ack);
            }
            Ok(ended) => self.failed(&delivery, ended.status),
            Err(error) => Err(error),
        };
        self.say(&delivery, &result);
        result
    }

    fn failed(&self, delivery: &Delivery, status: ExitStatus) -> Result<Settlement, Error> {
        let text = format!("command ended with {}", describe(status));
        match status.code() {
            Some(EXIT_DATA) => Ok(Settlement::dead_letter(DeadLetter::REJECTED, text)),
            Some(EXIT_NOT_NOW) if self.attempts_max.get() <= delivery.attempt => Ok(
                Settlement::dead_letter(DeadLetter::ATTEMPTS_EXHAUSTED, text),
            ),
            Some(EXIT_NOT_NOW) => Ok(Settlement::Release {
                delay: self.release_delay,
            }),
            _ => Err(Error::new(ErrorKind::Handler, text)),
        }
    }

    fn say(&self, delivery: &Delivery, result: &Result<Settlement, Error>) {
        let what = match result {
            Err(error) => chain(error),
            Ok(Settlement::Release { .. }) => "command asks for a later time".to_owned(),
            Ok(_) => return,
        };
        let attempt = delivery.attempt;
        self.console
            .detail(&format!("{}, attempt {attempt}: {what}", place(delivery)));
    }
}

/// Takes the dead letters: reports them, and writes them if they are asked for.
#[derive(Clone, Debug)]
pub(crate) struct Undertaker {
    letters: Option<Output>,
    console: Console,
    said: Arc<AtomicU64>,
}

impl Undertaker {
    pub(crate) fn new(letters: Option<Output>, console: Console) -> Self {
        let said = Arc::default();
        Self {
            letters,
            console,
            said,
        }
    }

    pub(crate) async fn handle(self, delivery: Delivery) -> Result<(), Error> {
        let letter = Letter::of(&delivery);
        if let Some(letters) = &self.letters {
            let record = letter.record(&delivery.message.body).map_err(|error| {
                Error::new(ErrorKind::Handler, "dead letter cannot be written").with_source(error)
            })?;
            letters.write(record).await?;
        }
        let Letter {
            attempts,
            description,
            ..
        } = letter;
        let plural = if attempts == 1 { "" } else { "s" };
        let place = place(&delivery);
        let text =
            format!("{place}: dead-lettered after {attempts} attempt{plural}: {description}");
        if self.said.fetch_add(1, Ordering::Relaxed) < DEAD_LETTERS_SAID_MAX {
            self.console.note(&text);
        } else {
            self.console.detail(&text);
        }
        Ok(())
    }
}

/// Is a dead letter, as it is written; the body comes last.
#[derive(Debug, Serialize)]
struct Letter<'a> {
    line: Option<u64>,
    id: String,
    attempts: u32,
    reason: &'a str,
    description: &'a str,
}

impl<'a> Letter<'a> {
    fn of(delivery: &'a Delivery) -> Self {
        let (line, id) = (
            line(delivery).and_then(|line| line.parse().ok()),
            delivery.id.to_string(),
        );
        let Some(envelope) = delivery.envelope.as_deref() else {
            let description = "the queue does not say why";
            return Self {
                line,
                id,
                attempts: delivery.attempt,
                reason: "",
                description,
            };
        };
        let DeadLetter {
            reason,
            description,
            ..
        } = &envelope.dead_letter;
        Self {
            line,
            id,
            attempts: envelope.attempts,
            reason,
            description,
        }
    }

    /// Writes one line of JSON around `body`, which is JSON without line feeds: it was checked.
    fn record(&self, body: &[u8]) -> serde_json::Result<Bytes> {
        let mut record = serde_json::to_vec(self)?;
        record.pop();
        record.extend_from_slice(b",\"body\":");
        record.extend_from_slice(body);
        record.extend_from_slice(b"}\n");
        Ok(record.into())
    }
}

fn line(delivery: &Delivery) -> Option<&str> {
    delivery.message.headers().text(LINE_HEADER)
}

fn place(delivery: &Delivery) -> String {
    match line(delivery) {
        Some(line) => format!("line {line}"),
        None => format!("message {}", delivery.id),
    }
}

fn describe(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("signal {signal}");
    }
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => "no exit code".to_owned(),
    }
}
