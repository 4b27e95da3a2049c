//! PostgreSQL, which refuses to run as root.

use super::{At, Kind, Server, first_that_runs};
use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian has the releases, each in a folder of its own.
const RELEASES: &str = "/usr/lib/postgresql";
/// The program, and the one that makes the folder of its data.
const POSTGRES: &str = "postgres";
const INITDB: &str = "initdb";
/// Who it runs as where this process is root's.
const USER: &str = "nobody";
/// Its only user at first, who may do everything, and the password.
const ADMIN: &str = "postgres";
const PASSWORD: &str = "of the tests";
/// The password in a URL.
const PASSWORD_IN_URL: &str = "of%20the%20tests";
/// In its folder: the data, the certificate and its key.
const DATA: &str = "data";
const CERTIFICATE: &str = "server.pem";
const KEY: &str = "server.key";

/// A PostgreSQL with one user and a password (SCRAM). Its database is `postgres`.
#[derive(Debug, Default)]
pub struct PostgreSql {
    tls: bool,
}

impl PostgreSql {
    /// One that speaks with nobody but over TLS. Who vouches for it is [`PostgreSql::authority`].
    pub fn over_tls() -> Self {
        Self { tls: true }
    }

    /// The authority's certificate, in PEM. It vouches for `localhost` and 127.0.0.1.
    pub fn authority() -> PathBuf {
        test_data("authority.pem")
    }
}

impl Kind for PostgreSql {
    const NAME: &'static str = "PostgreSQL";
    // Without waiting for those who are connected.
    const STOP: &'static str = "INT";

    fn program() -> Option<PathBuf> {
        Some(programs()?.join(POSTGRES))
    }

    fn prepare(&self, folder: &Path) {
        let secret = folder.join("password");
        fs::write(&secret, PASSWORD).expect("write the password");
        if self.tls {
            for name in [CERTIFICATE, KEY] {
                fs::copy(test_data(name), folder.join(name)).expect("copy the certificate");
            }
            let only_owner = fs::Permissions::from_mode(0o600);
            fs::set_permissions(folder.join(KEY), only_owner).expect("close the key");
        }
        if let Some((user, group)) = other_user() {
            let inside = fs::read_dir(folder).expect("read the folder");
            let inside = inside.map(|entry| entry.expect("an entry").path());
            for path in inside.chain([folder.to_owned()]) {
                chown(&path, Some(user), Some(group)).expect("give the folder away");
            }
        }
        let mut command = as_other_user(&programs().expect("there is a PostgreSQL").join(INITDB));
        let made = command
            .arg("-D")
            .arg(folder.join(DATA))
            .args(["-U", ADMIN, "--auth=scram-sha-256", "--encoding=UTF8"])
            .args(["--locale=C", "--no-sync"])
            .arg(format!("--pwfile={}", secret.display()))
            .current_dir(folder)
            .output()
            .expect("run initdb");
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "initdb fails: {said}");
        if self.tls {
            let who = "hostssl all all 127.0.0.1/32 scram-sha-256\n";
            fs::write(folder.join(DATA).join("pg_hba.conf"), who).expect("say who may connect");
        }
    }

    fn command(&self, folder: &Path, port: u16) -> Command {
        let mut command = as_other_user(&Self::program().expect("there is a PostgreSQL"));
        command
            .arg("-D")
            .arg(folder.join(DATA))
            .args(["-h", "127.0.0.1", "-p"])
            .arg(port.to_string())
            // No sockets in folders. What the system was given outlasts a process that is killed.
            .args(["-k", "", "-c", "fsync=off"]);
        if self.tls {
            let file = |name| folder.join(name).display().to_string();
            command.args(["-c", "ssl=on"]);
            command.arg("-c");
            command.arg(format!("ssl_cert_file={}", file(CERTIFICATE)));
            command.arg("-c");
            command.arg(format!("ssl_key_file={}", file(KEY)));
        }
        command
    }

    fn is_ready(&self, at: &At<'_>) -> bool {
        // The process, the folder, when it began, the port, no folder of sockets, the address, the memory, and at
        // last what it does.
        let state = fs::read_to_string(at.folder.join(DATA).join("postmaster.pid"));
        let state = state.unwrap_or_default();
        let lines: Vec<&str> = state.lines().map(str::trim).collect();
        let [process, .., does] = lines[..] else {
            return false;
        };
        lines.len() >= 8
            && process == at.process.to_string()
            && does == "ready"
            && TcpStream::connect(at.address).is_ok()
    }
}

impl Server<PostgreSql> {
    /// Its URL, with user, password and database.
    pub fn url(&self) -> String {
        let host = match self.kind().tls {
            true => format!("localhost:{}", self.port()),
            false => self.address().to_string(),
        };
        let mode = if self.kind().tls {
            "require"
        } else {
            "disable"
        };
        format!("postgres://{ADMIN}:{PASSWORD_IN_URL}@{host}/postgres?sslmode={mode}")
    }
}

/// The folder of the programs: Debian's, of the latest release that is there, or that of who made it himself.
fn programs() -> Option<PathBuf> {
    let releases = fs::read_dir(RELEASES).into_iter().flatten().flatten();
    let mut releases: Vec<(u32, PathBuf)> = releases
        .filter_map(|entry| {
            let release = entry.file_name().to_str()?.parse().ok()?;
            Some((release, entry.path().join("bin")))
        })
        .collect();
    releases.sort();
    let folders = releases.into_iter().rev().map(|(_, folder)| folder);
    // Empty: it is on the `PATH`.
    let folders = folders.chain([PathBuf::new(), PathBuf::from("/usr/local/pgsql/bin")]);
    let both = folders.map(|folder| (folder.join(INITDB), folder));
    both.into_iter().find_map(|(initdb, folder)| {
        first_that_runs([initdb])?;
        first_that_runs([folder.join(POSTGRES)])?;
        Some(folder)
    })
}

/// Who it has to run as, where this process is root's.
fn other_user() -> Option<(u32, u32)> {
    let own = fs::metadata("/proc/self").expect("this process is there");
    if own.uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("read the users");
    let mut users = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let user = users.find(|fields| fields.first() == Some(&USER));
    let user = user.unwrap_or_else(|| panic!("there is no user {USER}"));
    let number = |index: usize| user[index].parse().expect("a number");
    Some((number(2), number(3)))
}

/// Runs the program, as another user where this process is root's.
fn as_other_user(program: &Path) -> Command {
    match other_user() {
        None => Command::new(program),
        Some((user, group)) => {
            let mut command = Command::new("setpriv");
            command
                .arg(format!("--reuid={user}"))
                .arg(format!("--regid={group}"))
                .arg("--clear-groups")
                .arg(program);
            command
        }
    }
}

/// A file of the host's test data.
pub(super) fn test_data(name: &str) -> PathBuf {
    let folder = crate::app::workspace().join("crates/host/testdata");
    folder.join(name)
}
