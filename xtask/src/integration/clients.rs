//! The part of a page that shows which client has shown what of a service.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result};

use super::check::Ran;
use super::judge::{Ending, Finding};
use super::report::line;
use crate::shell;

/// Where the part begins; what stands before it is written by hand.
const HEADING: &str = "\n## What each client has shown\n\n";

const ABOUT: &str = "This part is written by `cargo xtask integration report`, from what the suite \
    has the clients do.\n\
    An empty cell says that the client was not asked: it cannot do it, or another shows it.\n\n";

/// Writes the parts of what ran.
pub(crate) fn write(ran: &[Ran<'_>]) -> Result<()> {
    for (path, part) in parts(ran) {
        let whole = shell::root().join(path);
        let text = fs::read_to_string(&whole).with_context(|| format!("cannot read {path}"))?;
        let text = with_part(&text, &part);
        fs::write(whole, text).with_context(|| format!("cannot write {path}"))?;
        println!("wrote {path}");
    }
    Ok(())
}

/// What the pages say otherwise than what ran.
pub(crate) fn stale(ran: &[Ran<'_>]) -> Result<Vec<String>> {
    let mut stale = Vec::new();
    for (path, part) in parts(ran) {
        let text = fs::read_to_string(shell::root().join(path));
        let text = text.with_context(|| format!("cannot read {path}"))?;
        if text != with_part(&text, &part) {
            let text =
                format!("{path} is not what was shown: run `cargo xtask integration report`");
            stale.push(text);
        }
    }
    Ok(stale)
}

/// The parts with something to show, by path of their page.
fn parts<'a>(ran: &'a [Ran<'_>]) -> BTreeMap<&'a str, String> {
    let mut findings = BTreeMap::<_, Vec<_>>::new();
    for ran in ran {
        let of_page = findings.entry(ran.suite.page.as_str()).or_default();
        of_page.extend(ran.findings.iter().filter(|it| it.client.is_some()));
    }
    findings.retain(|_, it| !it.is_empty());
    let parts = findings.into_iter();
    parts.map(|(path, it)| (path, render(&it))).collect()
}

/// The table: a row for each behaviour, by the names of what shows it, and a column for each client.
fn render(findings: &[&Finding]) -> String {
    let mut findings = findings.to_vec();
    // What runs at once ends in any order.
    findings.sort_by(|a, b| a.name.cmp(&b.name));
    let clients = findings.iter().filter_map(|it| it.client.as_deref());
    let clients: BTreeSet<_> = clients.collect();
    let mut text = ABOUT.to_owned();
    text.push_str(&line(["What"].into_iter().chain(clients.iter().copied())));
    text.push_str(&line(vec!["---"; clients.len() + 1].into_iter()));
    let mut shown = BTreeSet::new();
    let behaviours = findings.iter().filter_map(|it| it.behaviour.as_deref());
    for behaviour in behaviours.filter(|it| shown.insert(*it)) {
        let cells = clients
            .iter()
            .map(|client| cell(&findings, behaviour, client));
        text.push_str(&line([behaviour].into_iter().chain(cells)));
    }
    text
}

fn cell(findings: &[&Finding], behaviour: &str, client: &str) -> &'static str {
    let found = findings.iter().find(|it| {
        it.behaviour.as_deref() == Some(behaviour) && it.client.as_deref() == Some(client)
    });
    match found.map(|it| it.ending) {
        Some(Ending::Passed) => "yes",
        Some(Ending::Failed) => "**no**",
        Some(Ending::LeftOut) | None => "",
    }
}

/// Puts a part at the end of a page, in place of the one that is there.
fn with_part(page: &str, part: &str) -> String {
    let (head, _) = page.split_once(HEADING).unwrap_or((page, ""));
    format!("{head}{HEADING}{part}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(behaviour: &str, client: &str, ending: Ending) -> Finding {
        Finding {
            name: format!("c::{behaviour}"),
            ending,
            said: String::new(),
            behaviour: Some(behaviour.to_owned()),
            documented: None,
            client: Some(client.to_owned()),
            took_ms: 0,
        }
    }

    #[test]
    fn clients_stand_side_by_side() {
        let findings = [
            finding("sends", "b", Ending::Passed),
            finding("sends", "a", Ending::Failed),
            finding("peeks", "b", Ending::Passed),
        ];
        let part = render(&findings.iter().collect::<Vec<_>>());
        let table = "| What | a | b |\n| --- | --- | --- |\n\
            | peeks |  | yes |\n| sends | **no** | yes |\n";
        assert!(part.ends_with(table), "{part}");
    }

    #[test]
    fn part_takes_the_place_of_the_one_before() {
        let first = with_part("# Page\n\nText.\n", "one\n");
        assert!(first.starts_with("# Page\n\nText.\n\n## What each client"));
        let second = with_part(&first, "two\n");
        assert_eq!(second, first.replace("one", "two"));
        assert_eq!(with_part(&second, "two\n"), second);
    }
}
