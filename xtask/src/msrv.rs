//! `cargo xtask msrv`: each library with the oldest Rust that its manifest names.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use clap::Args;

use crate::shell;
use crate::workspace::{self, Package};

/// How to get the toolchains.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Installs the toolchains that are missing, with rustup.
    #[arg(long)]
    install: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let packages = workspace::packages()?;
    for (version, names) in by_version(&packages)? {
        if options.install {
            let mut install = shell::program("rustup");
            install.args(["toolchain", "install", version, "--profile", "minimal"]);
            shell::run(install.arg("--no-self-update"))?;
        }
        check(version, &names)?;
    }
    Ok(())
}

fn check(version: &str, names: &[&str]) -> Result<()> {
    let mut check = shell::program("rustup");
    check.args([
        "run", version, "cargo", "check", "--locked", "--lib", "--bins",
    ]);
    check.args([
        "--all-features",
        "--target-dir",
        &format!("target/msrv-{version}"),
    ]);
    for name in names {
        check.args(["--package", name]);
    }
    shell::run(&mut check)
}

/// The published packages by the version that they name; none may leave it out.
fn by_version(packages: &[Package]) -> Result<BTreeMap<&str, Vec<&str>>> {
    let mut versions = BTreeMap::<&str, Vec<&str>>::new();
    for package in packages.iter().filter(|package| package.is_published()) {
        let Some(version) = &package.rust_version else {
            bail!("{}: its manifest names no rust-version", package.name);
        };
        versions.entry(version).or_default().push(&package.name);
    }
    Ok(versions)
}
