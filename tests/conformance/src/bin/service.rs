//! Runs the conformance suite, the probes or the program's commands against a service that the
//! environment names, and prints a line of JSON for each case, probe or command.

use std::{
    env,
    io::{self, Write},
};

use anyhow::{Result, bail};
use relayhouse_conformance::service::{
    self, Finding,
    servicebus::{self, Namespace},
    sqs::{self, Site},
    verbs,
};
use tokio::runtime::Builder;

fn main() -> Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let (provider, what, filter) = match arguments[..] {
        [provider, what] => (provider, what, ""),
        [provider, what, filter] => (provider, what, filter),
        _ => bail!("usage: service sqs|servicebus conformance|probes|topics|verbs [FILTER]"),
    };
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match provider {
            "sqs" => on_sqs(what, filter).await,
            "servicebus" => on_service_bus(what, filter).await,
            other => bail!("{other} is none of sqs and servicebus"),
        }
    })
}

/// Finds the service as every AWS program does.
async fn on_sqs(what: &str, filter: &str) -> Result<()> {
    let site = Site::new()?;
    match what {
        "conformance" => service::run(&site, filter, print).await?,
        "probes" => sqs::probe::run(&site, filter, print).await?,
        "topics" => sqs::topics::run(&site, filter, print).await,
        "verbs" => verbs::run(&site, filter, print)?,
        other => bail!("{other} is none of conformance, probes, topics and verbs"),
    }
    site.clean().await
}

/// Finds the namespace by the variables of the adapter.
async fn on_service_bus(what: &str, filter: &str) -> Result<()> {
    let namespace = Namespace::new()?;
    match what {
        "conformance" => service::run(&namespace, filter, print).await?,
        "probes" => servicebus::probe::run(&namespace, filter, print).await?,
        "verbs" => verbs::run(&namespace, filter, print)?,
        other => bail!("{other} is none of conformance, probes and verbs"),
    }
    namespace.clean().await
}

/// Whoever has gone does not read the rest.
#[expect(clippy::needless_pass_by_value, reason = "a finding is told once")]
fn print(finding: Finding) {
    if let Ok(line) = serde_json::to_string(&finding) {
        let _ = writeln!(io::stdout(), "{line}");
    }
}
