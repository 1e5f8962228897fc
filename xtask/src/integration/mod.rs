//! `cargo xtask integration`: suites against services that run outside of a test.

mod check;
mod choose;
mod clients;
mod compose;
mod guard;
mod health;
mod judge;
mod process;
mod report;
mod service;
mod suite;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand};

use self::check::Ran;
use self::choose::{Machine, Require, ThisMachine};
use self::service::{Running, State};
use self::suite::{Suite, Target};
use crate::{program, shell};

/// The label of what `up` starts.
const UP: &str = "up";

/// What to do; everything is run if nothing is said.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Option<Action>,
    /// Builds programs with the tests of the whole workspace, as `ci` does, which is the least where
    /// those are built anyway.
    #[arg(long, global = true)]
    whole: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists the suites, where each would find its service, and what is up.
    Show,
    /// Starts the service of a suite, and leaves it running.
    Up { suite: String },
    /// Runs the checks of what is up.
    Test,
    /// Stops what is up.
    Down,
    /// Starts the service of a suite, runs its checks and stops it; `all` are all suites.
    Run {
        #[arg(default_value = "all")]
        suite: String,
    },
    /// Writes the pages that show the services of a provider side by side.
    Report,
    /// Stops a service when whoever started it has gone.
    #[command(hide = true)]
    Guard { state: PathBuf },
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.whole {
        program::as_parts();
    }
    let suites = suite::all()?;
    match &options.action {
        None => run_suites(&suites, &required(&suites)?),
        Some(Action::Show) => show(&suites),
        Some(Action::Up { suite }) => up(one(&suites, suite)?, &required(&suites)?),
        Some(Action::Test) => test(&suites),
        Some(Action::Down) => down(&suites),
        Some(Action::Run { suite }) if suite == "all" => run_suites(&suites, &required(&suites)?),
        Some(Action::Run { suite }) => {
            let suite = std::slice::from_ref(one(&suites, suite)?);
            run_suites(suite, &required(&suites)?)
        }
        Some(Action::Report) => write_pages(&suites),
        Some(Action::Guard { state }) => guard::wait(state),
    }
}

/// Runs all suites; one that cannot run fails.
pub(crate) fn run_all() -> Result<()> {
    run_suites(&suite::all()?, &Require::all())
}

/// A folder of this command below `target`.
fn folder(suite: &str) -> Result<PathBuf> {
    let folder = shell::root().join("target").join("integration").join(suite);
    let made = fs::create_dir_all(&folder);
    made.with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

fn required(suites: &[Suite]) -> Result<Require> {
    Require::read(
        &shell::variable("RELAYHOUSE_REQUIRE").unwrap_or_default(),
        suites,
    )
}

fn one<'a>(suites: &'a [Suite], name: &str) -> Result<&'a Suite> {
    let names: Vec<_> = suites.iter().map(|suite| suite.name.as_str()).collect();
    let found = suites.iter().find(|suite| suite.name == name);
    found.with_context(|| format!("there is no suite {name}; there are {}", names.join(", ")))
}

fn show(suites: &[Suite]) -> Result<()> {
    for suite in suites {
        println!("{}: {}", suite.name, suite.provider);
        for target in &suite.targets {
            let title = &suite.service(target).title;
            let state = choose::missing(suite, target, &ThisMachine);
            let state = state.map_or_else(|| "there".to_owned(), |why| format!("not there: {why}"));
            println!("  {:<10} {title}: {state}", target.name);
        }
        if let Some(state) = State::read(&State::path(&suite.name, UP)?)? {
            println!("  up: {state}");
        }
    }
    Ok(())
}

fn up(suite: &Suite, require: &Require) -> Result<()> {
    let path = State::path(&suite.name, UP)?;
    if let Some(state) = State::read(&path)?.filter(State::is_running) {
        println!("{}: is up already: {state}", suite.name);
        return Ok(());
    }
    let plan = choose::plan(suite, require, &ThisMachine)?;
    let Some(target) = plan.run.first() else {
        bail!(
            "{}: no target is there; `integration show` says why",
            suite.name
        );
    };
    let running = Running::start(suite, target, UP)?;
    println!("{}: {}", suite.name, running.state);
    if let Some(address) = &running.state.address {
        println!("{}={address}", suite.address);
        for (name, value) in suite.client.iter().chain(&running.state.client) {
            println!("{name}={value}");
        }
    }
    running.leave()
}

fn down(suites: &[Suite]) -> Result<()> {
    for suite in suites {
        let path = State::path(&suite.name, UP)?;
        match State::read(&path)? {
            Some(state) => {
                service::stop(&state, &path)?;
                println!("{}: stopped", suite.name);
            }
            None => println!("{}: is not up", suite.name),
        }
    }
    Ok(())
}

fn test(suites: &[Suite]) -> Result<()> {
    let mut ran = Vec::new();
    for suite in suites {
        let state = State::read(&State::path(&suite.name, UP)?)?;
        let Some(state) = state.filter(State::is_running) else {
            println!("{}: is not up", suite.name);
            continue;
        };
        let target = suite.target(&state.target);
        let target =
            target.with_context(|| format!("{} has no such target any more", suite.name))?;
        ran.push(check::run(suite, target, &state, false)?);
    }
    ensure!(
        !ran.is_empty(),
        "nothing is up: `integration up SUITE` starts a service"
    );
    conclude(&ran)
}

fn run_suites(suites: &[Suite], require: &Require) -> Result<()> {
    program::together(suites.iter().flat_map(Suite::packages));
    let mut ran = Vec::new();
    for suite in suites {
        ran.extend(run_suite(suite, require, false)?);
    }
    conclude(&ran)
}

/// Runs each target of one suite that is there first, or required by name.
fn run_suite<'a>(suite: &'a Suite, require: &Require, is_report: bool) -> Result<Vec<Ran<'a>>> {
    let plan = choose::plan(suite, require, &ThisMachine)?;
    for (target, why) in &plan.not_run {
        println!("{}:{}: not run: {why}", suite.name, target.name);
    }
    if plan.run.is_empty() {
        println!("{}: not run: it has no target here", suite.name);
    }
    let targets = plan.run.iter();
    targets
        .map(|target| run_target(suite, target, is_report))
        .collect()
}

fn run_target<'a>(suite: &'a Suite, target: &'a Target, is_report: bool) -> Result<Ran<'a>> {
    // What is built first does not count as the time of the suite, and does not keep a service up.
    check::build(suite)?;
    let label = format!("run-{}-{}", target.name, std::process::id());
    let running = Running::start(suite, target, &label)?;
    println!("{}:{}: runs on {}", suite.name, target.name, running.state);
    let ran = check::run(suite, target, &running.state, is_report);
    running.stop()?;
    ran
}

/// Prints what is wrong, if anything is, with the services and with the pages about them.
fn conclude(ran: &[Ran<'_>]) -> Result<()> {
    let mut wrong: Vec<_> = ran.iter().flat_map(|it| it.wrong.clone()).collect();
    wrong.extend(report::stale(ran)?);
    wrong.extend(clients::stale(ran)?);
    for line in &wrong {
        println!("wrong: {line}");
    }
    ensure!(
        wrong.is_empty(),
        "integration: {} things are wrong",
        wrong.len()
    );
    Ok(())
}

fn write_pages(suites: &[Suite]) -> Result<()> {
    program::together(suites.iter().flat_map(Suite::packages));
    let require = required(suites)?;
    let mut ran = Vec::new();
    for suite in suites {
        ran.extend(run_suite(suite, &require, true)?);
    }
    report::write(&ran)?;
    clients::write(&ran)
}

/// The value of a variable, for what asks a machine.
fn variable(name: &str) -> Option<String> {
    ThisMachine.variable(name)
}
