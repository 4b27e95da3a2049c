//! A Redis for one test.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take until it serves.
const START_TIME_MAX: Duration = Duration::from_secs(60);
/// How often another port is tried, where somebody else was faster.
const PORTS_MAX: usize = 5;

/// A Redis that keeps nothing, and is stopped when it is dropped.
pub struct Redis {
    process: Child,
    address: SocketAddr,
    /// Where it speaks TLS, as `localhost`.
    tls_port: u16,
}

impl Redis {
    /// One with this password; none, and a word about it, where there is no program.
    pub fn start(password: &str) -> Option<Self> {
        for _ in 0..PORTS_MAX {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap();
            let other = TcpListener::bind("127.0.0.1:0").unwrap();
            let tls_port = other.local_addr().unwrap().port();
            drop((free, other));
            let port = address.port().to_string();
            let pem = |name: &str| testdata().join(name);
            let started = Command::new("redis-server")
                .args(["--port", &port, "--bind", "127.0.0.1", "--save", ""])
                .args(["--requirepass", password, "--tls-auth-clients", "no"])
                .args(["--tls-port", &tls_port.to_string(), "--tls-cert-file"])
                .arg(pem("server.pem"))
                .arg("--tls-key-file")
                .arg(pem("server.key"))
                .stdout(Stdio::null())
                .spawn();
            let Ok(process) = started else {
                eprintln!("there is no Redis: what is on one is skipped");
                return None;
            };
            let mut redis = Self {
                process,
                address,
                tls_port,
            };
            if redis.serves(password) {
                return Some(redis);
            }
        }
        panic!("Redis does not start");
    }

    /// Its URL with this password.
    pub fn url(&self, password: &str) -> String {
        format!("redis://:{password}@{}", self.address)
    }

    /// Its URL over TLS with this password.
    pub fn tls_url(&self, password: &str) -> String {
        format!("rediss://:{password}@localhost:{}", self.tls_port)
    }

    /// What it answers to commands, after this password.
    pub fn asked(&self, password: &str, commands: &str) -> String {
        let mut answer = String::new();
        if let Ok(mut stream) = TcpStream::connect(self.address) {
            let asked = format!("AUTH {password}\r\n{commands}\r\nQUIT\r\n");
            let _ = stream.write_all(asked.as_bytes());
            let _ = stream.read_to_string(&mut answer);
        }
        answer
    }

    fn serves(&mut self, password: &str) -> bool {
        let begun = Instant::now();
        let own = format!("process_id:{}\r\n", self.process.id());
        while begun.elapsed() < START_TIME_MAX && self.process.try_wait().unwrap().is_none() {
            if self.asked(password, "INFO").contains(&own) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

/// The folder of `authority.pem`, which vouches for it.
pub fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/testdata")
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
