//! What an image is made of, as CycloneDX 1.6.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use doorward_host::manifest::Application;
use doorward_host::sha256;
use serde_json::{Value, json};
use toml::de::DeTable;

use super::layer::{Entry, Files};
use super::place::APPLICATION;

/// What kind of blob it is.
pub(super) const MEDIA_TYPE: &str = "application/vnd.cyclonedx+json";
/// The versions that this very executable was built with.
const LOCK: &str = include_str!("../../../../Cargo.lock");
/// The package that it is.
const PACKAGE: &str = env!("CARGO_PKG_NAME");
/// What `source` in a lock file says of a package that crates.io has.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// A package of the lock file.
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
    /// `name` or `name version`.
    needs: Vec<String>,
}

/// The text of the bill: crates that the host is built from, libraries beside it, and components, each with its digest.
///
/// # Errors
///
/// When a digest cannot be computed.
pub(super) fn text(application: &Application, host: &Files, files: &Files) -> Result<String> {
    let packages = packages()?;
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    for index in closure(&packages) {
        let Some(package) = packages.get(index) else {
            continue;
        };
        components.push(package.json());
        let needs = package
            .needs
            .iter()
            .filter_map(|need| found(&packages, need));
        let needs: BTreeSet<_> = needs
            .filter_map(|index| packages.get(index))
            .map(Package::purl)
            .collect();
        dependencies.push(json!({ "ref": package.purl(), "dependsOn": needs }));
    }
    for (path, entry) in host {
        // The executable is what the crates above became.
        if let (Entry::Program(bytes), true) = (entry, path != PACKAGE) {
            components.push(file("library", path, bytes)?);
        }
    }
    let prefix = format!("{APPLICATION}/components/");
    for (path, entry) in files {
        if let (Entry::File(bytes), true) = (entry, path.starts_with(&prefix)) {
            components.push(file("application", path, bytes)?);
        }
    }
    let subject = json!({
        "type": "container",
        "bom-ref": "image",
        "name": application.name,
        "version": application.version,
    });
    let bom = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": subject,
            "tools": { "components": [{
                "type": "application",
                "name": PACKAGE,
                "version": env!("CARGO_PKG_VERSION"),
            }] },
        },
        "components": components,
        "dependencies": dependencies,
    });
    Ok(format!("{bom:#}\n"))
}

/// A file of the image.
fn file(kind: &str, path: &str, bytes: &[u8]) -> Result<Value> {
    let digest = sha256::of(bytes)?.hex();
    let name = path.rsplit('/').next().unwrap_or(path);
    Ok(json!({
        "type": kind,
        "bom-ref": format!("file:/{path}"),
        "name": name,
        "hashes": [{ "alg": "SHA-256", "content": digest }],
        "properties": [{ "name": "dev.doorward.path", "value": format!("/{path}") }],
    }))
}

impl Package {
    /// As the [package URL specification](https://github.com/package-url/purl-spec) has it. One of ours is on no registry.
    fn purl(&self) -> String {
        let Self { name, version, .. } = self;
        match self.source.as_deref() {
            Some(REGISTRY) => format!("pkg:cargo/{name}@{version}"),
            Some(_) | None => format!("pkg:generic/{name}@{version}"),
        }
    }

    fn json(&self) -> Value {
        let mut json = BTreeMap::from([
            ("type", json!("library")),
            ("bom-ref", json!(self.purl())),
            ("name", json!(self.name)),
            ("version", json!(self.version)),
            ("purl", json!(self.purl())),
        ]);
        // Of the package as the registry has it.
        if let Some(checksum) = &self.checksum {
            let hash = json!([{ "alg": "SHA-256", "content": checksum }]);
            json.insert("hashes", hash);
        }
        json!(json)
    }
}

fn packages() -> Result<Vec<Package>> {
    let lock = DeTable::parse(LOCK).context("Cargo.lock cannot be read")?;
    let packages = lock
        .get_ref()
        .get("package")
        .and_then(|value| value.get_ref().as_array());
    let packages = packages.into_iter().flatten();
    let packages = packages.filter_map(|package| {
        let package = package.get_ref().as_table()?;
        let text = |key: &str| Some(package.get(key)?.get_ref().as_str()?.to_owned());
        let needs = package
            .get("dependencies")
            .and_then(|value| value.get_ref().as_array());
        let needs = needs.into_iter().flatten();
        Some(Package {
            name: text("name")?,
            version: text("version")?,
            source: text("source"),
            checksum: text("checksum"),
            needs: needs
                .filter_map(|need| Some(need.get_ref().as_str()?.to_owned()))
                .collect(),
        })
    });
    Ok(packages.collect())
}

fn found(packages: &[Package], need: &str) -> Option<usize> {
    let (name, version) = match need.split_once(' ') {
        Some((name, version)) => (name, Some(version)),
        None => (need, None),
    };
    let is_it = |package: &Package| {
        package.name == name && version.is_none_or(|version| package.version == version)
    };
    packages.iter().position(is_it)
}

/// Everything that our package needs, itself among it, in the order of the file.
fn closure(packages: &[Package]) -> BTreeSet<usize> {
    let mut closure = BTreeSet::new();
    let mut open: Vec<usize> = found(packages, PACKAGE).into_iter().collect();
    while let Some(index) = open.pop() {
        if closure.insert(index) {
            let needs = packages
                .get(index)
                .map_or(&[][..], |package| &package.needs);
            open.extend(needs.iter().filter_map(|need| found(packages, need)));
        }
    }
    closure
}
