//! Probes of SQS, through the bare SDK.

mod batch;
mod bench;
mod content;
mod dead_letter;
mod fifo;
mod limit;
mod queue;
mod receive;

use anyhow::Result;

use self::bench::Bench;
use super::Site;
use crate::service::{Finding, probe};

type Probe = probe::Probe<Bench>;

const GROUPS: &[&[Probe]] = &[
    content::PROBES,
    limit::PROBES,
    batch::PROBES,
    receive::PROBES,
    fifo::PROBES,
    dead_letter::PROBES,
    queue::PROBES,
];

/// Runs the probes whose name contains `filter`, and tells of each, in the order of their groups.
///
/// # Errors
///
/// Returns an error if the environment names no region.
pub async fn run(site: &Site, filter: &str, tell: impl FnMut(Finding)) -> Result<()> {
    let bench = Bench::new(site.client().await?, site.clone());
    probe::run(GROUPS, &bench, filter, tell).await;
    Ok(())
}
