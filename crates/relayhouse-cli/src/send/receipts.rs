//! The numbers of messages that are held back: what cancels them.

use bytes::Bytes;
use relayhouse::{Clock, NotBefore, Sent};
use serde::Serialize;

use crate::{args::Format, exit::Failure, output::Output, print};

/// Prints a number for each message that is on the queue.
#[derive(Debug)]
pub(crate) struct Receipts {
    format: Format,
    output: Output,
    count: u64,
}

/// Is what is printed of a message.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Receipt {
    line: u64,
    id: Option<String>,
    /// None where the provider gives none, and cannot cancel.
    sequence: Option<u64>,
    at: String,
}

impl Receipt {
    pub(super) fn new(line: u64, sent: &Sent, until: NotBefore, clock: &dyn Clock) -> Self {
        let at = match until {
            NotBefore::At(at) => at,
            NotBefore::After(after) => clock.wall() + after,
        };
        Self {
            line,
            id: sent.id.as_ref().map(ToString::to_string),
            sequence: sent.sequence,
            at: at.to_string(),
        }
    }

    fn row(&self) -> String {
        let sequence = self.sequence.map_or("-".to_owned(), |it| it.to_string());
        let id = self.id.as_deref().unwrap_or("-");
        format!("{:>8}  {sequence:>20}  {:<27}  {id}", self.line, self.at)
    }
}

impl Receipts {
    pub(crate) const fn new(format: Format, output: Output) -> Self {
        Self {
            format,
            output,
            count: 0,
        }
    }

    /// Prints the receipt of a message; false if it cannot be written, why is known to who writes.
    pub(super) async fn print(&mut self, receipt: &Receipt) -> Result<bool, Failure> {
        let is_first = self.count == 0;
        self.count += 1;
        let text = match self.format {
            Format::Table if is_first => format!("{}\n{}", heading(), receipt.row()),
            Format::Table => receipt.row(),
            Format::Ndjson => print::json(receipt)?,
            Format::Json if is_first => format!("[{}", print::json(receipt)?),
            Format::Json => format!(",{}", print::json(receipt)?),
        };
        Ok(self.output.write(text.into()).await.is_ok())
    }

    /// Ends what is printed.
    pub(super) async fn end(self) {
        if self.format == Format::Json {
            let end = if self.count == 0 { "[]" } else { "]" };
            // Why it failed is known to who writes.
            let _ = self.output.write(Bytes::from_static(end.as_bytes())).await;
        }
    }
}

fn heading() -> String {
    format!("{:>8}  {:>20}  {:<27}  ID", "LINE", "SEQUENCE", "AT")
}
