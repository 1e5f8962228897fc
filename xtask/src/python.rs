//! Python environments below `target`, made once for each list of packages.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Context, Result, ensure};

use crate::shell;

/// Prints the version of a Python that can make environments, and where it is.
const PROBE: &str = "import ensurepip, sys, venv; \
    print('%d.%d' % sys.version_info[:2], sys.version.split()[0], sys.executable)";

/// Finds a Python of one of `versions` that can make environments.
pub(crate) fn find(versions: &[String]) -> Option<PathBuf> {
    let named = versions.iter().map(|version| format!("python{version}"));
    let plain = ["python3", "python"].map(str::to_owned);
    named.chain(plain).find_map(|name| {
        let (version, _) = identity(Path::new(&name))?;
        versions.contains(&version).then(|| PathBuf::from(name))
    })
}

/// Returns the Python of an environment below `folder` with the packages of `requirements`, after
/// making it if there is none.
pub(crate) fn environment(folder: &Path, python: &Path, requirements: &Path) -> Result<PathBuf> {
    let packages = fs::read_to_string(requirements);
    let packages = packages.with_context(|| format!("cannot read {}", requirements.display()))?;
    let (_, exact) = identity(python).context("the Python is gone")?;
    let home = folder.join(format!("venv-{}", stamp(&packages, &exact)));
    if !home.exists() {
        make(&home, python, requirements)?;
    }
    Ok(home.join("bin").join("python"))
}

/// What an environment is known by: it is another one as soon as its packages or its Python are.
fn stamp(packages: &str, python: &str) -> String {
    let mut hasher = DefaultHasher::new();
    (packages, python).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Makes an environment aside, and moves it to its place when it is whole.
fn make(home: &Path, python: &Path, requirements: &Path) -> Result<()> {
    let aside = home.with_extension(process::id().to_string());
    let mut venv = shell::program(python);
    shell::run(venv.args(["-m", "venv"]).arg(&aside))?;
    let mut pip = shell::program(aside.join("bin").join("python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    pip.args([
        "--no-input",
        "--no-compile",
        "--no-deps",
        "--only-binary",
        ":all:",
    ]);
    pip.args(["--require-hashes", "--requirement"]);
    shell::run(pip.arg(requirements)).context("cannot install: it needs the network once")?;
    if fs::rename(&aside, home).is_err() {
        ensure!(
            home.exists(),
            "cannot move {} to its place",
            aside.display()
        );
        // Somebody else was faster.
        fs::remove_dir_all(&aside)?;
    }
    Ok(())
}

/// The version of a Python, and all that tells it from others; `None` if it makes no environments.
fn identity(python: &Path) -> Option<(String, String)> {
    let mut probe = shell::program(python);
    let output = probe.args(["-c", PROBE]).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let (version, exact) = said.trim().split_once(' ')?;
    output
        .status
        .success()
        .then(|| (version.to_owned(), exact.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamp_changes_with_packages_and_python() {
        let one = stamp("a==1", "3.11.7 /usr/bin/python3");
        assert_eq!(one, stamp("a==1", "3.11.7 /usr/bin/python3"));
        assert_ne!(one, stamp("a==2", "3.11.7 /usr/bin/python3"));
        assert_ne!(one, stamp("a==1", "3.11.8 /usr/bin/python3"));
    }

    #[test]
    fn python_of_no_version_is_not_found() {
        assert_eq!(find(&["0.1".to_owned()]), None);
        assert_eq!(find(&[]), None);
    }
}
