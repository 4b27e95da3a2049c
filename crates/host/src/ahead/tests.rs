#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::cpu::{Cpu, engine_for, settings_digest};
use super::file::RECORD;
use super::record::Record;
use super::{Ahead, writable};
use crate::chain::HANDLER;
use crate::manifest::{self, Application};
use crate::precompile::precompile;
use crate::scratch::ScratchDir;
use crate::sha256;

/// A file that nobody can open for writing, root neither, in a folder that nobody can add to: the program that runs.
const NOT_WRITABLE: (&str, &str) = ("/proc/self", "exe");

/// An application with one component, which sees one file, and what is compiled of it in the same folder.
struct Made {
    dir: ScratchDir,
    application: Application,
}

impl Made {
    fn new() -> Self {
        let dir = ScratchDir::new(&std::env::temp_dir(), "ahead-test").unwrap();
        let component = format!(
            r#"(component
                (core module $m (func (export "handle")))
                (core instance $i (instantiate $m))
                (func $handle (canon lift (core func $i "handle")))
                (instance $handler (export "handle" (func $handle)))
                (export "{HANDLER}" (instance $handler))
            )"#
        );
        fs::write(
            dir.path().join("one.wasm"),
            wat::parse_str(component).unwrap(),
        )
        .unwrap();
        fs::write(dir.path().join("seen.txt"), "seen").unwrap();
        let manifest = dir.path().join("spin.toml");
        let text = r#"
spin_manifest_version = 2
[application]
name = "tried"
[[trigger.http]]
route = "/..."
component = "one"
[component.one]
source = "one.wasm"
files = [{ source = "seen.txt", destination = "/seen.txt" }]
"#;
        fs::write(&manifest, text).unwrap();
        let application = manifest::load(&manifest).unwrap();
        for (name, bytes) in precompile(&application, Cpu::usual().unwrap(), &|_| {}).unwrap() {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        Self { dir, application }
    }

    fn path(&self, file: &str) -> std::path::PathBuf {
        self.dir.path().join(file)
    }

    /// Adds a byte to a file.
    fn lengthen(&self, file: &str) {
        let path = self.path(file);
        let bytes = [fs::read(&path).unwrap(), b"\0".to_vec()].concat();
        fs::write(path, bytes).unwrap();
    }

    /// Changes the record.
    fn say(&self, pointer: &str, value: Value) {
        let path = self.path(RECORD);
        let mut record: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        *record.pointer_mut(pointer).unwrap() = value;
        fs::write(path, record.to_string()).unwrap();
    }

    /// What stands in the way of running it, where the files could not be written to.
    fn told(&mut self) -> Result<(), String> {
        let mut runs = || {
            let ahead = Ahead::described_in(self.dir.path())?;
            ahead.check()?;
            ahead.place(&mut self.application)?;
            let engine = engine_for(Cpu::usual().unwrap())?;
            ahead.component(&engine, "one", &[])?;
            anyhow::Ok(())
        };
        runs().map_err(|error| format!("{error:#}"))
    }
}

#[test]
fn what_was_made_here_is_run_and_what_was_changed_since_is_not() {
    let mut made = Made::new();
    assert_eq!(made.told(), Ok(()));
    assert_eq!(
        made.application.components["one"].source,
        made.path("components/one.wasm")
    );

    let other = "0".repeat(64);
    type Change<'a> = &'a dyn Fn(&Made);
    let changes: [(Change<'_>, &str); 8] = [
        (
            &|made| made.lengthen("compiled/0.cwasm"),
            "is not the file that `doorward image` wrote: it has the digest sha256:",
        ),
        (
            &|made| fs::remove_file(made.path("compiled/0.cwasm")).unwrap(),
            "0.cwasm",
        ),
        (
            &|made| made.lengthen("components/one.wasm"),
            "component `one`: ",
        ),
        (
            &|made| fs::remove_file(made.path("components/one.wasm")).unwrap(),
            "one.wasm",
        ),
        (
            &|made| made.say("/settings", other.clone().into()),
            "was compiled by another version of the host, or with other settings",
        ),
        (
            &|made| made.say("/chains", json!({})),
            "has no compiled `one`",
        ),
        // Whoever can change the record as well meets wasmtime, as far as that looks.
        (
            &|made| {
                fs::write(made.path("compiled/0.cwasm"), "no code").unwrap();
                let digest = sha256::of(b"no code").unwrap().to_string();
                made.say("/chains/one/digest", digest.into());
            },
            "the code of `one` was compiled for",
        ),
        (
            &|made| fs::remove_file(made.path(RECORD)).unwrap(),
            "ahead.json",
        ),
    ];
    for (change, said) in changes {
        let mut made = Made::new();
        change(&made);
        let told = made.told().unwrap_err();
        assert!(told.contains(said), "{said:?} is in {told}");
    }
}

#[test]
fn files_are_seen_as_they_were_prepared_only_as_long_as_they_are_the_same() {
    let made = Made::new();
    let mounts = made.application.components["one"].file_mounts().unwrap();
    let ahead = Ahead::described_in(made.dir.path()).unwrap();
    assert_eq!(ahead.files("one", &mounts), Some(made.path("seen/0")));
    assert_eq!(ahead.files("other", &mounts), None);
    fs::write(made.path("seen.txt"), "changed").unwrap();
    assert_eq!(ahead.files("one", &mounts), None);
    fs::remove_file(made.path("seen.txt")).unwrap();
    assert_eq!(ahead.files("one", &mounts), None);
}

#[test]
fn code_that_could_be_changed_is_refused() {
    let made = Made::new();
    let refused = |folder: &Path, files: &[&str]| {
        let refused = writable::refuse(folder, files.iter().copied());
        refused.map_err(|error| error.to_string())
    };
    let (folder, file) = NOT_WRITABLE;
    assert_eq!(refused(Path::new(folder), &[file]), Ok(()));

    let empty = ScratchDir::new(&std::env::temp_dir(), "ahead-test").unwrap();
    for (folder, files) in [
        // It can be written to, though nothing can be added there.
        (Path::new(folder), &["oom_score_adj"][..]),
        // There is nothing that can be written to, but a record can be added.
        (empty.path(), &[]),
        (made.dir.path(), &["compiled/0.cwasm"]),
    ] {
        let told = refused(folder, files).unwrap_err();
        assert!(told.contains("could be changed by this process"), "{told}");
        assert!(told.contains("65532"), "{told}");
    }
    // Nothing is left behind by asking.
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);
}

#[test]
fn a_record_that_is_not_as_it_is_written_is_an_error_that_says_what_is_wrong() {
    let made = Made::new();
    let path = made.path(RECORD);
    let text = fs::read_to_string(&path).unwrap();
    let right = Record::read(&path).unwrap();
    assert_eq!(right.text(), text);
    let digest = json!({ "file": "a", "digest": "sha256:1" });
    for (pointer, value, said) in [
        (
            "/cpu",
            json!("pentium"),
            "`pentium` is no processor of this architecture",
        ),
        ("/cpu", json!(2), "`cpu` is missing"),
        ("/settings", Value::Null, "`settings` is missing"),
        ("/components", json!([]), "`components` is missing"),
        ("/components/one", json!({}), "`digest` is missing"),
        ("/components/one", digest.clone(), "`sha256:1` is no digest"),
        ("/components/one/file", json!(1), "`file` is missing"),
        ("/chains", json!("none"), "`chains` is missing"),
        ("/chains/one/absent", Value::Null, "`absent` is missing"),
        ("/chains/one/absent", json!([1]), "`absent`"),
        ("/chains/one/digest", json!("md5:0"), "`md5:0` is no digest"),
        ("/files", Value::Null, "`files` is missing"),
        ("/files/one", json!({}), "`files`"),
        ("", json!(null), "`cpu` is missing"),
    ] {
        fs::write(&path, &text).unwrap();
        made.say(pointer, value);
        let told = format!("{:#}", Record::read(&path).unwrap_err());
        assert!(told.contains(said), "{pointer}: {told}");
        assert!(
            told.contains("is not what `doorward image` writes"),
            "{told}"
        );
    }
    for text in ["", "{", "\u{feff}{}"] {
        fs::write(&path, text).unwrap();
        let told = format!("{:#}", Record::read(&path).unwrap_err());
        assert!(told.contains("is not JSON"), "{told}");
    }
}

#[test]
fn code_for_other_processors_is_told_by_its_settings() {
    let here: Vec<Cpu> = Cpu::here().collect();
    let digests: Vec<String> = (here.iter())
        .map(|cpu| settings_digest(&engine_for(*cpu).unwrap()))
        .collect();
    for (number, (cpu, digest)) in here.iter().zip(&digests).enumerate() {
        assert_eq!(Cpu::named(cpu.name), Some(*cpu));
        assert_eq!(
            *digest,
            settings_digest(&engine_for(*cpu).unwrap()),
            "{cpu}"
        );
        assert!(!digests[..number].contains(digest), "{cpu}");
    }
    assert_eq!(Cpu::named("pentium"), None);
    assert!(here.contains(&Cpu::usual().unwrap()));
}
