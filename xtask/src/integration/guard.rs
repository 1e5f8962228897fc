//! A process beside the command that stops a service when the command is gone, however it went.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context, Result};

use super::process;
use super::service::{self, State};
use crate::shell;

/// What a guard is told when the service may stay.
const LEAVE: &str = "leave";

/// Watches over one service. The guard hears of the command's end as the end of its input.
#[derive(Debug)]
pub(crate) struct Guard(Child);

impl Guard {
    /// Starts to watch over the service of a state file.
    pub(crate) fn start(state: &Path) -> Result<Self> {
        let this = std::env::current_exe().context("this program does not know where it is")?;
        let mut guard = shell::program(this);
        guard.args(["integration", "guard"]).arg(state);
        guard.stdin(Stdio::piped()).stdout(Stdio::null());
        let guard = process::apart(&mut guard)?.stderr(Stdio::null());
        Ok(Self(guard.spawn().context("cannot start the guard")?))
    }

    /// Lets the service be.
    pub(crate) fn dismiss(mut self) -> Result<()> {
        if let Some(mut input) = self.0.stdin.take() {
            input.write_all(LEAVE.as_bytes())?;
        }
        self.0.wait()?;
        Ok(())
    }
}

/// Waits until the command has gone, and stops the service unless it may stay.
pub(crate) fn wait(path: &Path) -> Result<()> {
    let mut said = String::new();
    io::stdin().read_to_string(&mut said)?;
    match State::read(path)? {
        Some(state) if said != LEAVE => service::stop(&state, path),
        _ => Ok(()),
    }
}
