//! The conformance suite: what every queue owes its users, as cases that choose themselves by
//! what a target declares.
//!
//! A declaration is held to its word in both directions: an ability that is declared must pass
//! its cases, and one that is not must be refused, which counter-cases show.

#[expect(
    clippy::missing_errors_doc,
    reason = "every case fails with what it found: the rule is its documentation"
)]
pub mod cases;
mod fixture;
mod need;
pub mod stores;
mod table;
mod violation;

use std::{
    fmt::{self, Debug},
    panic::AssertUnwindSafe,
};

use futures_util::{FutureExt, future::BoxFuture};
use relayhouse_core::Capabilities;

pub use self::{
    cases::all,
    fixture::{Fixture, Outlet},
    need::{Need, Reason, limits},
    table::{Column, capability_table},
    violation::{Verdict, Violation},
};
use crate::harness::Harness;

/// Is one rule, with the code that shows whether a target keeps it.
#[derive(Clone, Copy)]
pub struct Case {
    name: &'static str,
    needs: &'static [Need],
    source: &'static str,
    run: fn(&dyn Harness) -> BoxFuture<'_, Verdict>,
}

/// Says how a case ended.
#[derive(Clone, Debug)]
pub enum Ending {
    /// The target keeps the rule.
    Passed,
    /// The target breaks the rule.
    Failed(Violation),
    /// The target or its harness has not what the case needs.
    CannotRun(Reason),
}

impl Case {
    /// Returns the name, which is the name of the case's function.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns what the case needs of a target.
    #[must_use]
    pub const fn needs(&self) -> &'static [Need] {
        self.needs
    }

    /// Returns the rule that the case shows: the documentation of its function.
    #[must_use]
    pub fn rule(&self) -> String {
        let start = format!("pub async fn {}(", self.name);
        let before = self.source.split(&start).next().unwrap_or_default();
        let lines = before.lines().rev();
        let mut rule: Vec<_> = lines
            .map_while(|line| line.strip_prefix("///"))
            .map(str::trim)
            .collect();
        rule.reverse();
        rule.join(" ")
    }

    /// Returns why the case cannot run with `harness`, which declares `capabilities`, if it
    /// cannot.
    #[must_use]
    pub fn unmet(&self, harness: &dyn Harness, capabilities: &Capabilities) -> Option<Reason> {
        let mut needs = self.needs.iter();
        needs.find_map(|need| need.unmet(harness, capabilities))
    }

    /// Runs the case, if `harness` has what it needs.
    ///
    /// A panic of the target is a failure of the case.
    pub async fn run(&self, harness: &dyn Harness) -> Ending {
        let capabilities = match harness.provider().await {
            Ok(provider) => harness.capabilities(&*provider),
            Err(error) => return Ending::Failed(error.into()),
        };
        if let Some(reason) = self.unmet(harness, &capabilities) {
            return Ending::CannotRun(reason);
        }
        match AssertUnwindSafe((self.run)(harness)).catch_unwind().await {
            Ok(Ok(())) => Ending::Passed,
            Ok(Err(violation)) => Ending::Failed(violation),
            Err(_) => Ending::Failed(Violation::new("the target panicked")),
        }
    }
}

impl Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("name", &self.name)
            .field("needs", &self.needs)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_case_states_its_rule() {
        for case in all() {
            let rule = case.rule();
            assert!(rule.ends_with('.'), "{}: {rule:?}", case.name());
        }
    }

    #[test]
    fn names_are_unique_and_every_public_case_is_listed() {
        let names: BTreeSet<_> = all().map(|case| case.name()).collect();
        assert_eq!(names.len(), all().count());
        let sources: BTreeSet<_> = all().map(|case| case.source).collect();
        for source in sources {
            for line in source.lines() {
                if let Some(rest) = line.strip_prefix("pub async fn ") {
                    let name = rest.split('(').next().unwrap_or_default();
                    assert!(names.contains(name), "{name} is not listed");
                }
            }
        }
    }
}
