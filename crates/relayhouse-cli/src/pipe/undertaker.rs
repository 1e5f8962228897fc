//! The dead letters: reported, and written if they are asked for.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use relayhouse::{DeadLetter, Delivery, Error, ErrorKind};
use serde::Serialize;

use super::feed::LINE_HEADER;
use crate::{console::Console, output::Output};

const DEAD_LETTERS_SAID_MAX: u64 = 10;

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
    crate::exec::place(delivery, Some(LINE_HEADER))
}
