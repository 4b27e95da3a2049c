//! The files that an application is made of: what somebody looks at who wants to know whether it changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use glob::Pattern;

use super::files::FILES_MAX;
use super::model::{Application, Component};

impl Application {
    /// The manifest, the components' files, and those that components see. What cannot be found out is left out: loading
    /// the application says why.
    #[must_use]
    pub fn served_files(&self) -> BTreeSet<PathBuf> {
        let components = || self.components.values();
        let manifests = components().map(|component| component.manifest.clone());
        let fetched = |component: &&Component| component.download.is_none();
        let sources = components().filter(fetched);
        let sources = sources.map(|component| component.source.clone());
        let mounts = components().filter_map(|component| component.file_mounts().ok());
        let mounts = mounts.flatten().map(|mount| mount.source);
        manifests.chain(sources).chain(mounts).collect()
    }

    /// The files that components are built from, by the patterns in `watch` of `[component.ID.build]`.
    #[must_use]
    pub fn build_inputs(&self) -> BTreeSet<PathBuf> {
        let mut inputs = BTreeSet::new();
        for component in self.components.values() {
            let Some(build) = &component.build else {
                continue;
            };
            let folder = match &build.workdir {
                Some(workdir) => self.dir.join(workdir),
                None => self.dir.clone(),
            };
            for pattern in &build.watch {
                inputs.extend(matching(&folder, pattern));
            }
        }
        inputs
    }
}

/// The files in `folder` that `pattern` names, no more than [`FILES_MAX`] of them.
fn matching(folder: &Path, pattern: &str) -> impl Iterator<Item = PathBuf> + use<> {
    let folder = Pattern::escape(&folder.to_string_lossy());
    let found = glob::glob(&format!("{folder}/{pattern}"));
    let files = found.into_iter().flatten().flatten();
    files.filter(|path| path.is_file()).take(FILES_MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::fs;

    use super::super::load;
    use crate::scratch::ScratchDir;

    const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "watched"
[[trigger.http]]
route = "/..."
component = "main"
[component.main]
source = "main.wasm"
files = [{ source = "policy.toml", destination = "/doorward.toml" }, "page/*.html"]
[component.main.build]
command = "make"
workdir = "code"
watch = ["src/**/*.rs", "Makefile"]
"#;

    #[test]
    fn an_application_is_made_of_its_manifest_components_and_mounted_files_and_built_from_what_it_says()
     {
        let dir = ScratchDir::new(&std::env::temp_dir(), "watched-test").unwrap();
        let path = |name: &str| dir.path().join(name);
        for folder in ["page", "code/src/deep"] {
            fs::create_dir_all(path(folder)).unwrap();
        }
        for file in [
            "main.wasm",
            "policy.toml",
            "page/a.html",
            "page/a.css",
            "code/Makefile",
            "code/src/a.rs",
            "code/src/deep/b.rs",
            "code/src/deep/b.txt",
        ] {
            fs::write(path(file), "").unwrap();
        }
        fs::write(path("spin.toml"), MANIFEST).unwrap();
        let application = load(&path("spin.toml")).unwrap();
        let served = ["main.wasm", "page/a.html", "policy.toml", "spin.toml"];
        let served: Vec<_> = served.into_iter().map(path).collect();
        let found: Vec<_> = application.served_files().into_iter().collect();
        assert_eq!(found, served);
        let inputs = ["code/Makefile", "code/src/a.rs", "code/src/deep/b.rs"];
        let inputs: Vec<_> = inputs.into_iter().map(path).collect();
        let found: Vec<_> = application.build_inputs().into_iter().collect();
        assert_eq!(found, inputs);
    }
}
