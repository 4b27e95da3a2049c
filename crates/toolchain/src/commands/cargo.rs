//! Calls of `cargo build` that can become one.

/// Characters that mean something to a shell: a line with one of them is left to the shell.
const SHELL_CHARACTERS: &[char] = &[
    '|', '&', ';', '<', '>', '(', ')', '$', '`', '\\', '"', '\'', '*', '?', '[', '#', '~', '%',
    '!', '{', '}', '\n',
];

/// A plain `cargo build …`: its packages and everything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    packages: Vec<String>,
    others: Vec<String>,
}

impl Call {
    /// Reads `line`, if it is a plain call of `cargo build` that names its packages.
    pub(super) fn parse(line: &str) -> Option<Self> {
        if line.contains(SHELL_CHARACTERS) {
            return None;
        }
        let mut words = line.split_whitespace();
        if words.next() != Some("cargo") || words.next() != Some("build") {
            return None;
        }
        let mut call = Self {
            packages: Vec::new(),
            others: Vec::new(),
        };
        while let Some(word) = words.next() {
            let package = match word {
                // Which binary or feature belongs to which package would be lost.
                "--bin" | "--bins" | "--example" | "--features" | "-F" | "--workspace"
                | "--all" | "--exclude" | "--" => return None,
                "-p" | "--package" => Some(words.next()?),
                _ => word.strip_prefix("--package="),
            };
            match package {
                Some(package) => call.packages.push(package.to_owned()),
                None => call.others.push(word.to_owned()),
            }
        }
        (!call.packages.is_empty()).then_some(call)
    }

    pub(super) fn same_but_packages(&self, other: &Self) -> bool {
        self.others == other.others
    }

    pub(super) fn add_packages(&mut self, other: Self) {
        for package in other.packages {
            if !self.packages.contains(&package) {
                self.packages.push(package);
            }
        }
    }

    /// cargo's arguments, `build` first.
    pub(super) fn into_arguments(self) -> Vec<String> {
        let packages = self
            .packages
            .into_iter()
            .flat_map(|package| ["-p".to_owned(), package]);
        std::iter::once("build".to_owned())
            .chain(self.others)
            .chain(packages)
            .collect()
    }
}

/// Whether a line of cargo's is the one that it writes when all is built.
pub(super) fn says_nothing_to_do(line: &str) -> bool {
    line.trim_start().starts_with("Finished ")
}
