//! The page that shows the services of a provider side by side, made of what probes saw.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};

use super::check::Ran;
use super::judge::Finding;
use super::suite::Difference;
use crate::shell;

/// What was seen on one page: by behaviour and service.
#[derive(Debug, Default)]
struct Page<'a> {
    provider: &'a str,
    services: Vec<&'a str>,
    rows: Vec<Row<'a>>,
    differences: Vec<(&'a str, &'a Difference)>,
}

#[derive(Debug)]
struct Row<'a> {
    behaviour: &'a str,
    documented: &'a str,
    cells: BTreeMap<&'a str, String>,
}

/// Writes the pages of the services that ran, and of no others.
pub(crate) fn write(ran: &[Ran<'_>]) -> Result<()> {
    for (path, page) in pages(ran) {
        let text = page.render();
        fs::write(shell::root().join(path), text)
            .with_context(|| format!("cannot write {path}"))?;
        println!("wrote {path}: {}", page.services.join(", "));
    }
    Ok(())
}

/// What the pages say otherwise than the services that ran; other services are not looked at.
pub(crate) fn stale(ran: &[Ran<'_>]) -> Result<Vec<String>> {
    let mut stale = Vec::new();
    for (path, page) in pages(ran) {
        let text = fs::read_to_string(shell::root().join(path));
        let text = text.with_context(|| format!("cannot read {path}"))?;
        if let Some(what) = page.differs_from(&text) {
            let text = format!("{path}: {what}: run `cargo xtask integration report`");
            stale.push(text);
        }
    }
    Ok(stale)
}

/// The pages with something to show, by path.
fn pages<'a>(ran: &'a [Ran<'_>]) -> BTreeMap<&'a str, Page<'a>> {
    let mut pages = BTreeMap::<_, Page<'a>>::new();
    for ran in ran {
        let page = pages.entry(ran.suite.page.as_str()).or_default();
        let service = ran.suite.service(ran.target);
        page.provider = &ran.suite.provider;
        page.add(&service.title, &ran.findings, &service.differences);
    }
    pages.retain(|_, page| !page.rows.is_empty());
    pages
}

impl<'a> Page<'a> {
    fn add(&mut self, service: &'a str, findings: &'a [Finding], known: &'a [Difference]) {
        if self.services.contains(&service) {
            return;
        }
        self.services.push(service);
        for finding in findings {
            let (Some(behaviour), Some(documented)) = (&finding.behaviour, &finding.documented)
            else {
                continue;
            };
            let cell = cell(documented, &finding.said);
            match self.rows.iter_mut().find(|row| row.behaviour == behaviour) {
                Some(row) => {
                    row.cells.insert(service, cell);
                }
                None => self.rows.push(Row {
                    behaviour,
                    documented,
                    cells: BTreeMap::from([(service, cell)]),
                }),
            }
        }
        let probes = findings.iter().filter(|it| it.behaviour.is_some());
        let probes: Vec<_> = probes.map(|it| it.name.as_str()).collect();
        let others = known
            .iter()
            .filter(|it| !probes.contains(&it.name.as_str()));
        self.differences.extend(others.map(|it| (service, it)));
    }

    fn render(&self) -> String {
        let mut text = head(self.provider);
        text.push_str(&line(
            ["What", "As documented"]
                .into_iter()
                .chain(self.services.iter().copied()),
        ));
        text.push_str(&line(vec!["---"; self.services.len() + 2].into_iter()));
        for row in &self.rows {
            let cells = self.services.iter().map(|service| row.cell(service));
            text.push_str(&line(
                [row.behaviour, row.documented].into_iter().chain(cells),
            ));
        }
        text.push_str(DIFFERENCES);
        for (service, difference) in &self.differences {
            let name = format!("`{}`", difference.name);
            text.push_str(&line([*service, &name, &difference.why].into_iter()));
        }
        text
    }

    /// The first row of a page, as it was written, that says otherwise of a service of this one.
    fn differs_from(&self, written: &str) -> Option<String> {
        let mut table = written
            .lines()
            .skip_while(|line| !line.starts_with("| What |"));
        let head = cells(table.next().unwrap_or_default());
        let written: BTreeMap<_, _> = table
            .map(cells)
            .take_while(|cells| !cells.is_empty())
            .map(|cells| (cells[0], cells))
            .collect();
        for service in &self.services {
            let Some(column) = head.iter().position(|it| it == service) else {
                return Some(format!("it has no column {service}"));
            };
            for row in &self.rows {
                let cell = written.get(row.behaviour).and_then(|it| it.get(column));
                let documented = written.get(row.behaviour).and_then(|it| it.get(1));
                if cell != Some(&row.cell(service)) || documented != Some(&row.documented) {
                    return Some(format!("{service} has changed: {}", row.behaviour));
                }
            }
        }
        None
    }
}

impl Row<'_> {
    fn cell(&self, service: &str) -> &str {
        self.cells.get(service).map_or("", String::as_str)
    }
}

/// What is as documented is short, and what is not stands out.
fn cell(documented: &str, said: &str) -> String {
    if said == documented {
        "same".to_owned()
    } else if said.starts_with(documented) {
        said.to_owned()
    } else {
        format!("**{said}**")
    }
}

fn head(provider: &str) -> String {
    format!(
        "# {provider}, and what stands in for it\n\n\
         What each service does, beside what {provider} documents.\n\
         This page is written by `cargo xtask integration report`, from probes that it runs with \
         a bare client.\n\
         A cell says `same` where a service does what is documented, and in bold what it does \
         otherwise.\n\
         The documented column is our reading of the documentation; only a column of the \
         provider's own service would show that it is right.\n\n"
    )
}

const DIFFERENCES: &str = "\n## Cases of the conformance suite\n\n\
    What the adapter cannot hide: a case that a service is known to fail, and must go on to fail, \
    else its suite does.\n\n\
    | Service | Case | Why |\n| --- | --- | --- |\n";

pub(super) fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let cells: Vec<_> = cells.collect();
    format!("| {} |\n", cells.join(" | "))
}

/// The cells of a line of a table; none, if it is no such line.
fn cells(line: &str) -> Vec<&str> {
    let inner = line.strip_prefix("| ").and_then(|it| it.strip_suffix(" |"));
    inner.map_or_else(Vec::new, |inner| inner.split(" | ").collect())
}

#[cfg(test)]
mod tests {
    use super::super::judge::Ending;
    use super::*;

    fn finding(behaviour: &str, said: &str) -> Finding {
        Finding {
            name: format!("probes::{behaviour}"),
            ending: Ending::Passed,
            said: said.to_owned(),
            behaviour: Some(behaviour.to_owned()),
            documented: Some("refused".to_owned()),
            client: None,
            took_ms: 0,
        }
    }

    fn page<'a>(service: &'a str, findings: &'a [Finding], known: &'a [Difference]) -> Page<'a> {
        let mut page = Page::default();
        page.add(service, findings, known);
        page
    }

    #[test]
    fn page_shows_services_side_by_side() {
        let ours = [finding("a", "refused"), finding("b", "refused: X (400)")];
        let theirs = [finding("a", "accepted"), finding("b", "refused")];
        let known = [Difference {
            name: "conformance::c".to_owned(),
            shows: "d".to_owned(),
            why: "it counts ticks".to_owned(),
        }];
        let mut page = page("ours", &ours, &[]);
        page.add("theirs", &theirs, &known);
        let text = page.render();
        assert!(
            text.contains("| What | As documented | ours | theirs |\n"),
            "{text}"
        );
        assert!(
            text.contains("| a | refused | same | **accepted** |\n"),
            "{text}"
        );
        assert!(
            text.contains("| b | refused | refused: X (400) | same |\n"),
            "{text}"
        );
        assert!(
            text.ends_with("| theirs | `conformance::c` | it counts ticks |\n"),
            "{text}"
        );
        assert_eq!(page.differs_from(&text), None);
    }

    #[test]
    fn page_is_held_against_the_services_that_ran() {
        let before = [finding("a", "refused")];
        let mut both = page("ours", &before, &[]);
        both.add("theirs", &before, &[]);
        let text = both.render();
        assert_eq!(page("theirs", &before, &[]).differs_from(&text), None);
        let after = [finding("a", "accepted")];
        let changed = page("theirs", &after, &[]).differs_from(&text);
        assert_eq!(changed.as_deref(), Some("theirs has changed: a"));
        let new = [finding("b", "refused")];
        assert!(page("ours", &new, &[]).differs_from(&text).is_some());
        let other = page("AWS", &before, &[]).differs_from(&text);
        assert_eq!(other.as_deref(), Some("it has no column AWS"));
    }
}
