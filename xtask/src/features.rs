//! `cargo xtask features`: each library with no feature, and with each of its features alone.

use anyhow::Result;

use crate::shell;
use crate::workspace::{self, Package};

pub(crate) fn run() -> Result<()> {
    let packages = workspace::packages()?;
    for package in packages.iter().filter(|package| package.is_published()) {
        for feature in selections(package) {
            check(&package.name, feature)?;
        }
    }
    Ok(())
}

/// No feature, then each one alone.
fn selections(package: &Package) -> Vec<Option<&str>> {
    let named = package.features.keys().map(String::as_str);
    let alone = named.filter(|feature| *feature != "default").map(Some);
    std::iter::once(None).chain(alone).collect()
}

/// Code that only another feature uses is a warning, and so an error.
/// A folder of its own keeps these flags from rebuilding what the other commands built.
fn check(package: &str, feature: Option<&str>) -> Result<()> {
    let mut check = shell::cargo();
    check.args(["check", "--locked", "--target-dir", "target/features"]);
    check.args(["--package", package, "--no-default-features"]);
    if let Some(feature) = feature {
        check.args(["--features", feature]);
    }
    shell::run(check.env("RUSTFLAGS", "-D warnings"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_feature_is_selected_alone() {
        let features = ["default", "json", "full"].map(|name| (name.to_owned(), Vec::new()));
        let package = Package {
            name: "a".to_owned(),
            manifest_path: String::new(),
            rust_version: None,
            dependencies: Vec::new(),
            features: features.into(),
        };
        assert_eq!(selections(&package), [None, Some("full"), Some("json")]);
    }
}
