//! The flags of who supervises the host and watches it.

use std::net::SocketAddr;

use clap::Args;
use doorward_host::{HostOptions, Server};

#[derive(Args)]
#[command(next_help_heading = "Who supervises it")]
pub(super) struct Arguments {
    /// Say at this address, under /health, that the host is alive, and under /ready that it wants requests.
    ///
    /// A thread of its own answers, also when all instances or all connections are taken: a supervisor that asks here
    /// does not end the host for that. /ready is a 503 until it serves, and from when it was told to stop. Whether the
    /// gate can decide is another question. It is not meant for clients.
    #[arg(long, value_name = "ADDRESS")]
    health: Option<SocketAddr>,
    /// Tell the host's numbers at this address, under /metrics, for Prometheus.
    ///
    /// Connections, requests, instances, components and the process; OpenMetrics for who asks for it. It may be the
    /// address of --health. It is not meant for clients.
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
}

impl Arguments {
    /// Tells the host.
    pub(super) fn set(&self, host: &mut HostOptions) {
        host.health = self.health;
        host.metrics = self.metrics;
    }

    /// Says where.
    pub(super) fn print(server: &Server) {
        if let Some(address) = server.health_addr() {
            println!("Alive: http://{address}/health, ready: http://{address}/ready");
        }
        if let Some(address) = server.metrics_addr() {
            println!("Metrics: http://{address}/metrics");
        }
    }
}
