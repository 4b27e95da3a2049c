//! Whether files changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What tells a file from the one that it was, without reading it. Links are followed: where one of them leads elsewhere,
/// as those of a ConfigMap do, it is another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    /// Its number in its file system, where files have one.
    number: u64,
}

/// Files as they are at some time; one that is not there has no stamp.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamps(BTreeMap<PathBuf, Option<Stamp>>);

impl Stamps {
    /// These files, as they are now.
    pub(super) fn of(files: BTreeSet<PathBuf>) -> Self {
        let stamped = files.into_iter().map(|file| {
            let stamp = stamp(&file);
            (file, stamp)
        });
        Self(stamped.collect())
    }

    /// The files that are not as they were `then`, those among them that there are only now, or were only then.
    pub(super) fn changed<'a>(&'a self, then: &'a Self) -> impl Iterator<Item = &'a Path> {
        let changed = |one: &'a Self, other: &'a Self| {
            let files = one.0.iter();
            files.filter(|(file, stamp)| other.0.get(*file) != Some(*stamp))
        };
        let gone = then.0.keys().filter(|file| !self.0.contains_key(*file));
        let changed = changed(self, then).map(|(file, _)| file);
        changed.chain(gone).map(PathBuf::as_path)
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(file).ok()?;
    Some(Stamp {
        modified: metadata.modified().ok(),
        bytes: metadata.len(),
        number: number(&metadata),
    })
}

#[cfg(unix)]
fn number(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn number(_: &fs::Metadata) -> u64 {
    0
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// What changed where `change` was made to a folder with the files a and b, and the link `link` that leads to a.
    fn changed(change: impl FnOnce(&Path)) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["a", "b"] {
            fs::write(path(name), "1").unwrap();
        }
        symlink(path("a"), path("link")).unwrap();
        let files = || ["a", "b", "c", "link"].map(path).into_iter().collect();
        let then = Stamps::of(files());
        change(folder.path());
        let now = Stamps::of(files());
        let names = now.changed(&then).map(|file| {
            let name = file.file_name().unwrap();
            name.to_string_lossy().into_owned()
        });
        names.collect()
    }

    #[test]
    fn what_is_as_it_was_has_not_changed() {
        assert!(changed(|_| ()).is_empty());
    }

    #[test]
    fn a_file_has_changed_that_was_written_replaced_removed_or_made() {
        type Change = fn(&Path);
        let cases: [(Change, &[&str]); 5] = [
            (|dir| fs::write(dir.join("b"), "22").unwrap(), &["b"]),
            (
                |dir| {
                    fs::write(dir.join("new"), "1").unwrap();
                    fs::rename(dir.join("new"), dir.join("b")).unwrap();
                },
                &["b"],
            ),
            (|dir| fs::remove_file(dir.join("b")).unwrap(), &["b"]),
            (|dir| fs::write(dir.join("c"), "1").unwrap(), &["c"]),
            (
                |dir| fs::write(dir.join("a"), "22").unwrap(),
                &["a", "link"],
            ),
        ];
        for (change, expected) in cases {
            assert_eq!(changed(change), expected);
        }
    }

    #[test]
    fn a_link_that_leads_elsewhere_is_another_file_even_where_that_is_as_old_and_as_long() {
        let found = changed(|dir| {
            let then = fs::metadata(dir.join("a")).unwrap().modified().unwrap();
            let other = fs::File::options().write(true).open(dir.join("b")).unwrap();
            other.set_modified(then).unwrap();
            fs::remove_file(dir.join("link")).unwrap();
            symlink(dir.join("b"), dir.join("link")).unwrap();
        });
        assert!(found.contains(&"link".to_owned()), "{found:?}");
    }

    #[test]
    fn files_that_are_looked_at_only_now_or_are_no_more_have_changed() {
        let (one, other) = (PathBuf::from("/nowhere/1"), PathBuf::from("/nowhere/2"));
        let then = Stamps::of(BTreeSet::from([one.clone()]));
        let now = Stamps::of(BTreeSet::from([other.clone()]));
        let found: Vec<&Path> = now.changed(&then).collect();
        assert_eq!(found, [other.as_path(), one.as_path()]);
    }
}
