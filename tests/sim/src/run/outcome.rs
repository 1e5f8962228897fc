//! What a run came to.

use std::{
    fmt::{self, Display},
    sync::atomic::Ordering::Relaxed,
    time::Duration,
};

use anyhow::{Result, ensure};
use relayhouse_testkit::oracle::Verdict;

use super::{Layers, Plan, START, World, rules};
use crate::ledger::Tally;

/// Is what a run came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    plan: Plan,
    verdict: Verdict,
    tally: Tally,
    pub(crate) trace: u64,
    faults: u64,
    crashes: u64,
    took: Duration,
}

impl World {
    /// Ends the history, with `left` messages in the queue.
    pub(super) fn outcome(&self, left: u64, trace: u64) -> Outcome {
        Outcome {
            plan: self.plan,
            verdict: self.watch.verdict(left, rules(&self.plan)),
            tally: self.ledger.tally(),
            trace,
            faults: self.faults.injected.load(Relaxed),
            crashes: self.crashes.load(Relaxed),
            took: self.context.clock.wall().since(START),
        }
    }
}

impl Outcome {
    /// Fails if a rule was broken, or a message is unaccounted for.
    pub(crate) fn check(&self) -> Result<()> {
        let Self { verdict, tally, .. } = self;
        ensure!(verdict.is_ok(), "a rule was broken\n{self}");
        let answers = verdict.sent + verdict.send_unknown + verdict.send_failed;
        ensure!(
            self.plan.messages <= answers,
            "messages are unaccounted for\n{self}"
        );
        ensure!(tally.skipped == 0, "messages were not handled\n{self}");
        ensure!(tally.early == 0, "dead letters had tries left\n{self}");
        // A handler's last step and the note that it is done are one poll, which nothing divides.
        let may_repeat = self.plan.layers == Layers::None;
        ensure!(
            may_repeat || tally.repeated == 0,
            "messages were handled twice\n{self}"
        );
        Ok(())
    }

    /// Returns how many faults there were.
    #[cfg(test)]
    pub(crate) const fn faults(&self) -> u64 {
        self.faults
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            plan,
            verdict,
            tally,
            trace,
            faults,
            crashes,
            took,
        } = self;
        writeln!(
            f,
            "seed {}, {} messages, {took:?} simulated",
            plan.seed, plan.messages
        )?;
        writeln!(f, "{faults} faults, {crashes} crashes")?;
        writeln!(f, "{verdict}")?;
        for told in &verdict.told {
            writeln!(f, "  {told}")?;
        }
        writeln!(f, "{tally}")?;
        write!(f, "trace {trace:016x}")
    }
}
