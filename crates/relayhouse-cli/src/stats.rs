//! `relayhouse stats`: counts the messages of a queue, once or again and again.

use std::{fmt::Write, time::Duration};

use bytes::Bytes;
use relayhouse::{Clock, Registry, Timestamp, ctrl_c, port};
use serde::Serialize;

use crate::{
    Stdout,
    args::{Format, Stats},
    exit::{Code, Failure},
    output::Output,
    print,
};

/// After so many lines the heading comes again.
const HEADING_EVERY: u64 = 20;

/// Is one count.
#[derive(Debug, Serialize)]
struct Count {
    at: String,
    ready: u64,
    leased: Option<u64>,
    delayed: u64,
    dead: u64,
    bytes: Option<u64>,
    oldest_age_ms: Option<u128>,
    approximate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Cost>,
    #[serde(skip)]
    oldest_age: Option<Duration>,
}

/// Is what the calls were, where the provider charges for them.
#[derive(Debug, Serialize)]
struct Cost {
    requests: u64,
    requests_per_message: f64,
    batch_fill: f64,
    empty_receives: u64,
    per_million_messages: Option<f64>,
}

pub(crate) async fn run(args: Stats, registry: &Registry, stdout: Stdout) -> Result<Code, Failure> {
    let queue = registry.open(&args.url).await?;
    let (admin, clock) = (queue.admin()?, &*queue.context().clock);
    let (output, writing) = Output::to(stdout);
    let look = async || {
        let stats = admin.stats(queue.source()).await?;
        Ok::<_, Failure>(Count::of(stats, clock.wall()))
    };
    let looks = async {
        let mut line = 0;
        loop {
            let text = text(&args, line, &look().await?)?;
            line += 1;
            // Why it failed is known to who writes.
            if output.write(text).await.is_err() || !args.watch {
                return Ok::<_, Failure>(());
            }
            wait(clock, args.every).await;
        }
    };
    let interrupted = ctrl_c();
    let looked = tokio::select! {
        biased;
        () = interrupted => None,
        looked = looks => Some(looked),
    };
    drop(output);
    if let Some(looked) = looked {
        looked?;
        writing.join()?;
        queue.close().await?;
        return Ok(Code::Done);
    }
    queue.close().await?;
    Ok(Code::Interrupted)
}

async fn wait(clock: &dyn Clock, time: Duration) {
    clock.sleep_until(clock.now() + time).await;
}

fn text(args: &Stats, line: u64, count: &Count) -> Result<Bytes, Failure> {
    let text = match (args.output, args.watch) {
        (Format::Table, true) => count.line(line.is_multiple_of(HEADING_EVERY)),
        (Format::Table, false) => count.rows(),
        (Format::Json | Format::Ndjson, _) => print::json(count)?,
    };
    Ok(text.into())
}

impl Count {
    fn of(stats: port::Stats, at: Timestamp) -> Self {
        let port::Stats {
            ready,
            leased,
            delayed,
            dead,
            bytes,
            oldest_age,
            is_approximate,
            cost,
        } = stats;
        Self {
            at: at.to_string(),
            ready,
            leased,
            delayed,
            dead,
            bytes,
            oldest_age_ms: oldest_age.map(|age| age.as_millis()),
            approximate: is_approximate,
            cost: cost.as_ref().map(Cost::of),
            oldest_age,
        }
    }

    fn cells(&self) -> [(&'static str, String); 6] {
        let about = if self.approximate { "~" } else { "" };
        let count = |count: u64| format!("{about}{count}");
        let not_told = || "-".to_owned();
        let age = self
            .oldest_age
            .map(|age| Duration::from_secs(age.as_secs()));
        let age = age.map(|age| humantime::format_duration(age).to_string());
        [
            ("ready", count(self.ready)),
            ("leased", self.leased.map_or_else(not_told, count)),
            ("delayed", count(self.delayed)),
            ("dead", count(self.dead)),
            ("bytes", self.bytes.map_or_else(not_told, count)),
            ("oldest", age.unwrap_or_else(not_told)),
        ]
    }

    /// Makes a row of each count, and of what counting cost.
    fn rows(&self) -> String {
        let mut text = String::new();
        let cost = self.cost.iter().flat_map(Cost::cells);
        for (name, value) in self.cells().into_iter().chain(cost) {
            // A string takes all that is written.
            let _ = writeln!(text, "{name:<8}{value:>14}");
        }
        text
    }

    /// Makes one line of all counts, below a heading.
    fn line(&self, has_heading: bool) -> String {
        let cells = self.cells();
        let mut text = String::new();
        if has_heading {
            let heads = cells.iter().map(|(name, _)| format!("{name:>12}"));
            text.extend(heads);
            text.push('\n');
        }
        text.extend(cells.iter().map(|(_, value)| format!("{value:>12}")));
        text.push('\n');
        text
    }
}

impl Cost {
    fn of(cost: &port::Cost) -> Self {
        Self {
            requests: cost.requests,
            requests_per_message: cost.requests_per_message(),
            batch_fill: cost.fill(),
            empty_receives: cost.empty_receives,
            per_million_messages: cost.per_million_messages(),
        }
    }

    /// The calls are those of this process: a look at a queue sends and receives nothing.
    fn cells(&self) -> [(&'static str, String); 1] {
        [("requests", self.requests.to_string())]
    }
}
