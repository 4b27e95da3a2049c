//! Applications in other languages, made of their source with the tools of their language, once.

use crate::app::{target_dir, workspace};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where an application is made: not beside its source, because the tools write there.
#[derive(Debug, Clone, Copy)]
pub struct Made {
    /// The folder of its source, and of what is made of it.
    pub name: &'static str,
    /// What it is called, for people.
    pub title: &'static str,
}

impl Made {
    /// The built component.
    pub fn component(&self) -> PathBuf {
        self.folder().join("app.wasm")
    }

    /// The folder in which it is made.
    pub fn folder(&self) -> PathBuf {
        target_dir().join("languages").join(self.name)
    }

    fn source(&self) -> PathBuf {
        workspace().join("runtime-tests/languages").join(self.name)
    }

    /// Takes a step where it was not taken with these inputs yet, as they are now. They are copied to the
    /// folder before it.
    pub fn once(&self, step: &str, inputs: &[&str], take: impl FnOnce()) {
        let folder = self.folder();
        std::fs::create_dir_all(&folder).expect("make a folder for the application");
        let read = |name: &&str| std::fs::read(self.source().join(name)).expect("read the source");
        let contents: Vec<u8> = inputs.iter().flat_map(read).collect();
        let taken = folder.join(step);
        if std::fs::read(&taken).is_ok_and(|of| of == contents) {
            return;
        }
        for name in inputs {
            std::fs::copy(self.source().join(name), folder.join(name)).expect("copy the source");
        }
        take();
        std::fs::write(taken, contents).expect("remember what was done");
    }

    /// Builds the component, where it was not built of these inputs yet.
    ///
    /// # Panics
    ///
    /// Where it makes none: some tools end well whatever happens.
    pub fn build(&self, inputs: &[&str], build: impl FnOnce()) {
        let component = self.component();
        if !component.is_file() {
            let _ = std::fs::remove_file(self.folder().join("built"));
        }
        self.once("built", inputs, || {
            let _ = std::fs::remove_file(&component);
            build();
            assert!(component.is_file(), "{}: no component is made", self.title);
        });
    }

    /// Runs a program in the folder.
    ///
    /// # Panics
    ///
    /// Where it fails: on a server the cases must not go missing unnoticed.
    pub fn run(
        &self,
        program: impl Into<PathBuf>,
        arguments: &[&str],
        environment: &[(&str, PathBuf)],
    ) {
        let program = program.into();
        let said = format!("{} {}", program.display(), arguments.join(" "));
        eprintln!("{said}: {}", self.title);
        let status = Command::new(&program)
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .unwrap_or_else(|error| panic!("{said}: {error}"));
        assert!(
            status.success(),
            "{said} in {}: {status}",
            self.folder().display()
        );
    }
}
