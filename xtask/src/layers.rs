//! `cargo xtask layers`: who may import whom. The table is the one of `ARCHITECTURE.md`.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::workspace::{self, Dependency, Kind, Package};

/// What one package may import.
#[derive(Clone, Copy, Debug)]
struct Rule {
    package: &'static str,
    may: May,
    never: &'static [&'static [&'static str]],
}

/// The packages of ours that a package may import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum May {
    Only(&'static [&'static str]),
    AllBut(&'static [&'static str]),
}

const CORE: &str = "relayhouse-core";
const TIME: &str = "relayhouse-time";
const MEMORY: &str = "relayhouse-memory";
const TESTKIT: &str = "relayhouse-testkit";

/// What tests of a package may import beyond its row.
const FOR_TESTS: &[&str] = &[MEMORY, TESTKIT, TIME];

/// What tests of the facade may import as well: services for the adapters that it opens.
const FOR_TESTS_OF_FACADE: &[&str] = &["servicebus-emulator", "sqs-emulator"];

/// Packages that show what others do, and so must not lean on them, not even in a test.
const ALONE: &[&str] = &["servicebus-emulator", "sqs-emulator", "xtask"];

// Packages of other people, by the start of their names.
const ASYNC: &[&str] = &["async-std", "smol", "tokio", "tower"];
const TRACING: &[&str] = &["log", "opentelemetry", "tracing"];
const SDKS: &[&str] = &[
    "aws-",
    "azservicebus",
    "azure",
    "fe2o3-amqp",
    "google-cloud",
    "rusoto",
];
const CODECS: &[&str] = &[
    "apache-avro",
    "ciborium",
    "postcard",
    "prost",
    "rmp",
    "serde_json",
];
/// Callers match on a kind of error, which this one has not.
const OPAQUE: &[&str] = &["anyhow", "eyre"];

const RULES: &[Rule] = &[
    rule(
        "relayhouse-core",
        May::Only(&[]),
        &[ASYNC, TRACING, SDKS, CODECS, OPAQUE],
    ),
    rule(
        "relayhouse-time",
        May::Only(&[CORE]),
        &[SDKS, CODECS, OPAQUE],
    ),
    rule(
        "relayhouse-runtime",
        May::Only(&[CORE, TIME]),
        &[SDKS, CODECS, OPAQUE],
    ),
    rule(
        "relayhouse-middleware",
        May::Only(&[CORE, TIME]),
        &[SDKS, OPAQUE],
    ),
    rule("relayhouse-codec", May::Only(&[CORE]), &[SDKS, OPAQUE]),
    rule("relayhouse-telemetry", May::Only(&[CORE]), &[SDKS, OPAQUE]),
    rule(
        "relayhouse-console",
        May::Only(&[CORE, "relayhouse-runtime", "relayhouse-codec"]),
        &[SDKS, OPAQUE],
    ),
    rule("relayhouse-testkit", May::Only(&[CORE]), &[SDKS, OPAQUE]),
    adapter("relayhouse-memory", &[SDKS, OPAQUE]),
    adapter("relayhouse-local", &[SDKS, OPAQUE]),
    adapter("relayhouse-sqs", &[OPAQUE]),
    adapter("relayhouse-servicebus", &[OPAQUE]),
    rule("relayhouse", FACADE, &[SDKS, OPAQUE]),
    rule("relayhouse-cli", CLI, &[SDKS, OPAQUE]),
    rule("servicebus-emulator", May::Only(&[]), &[OPAQUE]),
    rule("sqs-emulator", May::Only(&[]), &[OPAQUE]),
    rule("xtask", May::Only(&[]), &[]),
];

const FACADE: May = May::AllBut(&[
    "relayhouse-cli",
    TESTKIT,
    "servicebus-emulator",
    "sqs-emulator",
    "xtask",
]);

const CLI: May = May::Only(&[
    "relayhouse",
    "relayhouse-console",
    TESTKIT,
    "servicebus-emulator",
    "sqs-emulator",
]);

/// The row of every package under `tests` and `benches`.
const UNPUBLISHED: Rule = rule("tests and benches", May::AllBut(&["xtask"]), &[]);

const fn rule(package: &'static str, may: May, never: &'static [&'static [&'static str]]) -> Rule {
    Rule {
        package,
        may,
        never,
    }
}

const fn adapter(package: &'static str, never: &'static [&'static [&'static str]]) -> Rule {
    rule(package, May::Only(&[CORE, TIME]), never)
}

pub(crate) fn run() -> Result<()> {
    let packages = workspace::packages()?;
    let findings = check(&packages);
    for finding in &findings {
        eprintln!("layers: {finding}");
    }
    if !findings.is_empty() {
        bail!(
            "layers: {} imports against the table of ARCHITECTURE.md",
            findings.len()
        );
    }
    Ok(())
}

fn check(packages: &[Package]) -> Vec<String> {
    let ours = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let mut findings = Vec::new();
    for package in packages {
        let Some(rule) = rule_of(package) else {
            findings.push(format!(
                "{} has no row: decide what it may import",
                package.name
            ));
            continue;
        };
        let dependencies = package.dependencies.iter();
        findings.extend(dependencies.filter_map(|it| check_one(package, rule, it, &ours)));
    }
    findings
}

fn rule_of(package: &Package) -> Option<&'static Rule> {
    let is_unpublished = matches!(package.folder().as_deref(), Some("tests" | "benches"));
    if is_unpublished {
        return Some(&UNPUBLISHED);
    }
    row(&package.name)
}

fn row(package: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.package == package)
}

/// Says what is wrong with one dependency, if anything is.
fn check_one(
    package: &Package,
    rule: &Rule,
    dependency: &Dependency,
    ours: &BTreeSet<&str>,
) -> Option<String> {
    let (name, to) = (package.name.as_str(), dependency.name.as_str());
    let is_for_tests = dependency.kind == Some(Kind::Dev);
    if ours.contains(to) {
        let is_right = may_import(rule.may, to) || (is_for_tests && may_import_for_tests(name, to));
        let table = if is_for_tests { " in its tests" } else { "" };
        return (!is_right).then(|| format!("{name} must not import {to}{table}"));
    }
    // What tests import of other people's never reaches a user.
    let is_banned = !is_for_tests && rule.never.iter().any(|names| names_one(names, to));
    is_banned.then(|| format!("{name} must not depend on {to}"))
}

fn may_import(may: May, to: &str) -> bool {
    match may {
        May::Only(names) => names.contains(&to),
        May::AllBut(names) => !names.contains(&to),
    }
}

/// A test may import the memory adapter, the testkit and the clock as well, unless they import
/// the package itself: cargo would then build it twice, and the types of one would not be those
/// of the other.
fn may_import_for_tests(name: &str, to: &str) -> bool {
    let is_of_facade = name == "relayhouse" && FOR_TESTS_OF_FACADE.contains(&to);
    let is_for_all = FOR_TESTS.contains(&to) && !ALONE.contains(&name);
    (is_of_facade || is_for_all) && name != to && !reaches(to, name)
}

/// Whether the table lets `from` import `to`, directly or through others.
fn reaches(from: &str, to: &str) -> bool {
    match row(from).map(|rule| rule.may) {
        Some(May::Only(names)) => names.iter().any(|name| *name == to || reaches(name, to)),
        Some(may) => may_import(may, to),
        None => false,
    }
}

/// Whether a name is one of `names`, or begins with one of them as a word.
fn names_one(names: &[&str], name: &str) -> bool {
    names.iter().any(|start| {
        name.strip_prefix(start).is_some_and(|rest| {
            start.ends_with('-') || rest.is_empty() || rest.starts_with(['-', '_'])
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell;

    fn package(name: &str, folder: &str, dependencies: &[(&str, Option<Kind>)]) -> Package {
        let path = shell::root().join(folder).join(name).join("Cargo.toml");
        let dependencies = dependencies.iter().map(|(name, kind)| Dependency {
            name: (*name).to_owned(),
            kind: *kind,
        });
        Package {
            name: name.to_owned(),
            manifest_path: path.to_string_lossy().into_owned(),
            rust_version: None,
            dependencies: dependencies.collect(),
            features: [].into(),
        }
    }

    /// The findings for one package that stands beside all packages of the table.
    fn findings(name: &str, dependencies: &[(&str, Option<Kind>)]) -> Vec<String> {
        let others = RULES.iter().filter(|rule| rule.package != name);
        let mut packages = others
            .map(|rule| package(rule.package, "crates", &[]))
            .collect::<Vec<_>>();
        packages.push(package(name, "crates", dependencies));
        check(&packages)
    }

    #[test]
    fn table_is_kept() {
        assert!(findings(MEMORY, &[(CORE, None), (TIME, None), ("tokio", None)]).is_empty());
    }

    #[test]
    fn import_against_the_table_is_found() {
        let found = findings(MEMORY, &[(CORE, None), ("relayhouse-runtime", None)]);
        assert_eq!(
            found,
            ["relayhouse-memory must not import relayhouse-runtime"]
        );
        let found = findings("relayhouse-runtime", &[(MEMORY, Some(Kind::Build))]);
        assert_eq!(
            found,
            ["relayhouse-runtime must not import relayhouse-memory"]
        );
    }

    #[test]
    fn core_is_free_of_runtimes_and_codecs() {
        for name in [
            "tokio",
            "tokio-util",
            "tower-service",
            "tracing",
            "serde_json",
            "aws-sdk-sqs",
        ] {
            let found = findings(CORE, &[(name, None)]);
            assert_eq!(
                found,
                [format!("relayhouse-core must not depend on {name}")]
            );
        }
        assert!(findings(CORE, &[("serde_json", Some(Kind::Dev)), ("bytes", None)]).is_empty());
    }

    #[test]
    fn names_match_as_words() {
        assert!(names_one(TRACING, "log"));
        assert!(!names_one(TRACING, "logos"));
        assert!(!names_one(CODECS, "prosthetic"));
    }

    #[test]
    fn tests_may_import_the_testkit() {
        let dev = Some(Kind::Dev);
        assert!(findings("relayhouse-runtime", &[(TESTKIT, dev), (MEMORY, dev)]).is_empty());
        assert!(findings(TESTKIT, &[(MEMORY, dev)]).is_empty());
        let found = findings("relayhouse-codec", &[("relayhouse-runtime", dev)]);
        assert_eq!(
            found,
            ["relayhouse-codec must not import relayhouse-runtime in its tests"]
        );
    }

    #[test]
    fn tests_must_not_close_a_cycle() {
        let found = findings(CORE, &[(TIME, Some(Kind::Dev))]);
        assert_eq!(
            found,
            ["relayhouse-core must not import relayhouse-time in its tests"]
        );
        let found = findings(TIME, &[(MEMORY, Some(Kind::Dev))]);
        assert_eq!(
            found,
            ["relayhouse-time must not import relayhouse-memory in its tests"]
        );
    }

    #[test]
    fn facade_imports_all_but_test_tools() {
        assert!(
            findings(
                "relayhouse",
                &[(MEMORY, None), ("relayhouse-runtime", None)]
            )
            .is_empty()
        );
        assert_eq!(
            findings("relayhouse", &[(TESTKIT, None), ("sqs-emulator", None)]).len(),
            2
        );
        let dev = Some(Kind::Dev);
        assert!(findings("relayhouse", &[("sqs-emulator", dev)]).is_empty());
        assert_eq!(findings(MEMORY, &[("sqs-emulator", dev)]).len(), 1);
    }

    #[test]
    fn package_without_a_row_is_found() {
        let found = check(&[package("relayhouse-new", "crates", &[])]);
        assert_eq!(
            found,
            ["relayhouse-new has no row: decide what it may import"]
        );
    }

    #[test]
    fn benches_import_everything_but_xtask() {
        let members = [
            package(
                "relayhouse-benches",
                "benches",
                &[(MEMORY, None), ("sqs-emulator", None)],
            ),
            package(MEMORY, "crates", &[]),
            package("sqs-emulator", "crates", &[]),
        ];
        assert!(check(&members).is_empty());
        let members = [
            package("sim", "tests", &[("xtask", None)]),
            package("xtask", "", &[]),
        ];
        assert_eq!(check(&members), ["sim must not import xtask"]);
    }
}
