//! What this very executable was built from, as it was when it was built.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use toml::de::{DeTable, DeValue};

/// The versions that it was built with.
const LOCK: &str = include_str!("../../../../Cargo.lock");
/// What the packages of the workspace share.
const WORKSPACE: &str = include_str!("../../../../Cargo.toml");
/// The manifests of our own packages: Cargo.lock says what they need together with their tests, these what they need.
const MANIFESTS: [&str; 13] = [
    include_str!("../../Cargo.toml"),
    include_str!("../../../curves/Cargo.toml"),
    include_str!("../../../events/Cargo.toml"),
    include_str!("../../../host/Cargo.toml"),
    include_str!("../../../metrics/Cargo.toml"),
    include_str!("../../../modular/Cargo.toml"),
    include_str!("../../../policy/Cargo.toml"),
    include_str!("../../../retry/Cargo.toml"),
    include_str!("../../../service/Cargo.toml"),
    include_str!("../../../syntax/Cargo.toml"),
    include_str!("../../../token/Cargo.toml"),
    include_str!("../../../toolchain/Cargo.toml"),
    include_str!("../../../traffic/Cargo.toml"),
];
/// The licences that packages name, a line for each: name, version, licence as SPDX writes it.
const LICENCES: &str = include_str!("../../licences.txt");
/// The package that it is.
pub(super) const PACKAGE: &str = env!("CARGO_PKG_NAME");
/// What `source` in a lock file says of a package that crates.io has.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// A package of the lock file.
pub(super) struct Package {
    pub name: String,
    pub version: String,
    source: Option<String>,
    pub checksum: Option<String>,
    /// `name` or `name version`.
    needs: Vec<String>,
}

/// All of the lock file.
pub(super) struct Packages(Vec<Package>);

impl Packages {
    /// Those of the lock file that this executable has.
    ///
    /// # Errors
    ///
    /// When a file that was there when it was built is not what cargo writes.
    pub(super) fn read() -> Result<Self> {
        let lock = DeTable::parse(LOCK).context("Cargo.lock cannot be read")?;
        let packages = list(lock.get_ref(), "package").into_iter();
        let packages = packages.filter_map(|package| Package::of(package.as_table()?));
        let mut packages: Vec<Package> = packages.collect();
        let workspace = DeTable::parse(WORKSPACE).context("Cargo.toml cannot be read")?;
        for text in MANIFESTS {
            let manifest = DeTable::parse(text).context("a Cargo.toml cannot be read")?;
            let manifest = manifest.get_ref();
            let name = table(manifest, "package").and_then(|package| string(package, "name"));
            let own = |package: &&mut Package| package.is_ours() && Some(&*package.name) == name;
            if let Some(package) = packages.iter_mut().find(own) {
                let built = needed(manifest, workspace.get_ref());
                package.needs.retain(|need| {
                    let name = need.split(' ').next().unwrap_or_default();
                    built.contains(name)
                });
            }
        }
        Ok(Self(packages))
    }

    /// Those that our package needs, itself among them, in the order of the file.
    pub(super) fn built_from(&self) -> impl Iterator<Item = &Package> {
        let mut closure = BTreeSet::new();
        let ours = |package: &Package| package.is_ours() && package.name == PACKAGE;
        let mut open: Vec<usize> = self.0.iter().position(ours).into_iter().collect();
        while let Some(index) = open.pop() {
            if closure.insert(index) {
                let needs = self.0.get(index).map_or(&[][..], |package| &package.needs);
                open.extend(needs.iter().filter_map(|need| self.found(need)));
            }
        }
        closure.into_iter().filter_map(|index| self.0.get(index))
    }

    /// What a package needs.
    pub(super) fn needs_of(&self, package: &Package) -> impl Iterator<Item = &Package> {
        let indexes = package.needs.iter().filter_map(|need| self.found(need));
        indexes.filter_map(|index| self.0.get(index))
    }

    fn found(&self, need: &str) -> Option<usize> {
        let (name, version) = match need.split_once(' ') {
            Some((name, version)) => (name, Some(version)),
            None => (need, None),
        };
        let is_it = |package: &Package| {
            package.name == name && version.is_none_or(|version| package.version == version)
        };
        self.0.iter().position(is_it)
    }
}

impl Package {
    fn of(table: &DeTable<'_>) -> Option<Self> {
        let text = |key: &str| string(table, key).map(str::to_owned);
        let needs = list(table, "dependencies").into_iter();
        Some(Self {
            name: text("name")?,
            version: text("version")?,
            source: text("source"),
            checksum: text("checksum"),
            needs: needs
                .filter_map(|need| need.as_str().map(str::to_owned))
                .collect(),
        })
    }

    fn is_ours(&self) -> bool {
        self.source.is_none()
    }

    /// As the [package URL specification](https://github.com/package-url/purl-spec) has it. One of ours is on no registry.
    pub(super) fn purl(&self) -> String {
        let Self { name, version, .. } = self;
        match self.source.as_deref() {
            Some(REGISTRY) => format!("pkg:cargo/{name}@{version}"),
            Some(_) | None => format!("pkg:generic/{name}@{version}"),
        }
    }

    /// The licence that its manifest names, as SPDX writes it.
    pub(super) fn licence(&self) -> Option<&'static str> {
        if self.is_ours() {
            return Some(env!("CARGO_PKG_LICENSE"));
        }
        LICENCES.lines().find_map(|line| {
            let (name, rest) = line.split_once(' ')?;
            let (version, licence) = rest.split_once(' ')?;
            (name == self.name && version == self.version).then_some(licence)
        })
    }
}

/// The packages that a manifest names for more than its tests, on any platform.
fn needed(manifest: &DeTable<'_>, workspace: &DeTable<'_>) -> BTreeSet<String> {
    let targets = table(manifest, "target").into_iter();
    let targets = targets.flat_map(|targets| targets.values());
    let targets = targets.filter_map(|target| target.get_ref().as_table());
    let places = targets.chain([manifest]);
    let tables = places.flat_map(|place| {
        ["dependencies", "build-dependencies"]
            .into_iter()
            .filter_map(|key| table(place, key))
    });
    let shared = table(workspace, "workspace").and_then(|table| self::table(table, "dependencies"));
    let entries = tables.flat_map(|table| table.iter());
    let names = entries.map(|(name, entry)| {
        let name = name.get_ref().as_ref();
        let renamed = |of: &DeTable<'_>| Some(string(of, "package")?.to_owned());
        let own = entry.get_ref().as_table().and_then(renamed);
        let own = own.or_else(|| renamed(table(shared?, name)?));
        own.unwrap_or_else(|| name.to_owned())
    });
    names.collect()
}

fn table<'t, 'd>(of: &'t DeTable<'d>, key: &str) -> Option<&'t DeTable<'d>> {
    of.get(key)?.get_ref().as_table()
}

fn string<'t>(of: &'t DeTable<'_>, key: &str) -> Option<&'t str> {
    of.get(key)?.get_ref().as_str()
}

fn list<'t, 'd>(of: &'t DeTable<'d>, key: &str) -> Vec<&'t DeValue<'d>> {
    let list = of.get(key).and_then(|value| value.get_ref().as_array());
    list.into_iter()
        .flatten()
        .map(|value| value.get_ref())
        .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_only_tests_need_is_left_out_and_each_of_ours_has_its_manifest_here() {
        let packages = Packages::read().unwrap();
        let names: BTreeSet<&str> = (packages.built_from()).map(|one| &*one.name).collect();
        for needed in ["wasmtime", "rustls", "cc", "doorward-retry", "whoami"] {
            assert!(names.contains(needed), "{needed}");
        }
        for of_tests in ["wat", "num-bigint", "libtest-mimic"] {
            assert!(packages.found(of_tests).is_some(), "{of_tests}");
            assert!(!names.contains(of_tests), "{of_tests}");
        }
        let ours = packages.built_from().filter(|package| package.is_ours());
        for package in ours {
            let line = format!("name = \"{}\"", package.name);
            let own = MANIFESTS.iter().any(|manifest| manifest.contains(&line));
            assert!(own, "the manifest of {} is missing", package.name);
        }
    }

    /// The table is made by cargo's own account of what is needed, so that is the same set.
    #[test]
    fn each_has_a_licence_and_each_licence_is_of_one() {
        let packages = Packages::read().unwrap();
        let mut lines = BTreeSet::new();
        for package in packages.built_from() {
            let licence = package.licence().unwrap();
            if !package.is_ours() {
                lines.insert(format!("{} {} {licence}", package.name, package.version));
            }
        }
        let all: BTreeSet<String> = LICENCES.lines().map(str::to_owned).collect();
        assert_eq!(lines, all);
    }
}
