//! What is printed: figures, the goals they are held to, and how they did.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    time::Duration,
};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::compare::LIMIT;

/// Shares of a goal by which a run may miss it and still pass `--check`.
pub const TOLERANCE: f64 = 0.15;

/// The share of a goal that is no more than rounding.
pub const ROUNDING: f64 = 0.005;

/// The columns that a table has only if one of its lines tells them.
const SPREAD: usize = 3;
const RATIO: usize = 4;

/// Is everything that one run found.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// The machine.
    pub machine: String,
    /// The rounds that each figure is the median of.
    pub rounds: usize,
    /// The tables, one for each workload.
    pub tables: Vec<Table>,
}

/// Holds the figures of one workload.
#[derive(Debug, Serialize, Deserialize)]
pub struct Table {
    /// What the workload is.
    pub workload: String,
    /// What ratios are taken to.
    pub limit: String,
    /// The figures.
    pub lines: Vec<Line>,
    /// What a reader has to know beside them.
    pub notes: Vec<String>,
}

/// Holds one figure.
#[derive(Debug, Serialize, Deserialize)]
pub struct Line {
    /// The variant of the workload.
    pub case: String,
    /// What was measured.
    pub contender: String,
    /// The figure.
    pub value: f64,
    /// What the figure counts.
    pub unit: Unit,
    /// The least and the greatest figure of all rounds, where that is told.
    #[serde(default)]
    pub spread: Option<(f64, f64)>,
    /// The figure by that of the limit in the same round.
    pub ratio: Option<f64>,
    /// The goal, if there is one.
    pub goal: Option<Goal>,
}

/// Says what a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Messages a second.
    MessagesPerSecond,
    /// Nanoseconds.
    Nanoseconds,
    /// Bytes.
    Bytes,
    /// Bytes of one message.
    BytesPerMessage,
    /// A number of one message.
    PerMessage,
    /// A number.
    Count,
    /// A ratio of two figures.
    Ratio,
    /// A share of a whole.
    Share,
}

/// Is a bound, on the figure or on its ratio to the limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// What is bound.
    pub of: Of,
    /// The side on which the bound lies.
    pub side: Side,
    /// The bound.
    pub bound: f64,
}

/// Says what a goal bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// The figure.
    Value,
    /// Its ratio to the limit.
    Ratio,
}

/// Says on which side a bound lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// No less than the bound.
    AtLeast,
    /// No more than the bound.
    AtMost,
}

impl Goal {
    /// Bounds the ratio to the limit from below.
    #[must_use]
    pub const fn ratio_at_least(bound: f64) -> Self {
        Self::new(Of::Ratio, Side::AtLeast, bound)
    }

    /// Bounds the ratio to the limit from above.
    #[must_use]
    pub const fn ratio_at_most(bound: f64) -> Self {
        Self::new(Of::Ratio, Side::AtMost, bound)
    }

    /// Bounds the figure from below.
    #[must_use]
    pub const fn at_least(bound: f64) -> Self {
        Self::new(Of::Value, Side::AtLeast, bound)
    }

    /// Bounds the figure from above.
    #[must_use]
    pub const fn at_most(bound: f64) -> Self {
        Self::new(Of::Value, Side::AtMost, bound)
    }

    const fn new(of: Of, side: Side, bound: f64) -> Self {
        Self { of, side, bound }
    }

    /// Returns by which share of the bound `actual` misses it: zero or less if it is met.
    fn missed_by(&self, actual: f64) -> f64 {
        let short = match self.side {
            Side::AtLeast => self.bound - actual,
            Side::AtMost => actual - self.bound,
        };
        short / self.bound.max(f64::EPSILON)
    }
}

impl Line {
    /// Returns by which share the goal is missed, if there is one and what it bounds was measured:
    /// zero or less if it is met.
    #[must_use]
    pub fn missed_by(&self) -> Option<f64> {
        let goal = self.goal?;
        let actual = match goal.of {
            Of::Value => Some(self.value),
            Of::Ratio => self.ratio,
        };
        Some(goal.missed_by(actual?))
    }

    fn cells(&self) -> [String; 7] {
        [
            self.case.clone(),
            self.contender.clone(),
            self.unit.show(self.value),
            self.spread
                .map(|(least, most)| {
                    format!("{} to {}", self.unit.show(least), self.unit.show(most))
                })
                .unwrap_or_default(),
            self.ratio
                .map(|ratio| format!("{ratio:.2}"))
                .unwrap_or_default(),
            self.goal
                .map(|goal| self.show_goal(goal))
                .unwrap_or_default(),
            self.verdict(),
        ]
    }

    fn show_goal(&self, goal: Goal) -> String {
        let sign = match goal.side {
            Side::AtLeast => "≥",
            Side::AtMost => "≤",
        };
        match goal.of {
            Of::Value => format!("{sign} {}", self.unit.show(goal.bound)),
            Of::Ratio => format!("ratio {sign} {}", goal.bound),
        }
    }

    fn verdict(&self) -> String {
        match self.missed_by() {
            None => String::new(),
            Some(missed) if missed <= ROUNDING => "met".to_owned(),
            Some(missed) => format!("missed by {:.0} %", missed * 100.0),
        }
    }
}

impl Unit {
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::MessagesPerSecond if 1e6 <= value => format!("{:.2} M/s", value / 1e6),
            Self::MessagesPerSecond if 1e3 <= value => format!("{:.1} k/s", value / 1e3),
            Self::MessagesPerSecond => format!("{value:.1} /s"),
            Self::Nanoseconds if 1e6 <= value => format!("{:.2} ms", value / 1e6),
            Self::Nanoseconds if 1e3 <= value => format!("{:.2} µs", value / 1e3),
            Self::Nanoseconds => format!("{value:.0} ns"),
            Self::Bytes if 1e6 <= value.abs() => format!("{:.1} MiB", value / f64::from(1 << 20)),
            Self::Bytes => format!("{:.1} KiB", value / f64::from(1 << 10)),
            Self::BytesPerMessage => format!("{value:.1} B"),
            Self::PerMessage => format!("{value:.3}"),
            Self::Count => format!("{value:.0}"),
            Self::Ratio => format!("{value:.2} ×"),
            Self::Share => format!("{:.2} %", value * 100.0),
        }
    }
}

impl Table {
    /// Makes a table without lines.
    #[must_use]
    pub fn new(workload: impl Into<String>) -> Self {
        Self {
            workload: workload.into(),
            limit: LIMIT.to_owned(),
            lines: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a figure.
    pub fn push(&mut self, case: &str, contender: &str, value: f64, unit: Unit) -> &mut Line {
        let index = self.lines.len();
        self.lines.push(Line {
            case: case.to_owned(),
            contender: contender.to_owned(),
            value,
            unit,
            spread: None,
            ratio: None,
            goal: None,
        });
        &mut self.lines[index]
    }

    /// Returns the table as Markdown, in columns of equal width.
    #[must_use]
    pub fn markdown(&self) -> String {
        let by = format!("to {}", self.limit);
        let head = ["case", "queue", "figure", "spread", &by, "goal", "verdict"];
        let mut rows = vec![head.map(str::to_owned)];
        rows.extend(self.lines.iter().map(Line::cells));
        let width = |column: usize| {
            let is_told = !matches!(column, SPREAD | RATIO)
                || rows[1..].iter().any(|row| !row[column].is_empty());
            let widths = rows.iter().map(|row| row[column].chars().count());
            widths.max().filter(|_| is_told)
        };
        let widths: [Option<usize>; 7] = std::array::from_fn(width);
        rows.insert(1, widths.map(|width| "-".repeat(width.unwrap_or_default())));
        let mut text = format!("### {}\n\n", self.workload);
        for row in rows {
            let cells = row.iter().zip(widths);
            for (cell, width) in cells.filter_map(|(cell, width)| Some((cell, width?))) {
                // Writing to a string cannot fail.
                _ = write!(text, "| {cell:<width$} ");
            }
            text.push_str("|\n");
        }
        for note in &self.notes {
            _ = write!(text, "\n{note}\n");
        }
        text
    }
}

impl Report {
    /// Prints all tables, or one JSON object.
    ///
    /// # Errors
    ///
    /// Returns the error of standard output.
    pub fn print(&self, is_json: bool) -> Result<()> {
        let mut out = io::stdout().lock();
        if is_json {
            serde_json::to_writer(&mut out, self)?;
            writeln!(out)?;
            return Ok(());
        }
        writeln!(out, "Machine: {}\n", self.machine)?;
        for table in &self.tables {
            writeln!(out, "{}", table.markdown())?;
        }
        writeln!(out, "{} goals missed", self.missed(ROUNDING))?;
        Ok(())
    }

    /// Returns how many goals were missed by more than `tolerance`.
    #[must_use]
    pub fn missed(&self, tolerance: f64) -> usize {
        let lines = self.tables.iter().flat_map(|table| &table.lines);
        let missed = lines.filter_map(Line::missed_by);
        missed.filter(|missed| tolerance < *missed).count()
    }
}

/// Returns messages a second.
#[must_use]
pub fn rate(messages: usize, took: Duration) -> f64 {
    float(messages) / took.as_secs_f64().max(f64::EPSILON)
}

/// Returns `total` by `count`.
#[must_use]
pub fn ratio(total: usize, count: usize) -> f64 {
    float(total) / float(count.max(1))
}

/// Returns `count` as a figure.
#[expect(clippy::cast_precision_loss, reason = "no workload counts to 2^53")]
pub(crate) fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: f64, ratio: Option<f64>, goal: Goal) -> Line {
        Line {
            case: String::new(),
            contender: String::new(),
            value,
            unit: Unit::MessagesPerSecond,
            spread: None,
            ratio,
            goal: Some(goal),
        }
    }

    #[test]
    fn verdict_says_by_how_much() {
        assert_eq!(
            line(1.0, Some(0.6), Goal::ratio_at_least(0.6)).verdict(),
            "met"
        );
        let missed = line(1.0, Some(0.3), Goal::ratio_at_least(0.6));
        assert_eq!(missed.verdict(), "missed by 50 %");
        assert_eq!(
            line(3.0, None, Goal::at_most(2.0)).verdict(),
            "missed by 50 %"
        );
        assert_eq!(line(3.0, None, Goal::ratio_at_most(2.0)).verdict(), "");
    }

    #[test]
    fn units_are_scaled() {
        assert_eq!(Unit::MessagesPerSecond.show(2_345_678.0), "2.35 M/s");
        assert_eq!(Unit::Nanoseconds.show(1_234.0), "1.23 µs");
        assert_eq!(Unit::Bytes.show(-2.0 * f64::from(1 << 20)), "-2.0 MiB");
        assert_eq!(Unit::Share.show(0.9995), "99.95 %");
    }

    #[test]
    fn spread_and_ratio_are_columns_only_where_they_are_told() {
        let mut table = Table::new("w");
        table.push("c", "q", 1.0, Unit::Count);
        assert!(!table.markdown().contains("spread"));
        assert!(!table.markdown().contains("to limit"));
        table.push("c", "q", 2.0, Unit::Count).spread = Some((1.0, 3.0));
        assert!(table.markdown().contains("1 to 3"));
        table.push("c", "q", 2.0, Unit::Count).ratio = Some(0.5);
        assert!(table.markdown().contains("to limit"));
    }

    #[test]
    fn tolerance_forgives_small_misses() {
        let mut table = Table::new("w");
        table.lines.push(line(9.0, None, Goal::at_least(10.0)));
        table.lines.push(line(1.0, None, Goal::at_least(10.0)));
        let report = Report {
            tables: vec![table],
            ..Report::default()
        };
        assert_eq!(report.missed(0.0), 2);
        assert_eq!(report.missed(TOLERANCE), 1);
    }
}
