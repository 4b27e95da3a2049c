//! An address where connecting takes for ever.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// When nobody has accepted a connection for so long, the next one waits for ever.
const ACCEPT_TIME_MAX: Duration = Duration::from_millis(500);
/// Connections that the system holds for who does not accept them; more of them are not.
const HELD_MAX: usize = 16;

/// An address where a connection is neither accepted nor refused, for timeouts of connecting.
///
/// Its listener holds as few connections as the system lets it, and those are taken. Linux leaves whoever
/// comes then without an answer.
#[derive(Debug)]
pub struct Deaf {
    address: SocketAddr,
    _listener: TcpListener,
    _held: Vec<TcpStream>,
}

impl Deaf {
    /// Takes a port, and all that would be held there.
    pub async fn start() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut held = Vec::new();
        while let Ok(stream) =
            tokio::time::timeout(ACCEPT_TIME_MAX, TcpStream::connect(address)).await
        {
            held.push(stream.unwrap());
            assert!(held.len() <= HELD_MAX, "the system holds connections");
        }
        Self {
            address,
            _listener: listener,
            _held: held,
        }
    }

    /// Where nobody answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of it, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
