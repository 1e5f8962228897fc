//! A process that outlives the command which started it, known by its id and by its start.

use std::fs;
use std::process::Command;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::shell;

/// One process; another that got the same id later is not it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Process {
    pub(crate) id: u32,
    started: String,
}

impl Process {
    /// The process that has this id now.
    pub(crate) fn of(id: u32) -> Result<Self> {
        match started(id) {
            Some(started) => Ok(Self { id, started }),
            None => bail!("the process {id} has ended"),
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        started(self.id).is_some_and(|started| started == self.started)
    }

    /// Asks it to end, or makes it, if it is still there.
    #[cfg(unix)]
    pub(crate) fn signal(&self, force: Force) {
        use rustix::process::{Pid, Signal, kill_process};

        let id = i32::try_from(self.id).ok().and_then(Pid::from_raw);
        let signal = match force {
            Force::Ask => Signal::TERM,
            Force::Make => Signal::KILL,
        };
        if let Some(id) = id.filter(|_| self.is_running()) {
            // It may have ended this moment, which is what is wanted.
            let _ = kill_process(id, signal);
        }
    }
}

/// How a process is ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Force {
    Ask,
    Make,
}

/// Lets `command` run in a group of its own, so that Ctrl-C does not reach it.
#[cfg(unix)]
pub(crate) fn apart(command: &mut Command) -> Result<&mut Command> {
    use std::os::unix::process::CommandExt;

    Ok(command.process_group(0))
}

#[cfg(not(unix))]
pub(crate) fn apart(_command: &mut Command) -> Result<&mut Command> {
    bail!("a service is started on Unix alone: start it yourself, and give its address")
}

#[cfg(not(unix))]
impl Process {
    /// There is none to end: none is started.
    pub(crate) fn signal(&self, _force: Force) {}
}

/// When a process was started, as its system says it; `None` if it has ended.
fn started(id: u32) -> Option<String> {
    if cfg!(target_os = "linux") {
        return started_of_stat(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?);
    }
    let mut ps = shell::program("ps");
    let output = ps
        .args(["-o", "stat=,lstart=", "-p", &id.to_string()])
        .output();
    started_of_ps(&String::from_utf8(output.ok()?.stdout).ok()?)
}

/// The 22nd field of `/proc/ID/stat`, unless the third says that nobody has waited for it yet.
fn started_of_stat(stat: &str) -> Option<String> {
    // The name of the program is in brackets, and may hold some itself.
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<_> = rest.split_whitespace().collect();
    let is_there = !matches!(*fields.first()?, "Z" | "X");
    let started = (*fields.get(19)?).to_owned();
    is_there.then_some(started)
}

fn started_of_ps(line: &str) -> Option<String> {
    let (state, started) = line.trim().split_once(' ')?;
    (!state.starts_with('Z')).then(|| started.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "7 (a b) c) S 1 7 7 0 -1 4 1 0 0 0 0 0 0 0 20 0 1 0 4242 1 1 1";

    #[test]
    fn start_is_read_from_what_the_system_says() {
        assert_eq!(started_of_stat(STAT).as_deref(), Some("4242"));
        assert_eq!(started_of_stat(&STAT.replace(" S ", " Z ")), None);
        assert_eq!(started_of_stat(""), None);
        let line = "Ss   Thu Nov 26 10:11:06 2026\n";
        let started = "Thu Nov 26 10:11:06 2026";
        assert_eq!(started_of_ps(line).as_deref(), Some(started));
        assert_eq!(started_of_ps(&line.replace("Ss", "Z")), None);
        assert_eq!(started_of_ps(""), None);
    }

    #[cfg(unix)]
    #[test]
    fn process_is_known_by_its_start() {
        let mut child = shell::program("cat");
        let child = apart(&mut child)
            .unwrap()
            .stdin(std::process::Stdio::piped());
        let mut child = child.spawn().unwrap();
        let process = Process::of(child.id()).unwrap();
        assert!(process.is_running());
        let other = Process {
            started: "another time".to_owned(),
            ..process.clone()
        };
        assert!(!other.is_running());
        other.signal(Force::Make);
        assert!(process.is_running());
        process.signal(Force::Make);
        child.wait().unwrap();
        assert!(!process.is_running());
        assert!(Process::of(process.id).is_err());
    }
}
