//! Where the files of a user are.

use std::path::PathBuf;

const NAME: &str = "relayhouse";

/// Returns the directory for what is kept from run to run.
pub(crate) fn of_state() -> Option<PathBuf> {
    directory("XDG_STATE_HOME", ".local/state")
}

/// Returns the file of settings that is read where nobody names one.
pub(crate) fn of_settings() -> Option<PathBuf> {
    let directory = directory("XDG_CONFIG_HOME", ".config")?;
    Some(directory.join("config.toml"))
}

/// Returns our directory in the one that `name` says, else in `usual` of the user's home.
fn directory(name: &str, usual: &str) -> Option<PathBuf> {
    let said = variable(name).map(PathBuf::from);
    let said = said.filter(|path| path.is_absolute());
    let home = || variable("HOME").map(|home| PathBuf::from(home).join(usual));
    Some(said.or_else(home)?.join(NAME))
}

/// Returns what the environment says; what is empty says nothing.
#[expect(
    clippy::disallowed_methods,
    reason = "who somebody is, and where their files are, is an agreement of systems"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
