//! Manifests: sorted dependency lists, and everything shared inherited from the workspace.

use super::{Finding, Source};

/// Checks one `Cargo.toml`; other files have no findings.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let is_manifest = source.path == "Cargo.toml" || source.path.ends_with("/Cargo.toml");
    if !is_manifest {
        return Vec::new();
    }
    let is_root = source.text.lines().any(|line| line == "[workspace]");
    let mut findings = dependencies(source, is_root);
    if !is_root {
        findings.extend(package(source));
    }
    findings
}

/// Each run of lines without a gap is sorted, and a member inherits each version.
fn dependencies(source: &Source, is_root: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut is_list = false;
    let mut last = String::new();
    for (index, line) in source.text.lines().enumerate() {
        if let Some(table) = line.trim().strip_prefix('[') {
            is_list = table.trim_end_matches(']').ends_with("dependencies");
            last.clear();
        } else if line.trim().is_empty() {
            last.clear();
        } else if let Some(name) = name_of(line).filter(|_| is_list) {
            if name < last.as_str() {
                let text = format!("dependencies are not sorted: {name} stands after {last}");
                findings.push(Finding::new(source, index + 1, text));
            }
            if !is_root && !line.replace(' ', "").contains("workspace=true") {
                let text = format!("{name} does not inherit its version from the workspace");
                findings.push(Finding::new(source, index + 1, text));
            }
            name.clone_into(&mut last);
        }
    }
    findings
}

/// The name in a line like `name.workspace = true`; comments and continued lines have none.
fn name_of(line: &str) -> Option<&str> {
    let is_start = line.starts_with(|c: char| c.is_ascii_alphanumeric());
    let (key, _) = line.split_once('=').filter(|_| is_start)?;
    key.split('.').next().map(str::trim)
}

/// What every package takes from the workspace, and what only the unpublished ones say.
fn package(source: &Source) -> Vec<Finding> {
    let text = source.text.replace(' ', "");
    let has = |line: &str| text.lines().any(|it| it == line);
    let is_published = source.path.starts_with("crates/");
    let wanted = [
        ("version.workspace=true", true),
        ("edition.workspace=true", true),
        ("license.workspace=true", true),
        ("[lints]", true),
        ("publish=false", !is_published),
    ];
    let missing = wanted.iter().filter(|(line, wanted)| has(line) != *wanted);
    let findings = missing.map(|(line, wanted)| {
        let verb = if *wanted { "lacks" } else { "must not have" };
        Finding::new(source, 1, format!("manifest {verb} the line {line}"))
    });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "[package]\nversion.workspace = true\nedition.workspace = true\n\
        license.workspace = true\n[lints]\nworkspace = true\n";

    fn findings(path: &str, text: &str) -> Vec<String> {
        let source = Source {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        check(&source)
            .into_iter()
            .map(|finding| finding.text)
            .collect()
    }

    #[test]
    fn sorted_lists_are_right() {
        let text = format!("{HEAD}[dependencies]\nb.workspace = true\n\na.workspace = true\n");
        assert!(findings("crates/a/Cargo.toml", &text).is_empty());
    }

    #[test]
    fn unsorted_list_is_found() {
        let text = format!(
            "{HEAD}[dev-dependencies]\nb = {{ workspace = true }}\na = {{ workspace = true }}\n"
        );
        let found = findings("crates/a/Cargo.toml", &text);
        assert_eq!(found, ["dependencies are not sorted: a stands after b"]);
    }

    #[test]
    fn version_of_its_own_is_found() {
        let text = format!("{HEAD}[target.'cfg(unix)'.dependencies]\na = \"1\"\n");
        let found = findings("crates/a/Cargo.toml", &text);
        assert_eq!(found, ["a does not inherit its version from the workspace"]);
        let root = "[workspace]\n[workspace.dependencies]\na = \"1\"\nb = { version = \"1\" }\n";
        assert!(findings("Cargo.toml", root).is_empty());
        let apart = "[workspace]\n[dependencies]\na = \"1\"\n";
        assert!(findings("fuzz/Cargo.toml", apart).is_empty());
    }

    #[test]
    fn only_unpublished_packages_say_so() {
        let found = findings("benches/Cargo.toml", HEAD);
        assert_eq!(found, ["manifest lacks the line publish=false"]);
        let text = HEAD.replace("[lints]", "publish = false\n[lints]");
        assert!(findings("benches/Cargo.toml", &text).is_empty());
        assert_eq!(findings("crates/a/Cargo.toml", &text).len(), 1);
    }
}
