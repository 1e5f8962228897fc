//! `cargo xtask msrv`: each library with the oldest Rust that its manifest names. A feature that
//! brings a library which asks for more is checked with what that one names.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
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

/// A package with features, built with one version.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Build<'a> {
    package: &'a str,
    features: Vec<&'a str>,
}

/// A version as it is written, in the order of its numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version<'a>(Vec<u64>, &'a str);

pub(crate) fn run(options: &Options) -> Result<()> {
    let packages = workspace::packages_and_dependencies()?;
    for (Version(_, version), builds) in by_version(&packages)? {
        if options.install {
            let mut install = shell::program("rustup");
            install.args(["toolchain", "install", version, "--profile", "minimal"]);
            shell::run(install.arg("--no-self-update"))?;
        }
        builds.iter().try_for_each(|build| check(version, build))?;
    }
    Ok(())
}

fn check(version: &str, build: &Build<'_>) -> Result<()> {
    let mut check = shell::program("rustup");
    check.args([
        "run", version, "cargo", "check", "--locked", "--lib", "--bins",
    ]);
    check.args(["--target-dir", &format!("target/msrv-{version}")]);
    check.args(["--package", build.package, "--no-default-features"]);
    if !build.features.is_empty() {
        check.args(["--features", &build.features.join(",")]);
    }
    shell::run(&mut check)
}

/// The published packages by version: each with the features that its own version is enough for,
/// and, if there are others, with all of them and the newest version that one asks for.
fn by_version(packages: &[Package]) -> Result<BTreeMap<Version<'_>, Vec<Build<'_>>>> {
    let mut versions = BTreeMap::<_, Vec<_>>::new();
    for package in packages.iter().filter(|package| package.is_published()) {
        let own = version_of(package)?;
        let mut newest = own.clone();
        let (mut all, mut enough) = (Vec::new(), Vec::new());
        for feature in package.features.keys() {
            let asked = asked(package, feature, packages)?;
            if asked <= own {
                enough.push(feature.as_str());
            }
            newest = newest.max(asked);
            all.push(feature.as_str());
        }
        let package = &*package.name;
        if own < newest {
            let features = all;
            versions
                .entry(newest)
                .or_default()
                .push(Build { package, features });
        }
        let features = enough;
        versions
            .entry(own)
            .or_default()
            .push(Build { package, features });
    }
    Ok(versions)
}

/// The version that a package names; none may leave it out.
fn version_of(package: &Package) -> Result<Version<'_>> {
    let name = &package.name;
    let text = package.rust_version.as_deref();
    let text = text.with_context(|| format!("{name}: its manifest names no rust-version"))?;
    let numbers: Result<_, _> = text.split('.').map(str::parse).collect();
    let numbers = numbers.with_context(|| format!("{name}: rust-version {text}"))?;
    Ok(Version(numbers, text))
}

/// The version that a package asks for with `feature`: that of the newest library which the
/// feature brings. One of other people's may name none.
fn asked<'a>(package: &'a Package, feature: &str, packages: &'a [Package]) -> Result<Version<'a>> {
    let mut newest = version_of(package)?;
    let mut left = vec![(package, feature)];
    let mut seen = BTreeSet::new();
    while let Some((package, feature)) = left.pop() {
        if package.rust_version.is_some() {
            newest = newest.max(version_of(package)?);
        }
        if !seen.insert((&package.manifest_path, feature)) {
            continue;
        }
        for item in package.features.get(feature).into_iter().flatten() {
            let (name, feature) = match item.strip_prefix("dep:") {
                Some(name) => (name, ""),
                None => item.split_once('/').unwrap_or((&package.name, item)),
            };
            let name = name.trim_end_matches('?');
            // There may be several versions of one of other people's.
            let named = packages.iter().filter(|package| package.name == name);
            left.extend(named.map(|package| (package, feature)));
        }
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str, features: &[(&str, &[&str])]) -> Package {
        let root = shell::root();
        let items = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        Package {
            name: name.to_owned(),
            manifest_path: format!("{}/crates/{name}/Cargo.toml", root.display()),
            rust_version: Some(version.to_owned()),
            dependencies: Vec::new(),
            features: features
                .iter()
                .map(|(name, of)| ((*name).to_owned(), items(of)))
                .collect(),
        }
    }

    #[test]
    fn feature_that_asks_for_more_is_checked_with_more() {
        let packages = [
            package("adapter", "1.94.1", &[("tls", &["dep:rustls"])]),
            package("core", "1.86", &[]),
            package(
                "facade",
                "1.89",
                &[
                    ("cloud", &["adapter/tls", "client"]),
                    ("client", &["dep:adapter"]),
                    ("json", &["core/json", "dep:core"]),
                ],
            ),
        ];
        let builds = |package, features: &[&'static str]| Build {
            package,
            features: features.to_vec(),
        };
        let found: Vec<_> = by_version(&packages).unwrap().into_iter().collect();
        let found: Vec<_> = found
            .iter()
            .map(|(Version(_, version), builds)| (*version, builds.as_slice()))
            .collect();
        assert_eq!(
            found,
            [
                ("1.86", &[builds("core", &[])][..]),
                ("1.89", &[builds("facade", &["json"])]),
                (
                    "1.94.1",
                    &[
                        builds("adapter", &["tls"]),
                        builds("facade", &["client", "cloud", "json"]),
                    ]
                ),
            ]
        );
    }

    #[test]
    fn dependency_of_other_people_may_ask_for_more() {
        let mut avro = package("apache-avro", "1.88.0", &[]);
        avro.manifest_path = "/elsewhere/apache-avro/Cargo.toml".to_owned();
        let mut silent = package("silent", "1.0", &[]);
        silent.manifest_path = "/elsewhere/silent/Cargo.toml".to_owned();
        silent.rust_version = None;
        let features: &[(&str, &[&str])] =
            &[("avro", &["dep:apache-avro"]), ("json", &["dep:silent"])];
        let packages = [avro, package("codec", "1.86", features), silent];
        let found: Vec<_> = by_version(&packages).unwrap().into_iter().collect();
        let found = found
            .iter()
            .map(|(Version(_, version), builds)| (*version, builds[0].features.as_slice()));
        let expected: [(_, &[&str]); 2] = [("1.86", &["json"]), ("1.88.0", &["avro", "json"])];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        let versions = ["1.9", "1.89", "1.89.1", "1.94"].map(|version| package("a", version, &[]));
        assert!(
            versions
                .iter()
                .map(|it| version_of(it).unwrap())
                .is_sorted()
        );
        assert!(version_of(&package("a", "soon", &[])).is_err());
    }
}
