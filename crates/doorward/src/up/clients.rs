//! The flags that say what a client can have of the host.

use std::time::Duration;

use clap::Args;
use doorward_host::{HostOptions, IpNet, options};

use crate::values;

#[derive(Args)]
#[command(next_help_heading = "What clients can have")]
pub(super) struct Arguments {
    /// A proxy whose X-Forwarded-For says who the client is; may be repeated.
    ///
    /// An address or a network, such as 10.0.0.0/8. A proxy has no share, timeouts aside: its clients have. The
    /// client is the last address in X-Forwarded-For (or Forwarded) that is not a trusted proxy's. This is for
    /// the shares alone; which proxies the gate believes is in the policy.
    #[arg(long, value_name = "CIDR", value_parser = values::network)]
    trusted_proxy: Vec<IpNet>,
    /// Per cent of all instances, and of all connections, for one client where nobody else wants any.
    ///
    /// A client is an IPv4 address or an IPv6 network of 64 bits. What it may have is in proportion to what is
    /// free: with 80, a client may have four for each one that is free, so two have 44 % each, and ten 10 %.
    /// Its further requests are 503, its longest idle connection makes room for its next one. 100: no limit.
    #[arg(long, value_name = "PER CENT", value_parser = values::per_cent, default_value_t = options::CLIENT_SHARE_PERCENT)]
    client_share: usize,
    /// Connections that are open at the same time.
    ///
    /// When all are taken, the longest idle one is closed for the next.
    #[arg(long, value_name = "COUNT", value_parser = values::count, default_value_t = options::CONNECTIONS_MAX)]
    max_connections: usize,
    /// Bytes of one HTTP/2 body that are taken before a component reads them; twice as many of all on a connection.
    ///
    /// From 32768 to 536870912. Who uploads from afar is as fast as this is large; what is taken is kept in memory.
    #[arg(long, value_name = "BYTES", value_parser = values::http2_window, default_value_t = options::HTTP2_WINDOW_BYTES)]
    http2_window: u32,
    /// Time in which a client must have sent the head of a request.
    #[arg(long, value_name = "DURATION", value_parser = values::some_time, default_value = "30s")]
    header_read_timeout: Duration,
    /// How long a connection without a request is kept, of HTTP/1 and of HTTP/2.
    #[arg(long, value_name = "DURATION", value_parser = values::some_time, default_value = "75s")]
    idle_connection_timeout: Duration,
    /// How long a client is waited for that does not send the body it announced.
    ///
    /// Counted is time in which a component reads the body and nothing comes. Bytes that come bring it back, see
    /// --client-rate-min. The answer is a 408.
    #[arg(long, value_name = "DURATION", value_parser = values::some_time, default_value = "30s")]
    read_timeout: Duration,
    /// How long a client is waited for that does not take the answer.
    ///
    /// Counted is time in which bytes are ready for it. The connection is closed, or of HTTP/2 the stream.
    #[arg(long, value_name = "DURATION", value_parser = values::some_time, default_value = "30s")]
    write_timeout: Duration,
    /// Bytes that a client must send or take per second of waiting.
    ///
    /// For so many bytes it gets one second of --read-timeout or --write-timeout back. A slower one is given
    /// up, a faster one may take as long as it wants.
    #[arg(long, value_name = "BYTES", value_parser = values::count_u32, default_value_t = options::CLIENT_RATE_MIN)]
    client_rate_min: u32,
}

impl Arguments {
    /// Tells the host.
    pub(super) fn set(&self, host: &mut HostOptions) {
        host.trusted_proxies.clone_from(&self.trusted_proxy);
        host.client_share_percent = self.client_share;
        host.connections_max = self.max_connections;
        host.http2_window_bytes = self.http2_window;
        host.header_read_timeout = self.header_read_timeout;
        host.idle_connection_timeout = self.idle_connection_timeout;
        host.read_timeout = self.read_timeout;
        host.write_timeout = self.write_timeout;
        host.client_rate_min = self.client_rate_min;
    }
}
