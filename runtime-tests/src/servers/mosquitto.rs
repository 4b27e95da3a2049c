//! Mosquitto, a broker of MQTT.

use super::postgresql::test_data;
use super::{At, Kind, Server, answer, first_that_runs};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the program may be. Debian's folder is not on everybody's `PATH`.
const PROGRAMS: [&str; 2] = ["mosquitto", "/usr/sbin/mosquitto"];
/// CONNECT of MQTT 3.1.1, a clean session without a name.
const CONNECT: &[u8] = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00";
/// How a CONNACK begins.
const CONNACK: &[u8] = &[0x20, 2];
/// What it says once it listens.
const RUNS: &str = " running";
/// The file with its users.
const USERS: &str = "users";

/// A Mosquitto that anybody may use. What is retained is there again after a stop.
#[derive(Debug, Default)]
pub struct Mosquitto {
    user: Option<(String, String)>,
    tls: bool,
    saves_at_once: bool,
}

impl Mosquitto {
    /// One that only this user may use, with this password.
    pub fn with_user(name: &str, password: &str) -> Self {
        Self {
            user: Some((name.to_owned(), password.to_owned())),
            ..Self::default()
        }
    }

    /// One that speaks with nobody but over TLS. Who vouches for it is [`Mosquitto::authority`].
    pub fn over_tls() -> Self {
        Self {
            tls: true,
            ..Self::default()
        }
    }

    /// One that writes down what it has with every change, and not only when it stops.
    pub fn that_saves_at_once() -> Self {
        Self {
            saves_at_once: true,
            ..Self::default()
        }
    }

    /// The authority's certificate, in PEM. It vouches for `localhost` and 127.0.0.1.
    pub fn authority() -> PathBuf {
        test_data("authority.pem")
    }
}

impl Kind for Mosquitto {
    const NAME: &'static str = "Mosquitto";
    const STOP: &'static str = "TERM";

    fn program() -> Option<PathBuf> {
        first_that_runs(PROGRAMS)
    }

    fn prepare(&self, folder: &Path) {
        if let Some((name, password)) = &self.user {
            let made = Command::new("mosquitto_passwd")
                .args(["-b", "-c"])
                .arg(folder.join(USERS))
                .args([name, password])
                .status();
            assert!(made.is_ok_and(|made| made.success()), "make a user");
        }
    }

    fn command(&self, folder: &Path, port: u16) -> Command {
        // It becomes another user where it is root, unless it is told not to. Of messages that have to wait for others
        // to be acknowledged, 2.0 forgets some until the subscriber says something again (seen), so that none waits.
        let mut config = format!(
            "listener {port} 127.0.0.1\nuser root\nlog_dest stderr\nmax_inflight_messages 0\npersistence true\n\
             persistence_location {}/\nallow_anonymous {}\n",
            folder.display(),
            self.user.is_none()
        );
        if self.saves_at_once {
            config += "autosave_interval 1\nautosave_on_changes true\n";
        }
        if self.user.is_some() {
            config += &format!("password_file {}\n", folder.join(USERS).display());
        }
        if self.tls {
            for (key, name) in [("certfile", "server.pem"), ("keyfile", "server.key")] {
                config += &format!("{key} {}\n", test_data(name).display());
            }
        }
        let file = folder.join("mosquitto.conf");
        std::fs::write(&file, config).expect("write the configuration");
        let mut command = Command::new(Self::program().expect("there is a Mosquitto"));
        command.arg("-c").arg(file);
        command
    }

    fn is_ready(&self, at: &At<'_>) -> bool {
        // It says so when it has its port, so what answers there then is no other program.
        at.log.contains(RUNS)
            && match self.tls {
                true => TcpStream::connect(at.address).is_ok(),
                false => answer(at.address, CONNECT, |had| had.len() >= 4).starts_with(CONNACK),
            }
    }
}

impl Server<Mosquitto> {
    /// Its URL.
    pub fn url(&self) -> String {
        match self.kind().tls {
            true => format!("mqtts://localhost:{}", self.port()),
            false => format!("mqtt://{}", self.address()),
        }
    }
}
