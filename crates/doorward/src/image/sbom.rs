//! What an image is made of, as CycloneDX 1.6.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use doorward_host::manifest::Application;
use doorward_host::sha256;
use serde_json::{Value, json};

use super::layer::{Entry, Files};
use super::packages::{PACKAGE, Package, Packages};
use super::place::APPLICATION;

/// What kind of blob it is.
pub(super) const MEDIA_TYPE: &str = "application/vnd.cyclonedx+json";

/// The text of the bill: crates that the host is built from, libraries beside it, and components, each with its digest.
///
/// # Errors
///
/// When a digest cannot be computed.
pub(super) fn text(application: &Application, host: &Files, files: &Files) -> Result<String> {
    let packages = Packages::read()?;
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    for package in packages.built_from() {
        components.push(library(package));
        let needs = packages.needs_of(package).map(Package::purl);
        let needs: BTreeSet<_> = needs.collect();
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

/// A package that the executable was built from.
fn library(package: &Package) -> Value {
    let purl = package.purl();
    let mut json = BTreeMap::from([
        ("type", json!("library")),
        ("bom-ref", json!(purl)),
        ("name", json!(package.name)),
        ("version", json!(package.version)),
        ("purl", json!(purl)),
    ]);
    if let Some(licence) = package.licence() {
        json.insert("licenses", json!([{ "expression": licence }]));
    }
    // Of the package as the registry has it.
    if let Some(checksum) = &package.checksum {
        let hash = json!([{ "alg": "SHA-256", "content": checksum }]);
        json.insert("hashes", hash);
    }
    json!(json)
}
