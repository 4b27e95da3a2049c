//! The two files of a theme: written while its case runs, and compared at the end.

use crate::diff;
use doorward_runtime_tests::app::workspace;
use doorward_runtime_tests::host::Host;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;

/// With this variable the files are written anew.
pub const BLESS: &str = "DOORWARD_BLESS";
/// The kinds of files.
pub const KINDS: [&str; 2] = ["answers", "log"];

/// What a case has seen so far.
pub struct Book<'h> {
    pub host: &'h dyn Host,
    theme: &'static str,
    pub answers: String,
    pub log: String,
    /// The title that the log is under.
    logged_under: String,
}

impl<'h> Book<'h> {
    /// The files of a theme, on this host.
    pub fn open(theme: &'static str, host: &'h dyn Host) -> Self {
        Self {
            host,
            theme,
            answers: String::new(),
            log: String::new(),
            logged_under: String::new(),
        }
    }

    /// Begins an act, which has an application of its own.
    pub fn act(&mut self, title: &str) {
        writeln!(self.answers, "== {title}\n").unwrap();
        self.logged_under = format!("== {title}\n");
    }

    /// Notes these lines of the log, which came with the step of this title.
    pub fn logged(&mut self, title: &str, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        // Acts that log nothing are left out.
        let act = std::mem::take(&mut self.logged_under);
        if !act.is_empty() {
            writeln!(self.log, "{act}").unwrap();
        }
        writeln!(self.log, "-- {title}").unwrap();
        for line in lines {
            writeln!(self.log, "{line}").unwrap();
        }
        self.log.push('\n');
    }

    /// Compares with the files, or writes them.
    pub fn close(self) {
        let texts = [self.answers.as_str(), &self.log];
        let mut wrong = Vec::new();
        for (kind, text) in KINDS.into_iter().zip(texts) {
            let text = format!("{}\n", text.trim_end());
            if std::env::var_os(BLESS).is_some() {
                self.bless(kind, &text);
            } else {
                wrong.extend(self.difference(kind, &text));
            }
        }
        assert!(
            wrong.is_empty(),
            "{}\nIf that is meant, {BLESS}=1 writes the files anew.",
            wrong.join("\n\n")
        );
    }

    /// Whether the host is the one whose files may be others.
    fn is_other(&self) -> bool {
        self.host.shows_hops()
    }

    fn difference(&self, kind: &str, text: &str) -> Option<String> {
        let (common, other) = files(kind, self.theme);
        let file = match self.is_other() && other.exists() {
            true => other,
            false => common,
        };
        let expected = std::fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let shown = diff::shown(&expected, text);
        (!shown.is_empty()).then(|| {
            let name = file.strip_prefix(workspace()).unwrap_or(&file).display();
            format!("{name} is not what {} gives:\n{shown}", self.host.name())
        })
    }

    fn bless(&self, kind: &str, text: &str) {
        /// Both hosts may come at once, in any order: whoever is the second one leaves one file where one
        /// will do.
        static WRITING: Mutex<()> = Mutex::new(());
        let _writing = WRITING.lock().unwrap();
        let (common, other) = files(kind, self.theme);
        let file = match self.is_other() {
            true => &other,
            false => &common,
        };
        std::fs::write(file, text).expect("write a golden file");
        let written = [common, other.clone()].map(|file| std::fs::read_to_string(file).ok());
        if written[0] == written[1] {
            std::fs::remove_file(other).expect("remove a golden file");
        }
    }
}

/// Where the golden files are.
pub fn folder() -> PathBuf {
    workspace().join("runtime-tests/golden")
}

/// The file of a theme that both manners have, and that of the other manner where it differs.
fn files(kind: &str, theme: &str) -> (PathBuf, PathBuf) {
    let file = |end: &str| folder().join(format!("{kind}-{theme}{end}.txt"));
    (file(""), file("-47"))
}
