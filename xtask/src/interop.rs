//! `cargo xtask interop`: what other implementations of the formats write decodes here, and what
//! ours write decodes there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::{program, python, shell};

/// The Pythons that the packages are pinned for.
const PYTHONS: &[&str] = &["3.13", "3.12", "3.11"];

/// The packages of Python, and which cases they have.
const PACKAGES: &[(&str, &str)] = &[
    ("avro", AVRO),
    ("fastavro", AVRO),
    ("msgpack", MESSAGE_PACK),
];

const AVRO: &str = "avro";
const MESSAGE_PACK: &str = "message-pack";

/// The folder of the Java programs of Debian's package `libavro-java`.
const JARS: &str = "/usr/share/java";
const JAR_NAMES: &[&str] = &[
    "avro",
    "jackson-core-asl",
    "jackson-mapper-asl",
    "slf4j-api",
    "slf4j-nop",
];

/// Which implementations to ask.
#[derive(Args, Debug, Default)]
pub(crate) struct Options {
    /// Asks Java Avro as well: it needs Java 11 and Debian's package libavro-java.
    #[arg(long)]
    java: bool,
    /// Replaces the samples that are checked in with what was written.
    #[arg(long)]
    write: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let folder = shell::root().join("target").join("interop");
    let ours = folder.join("ours");
    for kind in [AVRO, MESSAGE_PACK] {
        shell::run(ours_to("write", kind)?.arg(&ours))?;
    }
    let mut packages = with_python(&folder, &ours)?;
    if options.java {
        packages.push(with_java(&folder, &ours)?);
    }
    for (package, kind) in packages {
        let written = folder.join(package);
        shell::run(ours_to("check", kind)?.arg(&written))?;
        if options.write {
            replace(&written, &home().join("samples").join(package))?;
        }
    }
    Ok(())
}

/// Lets the packages of Python write what they make of the cases, and check what ours made.
fn with_python(folder: &Path, ours: &Path) -> Result<Vec<(&'static str, &'static str)>> {
    let pythons: Vec<_> = PYTHONS.iter().map(|&version| version.to_owned()).collect();
    let found = python::find(&pythons);
    let found = found.with_context(|| {
        format!(
            "no Python {} with the modules venv and ensurepip (Debian: python3-venv)",
            PYTHONS.join(", ")
        )
    })?;
    fs::create_dir_all(folder)?;
    let home = home().join("python");
    let python = python::environment(folder, &found, &home.join("requirements.txt"))?;
    for (verb, place) in [("write", folder), ("check", ours)] {
        let mut script = shell::program(&python);
        script.arg(home.join("interop.py")).arg(verb);
        shell::run(script.arg(cases()).arg(place))?;
    }
    Ok(PACKAGES.to_vec())
}

/// Lets Java Avro write what it makes of the cases, and check what ours made.
fn with_java(folder: &Path, ours: &Path) -> Result<(&'static str, &'static str)> {
    let jars = JAR_NAMES
        .iter()
        .map(|name| format!("{JARS}/{name}.jar"))
        .collect::<Vec<_>>();
    let is_there = Path::new(&jars[0]).exists() && shell::answers(java().arg("-version"));
    ensure!(
        is_there,
        "no Java Avro (Debian: default-jdk-headless, libavro-java)"
    );
    let written = folder.join("java");
    fs::create_dir_all(&written)?;
    for (verb, place) in [("write", &*written), ("check", ours)] {
        let mut program = java();
        program.args(["-cp", &jars.join(":")]);
        program.arg(home().join("java").join("Interop.java"));
        program.arg(verb).arg(cases().join("avro"));
        shell::run(program.arg(place))?;
    }
    Ok(("java", AVRO))
}

fn java() -> Command {
    shell::program("java")
}

/// Our own codecs, to write or to check the cases of a kind.
fn ours_to(verb: &str, kind: &str) -> Result<Command> {
    let mut ours = program::built("relayhouse-interop", "relayhouse-interop")?;
    ours.args([verb, kind]);
    Ok(ours)
}

/// Replaces the files of one folder with those of another.
fn replace(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

fn home() -> PathBuf {
    shell::root().join("tests").join("interop")
}

fn cases() -> PathBuf {
    home().join("cases")
}
