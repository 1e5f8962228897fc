//! The configuration file: profiles, each with settings and named queues.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::Value;
use crate::{
    args::Format,
    console::Verbosity,
    exit::{Code, Failure},
};

/// More than this is no configuration.
const BYTES_MAX: u64 = 1 << 20;

/// Is what a file says.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// The profile that is used where nobody names one.
    pub(super) profile: Option<String>,
    #[serde(default)]
    pub(super) profiles: BTreeMap<String, Profile>,
}

/// Is a set of settings with a name.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    pub(super) base: Option<String>,
    pub(super) output: Option<Value<Format>>,
    pub(super) verbosity: Option<Value<Verbosity>>,
    pub(super) audit: Option<PathBuf>,
    #[serde(default)]
    pub(super) queues: BTreeMap<String, String>,
}

impl File {
    /// Reads the file at `path`.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = text(path).map_err(|rule| {
            let text = format!("cannot read {}: {rule}", path.display());
            Failure::new(Code::NoInput, text)
        })?;
        let file: Self = toml::from_str(&text).map_err(|error| wrong(path, &text, &error))?;
        file.check(path)?;
        Ok(file)
    }

    /// Reads the file at `path`; one that is not there says nothing.
    pub(super) fn read_if_there(path: &Path) -> Result<Option<Self>, Failure> {
        match std::fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            _ => Self::read(path).map(Some),
        }
    }

    /// Refuses names that nobody could use.
    fn check(&self, path: &Path) -> Result<(), Failure> {
        for (profile, Profile { queues, .. }) in &self.profiles {
            let wrong = queues.keys().find(|name| !is_name(name));
            if let Some(name) = wrong {
                let text = format!(
                    "{}: queue {name:?} of profile {profile} is no name: it is empty, or has one \
                     of : / ?",
                    path.display()
                );
                return Err(Failure::new(Code::Usage, text));
            }
        }
        Ok(())
    }
}

/// Returns true if `name` can be told from a URL, and from the path behind a name.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains([':', '/', '?'])
}

fn text(path: &Path) -> Result<String, String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if BYTES_MAX < length.len() {
        return Err(format!("it has more than {BYTES_MAX} bytes"));
    }
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

/// Names file and line, and never shows the line, which may hold a secret.
fn wrong(path: &Path, text: &str, error: &toml::de::Error) -> Failure {
    let line = error.span().map(|span| {
        let before = text.get(..span.start).unwrap_or_default();
        before.matches('\n').count() + 1
    });
    let place = match line {
        Some(line) => format!("{}, line {line}", path.display()),
        None => path.display().to_string(),
    };
    let rule = error.message().replace('\n', " ");
    Failure::new(Code::Usage, format!("{place}: {rule}"))
}
