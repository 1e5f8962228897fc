//! The programs of this workspace, built and started.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

use crate::shell;

/// Whether programs are built as parts of the whole workspace.
static AS_PARTS: AtomicBool = AtomicBool::new(false);

/// The packages that programs are built with, if not as parts of the whole workspace.
static TOGETHER: OnceLock<BTreeSet<String>> = OnceLock::new();

/// Builds the tests of the workspace, and from then on every program together with them.
///
/// Cargo gives dependencies the features that the packages of one command ask for, so that those of
/// a program that is built alone are built for it alone. That is the least for one program, and far
/// more for all of them.
pub(crate) fn build_all() -> Result<()> {
    as_parts();
    shell::run(&mut whole())
}

/// Builds every program from then on as a part of the whole workspace.
pub(crate) fn as_parts() {
    AS_PARTS.store(true, Ordering::Relaxed);
}

/// From now on, builds every program of these packages with all of them, so that what they have in
/// common is built once.
pub(crate) fn together<'a>(packages: impl Iterator<Item = &'a str>) {
    // A command says it once.
    let _ = TOGETHER.set(packages.map(ToOwned::to_owned).collect());
}

/// Builds a program, and returns the command that starts it.
pub(crate) fn built(package: &str, bin: &str) -> Result<Command> {
    let mut build = building(package);
    start(build.args(["--bin", bin]), "bin", bin)
}

/// Builds a program of a package that needs `features`, and returns the command that starts it.
pub(crate) fn built_with(package: &str, bin: &str, features: &str) -> Result<Command> {
    let mut build = building(package);
    start(
        build.args(["--features", features, "--bin", bin]),
        "bin",
        bin,
    )
}

/// Builds an example that needs `features`, and returns the command that starts it.
pub(crate) fn built_example(package: &str, name: &str, features: &str) -> Result<Command> {
    let mut build = building(package);
    build.args(["--features", features, "--example", name]);
    start(&mut build, "example", name)
}

fn building(package: &str) -> Command {
    match AS_PARTS.load(Ordering::Relaxed) {
        true => whole(),
        false => among(package, TOGETHER.get()),
    }
}

/// Runs `build`, and returns the command that starts what it has built.
fn start(build: &mut Command, kind: &str, name: &str) -> Result<Command> {
    build.args(["--quiet", "--message-format", "json"]);
    let said = shell::read(build)?;
    let path = said.lines().find_map(|line| executable(line, kind, name));
    let path = path.with_context(|| format!("cargo does not say where {name} is"))?;
    Ok(shell::program(path))
}

/// Builds what is asked for of a package, and of those that it is built with, if it is one of them.
fn among(package: &str, together: Option<&BTreeSet<String>>) -> Command {
    let mut build = shell::cargo();
    build.args(["build", "--locked"]);
    match together.filter(|it| it.contains(package)) {
        Some(packages) => {
            for package in packages {
                build.args(["--package", package]);
            }
        }
        None => {
            build.args(["--package", package]);
        }
    }
    build
}

fn whole() -> Command {
    let mut build = shell::cargo();
    build.args([
        "build",
        "--workspace",
        "--all-features",
        "--locked",
        "--tests",
    ]);
    build
}

/// Returns where a line of cargo's messages says that the program is.
fn executable(line: &str, kind: &str, name: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let target = &message["target"];
    let is_it = target["name"] == name && target["kind"][0] == kind;
    let is_test = message["profile"]["test"] != false;
    let path = message["executable"].as_str().map(PathBuf::from);
    path.filter(|_| is_it && !is_test)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str, kind: &str, is_test: bool) -> String {
        serde_json::json!({
            "target": {"name": name, "kind": [kind]},
            "profile": {"test": is_test},
            "executable": "/here/it",
        })
        .to_string()
    }

    #[test]
    fn program_is_built_with_those_of_its_command() {
        let together = BTreeSet::from(["a", "b"].map(str::to_owned));
        let line = |package| shell::describe(&among(package, Some(&together)));
        assert!(line("b").ends_with("build --locked --package a --package b"));
        assert!(line("c").ends_with("build --locked --package c"));
        let alone = shell::describe(&among("a", None));
        assert!(alone.ends_with("build --locked --package a"), "{alone}");
    }

    #[test]
    fn program_is_found_among_tests() {
        let found = |line: &str| executable(line, "bin", "it");
        assert_eq!(found(&message("it", "bin", true)), None);
        assert_eq!(found(&message("it", "test", true)), None);
        assert_eq!(found(&message("other", "bin", false)), None);
        assert_eq!(found("Compiling it"), None);
        let path = found(&message("it", "bin", false));
        assert_eq!(path, Some(PathBuf::from("/here/it")));
        let example = executable(&message("it", "example", false), "example", "it");
        assert_eq!(example, Some(PathBuf::from("/here/it")));
    }
}
