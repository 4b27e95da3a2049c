//! `files` and `exclude_files`: which host files a component sees, and under which paths.

use std::collections::BTreeMap;
use std::path::{Component as PathPart, Path, PathBuf};

use glob::Pattern;

use super::error::{ManifestError, Problem};
use super::model::{Component, FileEntry, FileMount};

/// The most files that one component can see.
pub const FILES_MAX: usize = 100_000;

impl Component {
    /// The files that the component sees: each host file with its absolute path in the guest.
    ///
    /// Folders and patterns are expanded and `exclude_files` is applied. Called when the application starts, after its build,
    /// because a build may make some of the files.
    ///
    /// # Errors
    /// A file that does not exist, a pattern that is malformed, a destination without a file name,
    /// and a path that leads out of the application's folder.
    pub fn file_mounts(&self) -> Result<Vec<FileMount>, ManifestError> {
        expand(self)
    }
}

fn expand(component: &Component) -> Result<Vec<FileMount>, ManifestError> {
    let mut expansion = Expansion {
        component,
        line: component.line,
        excluded: Vec::new(),
        mounts: BTreeMap::new(),
    };
    for pattern in &component.exclude_files {
        let parsed = Pattern::new(pattern)
            .map_err(|error| expansion.error(format!("exclude_files: {pattern:?}: {error}")))?;
        expansion.excluded.push(parsed);
    }
    for entry in &component.files {
        match entry {
            FileEntry::Pattern { pattern, line } => {
                expansion.line = *line;
                expansion.pattern(pattern)?;
            }
            FileEntry::Placement {
                source,
                destination,
                line,
            } => {
                expansion.line = *line;
                expansion.placement(source, destination)?;
            }
        }
    }
    // A later entry that puts a file at the same place wins, as it does when Spin copies them.
    Ok(expansion
        .mounts
        .into_iter()
        .map(|(destination, source)| FileMount {
            source,
            destination,
        })
        .collect())
}

struct Expansion<'c> {
    component: &'c Component,
    line: usize,
    excluded: Vec<Pattern>,
    mounts: BTreeMap<String, PathBuf>,
}

impl Expansion<'_> {
    fn error(&self, message: String) -> ManifestError {
        ManifestError::new(
            &self.component.manifest,
            vec![Problem {
                line: self.line,
                column: 1,
                message: format!("[component.{}]: {message}", self.component.id),
                help: None,
            }],
        )
    }

    /// `"assets/*.png"`, `"assets"` or `"one.txt"`.
    fn pattern(&mut self, pattern: &str) -> Result<(), ManifestError> {
        let relative = Path::new(pattern);
        if relative.is_absolute()
            || relative
                .components()
                .any(|part| part == PathPart::ParentDir)
        {
            return Err(self.error(format!(
                "files: {pattern:?} leads out of the application's folder; use {{ source = \"…\", \
                 destination = \"…\" }}"
            )));
        }
        if pattern
            .split('/')
            .next_back()
            .is_none_or(|last| last == ".")
        {
            return Err(self.error(format!(
                "files: {pattern:?} is a folder without a name; write `./**/*`"
            )));
        }
        let root = self.component.dir().to_owned();
        let path = root.join(relative);
        if path.is_file() {
            return self.add(&path, &guest_path("/", relative));
        }
        if path.is_dir() {
            return self.folder(&path, &guest_path("/", relative));
        }
        if !pattern.contains(['*', '?', '[']) {
            return Err(self.error(format!(
                "files: {pattern:?} does not exist and is not a pattern"
            )));
        }
        let absolute = format!("{}/{pattern}", Pattern::escape(&root.to_string_lossy()));
        self.matching(&absolute, &root, "/")
    }

    /// `{ source = "assets", destination = "/static" }`.
    fn placement(&mut self, source: &str, destination: &str) -> Result<(), ManifestError> {
        if Path::new(source).is_absolute() {
            return Err(self.error(format!(
                "files: the source {source:?} has to be relative to the application's folder"
            )));
        }
        if destination.split('/').any(|part| part == "..") {
            return Err(self.error(format!("files: the destination {destination:?} holds `..`")));
        }
        let path = self.component.dir().join(source);
        if path.is_dir() {
            return self.folder(&path, &guest_path("/", Path::new(destination)));
        }
        if !path.is_file() {
            return Err(self.error(format!("files: the source {source:?} does not exist")));
        }
        if destination.is_empty() || destination.ends_with('/') || destination.ends_with('.') {
            return Err(self.error(format!(
                "files: the destination {destination:?} of the file {source:?} has no file name"
            )));
        }
        self.add(&path, &guest_path("/", Path::new(destination)))
    }

    /// Every file under `folder`, at `destination` and below.
    fn folder(&mut self, folder: &Path, destination: &str) -> Result<(), ManifestError> {
        let pattern = format!("{}/**/*", Pattern::escape(&folder.to_string_lossy()));
        self.matching(&pattern, folder, destination)
    }

    fn matching(
        &mut self,
        pattern: &str,
        prefix: &Path,
        destination: &str,
    ) -> Result<(), ManifestError> {
        let paths = glob::glob(pattern).map_err(|error| self.error(format!("files: {error}")))?;
        for path in paths {
            let path = path.map_err(|error| self.error(format!("files: {error}")))?;
            if !path.is_file() {
                continue;
            }
            let in_application = path.strip_prefix(self.component.dir()).unwrap_or(&path);
            if self
                .excluded
                .iter()
                .any(|pattern| pattern.matches_path(in_application))
            {
                continue;
            }
            let Ok(relative) = path.strip_prefix(prefix) else {
                continue;
            };
            let guest = guest_path(destination, relative);
            self.add(&path, &guest)?;
        }
        Ok(())
    }

    fn add(&mut self, source: &Path, destination: &str) -> Result<(), ManifestError> {
        if self.mounts.len() >= FILES_MAX {
            return Err(self.error(format!("files: more than {FILES_MAX} files")));
        }
        self.mounts
            .insert(destination.to_owned(), source.to_owned());
        Ok(())
    }
}

/// `relative` below `folder`, as an absolute path of the guest.
fn guest_path(folder: &str, relative: &Path) -> String {
    let mut path = folder.trim_end_matches('/').to_owned();
    for part in relative.components() {
        if let PathPart::Normal(name) = part {
            path.push('/');
            path.push_str(&name.to_string_lossy());
        }
    }
    path
}
