//! An image that is unpacked and run: by `crun`, or else by `chroot` in a mount namespace.

use std::fs::{self, File, Permissions};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cage::Cage;
use super::{archive, blob, json as read_json, tar};

/// How long it may take until it answers, or ends.
const TIME_MAX: Duration = Duration::from_secs(60);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(1);

/// A folder with `config.json` and the root file system, as runtimes take it.
pub struct Bundle {
    folder: PathBuf,
    config: Value,
    crun: bool,
    hidden_cgroups: bool,
    volume: Option<Volume>,
    cage: Option<Cage>,
}

/// A folder of this machine that the image's user may write to, at a place of the image.
struct Volume {
    folder: PathBuf,
    at: &'static str,
}

impl Bundle {
    /// Unpacks the image of a layout; nothing, and a word about it, where this machine cannot run one.
    pub fn unpack(folder: &Path, layout: &str) -> Option<Self> {
        let layout = folder.join(layout);
        let index = read_json(&layout.join("index.json"));
        let manifest = read_json(&blob(&layout, &index["manifests"][0]));
        let config = read_json(&blob(&layout, &manifest["config"]));
        let folder = folder.join("bundle");
        let root = folder.join("rootfs");
        fs::create_dir_all(&root).unwrap();
        for layer in manifest["layers"].as_array().unwrap() {
            let arguments = ["-xp".as_ref(), "-C".as_ref(), root.as_os_str()];
            tar(&archive(&layout, layer), &arguments);
        }
        let may = |command: &mut Command| {
            let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
            quiet.status().is_ok_and(|status| status.success())
        };
        let mut bundle = Self {
            folder,
            config: config["config"].clone(),
            crun: true,
            hidden_cgroups: false,
            volume: None,
            cage: None,
        };
        // With an executable that ends at once.
        bundle.write_config(&["/doorward", "--version"]);
        for hidden in [false, true] {
            bundle.hidden_cgroups = hidden;
            if may(&mut bundle.crun("tried")) {
                return Some(bundle);
            }
        }
        bundle.crun = false;
        if may(&mut bundle.chroot(&["/doorward", "--version"])) {
            eprintln!("note: there is no crun that works here, so the image is run by chroot");
            return Some(bundle);
        }
        eprintln!(
            "SKIPPED: this machine lets neither crun nor chroot run an image (crun, or root, is needed)"
        );
        None
    }

    pub fn root(&self) -> PathBuf {
        self.folder.join("rootfs")
    }

    /// Another file in the place of one of the image's, as read-only as that.
    pub fn put(&self, file: &str, bytes: &[u8]) {
        let path = self.root().join(file);
        fs::remove_file(&path).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// A file beside those of the image, as a runtime mounts one read-only.
    pub fn add(&self, file: &str, bytes: &[u8]) {
        let path = self.root().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Mounts a new folder where the image's user may write to it.
    pub fn mount(&mut self, at: &'static str) {
        let folder = self.folder.join("volume");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
        // What is above it leads there.
        for above in self.folder.ancestors().take(2) {
            fs::set_permissions(above, Permissions::from_mode(0o755)).unwrap();
        }
        fs::create_dir_all(self.root().join(at.trim_start_matches('/'))).unwrap();
        self.volume = Some(Volume { folder, at });
    }

    /// Lets what runs have so much memory, and no more. Whether this machine lets a test do that.
    pub fn limit(&mut self, bytes: u64) -> bool {
        self.cage = Cage::new(bytes);
        self.cage.is_some()
    }

    /// Has another variable in its environment.
    pub fn set(&mut self, name: &str, value: &str) {
        let variables = self.config["Env"].as_array_mut().unwrap();
        let prefix = format!("{name}=");
        variables.retain(|one| !one.as_str().unwrap().starts_with(&prefix));
        variables.push(format!("{prefix}{value}").into());
    }

    /// Runs what the image says, listening at `address`.
    pub fn start(&self, address: &str, more: &[&str]) -> Running {
        let entrypoint = self.config["Entrypoint"].as_array().unwrap();
        let entrypoint = entrypoint.iter().map(|one| one.as_str().unwrap());
        let listen = ["--listen", address];
        let arguments: Vec<&str> = entrypoint
            .chain(listen)
            .chain(more.iter().copied())
            .collect();
        self.run(&arguments)
    }

    /// Runs this program of the image.
    pub fn run(&self, arguments: &[&str]) -> Running {
        let mut command = match self.crun {
            true => {
                self.write_config(arguments);
                self.crun("serves")
            }
            false => self.chroot(arguments),
        };
        let log = self.folder.join("log");
        let file = File::create(&log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        if let Some(cage) = &self.cage {
            cage.take(child.id());
        }
        Running { child, log }
    }

    fn environment(&self) -> Vec<&str> {
        let variables = self.config["Env"].as_array().unwrap();
        variables.iter().map(|one| one.as_str().unwrap()).collect()
    }

    fn crun(&self, name: &str) -> Command {
        let mut command = Command::new("crun");
        command.arg("--cgroup-manager=disabled");
        if self.hidden_cgroups {
            // Where both versions are mounted, `crun` does not even do without them, so it sees none.
            let hide = "mount -t tmpfs none /sys/fs/cgroup && exec \"$@\"";
            command = Command::new("unshare");
            command.args([
                "--mount",
                "sh",
                "-c",
                hide,
                "sh",
                "crun",
                "--cgroup-manager=disabled",
            ]);
        }
        // Of this folder alone, so that tests at the same time do not meet; and of one run, of which something may be left.
        static RUNS: AtomicUsize = AtomicUsize::new(0);
        let run = RUNS.fetch_add(1, Relaxed);
        let name = format!("{name}-{}-{run}", std::process::id());
        command.arg("--root").arg(self.folder.join("crun"));
        command
            .arg("run")
            .arg("--bundle")
            .arg(&self.folder)
            .arg(name);
        command
    }

    /// Nothing but the image's own file system, read-only, and what only root may write to; no capability; the machine's network.
    fn write_config(&self, arguments: &[&str]) {
        let mut mounts = vec![
            json!({ "destination": "/proc", "type": "proc", "source": "proc" }),
            json!({ "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755", "size=64k"] }),
        ];
        mounts.extend(self.volume.iter().map(|volume| {
            json!({ "destination": volume.at, "type": "bind", "source": volume.folder, "options": ["bind", "rw"] })
        }));
        let config = json!({
            "ociVersion": "1.0.2",
            "process": {
                "user": { "uid": 65_532, "gid": 65_532 },
                "args": arguments,
                "env": self.environment(),
                "cwd": "/",
                "noNewPrivileges": true,
            },
            "root": { "path": "rootfs", "readonly": true },
            "mounts": mounts,
            "linux": { "namespaces": [{ "type": "mount" }, { "type": "ipc" }, { "type": "pid" }] },
        });
        fs::write(self.folder.join("config.json"), config.to_string()).unwrap();
    }

    fn chroot(&self, arguments: &[&str]) -> Command {
        let volume = self.volume.as_ref().map(|volume| {
            let folder = volume.folder.display();
            format!("mount --bind '{folder}' \"$0{}\"\n", volume.at)
        });
        let script = format!(
            "mount --bind \"$0\" \"$0\"\nmount -o remount,bind,ro \"$0\"\n{}\
             exec chroot --userspec=65532:65532 \"$0\" \"$@\"",
            volume.unwrap_or_default()
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-ec"]).arg(script);
        command.arg(self.root()).args(arguments).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        for variable in self.environment() {
            let (name, value) = variable.split_once('=').unwrap();
            command.env(name, value);
        }
        command
    }
}

/// What runs; ended with the test.
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// What it has said so far.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// The status of the answer to a request with this field, as soon as there is one.
    pub fn answered(&self, address: &str, field: &str) -> u16 {
        self.answered_at(address, "/", field)
    }

    /// The same at this path.
    pub fn answered_at(&self, address: &str, path: &str, field: &str) -> u16 {
        let begun = Instant::now();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: tried\r\nConnection: close\r\n{field}\r\n");
        loop {
            let mut answer = String::new();
            if let Ok(mut stream) = TcpStream::connect(address) {
                let _ = stream.write_all(request.as_bytes());
                let _ = stream.read_to_string(&mut answer);
            }
            if let Some(status) = answer.split(' ').nth(1) {
                return status.parse().unwrap();
            }
            assert!(begun.elapsed() < TIME_MAX, "no answer: {}", self.said());
            std::thread::sleep(LOOK);
        }
    }

    /// What it says when it does not serve.
    pub fn refused(mut self) -> String {
        let status = self.ended();
        let said = self.said();
        assert!(!status.success(), "it should refuse: {said}");
        said
    }

    fn ended(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < TIME_MAX, "it should end: {}", self.said());
            std::thread::sleep(LOOK);
        }
    }

    /// What Linux says of the process that serves.
    pub fn identity(&self) -> String {
        let process = self.process();
        fs::read_to_string(format!("/proc/{process}/status")).unwrap()
    }

    /// Of `crun` it is the child; `chroot` becomes it.
    pub fn process(&self) -> u32 {
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        let child = children
            .ok()
            .and_then(|ids| ids.split_whitespace().next()?.parse().ok());
        child.unwrap_or(id)
    }

    /// Whether SIGTERM ends it with success.
    pub fn ends_in_good_order(&mut self) -> bool {
        let process = self.process().to_string();
        let told = Command::new("kill").args(["-TERM", &process]).status();
        told.unwrap().success() && self.ended().success()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let process = self.process().to_string();
            let _ = Command::new("kill").args(["-KILL", &process]).status();
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
