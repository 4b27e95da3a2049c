//! The manifests for Kubernetes and the command: the flags of the Deployment are flags, its probes are answered, and what it
//! mounts is served.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::run::{doorward, run};
use crate::serve::{built_workspace, free_address};
use crate::serving::{Serving, status};

/// Time in which it has to serve.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Where components are built, from a folder of the manifests.
const COMPONENTS: &str = "\"../../../";

/// The text of a file of the manifests.
pub fn text_of(file: &str) -> String {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    fs::read_to_string(workspace.unwrap().join("deploy/kubernetes").join(file)).unwrap()
}

/// The flags of the Deployment.
pub fn flags() -> Vec<String> {
    let text = text_of("base/deployment.yaml");
    let entries = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- --"));
    let flags: Vec<String> = entries.map(|flag| format!("--{flag}")).collect();
    assert!(flags.len() > 5, "{flags:?}");
    flags
}

/// The paths of its probes.
fn probes() -> Vec<String> {
    let text = text_of("base/deployment.yaml");
    let paths = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("path: "));
    paths.map(str::to_owned).collect()
}

/// Lays out the ConfigMap of an overlay as the kubelet does: files that point into a folder to which `..data` points.
fn mount(overlay: &str, folder: &Path, workspace: &Path) {
    let version = folder.join("..2026_01_01_00_00_00.1");
    fs::create_dir(&version).unwrap();
    symlink(version.file_name().unwrap(), folder.join("..data")).unwrap();
    let built = format!("\"{}/", workspace.display());
    for file in ["spin.toml", "doorward.toml"] {
        let text = text_of(&format!("{overlay}/{file}"));
        fs::write(version.join(file), text.replace(COMPONENTS, &built)).unwrap();
        symlink(Path::new("..data").join(file), folder.join(file)).unwrap();
    }
}

#[test]
fn what_the_deployment_mounts_is_served_with_its_flags() {
    let workspace = built_workspace();
    for (overlay, asked) in [
        ("single", [("/shop/a", 401), ("/other", 403)]),
        ("replicated", [("/shop/a", 401), ("/api/v1/users", 401)]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let mounted = folder.join("etc");
        fs::create_dir(&mounted).unwrap();
        mount(overlay, &mounted, workspace);
        let (clients, management) = (free_address(), free_address());
        let mut command = doorward(folder);
        command.arg("up").stdout(Stdio::null());
        for flag in flags() {
            let (name, value) = flag.split_once('=').unwrap();
            let value = match name {
                // This is no image, so the components are compiled at the start.
                "--image" => continue,
                "--from" => value.replace("/etc/doorward", &mounted.display().to_string()),
                "--state-dir" => folder.join("state").display().to_string(),
                "--listen" => clients.clone(),
                "--health" | "--metrics" => management.clone(),
                _ => value.to_owned(),
            };
            command.arg(format!("{name}={value}"));
        }
        if overlay == "replicated" {
            // Nobody is there: what needs neither store nor database is answered all the same.
            let redis =
                "[key_value_store.default]\ntype = \"redis\"\nurl = \"redis://127.0.0.1:1\"\n";
            fs::write(folder.join("stores.toml"), redis).unwrap();
            command.env("RUNTIME_CONFIG_FILE", folder.join("stores.toml"));
            command.env(
                "SPIN_VARIABLE_USERS_DATABASE",
                "postgres://a:b@127.0.0.1:1/c",
            );
        }
        let mut serving = Serving(command.spawn().unwrap());
        let started = Instant::now();
        while status(&clients, "/shop/a") != Some(401) {
            assert!(
                serving.0.try_wait().unwrap().is_none(),
                "{overlay}: it has ended"
            );
            assert!(started.elapsed() < TIMEOUT, "{overlay}: it does not serve");
            std::thread::sleep(Duration::from_millis(20));
        }
        for (path, expected) in asked {
            assert_eq!(status(&clients, path), Some(expected), "{overlay}: {path}");
        }
        for path in probes() {
            assert_eq!(status(&management, &path), Some(200), "{overlay}: {path}");
        }
        assert_eq!(status(&management, "/metrics"), Some(200), "{overlay}");
    }
}

#[test]
fn kubernetes_waits_longer_than_the_host_does() {
    let help = run(Path::new("/"), &["up", "--help"]).stdout;
    let text = text_of("base/deployment.yaml");
    let grace = text
        .split_once("terminationGracePeriodSeconds: ")
        .unwrap()
        .1;
    let grace: u64 = grace.lines().next().unwrap().parse().unwrap();
    // What the host takes by default; the delay before it is a part of it.
    let (_, of_flag) = help
        .split_once("--grace <")
        .expect("`doorward up` has --grace");
    let default = of_flag.split_once("[default: ").unwrap().1;
    let longest: u64 = default.split_once("s]").unwrap().0.parse().unwrap();
    assert!(grace > longest, "{grace} s are not more than {longest} s");
}

#[test]
fn the_command_has_nothing_against_what_is_mounted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let secret = text_of("replicated/secret.example.yaml");
    let lines = secret.lines().filter_map(|line| line.strip_prefix("    "));
    let stores: String = lines.map(|line| format!("{line}\n")).collect();
    for (overlay, more) in [
        ("single", &[][..]),
        (
            "replicated",
            &["--replicas", "3", "--runtime-config-file", "stores.toml"],
        ),
    ] {
        for file in ["spin.toml", "doorward.toml"] {
            fs::write(folder.join(file), text_of(&format!("{overlay}/{file}"))).unwrap();
        }
        fs::write(folder.join("stores.toml"), &stores).unwrap();
        let ran = run(folder, &[&["check", "spin.toml"], more].concat());
        assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
        assert!(
            ran.stdout.starts_with("spin.toml is valid"),
            "{}",
            ran.stdout
        );
        let ran = run(folder, &["check", "doorward.toml"]);
        assert_eq!(ran.status, 0, "{}", ran.stdout);
        assert!(
            ran.stdout.starts_with("doorward.toml is valid"),
            "{}",
            ran.stdout
        );
    }
    // The other way round it would be wrong: its revocations are in a file.
    fs::write(folder.join("spin.toml"), text_of("single/spin.toml")).unwrap();
    fs::write(
        folder.join("doorward.toml"),
        text_of("single/doorward.toml"),
    )
    .unwrap();
    let ran = run(folder, &["check", "spin.toml", "--replicas", "3"]);
    assert_eq!(ran.status, 1, "{}", ran.stdout);
    assert!(
        ran.stdout.contains("revocations, the others do not"),
        "{}",
        ran.stdout
    );
}
