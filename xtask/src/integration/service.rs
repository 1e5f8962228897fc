//! A service that runs: how it is started, what is written down of it, how it is stopped.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::compose::Compose;
use super::guard::Guard;
use super::health;
use super::process::{self, Force, Process};
use super::suite::{From, Ready, Service, Suite, Target, Venv};
use crate::{program, python, shell};

/// How long a service may take to be ready.
const READY_MAX: Duration = Duration::from_secs(60);

/// How long a service that was asked to end may take.
const END_MAX: Duration = Duration::from_secs(10);

/// What is written down of a service, so that another command finds it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct State {
    pub(crate) target: String,
    title: String,
    /// `None` where every program finds it by itself.
    pub(crate) address: Option<String>,
    /// Further variables for checks.
    #[serde(default)]
    pub(crate) client: BTreeMap<String, String>,
    process: Option<Process>,
    compose: Option<Compose>,
    log: Option<PathBuf>,
}

impl State {
    /// Where the state of the service of a suite is written, and its log beside it.
    pub(crate) fn path(suite: &str, label: &str) -> Result<PathBuf> {
        Ok(super::folder(suite)?.join(format!("{label}.json")))
    }

    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        match fs::read(path) {
            Ok(text) => {
                let state = serde_json::from_slice(&text);
                Ok(Some(state.with_context(|| {
                    format!("cannot read {}", path.display())
                })?))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Whether it still runs, as far as that is for us to know.
    pub(crate) fn is_running(&self) -> bool {
        match (&self.process, &self.compose) {
            (Some(process), _) => process.is_running(),
            (None, Some(compose)) => compose.is_running(),
            (None, None) => true,
        }
    }

    /// Says what checks are told of a container, which is ready at its address.
    fn tell(&mut self, service: &Service) {
        self.client = service.client.clone();
        self.tell_address();
        if let Some(address) = &service.address {
            self.address = Some(address.clone());
        }
    }

    /// Puts the address at which the service is ready into what checks are told.
    fn tell_address(&mut self) {
        let ready = self.address.clone().unwrap_or_default();
        for value in self.client.values_mut() {
            *value = value.replace("{address}", &ready);
        }
    }

    /// The last lines that the service printed.
    fn tail(&self) -> String {
        const LINES: usize = 40;
        let text = match (&self.log, &self.compose) {
            (Some(log), _) => fs::read_to_string(log).unwrap_or_default(),
            (None, Some(compose)) => compose.logs(),
            (None, None) => return String::new(),
        };
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

impl Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.title, self.target)?;
        if let Some(address) = &self.address {
            write!(f, ", {address}")?;
        }
        if let Some(process) = &self.process {
            write!(f, ", process {}", process.id)?;
        }
        f.write_str(if self.is_running() {
            ")"
        } else {
            ", has ended)"
        })
    }
}

/// A service that this command started, or was given.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) state: State,
    path: PathBuf,
    child: Option<Child>,
    guard: Option<Guard>,
}

impl Running {
    /// Starts the service of a target, and waits until it is ready. If this command ends before it
    /// says otherwise, the service ends with it.
    pub(crate) fn start(suite: &Suite, target: &Target, label: &str) -> Result<Self> {
        let service = suite.service(target);
        let mut running = Self {
            state: State {
                target: target.name.clone(),
                title: service.title.clone(),
                address: None,
                client: BTreeMap::new(),
                process: None,
                compose: None,
                log: None,
            },
            path: State::path(&suite.name, label)?,
            child: None,
            guard: None,
        };
        match running.bring_up(suite, target, service, label) {
            Ok(()) => Ok(running),
            Err(error) => {
                let tail = running.state.tail();
                running.stop()?;
                Err(error.context(format!("{} does not start\n{tail}", service.title)))
            }
        }
    }

    fn bring_up(
        &mut self,
        suite: &Suite,
        target: &Target,
        service: &Service,
        label: &str,
    ) -> Result<()> {
        match &target.from {
            From::Address { variable } => self.state.address = super::variable(variable),
            From::Cloud { .. } => {}
            From::Program { command, .. } => {
                self.spawn(shell::program(command), suite, service)?;
            }
            From::Venv(venv) => {
                let python = environment(suite, venv)?;
                self.spawn(shell::program(python), suite, service)?;
            }
            From::Build(build) => {
                let command = program::built(&build.package, &build.bin)?;
                self.spawn(command, suite, service)?;
            }
            From::Compose {
                file,
                container,
                port,
            } => {
                let label = format!("{}-{label}", suite.name);
                let compose = Compose::new(&suite.folder.join(file), &label);
                self.state.compose = Some(compose.clone());
                self.watch()?;
                compose.up()?;
                self.state.address = Some(compose.address(container, *port)?);
            }
        }
        self.wait_until_ready(service.ready.as_ref())?;
        match target.from {
            From::Compose { .. } => self.state.tell(service),
            _ => self.state.tell_address(),
        }
        self.state.write(&self.path)
    }

    fn spawn(&mut self, mut command: Command, suite: &Suite, service: &Service) -> Result<()> {
        let port = health::free_port()?.to_string();
        let folder = self.path.with_extension("data");
        fs::create_dir_all(&folder)?;
        let fill = |text: &String| {
            let text = text.replace("{port}", &port);
            let text = text.replace("{folder}", &folder.to_string_lossy());
            text.replace("{suite}", &suite.folder.to_string_lossy())
        };
        let client = service.client.iter();
        self.state.client = client
            .map(|(name, value)| (name.clone(), fill(value)))
            .collect();
        let log = self.path.with_extension("log");
        let output =
            File::create(&log).with_context(|| format!("cannot make {}", log.display()))?;
        command.args(service.args.iter().map(fill));
        command.envs(service.env.iter().map(|(name, value)| (name, fill(value))));
        command.stdout(output.try_clone()?).stderr(output);
        let line = shell::describe(&command);
        eprintln!("$ {line}");
        let child = process::apart(&mut command)?.spawn();
        let child = child.with_context(|| format!("cannot start {line}"))?;
        self.state.log = Some(log);
        self.state.process = Some(Process::of(child.id())?);
        self.child = Some(child);
        if matches!(service.ready, Some(Ready::Health { .. })) {
            self.state.address = Some(format!("http://127.0.0.1:{port}"));
        }
        self.watch()
    }

    /// Writes down what there is to stop, and has it watched.
    fn watch(&mut self) -> Result<()> {
        self.state.write(&self.path)?;
        self.guard = Some(Guard::start(&self.path)?);
        Ok(())
    }

    fn wait_until_ready(&mut self, ready: Option<&Ready>) -> Result<()> {
        let Some(ready) = ready else { return Ok(()) };
        let (child, state) = (&mut self.child, &self.state);
        let found = health::poll(READY_MAX, || {
            if let Some(child) = child.as_mut()
                && let Some(status) = child.try_wait()?
            {
                bail!("it ended before it was ready: {status}");
            }
            Ok(address_of(state, ready))
        })?;
        let late = || format!("it was not ready after {} s", READY_MAX.as_secs());
        self.state.address = Some(found.with_context(late)?);
        Ok(())
    }

    /// Stops the service, unless it was only given.
    pub(crate) fn stop(mut self) -> Result<()> {
        let (path, guard) = (&self.path, self.guard.take());
        let stopped = end(&self.state, self.child.as_mut());
        let removed = remove(path);
        guard.map_or(Ok(()), Guard::dismiss)?;
        stopped.and(removed)
    }

    /// Leaves the service running, for other commands to find.
    pub(crate) fn leave(mut self) -> Result<()> {
        self.state.write(&self.path)?;
        self.guard.take().map_or(Ok(()), Guard::dismiss)
    }
}

/// The Python of an environment of a suite, which is made unless it is there.
pub(crate) fn environment(suite: &Suite, venv: &Venv) -> Result<PathBuf> {
    let found = python::find(&venv.pythons).context("the Python is gone")?;
    let folder = super::folder(&suite.name)?;
    let requirements = suite.folder.join(&venv.requirements);
    python::environment(&folder, &found, &requirements)
}

/// The address of a service that shows that it is ready.
fn address_of(state: &State, ready: &Ready) -> Option<String> {
    match ready {
        Ready::Line { starts } => {
            let text = fs::read_to_string(state.log.as_ref()?).ok()?;
            let whole = &text[..text.rfind('\n')?];
            let mut lines = whole.lines();
            let line = lines.find(|line| line.starts_with(starts.as_str()))?;
            Some(line.trim().to_owned())
        }
        Ready::Health { path, says } => {
            let address = state.address.as_ref()?;
            let answer = health::get(address, path).ok()?;
            answer.contains(says).then(|| address.clone())
        }
    }
}

/// Stops the service of a state file, and removes the file.
pub(crate) fn stop(state: &State, path: &Path) -> Result<()> {
    end(state, None)?;
    remove(path)
}

fn end(state: &State, mut child: Option<&mut Child>) -> Result<()> {
    if let Some(compose) = &state.compose {
        compose.down()?;
    }
    let Some(process) = &state.process else {
        return Ok(());
    };
    for force in [Force::Ask, Force::Make] {
        process.signal(force);
        let ended = health::poll(END_MAX, || {
            if let Some(child) = child.as_deref_mut() {
                child.try_wait()?;
            }
            Ok((!process.is_running()).then_some(()))
        })?;
        if ended.is_some() {
            return Ok(());
        }
    }
    bail!("the process {} does not end", process.id)
}

/// Removes the state of a service, and its data; the log stays.
fn remove(path: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(path.with_extension("data"));
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(log: Option<PathBuf>) -> State {
        State {
            target: "build".to_owned(),
            title: "our emulator".to_owned(),
            address: Some("http://127.0.0.1:9324".to_owned()),
            client: BTreeMap::from([("CA".to_owned(), "ca.pem".to_owned())]),
            process: None,
            compose: None,
            log,
        }
    }

    #[test]
    fn state_is_found_where_it_was_written() {
        let path = State::path("test-state", &std::process::id().to_string()).unwrap();
        assert_eq!(State::read(&path).unwrap(), None);
        state(None).write(&path).unwrap();
        assert_eq!(State::read(&path).unwrap(), Some(state(None)));
        stop(&state(None), &path).unwrap();
        assert_eq!(State::read(&path).unwrap(), None);
        stop(&state(None), &path).unwrap();
    }

    #[test]
    fn container_is_told_of_by_what_its_service_says() {
        let suite = super::super::suite::tests::suite();
        let mut service = suite.services.into_values().next().unwrap();
        let ready = "http://127.0.0.1:9324".to_owned();
        let mut told = state(None);
        told.tell(&service);
        assert_eq!((&told.address, told.client.len()), (&Some(ready), 0));
        service.address = Some("Endpoint=sb://127.0.0.1".to_owned());
        let api = ("API".to_owned(), "{address}/".to_owned());
        service.client.extend([api]);
        told.tell(&service);
        assert_eq!(told.address, service.address);
        assert_eq!(told.client["API"], "http://127.0.0.1:9324/");
        let mut told = state(None);
        told.client
            .insert("API".to_owned(), "{address}/".to_owned());
        told.tell_address();
        assert_eq!(told.client["API"], "http://127.0.0.1:9324/");
        assert_eq!(told.client["CA"], "ca.pem");
    }

    #[test]
    fn address_is_the_line_that_a_service_prints() {
        let folder = super::super::folder("test-address").unwrap();
        let log = folder.join(format!("{}.log", std::process::id()));
        let ready = Ready::Line {
            starts: "http://".to_owned(),
        };
        fs::write(&log, "warning\nhttp://127.0.0.1:1").unwrap();
        assert_eq!(address_of(&state(Some(log.clone())), &ready), None);
        fs::write(&log, "warning\nhttp://127.0.0.1:1\nserves\n").unwrap();
        let address = address_of(&state(Some(log.clone())), &ready);
        assert_eq!(address.as_deref(), Some("http://127.0.0.1:1"));
        fs::remove_file(log).unwrap();
    }
}
