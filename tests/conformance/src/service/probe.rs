//! Probes: what a service does, one call or a few at a time, beside what its provider documents.
//!
//! A case of the conformance suite sees a service through the adapter, which mends and checks much;
//! a probe speaks to it through a bare client.

use std::time::Duration;

use anyhow::Result;
use futures_util::{
    StreamExt,
    future::{self, BoxFuture, Either},
    stream,
};
use relayhouse_core::Clock;
use relayhouse_time::TokioClock;

use super::{Ending, Finding};

/// Names a probe as its function.
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

pub(super) use probe;

/// How many probes run at the same time.
const PROBES_AT_ONCE: usize = 16;

/// A probe that has not ended by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// Is one thing that a service may do as its provider documents it, or otherwise.
#[derive(Debug)]
pub(super) struct Probe<B> {
    pub(super) name: &'static str,
    pub(super) behaviour: &'static str,
    /// What an observation begins with, where it is as documented.
    pub(super) documented: &'static str,
    pub(super) run: fn(B) -> BoxFuture<'static, Result<String>>,
}

/// Runs the probes whose name contains `filter`, each with what it works with, and tells of each, in
/// the order of their groups.
pub(super) async fn run<B: Clone>(
    groups: &[&[Probe<B>]],
    bench: &B,
    filter: &str,
    mut tell: impl FnMut(Finding),
) {
    let probes = groups.iter().copied().flatten();
    let probes = probes.filter(|probe| probe.name.contains(filter));
    let findings = probes.map(|probe| probe.play(bench.clone()));
    let mut findings = stream::iter(findings).buffered(PROBES_AT_ONCE);
    while let Some(finding) = findings.next().await {
        tell(finding);
    }
}

impl<B> Probe<B> {
    async fn play(&self, bench: B) -> Finding {
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

/// Tells that no probe was run, and why.
pub(super) fn left_out(why: &str) -> Finding {
    let name = "probes::all".to_owned();
    Finding::new(name, Ending::LeftOut, why.to_owned(), Duration::ZERO)
}
