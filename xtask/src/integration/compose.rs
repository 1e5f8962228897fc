//! Services in containers, by `docker compose`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::shell;

/// The containers of one compose file, under a name of their own.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Compose {
    file: PathBuf,
    project: String,
}

impl Compose {
    pub(crate) fn new(file: &Path, label: &str) -> Self {
        Self {
            file: file.to_path_buf(),
            project: format!("relayhouse-{label}"),
        }
    }

    /// Starts the containers, and prints which image each has.
    pub(crate) fn up(&self) -> Result<()> {
        shell::run(self.command().args(["up", "--detach"]))?;
        shell::run(self.command().args(["images"]))
    }

    /// Where a port of a container can be reached.
    pub(crate) fn address(&self, container: &str, port: u16) -> Result<String> {
        let port = port.to_string();
        let said = shell::read(self.command().args(["port", container, &port]))?;
        let host = said.lines().next().context("the port is not published")?;
        Ok(format!("http://{}", host.trim()))
    }

    pub(crate) fn is_running(&self) -> bool {
        let said = shell::read(self.command().args(["ps", "--quiet"]));
        said.is_ok_and(|said| !said.trim().is_empty())
    }

    pub(crate) fn logs(&self) -> String {
        let said = shell::read(self.command().args(["logs", "--no-color", "--tail", "40"]));
        said.unwrap_or_default()
    }

    pub(crate) fn down(&self) -> Result<()> {
        shell::run(self.command().args(["down", "--volumes"]))
    }

    fn command(&self) -> Command {
        let mut docker = shell::program("docker");
        docker.args(["compose", "--project-name", &self.project, "--file"]);
        docker.arg(&self.file);
        docker
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_have_a_name_of_their_own() {
        let compose = Compose::new(Path::new("compose.yaml"), "sqs-up");
        assert_eq!(
            shell::describe(compose.command().arg("ps")),
            "docker compose --project-name relayhouse-sqs-up --file compose.yaml ps"
        );
    }
}
