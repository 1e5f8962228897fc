//! How a delivery is printed.

use relayhouse::{Delivery, Error, ErrorKind};

use crate::{
    args::{Format, Receive},
    console, envelope,
    output::Output,
    print::shortened,
};

const KEY_CHARS: usize = 16;
const BODY_CHARS: usize = 80;

/// Says what is printed of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// The body alone.
    Raw,
    /// All of it, in this format.
    All(Format),
}

/// Prints deliveries, and hears when each is written.
#[derive(Debug)]
pub(super) struct Printer {
    shape: Shape,
    output: Output,
    count: u64,
}

impl Shape {
    /// Takes what was asked for; otherwise what suits who reads standard output.
    pub(super) fn of(args: &Receive) -> Self {
        match (args.raw, args.output) {
            (true, _) => Self::Raw,
            (false, Some(format)) => Self::All(format),
            (false, None) if console::stdout_is_terminal() => Self::All(Format::Table),
            (false, None) => Self::All(Format::Ndjson),
        }
    }
}

impl Printer {
    pub(super) const fn new(shape: Shape, output: Output) -> Self {
        Self {
            shape,
            output,
            count: 0,
        }
    }

    /// Prints `delivery`, and returns when it is written.
    pub(super) async fn print(&mut self, delivery: &Delivery) -> Result<(), Error> {
        let is_first = self.count == 0;
        self.count += 1;
        let bytes = match self.shape {
            Shape::Raw => delivery.message.body.clone(),
            Shape::All(Format::Table) if is_first => {
                format!("{}\n{}", heading(), row(delivery)).into()
            }
            Shape::All(Format::Table) => row(delivery).into(),
            Shape::All(Format::Ndjson) => line(delivery)?.into(),
            Shape::All(Format::Json) if is_first => format!("[{}", line(delivery)?).into(),
            Shape::All(Format::Json) => format!(",{}", line(delivery)?).into(),
        };
        self.output.write(bytes).await
    }

    /// Ends what is printed.
    pub(super) async fn end(self) {
        if self.shape == Shape::All(Format::Json) {
            let end = if self.count == 0 { "[]" } else { "]" };
            // Why it failed is known to who writes.
            let _ = self.output.write(end.into()).await;
        }
    }
}

fn line(delivery: &Delivery) -> Result<String, Error> {
    envelope::write(delivery).map_err(|error| {
        Error::new(ErrorKind::Unexpected, "message cannot be printed").with_source(error)
    })
}

fn heading() -> String {
    format!(
        "{:<32}  {:>7}  {:<KEY_CHARS$}  BODY",
        "ID", "ATTEMPT", "KEY"
    )
}

fn row(delivery: &Delivery) -> String {
    let key = delivery.message.details().ordering_key.as_deref();
    let key = shortened(key.unwrap_or("-"), KEY_CHARS);
    let body = String::from_utf8_lossy(&delivery.message.body);
    let body = shortened(&body, BODY_CHARS);
    let (id, attempt) = (delivery.id.to_string(), delivery.attempt);
    format!(
        "{:<32}  {attempt:>7}  {key:<KEY_CHARS$}  {body}",
        shortened(&id, 36)
    )
}
