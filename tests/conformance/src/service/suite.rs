//! The conformance suite on a service: many cases at the same time, since most of them wait.

use std::{cmp::Reverse, time::Duration};

use anyhow::Result;
use futures_util::{
    StreamExt,
    future::{self, Either},
    stream,
};
use relayhouse_core::Clock;
use relayhouse_testkit::{
    Harness,
    conformance::{self, Case, Ending as CaseEnding},
};
use relayhouse_time::TokioClock;

use super::{Ending, Finding, Place};
use crate::{SERVICE_BUS, SERVICE_BUS_SESSIONS, TARGETS};

/// How many cases run at the same time.
const CASES_AT_ONCE: usize = 16;

/// How many of those that failed run again at the same time: that a machine was busy for a moment
/// is not the fault of the service.
const CALM: usize = 4;

/// A case that needs so much of real time is left out.
const TIME_MAX: Duration = Duration::from_secs(50);

const TOO_MUCH_WORK: &str = "so many calls that a slow service answers the others too late";
const CHANCE: &str = "goes by whether a request had left when it was dropped";

/// Cases that show nothing of a service in real time, and why.
const LEFT_OUT: [(&str, &str); 4] = [
    ("burst_of_ten_thousand_is_kept", TOO_MUCH_WORK),
    ("hundred_receivers_share_a_thousand_messages", TOO_MUCH_WORK),
    ("messages_flow_while_they_are_sent", TOO_MUCH_WORK),
    ("waiting_receive_can_be_dropped", CHANCE),
];

/// A case that has not ended by then never will.
const PATIENCE: Duration = Duration::from_secs(150);

/// Is a case on one kind of queue.
#[derive(Clone, Debug)]
struct Run {
    kind: &'static str,
    case: Case,
    /// How much time has to pass in it, or why it is left out.
    time: Result<Duration, String>,
}

/// Runs the cases whose name contains `filter`, and tells of each as it ends.
///
/// # Errors
///
/// Returns an error if the emulator that measures the cases does not start.
pub async fn run(place: &dyn Place, filter: &str, mut tell: impl FnMut(Finding)) -> Result<()> {
    let mut runs = Vec::new();
    for kind in place.kinds() {
        let harness = place.harness(kind);
        let capabilities = harness.capabilities(&*harness.provider().await?);
        for case in conformance::all() {
            let unmet = case.unmet(&*harness, &capabilities);
            let time = unmet.map_or(Ok(Duration::ZERO), |reason| Err(reason.to_string()));
            runs.push(Run { kind, case, time });
        }
    }
    runs.retain(|run| run.name().contains(filter));
    let mut runs = tokio::task::spawn_blocking(|| measure(runs)).await??;
    runs.sort_by_key(|run| Reverse(run.time.clone().unwrap_or_default()));
    let mut failed = Vec::new();
    for (at_once, is_last) in [(CASES_AT_ONCE, false), (CALM, true)] {
        let played = stream::iter(runs).map(|run| run.play(place));
        let mut played = played.buffer_unordered(at_once);
        while let Some((run, finding)) = played.next().await {
            if is_last || finding.ending != Ending::Failed {
                tell(finding);
            } else {
                failed.push(run);
            }
        }
        runs = std::mem::take(&mut failed);
    }
    Ok(())
}

/// Runs the cases on our emulator, under a clock that jumps, to learn how much time each needs.
fn measure(mut runs: Vec<Run>) -> Result<Vec<Run>> {
    for run in &mut runs {
        if let Some((_, why)) = LEFT_OUT.iter().find(|(name, _)| *name == run.case.name()) {
            run.time = Err((*why).to_owned());
        }
        let mut targets = TARGETS.iter().chain([&SERVICE_BUS, &SERVICE_BUS_SESSIONS]);
        let target = targets.find(|target| target.name == run.kind);
        if let (Ok(time), Some(target)) = (&mut run.time, target) {
            *time = target.run(async |harness| needed(run.case, harness).await)?;
            if TIME_MAX <= *time {
                let said = format!("needs {} s or more", TIME_MAX.as_secs());
                run.time = Err(said);
            }
        }
    }
    Ok(runs)
}

/// How much time passes in a case, up to what is too much.
async fn needed(case: Case, harness: &dyn Harness) -> Duration {
    let clock = harness.clock();
    let start = clock.now();
    let limit = clock.sleep_until(start + TIME_MAX);
    future::select(Box::pin(case.run(harness)), limit).await;
    clock.now().since(start)
}

impl Run {
    fn name(&self) -> String {
        format!("conformance::{}::{}", self.kind, self.case.name())
    }

    async fn play(self, place: &dyn Place) -> (Self, Finding) {
        let clock = TokioClock::new();
        let start = clock.now();
        let (ending, said) = match &self.time {
            Err(why) => (Ending::LeftOut, why.clone()),
            Ok(_) => {
                let harness = place.harness(self.kind);
                let case = Box::pin(self.case.run(&*harness));
                match future::select(case, clock.sleep_until(start + PATIENCE)).await {
                    Either::Left((ending, _)) => judge(ending),
                    Either::Right(_) => (Ending::Failed, "did not end".to_owned()),
                }
            }
        };
        let finding = Finding::new(self.name(), ending, said, clock.now().since(start));
        (self, finding)
    }
}

/// How a case ended. One that cannot run here was left out before.
fn judge(ending: CaseEnding) -> (Ending, String) {
    match ending {
        CaseEnding::Passed => (Ending::Passed, String::new()),
        CaseEnding::Failed(violation) => (Ending::Failed, violation.to_string()),
        CaseEnding::CannotRun(reason) => (Ending::Failed, reason.to_string()),
    }
}
