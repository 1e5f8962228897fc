//! `tests/suites/NAME/suite.toml`: what a suite checks, and where it finds a service to check.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::shell;

const FOLDER: &str = "tests/suites";

/// One suite, as its file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Suite {
    /// The name of the folder.
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) folder: PathBuf,
    /// What the services are meant to be.
    pub(crate) provider: String,
    /// The page in which the services stand side by side.
    pub(crate) page: String,
    /// The variable by which a check learns the address of the service.
    pub(crate) address: String,
    /// Further variables for checks, unless the service is the provider's own.
    #[serde(default)]
    pub(crate) client: BTreeMap<String, String>,
    #[serde(rename = "check")]
    pub(crate) checks: Vec<Check>,
    /// In the order in which they are looked for.
    #[serde(rename = "target")]
    pub(crate) targets: Vec<Target>,
    /// What answers at a target, by name.
    #[serde(rename = "service")]
    pub(crate) services: BTreeMap<String, Service>,
}

/// A program that prints a line of JSON for each thing that it looked at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) from: Program,
    /// The arguments; those of a Python begin with its script, in the folder of the suite.
    #[serde(default)]
    pub(crate) args: Vec<String>,
    /// A program that the check runs in turn; `RELAYHOUSE_PROGRAM` tells it where that is.
    #[serde(default)]
    pub(crate) program: Option<Build>,
    /// Whether its lines are rows of the page.
    #[serde(default)]
    pub(crate) is_reported: bool,
}

/// Where the program of a check comes from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) enum Program {
    Build(Build),
    Venv(Venv),
}

/// A program of this workspace.
#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Build {
    pub(crate) package: String,
    pub(crate) bin: String,
}

/// A Python environment made here, for the systems and Pythons its packages are pinned for.
#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Venv {
    pub(crate) requirements: String,
    pub(crate) pythons: Vec<String>,
    pub(crate) systems: Vec<String>,
}

/// One way to find a service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) service: String,
    pub(crate) from: From,
}

/// Where a service comes from; the kinds stand in the order in which a suite may have them.
#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) enum From {
    /// Somebody runs it, and this variable has its address.
    Address {
        variable: String,
    },
    /// The provider runs it; asked for by name alone, with these variables set.
    Cloud {
        variables: Vec<String>,
    },
    /// A program of this machine, which is there if it ends well with `answers`.
    Program {
        command: String,
        answers: Vec<String>,
    },
    Venv(Venv),
    Build(Build),
    /// A container, where Docker answers.
    Compose {
        file: String,
        container: String,
        port: u16,
    },
}

/// What answers: how it is started, when it is ready, and where it differs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Service {
    pub(crate) title: String,
    /// The arguments; `{port}` is a free one, `{folder}` an empty folder, `{suite}` the suite's own.
    #[serde(default)]
    pub(crate) args: Vec<String>,
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    /// What checks are told as the address, if that is not where the container is ready.
    #[serde(default)]
    pub(crate) address: Option<String>,
    /// Further variables for checks, which may have the same in them, and `{address}`, which is where
    /// the service is ready; those of a container may have that alone.
    #[serde(default)]
    pub(crate) client: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) ready: Option<Ready>,
    /// Where it does not do what a case or probe expects.
    #[serde(default, rename = "difference")]
    pub(crate) differences: Vec<Difference>,
}

/// How a service shows that it is ready.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) enum Ready {
    /// It prints its address as a line that begins so.
    Line { starts: String },
    /// It answers a request for `path` with a text that has `says` in it.
    Health { path: String, says: String },
}

/// A case or probe that a service is known to fail.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Difference {
    pub(crate) name: String,
    /// What the failure says, or a part of it.
    pub(crate) shows: String,
    pub(crate) why: String,
}

impl Suite {
    pub(crate) fn service(&self, target: &Target) -> &Service {
        &self.services[&target.service]
    }

    pub(crate) fn target(&self, name: &str) -> Option<&Target> {
        self.targets.iter().find(|target| target.name == name)
    }

    /// The packages of this workspace whose programs are built for it.
    pub(crate) fn packages(&self) -> BTreeSet<&str> {
        let mut packages = BTreeSet::new();
        for check in &self.checks {
            if let Program::Build(build) = &check.from {
                packages.insert(build.package.as_str());
            }
            packages.extend(check.program.iter().map(|it| it.package.as_str()));
        }
        for target in &self.targets {
            if let From::Build(build) = &target.from {
                packages.insert(build.package.as_str());
            }
        }
        packages
    }

    fn check(&self) -> Result<()> {
        ensure!(!self.checks.is_empty(), "no check");
        ensure!(!self.targets.is_empty(), "no target");
        let mut names = BTreeSet::new();
        for target in &self.targets {
            let name = &target.name;
            ensure!(names.insert(name), "two targets are named {name}");
            let Some(service) = self.services.get(&target.service) else {
                bail!("target {name}: there is no service {}", target.service);
            };
            let is_ready_by_itself =
                matches!(target.from, From::Address { .. } | From::Cloud { .. });
            let can_be_ready = is_ready_by_itself || service.ready.is_some();
            ensure!(can_be_ready, "target {name}: its service is never ready");
        }
        let order = self.targets.iter().map(|target| target.from.rank());
        ensure!(order.is_sorted(), "the targets do not stand in their order");
        Ok(())
    }
}

impl From {
    /// An address comes before what this machine has, that before what is made here, and that
    /// before Docker.
    const fn rank(&self) -> u8 {
        match self {
            Self::Address { .. } => 0,
            Self::Cloud { .. } => 1,
            Self::Program { .. } => 2,
            Self::Venv(_) | Self::Build(_) => 3,
            Self::Compose { .. } => 4,
        }
    }
}

/// Reads all suites, sorted by name.
pub(crate) fn all() -> Result<Vec<Suite>> {
    let folder = shell::root().join(FOLDER);
    let mut suites = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {FOLDER}"))? {
        let folder = entry?.path();
        if folder.join("suite.toml").exists() {
            suites.push(read(&folder)?);
        }
    }
    suites.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(suites)
}

fn read(folder: &Path) -> Result<Suite> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let path = folder.join("suite.toml");
    let text = fs::read_to_string(&path);
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    let suite = parse(&text).with_context(|| format!("{FOLDER}/{name}/suite.toml"))?;
    Ok(Suite {
        name: name.into_owned(),
        folder: folder.to_path_buf(),
        ..suite
    })
}

pub(crate) fn parse(text: &str) -> Result<Suite> {
    let suite: Suite = toml::from_str(text)?;
    suite.check()?;
    Ok(suite)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A suite with an address, a cloud, a Python environment and a container.
    pub(crate) const SUITE: &str = r#"
        provider = "Amazon SQS"
        page = "docs/a.md"
        address = "ENDPOINT"

        [[check]]
        name = "probes"
        from.build = { package = "p", bin = "b" }
        program = { package = "q", bin = "c" }
        is-reported = true

        [[target]]
        name = "address"
        service = "given"
        from = { address = { variable = "GIVEN" } }

        [[target]]
        name = "aws"
        service = "given"
        from = { cloud = { variables = ["REGION"] } }

        [[target]]
        name = "venv"
        service = "witness"
        from.venv = { requirements = "r.txt", pythons = ["3.11"], systems = ["linux"] }

        [[target]]
        name = "docker"
        service = "witness"
        from = { compose = { file = "compose.yaml", container = "c", port = 4566 } }

        [service.given]
        title = "the given one"

        [service.witness]
        title = "Witness 1"
        ready = { health = { path = "/", says = "running" } }

        [[service.witness.difference]]
        name = "probes::a"
        shows = "accepted"
        why = "not checked"
    "#;

    pub(crate) fn suite() -> Suite {
        let suite = parse(SUITE).unwrap();
        Suite {
            name: "sqs".to_owned(),
            ..suite
        }
    }

    fn complaint(from: &str, to: &str) -> String {
        format!("{:#}", parse(&SUITE.replace(from, to)).unwrap_err())
    }

    #[test]
    fn suites_of_this_repository_are_right() {
        let suites = all().unwrap();
        assert_ne!(suites.len(), 0);
        for suite in suites {
            for target in &suite.targets {
                let file = match &target.from {
                    From::Venv(venv) => &venv.requirements,
                    From::Compose { file, .. } => file,
                    _ => continue,
                };
                let path = suite.folder.join(file);
                assert!(path.exists(), "{} is missing", path.display());
            }
            for check in &suite.checks {
                let Program::Venv(venv) = &check.from else {
                    continue;
                };
                for file in [&venv.requirements, &check.args[0]] {
                    let path = suite.folder.join(file);
                    assert!(path.exists(), "{} is missing", path.display());
                }
            }
        }
    }

    #[test]
    fn file_is_read() {
        let suite = suite();
        assert_eq!(suite.targets.len(), 4);
        let venv = suite.target("venv").unwrap();
        assert_eq!(suite.service(venv).title, "Witness 1");
        assert_eq!(suite.service(venv).differences[0].name, "probes::a");
        assert!(suite.target("other").is_none());
        assert_eq!(suite.packages(), BTreeSet::from(["p", "q"]));
    }

    #[test]
    fn wrong_files_are_refused() {
        assert!(complaint("\"venv\"", "\"docker\"").contains("two targets are named docker"));
        assert!(complaint("service = \"given\"", "service = \"x\"").contains("no service x"));
        assert!(complaint("ready =", "# ready =").contains("never ready"));
        assert!(complaint("why =", "because =").contains("because"));
        let swapped = SUITE.replace("from = { address = { variable = \"GIVEN\" } }", "SWAP");
        let compose = "from = { compose = { file = \"f\", container = \"c\", port = 1 } }";
        let swapped = swapped.replace("SWAP", compose);
        let swapped = swapped.replace("service = \"given\"", "service = \"witness\"");
        let complaint = format!("{:#}", parse(&swapped).unwrap_err());
        assert!(complaint.contains("order"), "{complaint}");
    }
}
