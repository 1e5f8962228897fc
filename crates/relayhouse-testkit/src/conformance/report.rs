//! What a run of the suite found, and the table that is made of several runs.

use std::fmt::{self, Display, Write};

use relayhouse_core::Capabilities;

use super::{
    Case,
    need::{Need, Reason, limits},
    violation::Violation,
};

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

/// Is the ending of one case.
#[derive(Clone, Debug)]
pub struct Line {
    /// The case.
    pub case: Case,
    /// How it ended.
    pub ending: Ending,
}

/// Tells how each case ended on one target.
#[derive(Clone, Debug)]
pub struct Report {
    /// The target.
    pub target: String,
    /// The cases, in the order in which they ran.
    pub lines: Vec<Line>,
}

impl Line {
    /// Returns true if the case passed, or could not run because of what the target declares.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        match self.ending {
            Ending::Passed => true,
            Ending::Failed(_) => false,
            Ending::CannotRun(reason) => reason.is_declared(),
        }
    }
}

impl Report {
    pub(super) fn new(target: &str) -> Self {
        Self {
            target: target.to_owned(),
            lines: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, case: Case, ending: Ending) {
        self.lines.push(Line { case, ending });
    }

    /// Returns true if no case failed, and none could not run for want of something in the
    /// harness.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.lines.iter().all(Line::is_ok)
    }

    /// Counts the cases that need `need`: those that passed, and all that ran.
    fn count(&self, need: Need) -> (usize, usize) {
        let mut counts = (0, 0);
        for line in &self.lines {
            if line.case.needs().contains(&need) {
                counts.0 += usize::from(matches!(line.ending, Ending::Passed));
                counts.1 += usize::from(!matches!(line.ending, Ending::CannotRun(_)));
            }
        }
        counts
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Line { case, ending } in &self.lines {
            let (target, name) = (&self.target, case.name());
            match ending {
                Ending::Passed => writeln!(f, "{target}::{name}: passed")?,
                Ending::Failed(violation) => writeln!(f, "{target}::{name}: failed: {violation}")?,
                Ending::CannotRun(reason) => writeln!(f, "{target}::{name}: cannot run: {reason}")?,
            }
        }
        Ok(())
    }
}

/// Writes the table of abilities and limits, a column for each run, as Markdown.
///
/// The cell of an ability is the declaration as the run observed it, with the number of cases
/// that passed of those that ran.
#[must_use]
pub fn capability_table(runs: &[(Report, Capabilities)]) -> String {
    let mut table = String::new();
    let mut row = |cells: Vec<String>| {
        table.push_str("| ");
        table.push_str(&cells.join(" | "));
        table.push_str(" |\n");
    };
    let targets = || {
        runs.iter()
            .map(|(report, _)| format!("`{}`", report.target))
    };
    row(std::iter::once("ability".to_owned())
        .chain(targets())
        .collect());
    row(vec!["---".to_owned(); runs.len() + 1]);
    for (index, (name, _)) in Capabilities::NONE.abilities().into_iter().enumerate() {
        let cells = runs.iter().map(|(report, capabilities)| {
            let support = capabilities.abilities()[index].1;
            let need = if support.is_supported() {
                Need::Ability(name)
            } else {
                Need::Lack(name)
            };
            observed(&format!("{support:?}"), report.count(need))
        });
        row(std::iter::once(format!("`{name}`")).chain(cells).collect());
    }
    for (name, declared) in [
        (
            "lease",
            (|it| format!("{:?}", it.lease)) as fn(&Capabilities) -> String,
        ),
        ("attempts", |it| format!("{:?}", it.attempts)),
    ] {
        let cells = runs.iter().map(|(_, capabilities)| declared(capabilities));
        row(std::iter::once(format!("`{name}`")).chain(cells).collect());
    }
    for (index, (name, _)) in limits(&Capabilities::NONE).into_iter().enumerate() {
        let cells = runs.iter().map(|(report, capabilities)| {
            let value = limits(capabilities).swap_remove(index).1;
            value.map_or_else(
                || "none".to_owned(),
                |value| {
                    let (passed, ran) = report.count(Need::Limit(name));
                    let (more, also) = report.count(Need::LimitIfAny(name));
                    observed(&value, (passed + more, ran + also))
                },
            )
        });
        row(std::iter::once(format!("`{name}`")).chain(cells).collect());
    }
    table
}

/// One cell: what is declared, and how many cases show it.
fn observed(declared: &str, (passed, ran): (usize, usize)) -> String {
    let mut cell = declared.to_owned();
    if ran == 0 {
        return cell;
    }
    let written = if passed == ran {
        write!(cell, " ({passed})")
    } else {
        write!(cell, " (**{passed} of {ran}**)")
    };
    debug_assert!(written.is_ok(), "a String takes all that is written");
    cell
}
