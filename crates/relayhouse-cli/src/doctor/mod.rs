//! `relayhouse doctor`: looks whether a queue can be reached, and whether its settings fit.

mod rules;

use std::time::Duration;

use relayhouse::{
    Error, ErrorKind, Queue, Registry,
    port::{Admin, Settings, Stats},
    runtime::{Examination, Finding},
};
use serde::Serialize;

use self::rules::Seen;
use crate::{
    Stdout,
    args::{Doctor, Format},
    exit::{Code, Failure, with_advice},
    open, print,
    until::or_interrupted,
};

/// Says how something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// As it should be.
    Well,
    /// It works, and is likely not what was meant.
    Warning,
    /// It does not work.
    Wrong,
}

/// Is one finding, and what to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Row {
    state: State,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<String>,
}

pub(crate) async fn run(
    args: Doctor,
    registry: &Registry,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let queue = registry.open(&args.url).await?;
    let examined = or_interrupted(examined(&queue, args.handler)).await;
    queue.close().await?;
    let Some(rows) = examined.transpose()? else {
        return Ok(Code::Interrupted);
    };
    print::once(stdout, &text(args.output, &rows)?).await?;
    let is_wrong = rows.iter().any(|row| row.state == State::Wrong);
    Ok(if is_wrong { Code::Failed } else { Code::Done })
}

/// Looks at everything that can be looked at without receiving.
async fn examined(queue: &Queue, handler: Option<Duration>) -> Result<Vec<Row>, Error> {
    open::check_there(queue).await?;
    let clock = &queue.context().clock;
    let began = clock.now();
    let consumer = match handler {
        Some(timeout) => queue.consumer().handler_timeout(timeout),
        None => queue.consumer(),
    };
    let found: Examination = consumer.examine().await?;
    let took = humantime::format_duration(rules::whole_millis(clock.now().since(began)));
    let source = queue.source();
    let mut rows = vec![Row::well(format!("{source} is reached in {took}"))];
    let admin = queue.provider().admin();
    let settings = settings(admin.as_deref(), queue, &found, &mut rows).await;
    let stats = stats(admin.as_deref(), queue, &mut rows).await;
    let letters = letters(admin.as_deref(), queue, &settings).await;
    rows.extend(found.findings.iter().map(Row::of));
    let seen = Seen {
        source: source.clone(),
        can: found.capabilities,
        settings,
        letters,
        stats,
        handler,
    };
    rows.extend(seen.rows());
    Ok(rows)
}

/// Reads the settings by the administration, which may know more than a receiver.
async fn settings(
    admin: Option<&dyn Admin>,
    queue: &Queue,
    found: &Examination,
    rows: &mut Vec<Row>,
) -> Settings {
    let Some(admin) = admin else {
        return found.settings.clone();
    };
    match admin.settings(queue.source()).await {
        Ok(settings) => settings,
        Err(error) => {
            rows.push(Row::unread("its settings", &error));
            found.settings.clone()
        }
    }
}

async fn stats(admin: Option<&dyn Admin>, queue: &Queue, rows: &mut Vec<Row>) -> Option<Stats> {
    match admin?.stats(queue.source()).await {
        Ok(stats) => Some(stats),
        Err(error) => {
            rows.push(Row::unread("its counts", &error));
            None
        }
    }
}

/// Reads the settings of the dead-letter queue, if there is one that tells.
async fn letters(
    admin: Option<&dyn Admin>,
    queue: &Queue,
    settings: &Settings,
) -> Option<Settings> {
    let letters = settings.dead_letter.as_ref()?;
    if queue.source().dead_letter {
        return None;
    }
    // Who may not read them is told so by the settings of the queue itself.
    admin?.settings(letters).await.ok()
}

impl Row {
    fn well(what: impl Into<String>) -> Self {
        Self {
            state: State::Well,
            what: what.into(),
            change: None,
        }
    }

    fn warning(what: impl Into<String>, change: impl Into<String>) -> Self {
        Self {
            state: State::Warning,
            what: what.into(),
            change: Some(change.into()),
        }
    }

    fn wrong(what: impl Into<String>, change: impl Into<String>) -> Self {
        let state = State::Wrong;
        Self {
            state,
            ..Self::warning(what, change)
        }
    }

    fn of(finding: &Finding) -> Self {
        match finding {
            Finding::Refusal(_, rule) => Self::wrong(
                format!("a consumer does not start: {rule}"),
                "change one of the two",
            ),
            Finding::Warning(rule) => Self::warning(rule, "change one of the two"),
            _ => Self::warning(format!("{finding:?}"), "see its documentation"),
        }
    }

    fn unread(what: &str, error: &Error) -> Self {
        let text = format!("{what} cannot be read: {}", with_advice(error));
        let change = match error.kind() {
            ErrorKind::Unauthorized => "let this user read them, or do without",
            _ => "try again later",
        };
        Self::warning(text, change)
    }
}

fn text(format: Format, rows: &[Row]) -> Result<String, Failure> {
    match format {
        Format::Json => print::json(&rows),
        Format::Ndjson => rows.iter().map(print::json).collect(),
        Format::Table => Ok(rows.iter().map(line).collect()),
    }
}

fn line(row: &Row) -> String {
    let state = match row.state {
        State::Well => "well",
        State::Warning => "warning",
        State::Wrong => "WRONG",
    };
    let change = row.change.as_ref();
    let change = change.map(|change| format!("\n{:<9}-> {change}", ""));
    format!("{state:<9}{}{}\n", row.what, change.unwrap_or_default())
}
