//! `relayhouse list`: lists the queues of a provider.

use relayhouse::{Entity, Error, Registry, port::Page};
use serde::Serialize;

use crate::{
    Stdout,
    args::{Format, List},
    exit::{Code, Failure},
    open,
    output::Output,
    print,
};

/// Stands for any queue: opening one that only an administration uses creates none.
const ANY: &str = "any";

/// Is one row of the list.
#[derive(Debug, Serialize)]
struct Row {
    kind: &'static str,
    name: String,
}

pub(crate) async fn run(args: List, registry: &Registry, stdout: Stdout) -> Result<Code, Failure> {
    let opened = registry.open(&of_any(&args.url)).await;
    let queue = opened.map_err(|error| explained(error, &args.url))?;
    let admin = queue.admin()?;
    let (output, writing) = Output::to(stdout);
    let mut list = Printed::default();
    let mut after = None;
    let is_written = loop {
        let Page { entities, next } = admin.list(after.as_deref()).await?;
        let text = list.page(args.output, &entities, next.is_none())?;
        if output.write(text.into()).await.is_err() {
            break false;
        }
        match next {
            Some(next) => after = Some(next),
            None => break true,
        }
    };
    drop(output);
    writing.join()?;
    queue.close().await?;
    Ok(if is_written { Code::Done } else { Code::Io })
}

/// Says how to list all, to whoever may have wanted it.
fn explained(error: Error, url: &str) -> Failure {
    let mut failure = Failure::from(error);
    if failure.code == Code::Usage && !open::parts(url).0.ends_with('/') {
        failure
            .text
            .push_str("; a URL that ends with / lists all beneath it");
    }
    failure
}

/// Completes a URL that ends with / to one of a queue.
fn of_any(url: &str) -> String {
    match open::parts(url) {
        (place, None) if place.ends_with('/') => format!("{place}{ANY}"),
        (place, Some(options)) if place.ends_with('/') => format!("{place}{ANY}?{options}"),
        _ => url.to_owned(),
    }
}

/// Counts what is printed already.
#[derive(Debug, Default)]
struct Printed(u64);

impl Printed {
    fn page(&mut self, format: Format, page: &[Entity], is_last: bool) -> Result<String, Failure> {
        let mut text = String::new();
        for entity in page {
            let row = Row::of(entity);
            match (format, self.0) {
                (Format::Table, _) => text.push_str(&format!("{:<12}  {}\n", row.kind, row.name)),
                (Format::Ndjson, _) => text.push_str(&print::json(&row)?),
                (Format::Json, 0) => text.push_str(&format!("[{}", print::json(&row)?)),
                (Format::Json, _) => text.push_str(&format!(",{}", print::json(&row)?)),
            }
            self.0 += 1;
        }
        if is_last && format == Format::Json {
            text.push_str(if self.0 == 0 { "[]\n" } else { "]\n" });
        }
        Ok(text)
    }
}

impl Row {
    fn of(entity: &Entity) -> Self {
        Self {
            kind: match entity {
                Entity::Queue(_) => "queue",
                Entity::Subscription { .. } => "subscription",
            },
            name: entity.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_that_ends_with_a_slash_is_completed() {
        for (url, expected) in [
            ("memory://", "memory://any"),
            ("local:./q/", "local:./q/any"),
            ("local:./q/?lease=1s", "local:./q/any?lease=1s"),
            ("memory://orders", "memory://orders"),
            ("memory://orders?a=b/", "memory://orders?a=b/"),
        ] {
            assert_eq!(of_any(url), expected);
        }
    }
}
