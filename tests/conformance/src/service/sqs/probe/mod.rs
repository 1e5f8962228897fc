//! Probes: what a service does, one call or a few at a time, beside what AWS documents.
//!
//! A case of the conformance suite sees a service through the adapter, which mends and checks much;
//! a probe speaks to it through the bare SDK.

macro_rules! probe {
    ($name:ident, $behaviour:expr, $documented:expr) => {
        $crate::service::probe::Probe {
            name: stringify!($name),
            behaviour: $behaviour,
            documented: $documented,
            run: |bench| Box::pin($name(bench)),
        }
    };
}

mod batch;
mod bench;
mod content;
mod dead_letter;
mod fifo;
mod limit;
mod queue;
mod receive;

use std::time::Duration;

use anyhow::Result;
use futures_util::{
    StreamExt,
    future::{self, BoxFuture, Either},
    stream,
};
use relayhouse_core::Clock;
use relayhouse_time::TokioClock;

use self::bench::Bench;
use super::{Ending, Finding, Site};

const GROUPS: &[&[Probe]] = &[
    content::PROBES,
    limit::PROBES,
    batch::PROBES,
    receive::PROBES,
    fifo::PROBES,
    dead_letter::PROBES,
    queue::PROBES,
];

/// How many probes run at the same time.
const PROBES_AT_ONCE: usize = 16;

/// A probe that has not ended by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// Is one thing that a service may do as AWS documents it, or otherwise.
#[derive(Clone, Copy, Debug)]
struct Probe {
    name: &'static str,
    behaviour: &'static str,
    /// What an observation begins with, where it is as documented.
    documented: &'static str,
    run: fn(Bench) -> BoxFuture<'static, Result<String>>,
}

/// Runs the probes whose name contains `filter`, and tells of each, in the order of their groups.
///
/// # Errors
///
/// Returns an error if the environment names no region.
pub async fn run(site: &Site, filter: &str, mut tell: impl FnMut(Finding)) -> Result<()> {
    let client = site.client().await?;
    let probes = GROUPS.iter().copied().flatten();
    let probes = probes.filter(|probe| probe.name.contains(filter));
    let findings = probes.map(|probe| probe.play(Bench::new(client.clone(), site.clone())));
    let mut findings = stream::iter(findings).buffered(PROBES_AT_ONCE);
    while let Some(finding) = findings.next().await {
        tell(finding);
    }
    Ok(())
}

impl Probe {
    async fn play(self, bench: Bench) -> Finding {
        let clock = TokioClock::new();
        let start = clock.now();
        let seen = (self.run)(bench);
        let seen = match future::select(seen, clock.sleep_until(start + PATIENCE)).await {
            Either::Left((Ok(seen), _)) => seen,
            Either::Left((Err(error), _)) => format!("cannot be seen: {error:#}"),
            Either::Right(_) => "cannot be seen: no end".to_owned(),
        };
        let ending = if seen.starts_with(self.documented) {
            Ending::Passed
        } else {
            Ending::Failed
        };
        Finding {
            behaviour: Some(self.behaviour),
            documented: Some(self.documented),
            ..Finding::new(
                format!("probes::{}", self.name),
                ending,
                seen,
                clock.now().since(start),
            )
        }
    }
}
