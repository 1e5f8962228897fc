//! `relayhouse schema check`: the differences of two schemas, explained.

use std::fmt::Write;

use relayhouse::codec::avro::{Compatibility, Difference, Direction, compare};
use serde::Serialize;

use super::file;
use crate::{
    args::{Format, SchemaCheck, SchemaMode},
    exit::{Code, Failure, chain},
    print,
};

/// Is what is printed as JSON.
#[derive(Debug, Serialize)]
struct Report<'a> {
    is_compatible: bool,
    differences: Vec<Row<'a>>,
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    direction: &'static str,
    path: &'a str,
    what: &'a str,
    rule: &'static str,
    is_breaking: bool,
}

/// Compares, and returns what to print and how to end.
pub(super) fn check(args: &SchemaCheck) -> Result<(String, Code), Failure> {
    let (old, new) = (file::read(&args.old)?, file::read(&args.new)?);
    let found = compare(&old, &new, args.mode.into());
    let found = found.map_err(|error| Failure::new(Code::Data, chain(&error)))?;
    let is_compatible = !found.iter().any(|difference| difference.is_breaking);
    let code = if is_compatible {
        Code::Done
    } else {
        Code::Failed
    };
    let text = match args.output {
        Format::Table => table(&found),
        Format::Json => print::json(&Report {
            is_compatible,
            differences: found.iter().map(Row::from).collect(),
        })?,
        Format::Ndjson => {
            let lines = found
                .iter()
                .map(|difference| print::json(&Row::from(difference)));
            lines.collect::<Result<_, _>>()?
        }
    };
    Ok((text, code))
}

/// Writes a paragraph for each direction, and at the end what it comes to.
fn table(found: &[Difference]) -> String {
    let mut text = String::new();
    let mut direction = None;
    for difference in found {
        if direction != Some(difference.direction) {
            direction = Some(difference.direction);
            line(&mut text, &format!("{}:", difference.direction));
        }
        let Difference {
            path, what, rule, ..
        } = difference;
        let verdict = if difference.is_breaking {
            "breaks"
        } else {
            "ok"
        };
        line(&mut text, &format!("  {verdict:<6}  {path}: {what}"));
        line(&mut text, &format!("          {rule}"));
    }
    let breaking = found.iter().filter(|difference| difference.is_breaking);
    let end = match (breaking.count(), found.len()) {
        (0, 0) => "compatible: no difference".to_owned(),
        (0, all) => format!("compatible: {all} differences, none of which breaks"),
        (count, all) => format!("not compatible: {count} of {all} differences break"),
    };
    line(&mut text, &end);
    text
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

impl<'a> From<&'a Difference> for Row<'a> {
    fn from(difference: &'a Difference) -> Self {
        Self {
            direction: match difference.direction {
                Direction::Backward => "backward",
                Direction::Forward => "forward",
            },
            path: &difference.path,
            what: &difference.what,
            rule: difference.rule,
            is_breaking: difference.is_breaking,
        }
    }
}

impl From<SchemaMode> for Compatibility {
    fn from(mode: SchemaMode) -> Self {
        match mode {
            SchemaMode::Backward => Self::Backward,
            SchemaMode::Forward => Self::Forward,
            SchemaMode::Full => Self::Full,
        }
    }
}
