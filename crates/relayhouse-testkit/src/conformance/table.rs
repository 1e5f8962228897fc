//! The table of what targets declare, and of how many cases show each of it.

use relayhouse_core::Capabilities;

use super::{
    Case, all,
    need::{Need, limits},
};
use crate::harness::Harness;

/// Is a column of the table: what a target declares, and the cases that show it.
#[derive(Clone, Debug)]
pub struct Column {
    target: String,
    capabilities: Capabilities,
    cases: Vec<Case>,
}

impl Column {
    /// Asks a target what it declares, and which cases can run with it.
    ///
    /// Whether they pass is not looked at: each is a test, which fails if the target breaks the
    /// rule.
    ///
    /// # Errors
    ///
    /// Returns the target's error if it does not open.
    pub async fn of(harness: &dyn Harness) -> relayhouse_core::Result<Self> {
        let capabilities = harness.capabilities(&*harness.provider().await?);
        let can_run = |case: &Case| case.unmet(harness, &capabilities).is_none();
        Ok(Self {
            target: harness.name().to_owned(),
            cases: all().filter(can_run).collect(),
            capabilities,
        })
    }

    /// Counts the cases that need `need`.
    fn count(&self, need: Need) -> usize {
        let cases = self.cases.iter();
        cases.filter(|case| case.needs().contains(&need)).count()
    }

    /// Returns the cell of an ability.
    fn ability(&self, index: usize) -> String {
        let (name, support) = self.capabilities.abilities()[index];
        let need = if support.is_supported() {
            Need::Ability(name)
        } else {
            Need::Lack(name)
        };
        cell(format!("{support:?}"), self.count(need))
    }

    /// Returns the cell of a limit.
    fn limit(&self, index: usize) -> String {
        let (name, value) = limits(&self.capabilities).swap_remove(index);
        let count = self.count(Need::Limit(name)) + self.count(Need::LimitIfAny(name));
        value.map_or_else(|| "none".to_owned(), |value| cell(value, count))
    }
}

/// Writes the table of abilities and limits, a column for each target, as Markdown.
///
/// A cell is the declaration, with the number of cases that show it.
#[must_use]
pub fn capability_table(columns: &[Column]) -> String {
    let mut table = String::new();
    let mut row = |name: &str, cell: &dyn Fn(&Column) -> String| {
        let cells: Vec<String> = columns.iter().map(cell).collect();
        table.push_str(&format!("| {name} | {} |\n", cells.join(" | ")));
    };
    row("ability", &|column| format!("`{}`", column.target));
    row("---", &|_| "---".to_owned());
    for (index, (name, _)) in Capabilities::NONE.abilities().into_iter().enumerate() {
        row(&format!("`{name}`"), &|column| column.ability(index));
    }
    row("`lease`", &|column| {
        format!("{:?}", column.capabilities.lease)
    });
    row("`attempts`", &|column| {
        format!("{:?}", column.capabilities.attempts)
    });
    for (index, (name, _)) in limits(&Capabilities::NONE).into_iter().enumerate() {
        row(&format!("`{name}`"), &|column| column.limit(index));
    }
    table
}

/// One cell: what is declared, and how many cases show it.
fn cell(declared: String, count: usize) -> String {
    match count {
        0 => declared,
        count => format!("{declared} ({count})"),
    }
}
