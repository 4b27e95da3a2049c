//! The files that a component sees: a folder of copies, read-only for the component.

use std::path::{Component as PathPart, Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::manifest::FileMount;
use crate::scratch::ScratchDir;

/// Files that one component sees.
const FILES_MAX: usize = 10_000;
/// First part of the folders' names.
const PURPOSE: &str = "files";

/// Copies `mounts` into a new folder in `parent`; none where there are no mounts.
///
/// Copies, because what a component sees must neither change under it nor lead anywhere else.
///
/// # Errors
///
/// Names the file that cannot be copied.
pub fn mount(parent: &Path, mounts: &[FileMount]) -> Result<Option<ScratchDir>> {
    if mounts.is_empty() {
        return Ok(None);
    }
    if mounts.len() > FILES_MAX {
        bail!(
            "{} files are more than the limit of {FILES_MAX}",
            mounts.len()
        );
    }
    ScratchDir::sweep(parent, PURPOSE);
    let root = ScratchDir::new(parent, PURPOSE)?;
    for mount in mounts {
        let target = root.path().join(relative(&mount.destination)?);
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create the folder {}", folder.display()))?;
        }
        std::fs::copy(&mount.source, &target).with_context(|| {
            format!(
                "cannot copy {} for the component to see it as {}",
                mount.source.display(),
                mount.destination
            )
        })?;
    }
    Ok(Some(root))
}

/// A destination without its leading slash; it may not leave the folder.
fn relative(destination: &str) -> Result<PathBuf> {
    let mut path = PathBuf::new();
    for part in Path::new(destination).components() {
        match part {
            PathPart::Normal(name) => path.push(name),
            PathPart::RootDir | PathPart::CurDir => {}
            PathPart::ParentDir | PathPart::Prefix(_) => {
                bail!("the destination `{destination}` may not contain `..`")
            }
        }
    }
    if path.as_os_str().is_empty() {
        bail!("the destination `{destination}` has no file name");
    }
    Ok(path)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn files_appear_at_their_destinations_and_go_away() {
        let dir = ScratchDir::new(&std::env::temp_dir(), "mounts-test").unwrap();
        let source = dir.path().join("doorward.toml");
        std::fs::write(&source, "policy").unwrap();
        let mounts = ["/policy.toml", "/a/b/policy.toml"].map(|destination| FileMount {
            source: source.clone(),
            destination: destination.to_owned(),
        });
        let root = mount(dir.path(), &mounts).unwrap().unwrap();
        for name in ["policy.toml", "a/b/policy.toml"] {
            assert_eq!(
                std::fs::read_to_string(root.path().join(name)).unwrap(),
                "policy"
            );
        }
        let path = root.path().to_owned();
        drop(root);
        assert!(
            !path.exists(),
            "the copies should go away with the component"
        );
    }

    #[test]
    fn without_files_there_is_no_folder() {
        assert!(mount(Path::new("/nowhere"), &[]).unwrap().is_none());
    }

    #[test]
    fn destinations_stay_inside() {
        for destination in ["/", "", "/../etc/passwd", "/a/../../b"] {
            assert!(
                relative(destination).is_err(),
                "{destination:?} should be refused"
            );
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let dir = ScratchDir::new(&std::env::temp_dir(), "mounts-test").unwrap();
        let mounts = [FileMount {
            source: dir.path().join("missing.toml"),
            destination: "/policy.toml".to_owned(),
        }];
        let error = format!("{:#}", mount(dir.path(), &mounts).unwrap_err());
        assert!(error.contains("missing.toml"), "{error}");
    }
}
