//! What was found: a table for each case, a row for each codec.

use std::{
    array,
    fmt::Write as _,
    io::{self, Write as _},
};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::{
    measure::{BYTES, Figure},
    peer::SERDE_JSON,
};
use crate::{
    compare::Comparison,
    report::{Line, ROUNDING, Table, Unit},
};

/// The lines between which a page has the tables.
const BEGIN: &str = "<!-- begin: cargo xtask bench codec -->\n";
const END: &str = "<!-- end: cargo xtask bench codec -->\n";

/// Holds all that one run found.
#[derive(Debug)]
pub(super) struct Found {
    machine: String,
    rounds: usize,
    pub(super) cases: Vec<Case>,
    pub(super) tables: Vec<Table>,
}

/// Holds what was found of one value.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: &'static str,
    rows: Vec<Row>,
}

/// Holds what was found of one codec.
#[derive(Debug)]
struct Row {
    codec: &'static str,
    bytes: f64,
    figures: [Measured; 4],
}

/// Is the time that something takes.
#[derive(Clone, Copy, Debug, Default)]
struct Measured {
    nanos: f64,
    spread: (f64, f64),
    /// How often it fits into the time of `serde_json`, round by round.
    ratio: f64,
}

/// Is one ratio, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Ratio<'a> {
    codec: &'a str,
    case: String,
    ratio: f64,
}

impl Case {
    pub(super) fn of(name: &'static str, comparison: &Comparison) -> Self {
        let row = |codec| Row {
            codec,
            bytes: comparison.median(codec, BYTES).unwrap_or_default(),
            figures: array::from_fn(|figure| Measured {
                nanos: comparison.median(codec, figure).unwrap_or_default(),
                spread: comparison.spread(codec, figure).unwrap_or_default(),
                ratio: comparison
                    .ratio(SERDE_JSON, codec, figure)
                    .unwrap_or_default(),
            }),
        };
        let rows = comparison.names().map(row).collect();
        Self { name, rows }
    }

    /// Returns how often a figure of `codec` fits into that of `base`.
    pub(super) fn ratio(&self, codec: &str, base: &str, figure: Figure) -> Option<f64> {
        let of = |codec| {
            let row = self.rows.iter().find(|row| row.codec == codec)?;
            Some(row.figures[figure.index()].ratio)
        };
        Some(of(codec)? / of(base)?)
    }

    fn markdown(&self) -> String {
        let mut head = vec!["codec".to_owned(), "bytes".to_owned()];
        head.extend(Figure::ALL.map(|figure| figure.name().to_owned()));
        head.push("spread of the round trip".to_owned());
        let mut rows = vec![head];
        rows.extend(self.rows.iter().map(Row::cells));
        let column = |index: usize| rows.iter().map(move |row: &Vec<String>| &row[index]);
        let width = |index| column(index).map(|cell| cell.chars().count()).max();
        let widths: Vec<_> = (0..rows[0].len())
            .map(|it| width(it).unwrap_or(0))
            .collect();
        rows.insert(1, widths.iter().map(|width| "-".repeat(*width)).collect());
        let mut text = format!("### {}\n\n", self.name);
        for row in &rows {
            for (cell, width) in row.iter().zip(&widths) {
                // Writing to a string cannot fail.
                _ = write!(text, "| {cell:<width$} ");
            }
            text.push_str("|\n");
        }
        text
    }
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let mut cells = vec![self.codec.to_owned(), format!("{:.0}", self.bytes)];
        cells.extend(self.figures.iter().map(|it| {
            let Measured { nanos, ratio, .. } = it;
            format!("{} ({ratio:.2} ×)", Unit::Nanoseconds.show(*nanos))
        }));
        let (least, most) = self.figures[Figure::RoundTrip.index()].spread;
        let [least, most] = [least, most].map(|it| Unit::Nanoseconds.show(it));
        cells.push(format!("{least} to {most}"));
        cells
    }
}

impl Found {
    pub(super) const fn new(machine: String, rounds: usize) -> Self {
        Self {
            machine,
            rounds,
            cases: Vec::new(),
            tables: Vec::new(),
        }
    }

    /// Prints all tables, or one JSON array of the ratios.
    pub(super) fn print(&self, is_json: bool) -> Result<()> {
        let mut out = io::stdout().lock();
        if is_json {
            serde_json::to_writer(&mut out, &self.ratios())?;
            writeln!(out)?;
            return Ok(());
        }
        write!(out, "{}", self.markdown())?;
        writeln!(out, "\n{} goals missed", self.missed(ROUNDING))?;
        Ok(())
    }

    /// Returns a page with the tables in their place.
    pub(super) fn within(&self, page: &str) -> Result<String> {
        let (before, rest) = page
            .split_once(BEGIN)
            .context("the page has no begin mark")?;
        let (_, after) = rest.split_once(END).context("the page has no end mark")?;
        Ok(format!(
            "{before}{BEGIN}\n{}\n{END}{after}",
            self.markdown()
        ))
    }

    /// Returns how many goals were missed by more than `tolerance`.
    pub(super) fn missed(&self, tolerance: f64) -> usize {
        let lines = self.tables.iter().flat_map(|table| &table.lines);
        let missed = lines.filter_map(Line::missed_by);
        missed.filter(|missed| tolerance < *missed).count()
    }

    fn markdown(&self) -> String {
        let (machine, rounds) = (&self.machine, self.rounds);
        let mut text = format!(
            "Measured on {machine}.\n\
             Each figure is the median of {rounds} interleaved rounds; in brackets stands how \
             often it fits into the time of `serde_json` in the same round.\n"
        );
        for case in &self.cases {
            text.push('\n');
            text.push_str(&case.markdown());
        }
        for table in &self.tables {
            text.push('\n');
            text.push_str(&table.markdown());
        }
        text
    }

    fn ratios(&self) -> Vec<Ratio<'_>> {
        let mut ratios = Vec::new();
        for case in &self.cases {
            for row in &case.rows {
                ratios.extend(Figure::ALL.map(|figure| Ratio {
                    codec: row.codec,
                    case: format!("{}: {}", case.name, figure.name()),
                    ratio: row.figures[figure.index()].ratio,
                }));
            }
        }
        let lines = self.tables.iter().flat_map(|table| &table.lines);
        ratios.extend(lines.filter_map(|line| {
            Some(Ratio {
                codec: &line.contender,
                case: line.case.clone(),
                ratio: line.ratio?,
            })
        }));
        ratios
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Contender, Rounds, compare};

    fn found() -> Found {
        let contender = |name, nanos: f64| {
            Contender::new(name, move || Ok(vec![nanos, nanos, nanos, nanos, 7.0]))
        };
        let rounds = Rounds {
            count: 1,
            warm_up: 0,
        };
        let contenders = vec![contender(SERDE_JSON, 300.0), contender("ours", 100.0)];
        let mut found = Found::new("a machine".to_owned(), 1);
        let comparison = compare(rounds, contenders).unwrap();
        found.cases.push(Case::of("a case", &comparison));
        found
    }

    #[test]
    fn ratio_is_how_often_the_time_fits() {
        let found = found();
        let ratio = found.cases[0].ratio("ours", SERDE_JSON, Figure::Decode);
        assert_eq!(ratio, Some(3.0));
        let ratios = serde_json::to_value(found.ratios()).unwrap();
        let expected = serde_json::json!({
            "codec": "ours", "case": "a case: round trip", "ratio": 3.0
        });
        assert_eq!(ratios[7], expected);
    }

    #[test]
    fn tables_stand_between_their_marks() {
        let page = format!("before\n{BEGIN}old\n{END}after\n");
        let page = found().within(&page).unwrap();
        assert!(page.starts_with("before\n"));
        assert!(page.ends_with("after\n"));
        assert!(!page.contains("old"));
        assert!(page.contains("100 ns (3.00 ×)"));
        assert!(found().within("a page without marks").is_err());
    }
}
