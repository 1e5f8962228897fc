//! The conformance suite, one test for each case and target, and the reference model.

mod message;
mod model;
mod sqs;
mod sqs_hop;
mod threads;

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};
use relayhouse_conformance::{TARGETS, Target};
use relayhouse_testkit::conformance::{self, Case, Ending, Reason};

fn main() -> Result<()> {
    let arguments = Arguments::from_args();
    let mut trials = model::trials();
    trials.extend(threads::trials());
    trials.extend(sqs::trials());
    trials.extend(sqs_hop::trials());
    for target in TARGETS {
        trials.extend(cases(target)?);
        trials.push(message::trial(target));
    }
    libtest_mimic::run(&arguments, trials).exit()
}

/// The cases that choose `target`, and one test that the others have a reason not to.
fn cases(target: Target) -> Result<Vec<Trial>> {
    let mut trials = Vec::new();
    let mut left_out = Vec::new();
    for (case, reason) in reasons(target)? {
        match reason {
            None => trials.push(trial(target, case)),
            Some(reason) => left_out.push((case, reason)),
        }
    }
    let name = format!("{}::left_out_cases_are_declared", target.name);
    trials.push(Trial::test(name, move || are_declared(&left_out)));
    Ok(trials)
}

/// All cases, each with the reason why it cannot run, if there is one.
fn reasons(target: Target) -> Result<Vec<(Case, Option<Reason>)>> {
    target.run(async |harness| {
        let capabilities = harness.capabilities(&*harness.provider().await?);
        let reason = |case: Case| (case, case.unmet(harness, &capabilities));
        Ok(conformance::all().map(reason).collect())
    })?
}

fn are_declared(left_out: &[(Case, Reason)]) -> Result<(), Failed> {
    for (case, reason) in left_out {
        if !reason.is_declared() {
            return Err(Failed::from(format!(
                "{} cannot run: {reason}",
                case.name()
            )));
        }
    }
    Ok(())
}

fn trial(target: Target, case: Case) -> Trial {
    let name = format!("{}::{}", target.name, case.name());
    let run = move || {
        let ending = target.run(async |harness| case.run(harness).await)?;
        match ending {
            Ending::Passed => Ok(()),
            Ending::Failed(violation) => anyhow::bail!("{violation}\n  rule: {}", case.rule()),
            Ending::CannotRun(reason) => anyhow::bail!("cannot run: {reason}"),
        }
    };
    Trial::test(name, move || {
        run().map_err(|error| Failed::from(error.to_string()))
    })
}
