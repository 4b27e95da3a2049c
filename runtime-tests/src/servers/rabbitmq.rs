//! RabbitMQ, with MQTT.

use super::{At, Kind, Server};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian has the releases. What is in the `PATH` starts one as a user of its own.
const RELEASES: &str = "/usr/lib/rabbitmq/lib";
/// What it says once everything listens.
const RUNS: &str = "Server startup complete";
/// The file with the port for AMQP.
const AMQP: &str = "amqp.port";

/// A RabbitMQ that anybody may use by MQTT, and `guest` by AMQP. What is durable is there again after a stop.
#[derive(Debug, Default)]
pub struct RabbitMq;

impl Kind for RabbitMq {
    const NAME: &'static str = "RabbitMQ";
    const STOP: &'static str = "TERM";

    fn program() -> Option<PathBuf> {
        let releases = std::fs::read_dir(RELEASES).ok()?;
        let programs = releases
            .map_while(Result::ok)
            .map(|release| release.path().join("sbin/rabbitmq-server"));
        programs.into_iter().find(|program| program.is_file())
    }

    fn prepare(&self, folder: &Path) {
        let [amqp, nodes] = [(); 2].map(|()| free_port());
        std::fs::write(folder.join(AMQP), amqp.to_string()).expect("write the port");
        std::fs::write(folder.join("nodes.port"), nodes.to_string()).expect("write the port");
        std::fs::write(folder.join("plugins"), "[rabbitmq_mqtt].\n").expect("write the plugins");
    }

    fn command(&self, folder: &Path, port: u16) -> Command {
        let amqp = std::fs::read_to_string(folder.join(AMQP)).expect("the port");
        let nodes = std::fs::read_to_string(folder.join("nodes.port")).expect("the port");
        let config = format!(
            "listeners.tcp.1 = 127.0.0.1:{amqp}\nmqtt.listeners.tcp.1 = 127.0.0.1:{port}\n\
             mqtt.allow_anonymous = true\nlog.console = true\nlog.file = false\n"
        );
        std::fs::write(folder.join("rabbitmq.conf"), config).expect("write the configuration");
        // Erlang finds its nodes by a daemon. This one ends with the group, and is nobody else's.
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                "epmd -address 127.0.0.1 -port \"$ERL_EPMD_PORT\" & exec \"$0\"",
            ])
            .arg(Self::program().expect("there is a RabbitMQ"))
            .env("HOME", folder)
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", nodes)
            .env("RABBITMQ_NODENAME", "test@localhost")
            .env("RABBITMQ_DIST_PORT", free_port().to_string())
            .env("RABBITMQ_MNESIA_BASE", folder.join("data"))
            .env("RABBITMQ_LOG_BASE", folder)
            .env("RABBITMQ_PID_FILE", folder.join("pid"))
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"));
        command
    }

    fn is_ready(&self, at: &At<'_>) -> bool {
        // It says so when it has its ports, so what answers there then is no other program.
        at.log.contains(RUNS)
    }
}

impl Server<RabbitMq> {
    /// Its URL for MQTT.
    pub fn url(&self) -> String {
        format!("mqtt://{}", self.address())
    }

    /// The port of 127.0.0.1 at which it speaks AMQP.
    pub fn amqp_port(&self) -> u16 {
        let port = std::fs::read_to_string(self.folder().join(AMQP)).expect("the port");
        port.parse().expect("a port")
    }
}

/// A port that nobody has at this moment.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its number").port()
}
