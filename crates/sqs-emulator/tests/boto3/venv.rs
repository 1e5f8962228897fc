//! The Python environment of the suite, made on demand below `target`.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::{self, Command},
};

/// Returns the Python of an environment that has what the suite needs, after making it if needed.
pub(crate) fn python() -> PathBuf {
    let requirements = super::folder().join("requirements.txt");
    let mut hasher = DefaultHasher::new();
    fs::read_to_string(&requirements).unwrap().hash(&mut hasher);
    let name = format!("boto3-{:016x}", hasher.finish());
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if !home.exists() {
        make(&home, &requirements);
    }
    python_of(&home)
}

/// Makes an environment aside, and moves it to its place when it is whole.
fn make(home: &Path, requirements: &Path) {
    let aside = home.with_extension(process::id().to_string());
    run(
        Command::new(system_python())
            .args(["-m", "venv"])
            .arg(&aside),
        "cannot make a virtual environment: is the module venv installed?",
    );
    let mut pip = Command::new(python_of(&aside));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    pip.args([
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
        "-r",
    ]);
    run(
        pip.arg(requirements),
        "cannot install boto3: this test needs the network once",
    );
    if fs::rename(&aside, home).is_err() {
        // Somebody else was faster.
        assert!(home.exists(), "cannot move the environment to its place");
        fs::remove_dir_all(&aside).unwrap();
    }
}

fn system_python() -> &'static str {
    let names = ["python3", "python"].into_iter();
    let mut found = names.filter(|name| {
        let version = "import sys; sys.exit(sys.version_info < (3, 10))";
        let status = Command::new(name).args(["-c", version]).status();
        status.is_ok_and(|status| status.success())
    });
    found.next().expect(
        "this test needs Python 3.10 or newer as `python3` or `python` in the PATH; \
         leave it out with `-E 'not binary(boto3)'`",
    )
}

fn python_of(home: &Path) -> PathBuf {
    if cfg!(windows) {
        home.join("Scripts/python.exe")
    } else {
        home.join("bin/python")
    }
}

fn run(command: &mut Command, complaint: &str) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}\n{said}");
}
