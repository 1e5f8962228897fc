//! Which targets of a suite run, which do not and why, and which of them must.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::suite::{From, Program, Suite, Target, Venv};
use crate::{python, shell};

/// What can be asked of a machine about its services.
pub(crate) trait Machine {
    fn variable(&self, name: &str) -> Option<String>;
    fn system(&self) -> &str;
    /// Whether a program of this machine ends well.
    fn answers(&self, command: &str, args: &[String]) -> bool;
    /// A Python of one of these versions that can make environments.
    fn python(&self, versions: &[String]) -> Option<PathBuf>;
}

/// This machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThisMachine;

impl Machine for ThisMachine {
    fn variable(&self, name: &str) -> Option<String> {
        shell::variable(name).filter(|value| !value.is_empty())
    }

    fn system(&self) -> &str {
        std::env::consts::OS
    }

    fn answers(&self, command: &str, args: &[String]) -> bool {
        shell::answers(shell::program(command).args(args))
    }

    fn python(&self, versions: &[String]) -> Option<PathBuf> {
        python::find(versions)
    }
}

/// What must run, as `RELAYHOUSE_REQUIRE` says it: `all`, `sqs`, `sqs:aws`, parted by commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Require {
    all: bool,
    suites: BTreeSet<String>,
    targets: BTreeSet<(String, String)>,
}

impl Require {
    pub(crate) fn all() -> Self {
        Self {
            all: true,
            ..Self::default()
        }
    }

    /// Reads what must run; a name that no suite has is an error.
    pub(crate) fn read(text: &str, suites: &[Suite]) -> Result<Self> {
        let mut require = Self::default();
        for word in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            let (suite, target) = word.split_once(':').unwrap_or((word, ""));
            if word == "all" {
                require.all = true;
                continue;
            }
            let Some(known) = suites.iter().find(|it| it.name == suite) else {
                bail!("RELAYHOUSE_REQUIRE: there is no suite {suite}");
            };
            if target.is_empty() {
                require.suites.insert(suite.to_owned());
            } else if known.target(target).is_some() {
                let target = (suite.to_owned(), target.to_owned());
                require.targets.insert(target);
            } else {
                bail!("RELAYHOUSE_REQUIRE: the suite {suite} has no target {target}");
            }
        }
        Ok(require)
    }

    fn names(&self, suite: &Suite, target: &Target) -> bool {
        let name = (suite.name.clone(), target.name.clone());
        self.targets.contains(&name)
    }

    fn needs(&self, suite: &Suite) -> bool {
        self.all || self.suites.contains(&suite.name)
    }
}

/// Which targets of a suite run, and why the others do not.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) run: Vec<&'a Target>,
    pub(crate) not_run: Vec<(&'a Target, String)>,
}

/// Runs the first target that is there, and each that is required by name.
pub(crate) fn plan<'a>(
    suite: &'a Suite,
    require: &Require,
    machine: &dyn Machine,
) -> Result<Plan<'a>> {
    let mut plan = Plan {
        run: Vec::new(),
        not_run: Vec::new(),
    };
    let mut has_first = false;
    for target in &suite.targets {
        let is_named = require.names(suite, target);
        let is_by_name = matches!(target.from, From::Cloud { .. });
        if !is_named && (is_by_name || has_first) {
            let why = if is_by_name {
                "asked for by name alone"
            } else {
                "another was there first"
            };
            let name = format!("{}:{}", suite.name, target.name);
            let why = format!("{why}: RELAYHOUSE_REQUIRE={name}");
            plan.not_run.push((target, why));
            continue;
        }
        match missing(suite, target, machine) {
            Some(why) if is_named => bail!("{}:{} cannot run: {why}", suite.name, target.name),
            Some(why) => plan.not_run.push((target, why)),
            None => {
                has_first |= !is_by_name;
                plan.run.push(target);
            }
        }
    }
    if plan.run.is_empty() && require.needs(suite) {
        let reasons = plan.not_run.iter();
        let reasons = reasons.map(|(target, why)| format!("\n  {}: {why}", target.name));
        bail!(
            "the suite {} cannot run:{}",
            suite.name,
            reasons.collect::<String>()
        );
    }
    Ok(plan)
}

/// Why `target` is not there, or a check cannot run on it, if so.
pub(crate) fn missing(suite: &Suite, target: &Target, machine: &dyn Machine) -> Option<String> {
    let of_checks = || {
        let mut checks = suite.checks.iter();
        checks.find_map(|check| match &check.from {
            Program::Build(_) => None,
            Program::Venv(venv) => no_environment(venv, machine),
        })
    };
    no_service(target, machine).or_else(of_checks)
}

/// Why no environment can be made, if none can.
fn no_environment(venv: &Venv, machine: &dyn Machine) -> Option<String> {
    let Venv {
        pythons, systems, ..
    } = venv;
    if !systems.iter().any(|it| it == machine.system()) {
        let systems = systems.join(", ");
        return Some(format!("its packages are pinned for {systems}"));
    }
    if machine.python(pythons).is_some() {
        return None;
    }
    Some(format!(
        "no Python {} with the modules venv and ensurepip (Debian: python3-venv)",
        pythons.join(" or ")
    ))
}

/// Why there is no service at `target`, if there is none.
fn no_service(target: &Target, machine: &dyn Machine) -> Option<String> {
    let unless = |is_there: bool, why: String| if is_there { None } else { Some(why) };
    match &target.from {
        From::Address { variable } => {
            let is_set = machine.variable(variable).is_some();
            unless(is_set, format!("{variable} is not set"))
        }
        From::Cloud { variables } => {
            let unset = variables.iter().find(|it| machine.variable(it).is_none());
            unset.map(|variable| format!("{variable} is not set"))
        }
        From::Program { command, answers } => unless(
            machine.answers(command, answers),
            format!("{command} does not have it"),
        ),
        From::Venv(venv) => no_environment(venv, machine),
        From::Build(_) => None,
        From::Compose { .. } => unless(
            machine.answers("docker", &["info".to_owned()]),
            "`docker info` fails".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::suite::tests::suite;
    use super::*;

    /// A machine of which a test says what it has.
    #[derive(Debug, Default)]
    struct TestMachine {
        variables: &'static [&'static str],
        python: bool,
        docker: bool,
    }

    impl Machine for TestMachine {
        fn variable(&self, name: &str) -> Option<String> {
            self.variables.contains(&name).then(|| "x".to_owned())
        }

        fn system(&self) -> &str {
            "linux"
        }

        fn answers(&self, command: &str, _args: &[String]) -> bool {
            command == "docker" && self.docker
        }

        fn python(&self, _versions: &[String]) -> Option<PathBuf> {
            self.python.then(|| PathBuf::from("python3"))
        }
    }

    const ALL: TestMachine = TestMachine {
        variables: &["GIVEN", "REGION"],
        python: true,
        docker: true,
    };

    fn require(text: &str) -> Require {
        Require::read(text, &[suite()]).unwrap()
    }

    /// The names of the targets that run.
    fn runs(text: &str, machine: &TestMachine) -> Result<Vec<String>> {
        let suite = suite();
        let plan = plan(&suite, &require(text), machine)?;
        assert_eq!(plan.run.len() + plan.not_run.len(), suite.targets.len());
        Ok(plan.run.iter().map(|it| it.name.clone()).collect())
    }

    #[test]
    fn first_target_that_is_there_runs() {
        assert_eq!(runs("", &ALL).unwrap(), ["address"]);
        let machine = TestMachine {
            variables: &[],
            ..ALL
        };
        assert_eq!(runs("", &machine).unwrap(), ["venv"]);
        let machine = TestMachine {
            docker: true,
            ..TestMachine::default()
        };
        assert_eq!(runs("all", &machine).unwrap(), ["docker"]);
    }

    #[test]
    fn target_required_by_name_runs_beside_the_first() {
        assert_eq!(runs("sqs:aws", &ALL).unwrap(), ["address", "aws"]);
        assert_eq!(runs("sqs:docker", &ALL).unwrap(), ["address", "docker"]);
        let error = runs("sqs:aws", &TestMachine::default()).unwrap_err();
        assert_eq!(error.to_string(), "sqs:aws cannot run: REGION is not set");
    }

    #[test]
    fn cloud_is_never_first() {
        let machine = TestMachine {
            variables: &["REGION"],
            ..TestMachine::default()
        };
        assert_eq!(runs("", &machine).unwrap(), [""; 0]);
    }

    #[test]
    fn suite_without_a_target_fails_where_it_is_required() {
        let nothing = TestMachine::default();
        assert_eq!(runs("", &nothing).unwrap(), [""; 0]);
        for text in ["all", "sqs", " sqs , "] {
            let error = runs(text, &nothing).unwrap_err().to_string();
            assert!(error.contains("docker: `docker info` fails"), "{error}");
            assert!(error.contains("venv: no Python 3.11"), "{error}");
        }
    }

    #[test]
    fn packages_of_another_system_are_said() {
        let suite = suite();
        let venv = suite.target("venv").unwrap();
        let From::Venv(pinned) = &venv.from else {
            panic!("it is no Python environment");
        };
        assert_eq!(pinned.systems, ["linux"]);
        assert_eq!(missing(&suite, venv, &ALL), None);
    }

    #[test]
    fn check_without_its_python_keeps_a_target_from_running() {
        let mut suite = suite();
        suite.checks[0].from = Program::Venv(Venv {
            requirements: "r.txt".to_owned(),
            pythons: vec!["3.11".to_owned()],
            systems: vec!["linux".to_owned()],
        });
        let machine = TestMachine {
            python: false,
            ..ALL
        };
        let address = suite.target("address").unwrap();
        assert_eq!(missing(&suite, address, &ALL), None);
        let why = missing(&suite, address, &machine).unwrap();
        assert!(why.starts_with("no Python 3.11"), "{why}");
    }

    #[test]
    fn names_that_nobody_has_are_refused() {
        for text in ["sqs:other", "other", "other:aws"] {
            assert!(Require::read(text, &[suite()]).is_err(), "{text}");
        }
        assert_eq!(require("all"), Require::all());
        assert_eq!(require(""), Require::default());
    }
}
