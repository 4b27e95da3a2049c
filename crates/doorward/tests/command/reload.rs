//! `doorward up` while what it serves changes.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::run::doorward;
use crate::serve::built_workspace;
use crate::serving::{Serving, get, status};

/// Time in which something has to be said.
const TIMEOUT: Duration = Duration::from_secs(120);

/// `/a` is public, or nobody may go there.
fn policy(public: bool) -> String {
    match public {
        true => "[[route]]\npath = \"/a\"\npublic = true\n".to_owned(),
        false => "[[route]]\npath = \"/b\"\npublic = true\n".to_owned(),
    }
}

/// The gate before `whoami`, served from a folder, with what it says on standard error.
struct Served {
    serving: Serving,
    address: String,
    said: Receiver<String>,
}

impl Served {
    fn up(folder: &Path, flags: &[&str]) -> Self {
        let mut child = doorward(folder)
            .args(["up", "--listen", "127.0.0.1:0"])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (tell, said) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines() {
                let line = line.unwrap();
                eprintln!("| {line}");
                let _ = tell.send(line);
            }
        });
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let serving = Serving(child);
        let line = stdout.lines().map(Result::unwrap);
        let line = line
            .take(1)
            .find(|line| line.starts_with("Serving"))
            .unwrap();
        let (_, address) = line.split_once("http://").unwrap();
        let address = address.split(' ').next().unwrap().to_owned();
        Self {
            serving,
            address,
            said,
        }
    }

    /// The lines up to the next one with this in it.
    fn until(&self, part: &str) -> String {
        let mut lines = String::new();
        loop {
            let line = self.said.recv_timeout(TIMEOUT);
            let line = line.unwrap_or_else(|_| panic!("no {part:?} in:\n{lines}"));
            lines.push_str(&line);
            lines.push('\n');
            if line.contains(part) {
                return lines;
            }
        }
    }

    fn get(&self, path: &str) -> String {
        get(&self.address, path)
    }

    fn status(&self, path: &str) -> u16 {
        status(&self.address, path).unwrap()
    }
}

fn release(component: &str) -> PathBuf {
    let release = "target/wasm32-wasip2/release";
    built_workspace()
        .join(release)
        .join(format!("{component}.wasm"))
}

/// The manifest of the gate before `whoami`, whose policy is `policy` from there.
fn manifest(policy: &str) -> String {
    format!(
        "spin_manifest_version = 2\n[application]\nname = \"shop\"\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"whoami\"\n\
         dependencies.middleware = [{{ component = \"gate\", inherit_configuration = [\"files\"] }}]\n\
         [component.whoami]\nsource = {:?}\n\
         files = [{{ source = {policy:?}, destination = \"/doorward.toml\" }}]\n\
         [component.gate]\nsource = {:?}\n",
        release("whoami"),
        release("gate")
    )
}

/// A folder with that application, where `/a` is public.
fn application() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("spin.toml"), manifest("doorward.toml")).unwrap();
    fs::write(folder.path().join("doorward.toml"), policy(true)).unwrap();
    folder
}

#[test]
fn on_sighup_it_serves_what_its_files_say_and_names_the_policy() {
    let folder = application();
    let served = Served::up(folder.path(), &[]);
    assert_eq!((served.status("/a"), served.status("/b")), (200, 403));
    fs::write(folder.path().join("doorward.toml"), policy(false)).unwrap();
    served.serving.tell("-HUP");
    let said = served.until("doorward.toml: sha256:");
    assert!(said.contains("SIGHUP: reloaded shop in "), "{said}");
    let digest = doorward_host::sha256::of(policy(false).as_bytes()).unwrap();
    assert!(
        said.contains(&format!("doorward.toml: {digest}\n")),
        "{said}"
    );
    assert_eq!((served.status("/a"), served.status("/b")), (403, 200));
}

#[test]
fn what_cannot_be_served_is_said_and_changes_nothing() {
    let folder = application();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let served = Served::up(folder.path(), &["--watch"]);
    let manifest = manifest("doorward.toml");
    let variable = "[variables]\nneeded = { required = true }\n[component.whoami.variables]\nneeded = \"{{ needed }}\"\n";
    for (name, text, said) in [
        (
            "doorward.toml",
            "[[route]]\npath = \"/a\"\npublik = true\n".to_owned(),
            &[
                "doorward.toml:3:1",
                "did you mean `public`?",
                "doorward.toml changed: not reloaded",
            ][..],
        ),
        (
            "spin.toml",
            manifest.replace("component = \"whoami\"", "component = \"whoam\""),
            &["spin.toml changed: not reloaded", "whoam"],
        ),
        (
            "spin.toml",
            manifest.replace("whoami.wasm", "nothing.wasm"),
            &["spin.toml changed: not reloaded", "nothing.wasm"],
        ),
        (
            "spin.toml",
            format!("{manifest}{variable}"),
            &["spin.toml changed: not reloaded", "`needed`"],
        ),
    ] {
        write(name, &text);
        let (last, before) = (said.last().unwrap(), said);
        let lines = served.until(last);
        for part in before {
            assert!(lines.contains(part), "expected {part:?} of {lines}");
        }
        assert_eq!(
            (served.status("/a"), served.status("/b")),
            (200, 403),
            "{name}"
        );
        match name {
            "spin.toml" => write(name, &manifest),
            _ => write(name, &policy(true)),
        }
        served.until("reloaded shop in ");
    }
    fs::remove_file(folder.path().join("doorward.toml")).unwrap();
    served.until("doorward.toml changed: not reloaded");
    assert_eq!(served.status("/a"), 200);
    write("doorward.toml", &policy(false));
    served.until("reloaded shop in ");
    assert_eq!((served.status("/a"), served.status("/b")), (403, 200));
}

#[test]
fn what_changed_is_served_also_where_nobody_hears_that_any_more() {
    let folder = application();
    let mut child = doorward(folder.path())
        .args(["up", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let mut serving = Serving(child);
    let line = stdout.lines().next().unwrap().unwrap();
    let (_, address) = line.split_once("http://").unwrap();
    let address = address.split(' ').next().unwrap();
    assert_eq!(status(address, "/a"), Some(200));
    fs::write(folder.path().join("doorward.toml"), policy(false)).unwrap();
    serving.tell("-HUP");
    let begun = Instant::now();
    while status(address, "/a") == Some(200) {
        assert!(begun.elapsed() < TIMEOUT, "it is not served");
    }
    assert_eq!(status(address, "/b"), Some(200));
    serving.tell("-TERM");
    assert_eq!(serving.0.wait().unwrap().code(), Some(0));
}

#[test]
fn a_configmap_whose_link_is_swapped_is_seen_to_change() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mounted = folder.join("etc");
    let version = |name: &str, public| {
        fs::create_dir(mounted.join(name)).unwrap();
        fs::write(mounted.join(name).join("doorward.toml"), policy(public)).unwrap();
    };
    fs::create_dir(&mounted).unwrap();
    version("..1", true);
    symlink("..1", mounted.join("..data")).unwrap();
    symlink("..data/doorward.toml", mounted.join("doorward.toml")).unwrap();
    fs::write(folder.join("spin.toml"), manifest("etc/doorward.toml")).unwrap();
    let served = Served::up(folder, &["--watch"]);
    assert_eq!(served.status("/a"), 200);
    version("..2", false);
    symlink("..2", mounted.join("..data_tmp")).unwrap();
    fs::rename(mounted.join("..data_tmp"), mounted.join("..data")).unwrap();
    fs::remove_dir_all(mounted.join("..1")).unwrap();
    let said = served.until("etc/doorward.toml: sha256:");
    assert!(
        said.contains("etc/doorward.toml changed: reloaded shop"),
        "{said}"
    );
    assert_eq!((served.status("/a"), served.status("/b")), (403, 200));
}

#[test]
fn values_of_variables_and_components_that_are_replaced_are_taken() {
    let folder = application();
    let path = |name: &str| folder.path().join(name);
    fs::copy(release("whoami"), path("service.wasm")).unwrap();
    let manifest =
        manifest("doorward.toml").replace(&format!("{:?}", release("whoami")), "\"service.wasm\"");
    fs::write(path("spin.toml"), manifest).unwrap();
    let served = Served::up(folder.path(), &["--watch"]);
    assert!(served.get("/a").contains("\"identity\""));
    // What is no component is not served; another one is.
    fs::write(path("service.wasm"), "none").unwrap();
    served.until("service.wasm changed: not reloaded");
    assert!(served.get("/a").contains("\"identity\""));
    fs::copy(release("ops"), path("service.wasm")).unwrap();
    served.until("service.wasm changed: ");
    assert!(!served.get("/a").contains("\"identity\""));
}

#[test]
fn what_a_component_is_built_from_is_built_when_it_changes() {
    let folder = application();
    let path = |name: &str| folder.path().join(name);
    fs::copy(release("whoami"), path("one.wasm")).unwrap();
    fs::copy(release("ops"), path("other.wasm")).unwrap();
    fs::write(path("which.txt"), "one").unwrap();
    let build = "[component.whoami.build]\ncommand = \"cp $(cat which.txt).wasm service.wasm\"\nwatch = [\"*.txt\"]\n";
    let manifest =
        manifest("doorward.toml").replace(&format!("{:?}", release("whoami")), "\"service.wasm\"");
    fs::write(path("spin.toml"), format!("{manifest}{build}")).unwrap();
    let served = Served::up(folder.path(), &["--watch", "--build"]);
    assert!(served.get("/a").contains("\"identity\""));
    fs::write(path("which.txt"), "none").unwrap();
    let said = served.until("not reloaded");
    assert!(said.contains("which.txt changed: not reloaded"), "{said}");
    assert!(served.get("/a").contains("\"identity\""));
    fs::write(path("which.txt"), "other").unwrap();
    served.until("which.txt changed: reloaded shop");
    assert!(!served.get("/a").contains("\"identity\""));
}
