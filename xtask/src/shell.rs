//! Starts other programs, and knows where the repository is.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here =
        variable("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").to_owned());
    let root = Path::new(&here).parent();
    root.unwrap_or_else(|| Path::new(".")).to_path_buf()
}

/// The cargo that started this program, in the root of the repository.
///
/// It is not told of the package of this program: build scripts that look at that would run again
/// whenever somebody called cargo without it in between.
#[expect(
    clippy::disallowed_methods,
    reason = "what cargo has told this program stands in its environment"
)]
pub(crate) fn cargo() -> Command {
    let mut cargo = program(variable("CARGO").unwrap_or_else(|| "cargo".to_owned()));
    let told = env::vars_os().map(|(name, _)| name);
    for name in told.filter(|name| is_of_package(name)) {
        cargo.env_remove(name);
    }
    cargo
}

fn is_of_package(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}

/// Another program, in the root of the repository.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// Runs `command` to its end; an exit code other than zero is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = describe(command);
    eprintln!("$ {line}");
    let status = command
        .status()
        .with_context(|| format!("cannot start {line}"))?;
    ensure!(status.success(), "{line}: {status}");
    Ok(())
}

/// Runs `command` to its end, and returns what it wrote to its standard output.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let line = describe(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {line}"))?;
    ensure!(output.status.success(), "{line}: {}", output.status);
    String::from_utf8(output.stdout).with_context(|| format!("{line}: output is not UTF-8"))
}

/// Whether `command` can be started and ends well; what it prints is dropped.
pub(crate) fn answers(command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// The command as a person would type it.
pub(crate) fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_stem()
        .unwrap_or_default();
    let words = command
        .get_args()
        .map(|word| word.to_string_lossy().into_owned());
    let mut line = program.to_string_lossy().into_owned();
    for word in words {
        line.push(' ');
        line.push_str(&word);
    }
    line
}

/// The value of a variable of the environment.
#[expect(
    clippy::disallowed_methods,
    reason = "cargo, and whoever asks for a suite, speak to this program by variables"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}
