//! Probes of Service Bus, through a bare client of AMQP.

mod bench;
mod delivery;
mod end;
mod link;
mod send;

use anyhow::Result;

use self::bench::Bench;
use super::Namespace;
use crate::service::{Finding, probe};

type Probe = probe::Probe<Bench>;

const GROUPS: &[&[Probe]] = &[link::PROBES, send::PROBES, delivery::PROBES, end::PROBES];

/// Runs the probes whose name contains `filter`, and tells of each, in the order of their groups.
/// They speak in plain text, as emulators are spoken to: of another service, none is run.
///
/// # Errors
///
/// Returns an error if the environment names no service.
pub async fn run(namespace: &Namespace, filter: &str, mut tell: impl FnMut(Finding)) -> Result<()> {
    match Bench::new(namespace.clone())? {
        Some(bench) => probe::run(GROUPS, &bench, filter, tell).await,
        None => tell(probe::left_out("the service wants TLS")),
    }
    Ok(())
}
