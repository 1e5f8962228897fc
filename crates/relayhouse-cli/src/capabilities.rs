//! `relayhouse capabilities`: lists what queues can do.

use std::collections::BTreeMap;

use relayhouse::{Capabilities, Queue, Registry, Support};
use relayhouse_testkit::conformance::limits;
use serde_json::{Map, Value, json};

use crate::{
    Stdout,
    args::{Capabilities as Args, Format},
    exit::{Code, Failure, chain},
    open, print,
};

const NAME_CHARS: usize = 24;
const CELL_CHARS: usize = 13;

/// Is what one queue, or one adapter, can do; or why that is not known.
type Column = (String, Result<Capabilities, String>);

pub(crate) async fn run(args: Args, registry: &Registry, stdout: Stdout) -> Result<Code, Failure> {
    let columns = match &args.url {
        Some(url) => vec![of_queue(registry, url).await?],
        None => of_adapters(registry).await,
    };
    let text = match args.output {
        Format::Table => table(&columns),
        Format::Json => print::json(&columns.iter().map(object).collect::<Map<_, _>>())?,
        Format::Ndjson => {
            let lines = columns.iter().map(|column| {
                let (name, can) = object(column);
                print::json(&json!({ "name": name, "can": can }))
            });
            lines.collect::<Result<_, _>>()?
        }
    };
    print::once(stdout, &text).await?;
    Ok(Code::Done)
}

/// Asks the queue at `url` itself: what an adapter declares is what its queues can do at most.
async fn of_queue(registry: &Registry, url: &str) -> Result<Column, Failure> {
    let queue = registry.open(url).await?;
    open::check_there(&queue).await?;
    let found = queue.consumer().examine().await?;
    queue.close().await?;
    Ok((queue.source().to_string(), Ok(found.capabilities)))
}

/// Lists what the adapters declare, and why one cannot be opened here.
async fn of_adapters(registry: &Registry) -> Vec<Column> {
    let mut columns = Vec::new();
    for scheme in registry.schemes() {
        let opened: Result<Queue, _> = registry.open(&sample(scheme)).await;
        let can = match opened {
            Ok(queue) => {
                let can = queue.provider().capabilities().clone();
                // Nothing was done with it, and nothing can be lost.
                let _ = queue.close().await;
                Ok(can)
            }
            Err(error) => Err(chain(&error)),
        };
        columns.push((scheme.to_owned(), can));
    }
    columns
}

/// Names any queue of a scheme: opening it does nothing yet.
fn sample(scheme: &str) -> String {
    match scheme {
        "local" => "local:./any".to_owned(),
        "sqs" => "sqs://us-east-1/any".to_owned(),
        "servicebus" => "servicebus://any/any".to_owned(),
        scheme => format!("{scheme}://any"),
    }
}

/// Lists abilities and limits by name, as they print.
fn rows(can: &Capabilities) -> Vec<(&'static str, String)> {
    let abilities = can.abilities().into_iter().map(|(name, support)| {
        let support = match support {
            Support::Native => "native",
            Support::Emulated => "emulated",
            Support::Unsupported => "unsupported",
        };
        (name, support.to_owned())
    });
    let kinds = [
        ("lease", format!("{:?}", can.lease).to_lowercase()),
        ("attempts", format!("{:?}", can.attempts).to_lowercase()),
    ];
    let limits = limits(can).into_iter();
    let limits = limits.map(|(name, value)| (name, value.unwrap_or_else(|| "-".to_owned())));
    abilities.chain(kinds).chain(limits).collect()
}

fn object((name, can): &Column) -> (String, Value) {
    let value = match can {
        Ok(can) => rows(can)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect::<Map<_, _>>()
            .into(),
        Err(reason) => json!({ "unknown": reason }),
    };
    (name.clone(), value)
}

fn table(columns: &[Column]) -> String {
    let known: BTreeMap<_, _> = columns
        .iter()
        .filter_map(|(name, can)| Some((name, rows(can.as_ref().ok()?))))
        .collect();
    let mut text = line("", known.keys().map(|name| name.as_str()));
    for (index, (name, _)) in rows(&Capabilities::NONE).into_iter().enumerate() {
        let cells = known.values().map(|rows| rows[index].1.as_str());
        text.push_str(&line(name, cells));
    }
    for (name, can) in columns {
        if let Err(reason) = can {
            text.push_str(&format!("{name}: {reason}\n"));
        }
    }
    text
}

fn line<'a>(name: &str, cells: impl Iterator<Item = &'a str>) -> String {
    let cells = cells.map(|cell| format!("  {cell:>CELL_CHARS$}"));
    let line = format!("{name:<NAME_CHARS$}{}", cells.collect::<String>());
    format!("{}\n", line.trim_end())
}
