//! Running the command.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use doorward_host::kv::StoreFile;
use doorward_token::{
    AlgorithmSet, Expectations, KeySet, TokenError, UnixTime, UnverifiedToken, VerifiedToken,
};

/// Names another build of the command than the one that was built with the tests, such as the one that serves.
const EXECUTABLE: &str = "DOORWARD_EXECUTABLE";

/// Whether the command was built to serve (profile `serve`), and not to be tested.
pub fn is_built_to_serve() -> bool {
    std::env::var_os(EXECUTABLE).is_some()
}

/// The command in `folder`, without flags that the environment would give it.
pub fn doorward(folder: &Path) -> Command {
    let built = || env!("CARGO_BIN_EXE_doorward").into();
    let mut command = Command::new(std::env::var_os(EXECUTABLE).unwrap_or_else(built));
    command
        .current_dir(folder)
        .env_remove("DOORWARD_AUDIT_LOG")
        .env_remove("RUNTIME_CONFIG_FILE")
        .env_remove("SPIN_HTTP_LISTEN_ADDR")
        .env_remove("SPIN_OUTBOUND_H2C_PRIOR_KNOWLEDGE")
        .env_remove("SSL_CERT_FILE")
        .env_remove("SPIN_MAX_INSTANCE_MEMORY");
    command
}

#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Time in which a command that does not serve has to end. An image takes 15 s of a processor that others use as well.
const TIMEOUT: Duration = Duration::from_secs(180);

pub fn run(folder: &Path, arguments: &[&str]) -> Ran {
    feed(folder, arguments, "")
}

/// Runs the command with `input` on stdin.
pub fn feed(folder: &Path, arguments: &[&str], input: &str) -> Ran {
    let mut child = doorward(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its stdin may have ended.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > TIMEOUT {
            child.kill().unwrap();
            panic!("doorward {arguments:?} should have ended by itself");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().unwrap();
    Ran {
        status: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// Puts entries with these names into the store `default` of a state folder, all at once.
pub fn fill(state_dir: &Path, names: impl Iterator<Item = String>) {
    let mut file = rusqlite::Connection::open(StoreFile::path(state_dir)).unwrap();
    let all = file.transaction().unwrap();
    for name in names {
        let insert = "INSERT INTO spin_key_value VALUES ('default', ?1, x'7b7d')";
        all.execute(insert, [name]).unwrap();
    }
    all.commit().unwrap();
}

/// Runs the command, which has to succeed.
pub fn succeeds(folder: &Path, arguments: &[&str]) -> Ran {
    let ran = run(folder, arguments);
    assert_eq!(
        ran.status, 0,
        "doorward {arguments:?} said:\n{}",
        ran.stderr
    );
    ran
}

/// Runs the command, which has to fail with `status` and say every one of `expected` on stderr.
pub fn fails(folder: &Path, arguments: &[&str], status: i32, expected: &[&str]) -> Ran {
    let ran = run(folder, arguments);
    let said = &ran.stderr;
    assert_eq!(ran.status, status, "doorward {arguments:?} said:\n{said}");
    for part in expected {
        assert!(
            said.contains(part),
            "doorward {arguments:?} should say {part:?}, and says:\n{said}"
        );
    }
    ran
}

/// A running `doorward issuer` on a port that the system chose; stopped when dropped.
pub struct Issuer {
    pub child: Child,
    pub url: String,
}

impl Issuer {
    pub fn start(folder: &Path) -> Self {
        let mut child = doorward(folder)
            .args(["issuer", "--listen", "127.0.0.1:0", "--state-dir", "state"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut lines = stdout.lines().map(Result::unwrap);
        let warning = lines.next().unwrap();
        assert!(
            warning.starts_with("DEVELOPMENT ISSUER"),
            "the first line should be the warning: {warning}"
        );
        let said = lines.next().unwrap();
        let url = said
            .split_whitespace()
            .find(|word| word.starts_with("http://"))
            .unwrap()
            .to_owned();
        Self { child, url }
    }

    pub fn get(&self, path: &str) -> Response {
        self.send(&format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.authority()
        ))
    }

    pub fn post_form(&self, path: &str, headers: &str, body: &str) -> Response {
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: \
             application/x-www-form-urlencoded\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            self.authority(),
            body.len()
        ))
    }

    pub fn send(&self, request: &str) -> Response {
        let mut stream = TcpStream::connect(self.authority()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Response {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    pub fn authority(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub fn keys(&self) -> KeySet {
        KeySet::parse(self.get("/jwks").body.as_bytes()).unwrap()
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub struct Response {
    pub status: u16,
    /// The status line and the header fields in lower case.
    pub head: String,
    pub body: String,
}

impl Response {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Verifies `token` as a gate would that believes the issuer `url`.
pub fn verify(
    token: &str,
    keys: &KeySet,
    url: &str,
    access_token_profile: bool,
) -> Result<VerifiedToken, TokenError> {
    let expect = Expectations {
        issuer: url.to_owned(),
        audience: vec!["http://127.0.0.1:3000".to_owned()],
        algorithms: AlgorithmSet::asymmetric(),
        leeway_s: 0,
        access_token_profile,
        ..Expectations::default()
    };
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    UnverifiedToken::parse(token.as_bytes())?.verify(keys, &expect, UnixTime(now))
}
