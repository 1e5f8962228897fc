//! What becomes of a message: its command decides.

use std::{num::NonZeroU32, process::ExitStatus, time::Duration};

use bytes::Bytes;
use relayhouse::{DeadLetter, Delivery, Error, ErrorKind, Settlement};
use serde::Serialize;

use super::command::{Ended, Shell, Shown};
use crate::{exit::chain, output::Output, progress::Progress};

const EXIT_DATA: i32 = 65;
const EXIT_NOT_NOW: i32 = 75;

/// Handles the messages.
#[derive(Clone, Debug)]
pub(crate) struct Handler {
    /// What to run; without it the body is the result.
    pub(crate) shell: Option<Shell>,
    pub(crate) results: Results,
    pub(crate) attempts_max: NonZeroU32,
    pub(crate) release_delay: Duration,
    pub(crate) progress: Progress,
}

/// Says what becomes of what commands print.
#[derive(Clone, Debug)]
pub(crate) enum Results {
    /// It is passed on, of commands that succeed.
    Passed(Output),
    /// It is part of a record of each attempt.
    Recorded(Output),
    /// It is dropped.
    Dropped,
}

/// Is the record of one attempt.
#[derive(Debug, Serialize)]
struct Record<'a> {
    id: String,
    key: Option<&'a str>,
    attempt: u32,
    result: &'static str,
    exit_code: Option<i32>,
    error: Option<String>,
    took_ms: u128,
    output: Option<String>,
}

impl Handler {
    /// Runs the command, and writes its result before the message is settled.
    pub(crate) async fn handle(self, delivery: Delivery) -> Result<Settlement, Error> {
        let Some(shell) = &self.shell else {
            self.pass(delivery.message.body).await?;
            return Ok(Settlement::Ack);
        };
        let start = shell.clock.now();
        let ended = shell.run(&delivery).await;
        let took = shell.clock.now().since(start);
        let result = match &ended {
            Ok(ended) if ended.status.success() => Ok(Settlement::Ack),
            Ok(ended) => self.failed(&delivery, ended.status),
            Err(error) => Err(error.clone()),
        };
        self.say(&delivery, &result);
        if let Results::Recorded(output) = &self.results {
            output
                .write(record(&delivery, &ended, &result, took)?)
                .await?;
        }
        if let (Ok(ended), Ok(Settlement::Ack)) = (ended, &result) {
            self.pass(ended.output).await?;
        }
        result
    }

    async fn pass(&self, bytes: Bytes) -> Result<(), Error> {
        match &self.results {
            Results::Passed(output) => output.write(bytes).await,
            Results::Recorded(_) | Results::Dropped => Ok(()),
        }
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
        let line_header = match self.shell.as_ref().map(|shell| shell.shown) {
            Some(Shown::Line(header)) => Some(header),
            _ => None,
        };
        let (place, attempt) = (place(delivery, line_header), delivery.attempt);
        self.progress
            .detail(&format!("{place}, attempt {attempt}: {what}"));
    }
}

fn record(
    delivery: &Delivery,
    ended: &Result<Ended, Error>,
    result: &Result<Settlement, Error>,
    took: Duration,
) -> Result<Bytes, Error> {
    let ended = ended.as_ref().ok();
    let record = Record {
        id: delivery.id.to_string(),
        key: delivery.message.details().ordering_key.as_deref(),
        attempt: delivery.attempt,
        result: match result {
            Ok(Settlement::Ack) => "acked",
            Ok(Settlement::Release { .. }) => "released",
            Ok(_) => "dead-lettered",
            Err(_) => "failed",
        },
        exit_code: ended.and_then(|ended| ended.status.code()),
        error: result.as_ref().err().map(|error| chain(error)),
        took_ms: took.as_millis(),
        output: ended.map(|ended| String::from_utf8_lossy(&ended.output).into_owned()),
    };
    let record = serde_json::to_vec(&record).map_err(|error| {
        Error::new(ErrorKind::Handler, "record cannot be written").with_source(error)
    })?;
    Ok(record.into())
}

/// Names a message for a person: by the line in `line_header`, if there is one.
pub(crate) fn place(delivery: &Delivery, line_header: Option<&str>) -> String {
    let headers = delivery.message.headers();
    match line_header.and_then(|header| headers.text(header)) {
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
