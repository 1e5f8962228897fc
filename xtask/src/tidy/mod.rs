//! `cargo xtask tidy`: rules of this project that no compiler checks, over every file of it.

mod assertions;
mod code;
mod manifests;
mod markers;
mod report;
mod tokens;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::shell;

/// Folders that hold nothing written by us.
const SKIPPED: &[&str] = &[".git", ".venv", "node_modules", "target"];

/// One text file of the repository.
#[derive(Debug)]
struct Source {
    /// The path from the root, with `/` between its parts.
    path: String,
    text: String,
}

impl Source {
    fn is(&self, extension: &str) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|it| it == extension)
    }
}

/// Something that breaks a rule, and where.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    line: usize,
    text: String,
}

impl Finding {
    fn new(source: &Source, line: usize, text: impl Into<String>) -> Self {
        Self {
            path: source.path.clone(),
            line,
            text: text.into(),
        }
    }
}

pub(crate) fn run() -> Result<()> {
    let mut sources = Vec::new();
    collect(&shell::root(), "", &mut sources)?;
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    let mut findings = Vec::new();
    let mut functions = Vec::new();
    for source in &sources {
        findings.extend(markers::check(source));
        findings.extend(manifests::check(source));
        if source.is("rs") {
            findings.extend(code::check(source, &mut functions));
        }
    }
    findings.extend(assertions::check(&sources, &functions));
    report::print(&sources, &mut functions);
    for finding in &findings {
        eprintln!("{}:{}: {}", finding.path, finding.line, finding.text);
    }
    if !findings.is_empty() {
        bail!("tidy: {} findings", findings.len());
    }
    Ok(())
}

/// Reads every file that a rule looks at, below `folder`.
fn collect(folder: &Path, prefix: &str, sources: &mut Vec<Source>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}/{name}")
        };
        let kind = entry
            .file_type()
            .with_context(|| format!("cannot read {path}"))?;
        if kind.is_dir() {
            if !SKIPPED.contains(&name.as_str()) {
                collect(&entry.path(), &path, sources)?;
            }
        } else if kind.is_file() && is_looked_at(&name) {
            let text =
                fs::read_to_string(entry.path()).with_context(|| format!("cannot read {path}"))?;
            sources.push(Source { path, text });
        }
    }
    Ok(())
}

fn is_looked_at(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|it| it.to_str());
    matches!(extension, Some("md" | "rs" | "toml" | "yml"))
}
