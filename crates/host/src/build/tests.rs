#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use super::*;
use crate::manifest::parse_text;
use std::fs;
use std::sync::Mutex;

/// A folder of its own, gone when dropped, with an application whose components have `builds`.
struct Case {
    dir: PathBuf,
    application: Application,
}

impl Case {
    fn new(name: &str, builds: &[(&str, &str)]) -> Self {
        let dir =
            std::env::temp_dir().join(format!("doorward-build-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("sub")).unwrap();
        let mut text = "spin_manifest_version = 2\n[application]\nname = \"test\"\n".to_owned();
        for (id, build) in builds {
            text.push_str(&format!(
                "[[trigger.http]]\nroute = \"/{id}\"\ncomponent = \"{id}\"\n[component.{id}]\n\
                 source = \"{id}.wasm\"\n{build}\n"
            ));
        }
        let application = parse_text(&text, &dir.join("spin.toml")).unwrap();
        Self { dir, application }
    }

    /// Builds, and returns the result with the lines of progress.
    fn build(&self) -> (Result<(), BuildError>, Vec<String>) {
        let lines = Mutex::new(Vec::new());
        let result = ensure_built(&self.application, &|line| {
            lines.lock().unwrap().push(line.to_owned());
        });
        (result, lines.into_inner().unwrap())
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

#[test]
fn commands_run_in_their_order_and_folder_and_what_they_say_is_shown() {
    let case = Case::new(
        "run",
        &[(
            "a",
            "build.command = [\"echo one >&2; pwd > ../where\", \"cp ../where ../a.wasm\"]\n\
             build.workdir = \"sub\"",
        )],
    );
    let (result, lines) = case.build();
    result.unwrap();
    assert_eq!(lines[0], "Building a (in sub)");
    assert_eq!(lines[1], "one");
    assert!(lines[2].starts_with("Built a ("), "{lines:?}");
    assert_eq!(lines.len(), 3, "a silent command says nothing: {lines:?}");
    let built = fs::read_to_string(case.dir.join("a.wasm")).unwrap();
    assert!(built.trim_end().ends_with("/sub"), "{built:?}");
}

#[test]
fn a_command_that_fails_is_named_and_ends_the_build() {
    let case = Case::new(
        "fail",
        &[(
            "a",
            "build.command = [\"echo broken >&2; exit 3\", \"touch a.wasm\"]",
        )],
    );
    let (result, lines) = case.build();
    let error = result.unwrap_err().to_string();
    assert!(error.contains("building a failed"), "{error}");
    assert!(error.contains("exit status: 3"), "{error}");
    assert!(lines.iter().any(|line| line == "broken"), "{lines:?}");
    assert!(!case.dir.join("a.wasm").exists(), "the next command ran");
}

#[test]
fn a_component_without_a_file_is_named_with_what_helps() {
    for (build, help) in [
        ("", "give it a `build.command`"),
        ("build.command = \"true\"", "names another file"),
    ] {
        let case = Case::new("missing", &[("a", build)]);
        let (result, lines) = case.build();
        let error = result.unwrap_err().to_string();
        assert!(error.contains("`a` has no file"), "{error}");
        assert!(error.contains(help), "{error}");
        assert_eq!(lines, Vec::<String>::new(), "nothing was to do");
    }
}
