//! `docs/assertions.md`: each assertion names what shows it, and what it names exists.

use std::collections::BTreeSet;

use super::report::Function;
use super::{Finding, Source};

const PATH: &str = "docs/assertions.md";
const COLUMNS: usize = 3;

/// Checks the table, once the file exists.
pub(super) fn check(sources: &[Source], functions: &[Function]) -> Vec<Finding> {
    let Some(table) = sources.iter().find(|source| source.path == PATH) else {
        return Vec::new();
    };
    let names = functions
        .iter()
        .map(|function| function.name.as_str())
        .collect();
    let evidence = Evidence { sources, names };
    let mut findings = Vec::new();
    for (line, cells) in rows(&table.text) {
        if cells.len() != COLUMNS || cells.iter().any(String::is_empty) {
            findings.push(Finding::new(
                table,
                line,
                "a row has three cells, none of them empty",
            ));
            continue;
        }
        if let Err(text) = evidence.check(&cells[COLUMNS - 1]) {
            findings.push(Finding::new(table, line, format!("{}: {text}", cells[0])));
        }
    }
    findings
}

/// The rows below the `| --- |` line of each table, with their line numbers.
fn rows(text: &str) -> Vec<(usize, Vec<String>)> {
    let mut rows = Vec::new();
    let mut is_body = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if !line.starts_with('|') {
            is_body = false;
        } else if is_body {
            rows.push((index + 1, cells(line)));
        } else {
            is_body = line.contains("---") && line.chars().all(|c| "|-: ".contains(c));
        }
    }
    rows
}

/// The cells of one row; `\|` is part of a cell.
fn cells(line: &str) -> Vec<String> {
    let line = line.trim_start_matches('|').replace("\\|", "\u{0}");
    let line = line.strip_suffix('|').unwrap_or(&line);
    let cells = line
        .split('|')
        .map(|cell| cell.replace('\u{0}', "|").trim().to_owned());
    cells.collect()
}

/// What an assertion can point at.
#[derive(Debug)]
struct Evidence<'a> {
    sources: &'a [Source],
    names: BTreeSet<&'a str>,
}

impl Evidence<'_> {
    /// Checks one cell: all that it names must exist, and it must name something.
    fn check(&self, cell: &str) -> Result<(), String> {
        let mut is_shown = is_planned(cell);
        for quoted in cell.split('`').skip(1).step_by(2) {
            is_shown |= self.is_there(quoted)?;
        }
        if is_shown {
            Ok(())
        } else {
            Err("names no test, bench, simulation or plan".to_owned())
        }
    }

    /// Whether `quoted` is evidence at all; an error if it is, and does not exist.
    fn is_there(&self, quoted: &str) -> Result<bool, String> {
        let (kind, rest) = quoted.split_once([' ', ':']).unwrap_or((quoted, ""));
        let exists = match kind {
            "bench" => self.has_bench(rest),
            "sim" => self.has_file("tests/sim/"),
            "crash" => self.has_file("tests/crash/"),
            _ if quoted.contains("::") => self.has_function(quoted),
            _ => return Ok(false),
        };
        if exists {
            Ok(true)
        } else {
            Err(format!("`{quoted}` is not in the tree"))
        }
    }

    /// Whether the last part of a path like `conformance::released_message_returns` is a function.
    fn has_function(&self, path: &str) -> bool {
        let name = path.rsplit("::").next().unwrap_or(path);
        self.names.contains(name)
    }

    /// Whether there is a bench like `memory: W3`, with that label somewhere in it.
    fn has_bench(&self, rest: &str) -> bool {
        let (name, label) = rest.split_once(':').unwrap_or((rest, ""));
        let (name, label) = (name.trim(), label.trim());
        let starts = [
            format!("benches/src/bin/{name}.rs"),
            format!("benches/src/bin/{name}/"),
        ];
        let exists = starts.iter().any(|start| self.has_file(start));
        let benches = || {
            self.sources
                .iter()
                .filter(|it| it.path.starts_with("benches/"))
        };
        exists && (label.is_empty() || benches().any(|bench| has_word(&bench.text, label)))
    }

    fn has_file(&self, start: &str) -> bool {
        self.sources
            .iter()
            .any(|source| source.path.starts_with(start))
    }
}

/// Whether the cell says `plan: issue 12`.
fn is_planned(cell: &str) -> bool {
    let number = cell.split_once("plan: issue ").map(|(_, rest)| rest);
    number.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Whether `word` stands in `text` and is not only a part of a longer word.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(start, _)| {
        let after = &text[start + word.len()..];
        !text[..start].ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The findings for one row, in a tree with one case, one bench and a simulation.
    fn findings(row: &str) -> Vec<String> {
        let source = |path: &str, text: &str| Source {
            path: path.into(),
            text: text.into(),
        };
        let table = format!("| id | assertion | shown by |\n| --- | --- | --- |\n{row}\n");
        let sources = [
            source(PATH, &table),
            source(
                "benches/src/bin/memory.rs",
                "const NAME: &str = \"W30\"; // W3",
            ),
            source("tests/sim/src/main.rs", ""),
        ];
        let function = Function {
            path: "crates/a/src/lib.rs".into(),
            name: "released_message_returns".into(),
            line: 1,
            length: 1,
        };
        check(&sources, &[function])
            .into_iter()
            .map(|finding| finding.text)
            .collect()
    }

    #[test]
    fn evidence_that_exists_is_right() {
        for cell in [
            "`conformance::released_message_returns`, under `sqs-fifo`",
            "`bench memory: W3`",
            "`bench memory`",
            "`sim`",
            "`sim: seed 7`",
            "plan: issue 5, SQS",
        ] {
            assert_eq!(findings(&format!("| A1 | a \\| b | {cell} |")), [""; 0]);
        }
    }

    #[test]
    fn evidence_that_is_gone_is_found() {
        for gone in [
            "conformance::lost",
            "bench disk",
            "bench memory: W4",
            "bench memory: W",
        ] {
            let found = findings(&format!("| A1 | a | `sim`, `{gone}` |"));
            assert_eq!(found, [format!("A1: `{gone}` is not in the tree")]);
        }
    }

    #[test]
    fn row_without_evidence_is_found() {
        let found = findings("| A1 | a | by reading, `sqs-fifo` |");
        assert_eq!(found, ["A1: names no test, bench, simulation or plan"]);
        assert_eq!(findings("| A1 | a | plan: issue soon |").len(), 1);
    }

    #[test]
    fn empty_cell_is_found() {
        let text = "a row has three cells, none of them empty";
        for row in ["| A1 | a | |", "| A1 |  | `sim` |", "| A1 | `sim` |"] {
            assert_eq!(findings(row), [text]);
        }
    }
}
