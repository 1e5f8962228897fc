//! What cargo says about the packages of this workspace.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::shell;

/// One package of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: String,
    pub(crate) rust_version: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
    #[serde(default)]
    pub(crate) features: BTreeMap<String, Vec<String>>,
}

impl Package {
    /// Whether the package is one of the libraries and programs that users get.
    pub(crate) fn is_published(&self) -> bool {
        self.folder().is_some_and(|folder| folder == "crates")
    }

    /// The first folder below the root in which the package lives.
    pub(crate) fn folder(&self) -> Option<String> {
        let root = shell::root();
        let path = Path::new(&self.manifest_path).strip_prefix(root).ok()?;
        let first = path.components().next()?;
        Some(first.as_os_str().to_string_lossy().into_owned())
    }
}

/// One line of a dependency table.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) kind: Option<Kind>,
}

/// The table in which a dependency stands; `None` is the ordinary one.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Build,
    Dev,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// Reads the packages of the workspace, sorted by name.
pub(crate) fn packages() -> Result<Vec<Package>> {
    let mut metadata = shell::cargo();
    metadata.args(["metadata", "--no-deps", "--format-version", "1"]);
    parse(&shell::read(&mut metadata)?)
}

/// Reads the packages of the workspace and all that they depend on, sorted by name.
pub(crate) fn packages_and_dependencies() -> Result<Vec<Package>> {
    let mut metadata = shell::cargo();
    metadata.args(["metadata", "--locked", "--format-version", "1"]);
    parse(&shell::read(&mut metadata)?)
}

fn parse(json: &str) -> Result<Vec<Package>> {
    let metadata: Metadata =
        serde_json::from_str(json).context("cannot read the output of cargo metadata")?;
    let mut packages = metadata.packages;
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(packages)
}
