//! Between the host and the sink: counts what passes, and lets nothing pass once the moment is there.

use crate::moments::{Moments, What};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// Bytes that are read at once.
const PIECE_BYTES: usize = 16 * 1024;

/// A relay to a sink, until it is dropped.
#[derive(Debug)]
pub struct Relay {
    pub address: SocketAddr,
    task: AbortHandle,
}

impl Relay {
    /// One to this address.
    pub async fn start(sink: SocketAddr, moments: &Moments) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let moments = moments.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, sink, moments.clone()));
            }
        });
        Self {
            address,
            task: task.abort_handle(),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Ends, both ways, when one side ends. Where there is no sink it ends at once.
async fn connection(host: TcpStream, sink: SocketAddr, moments: Moments) {
    let Ok(sink) = TcpStream::connect(sink).await else {
        return;
    };
    for stream in [&host, &sink] {
        let _ = stream.set_nodelay(true);
    }
    let (from_host, to_host) = host.into_split();
    let (from_sink, to_sink) = sink.into_split();
    tokio::select! {
        () = pump(from_host, to_sink, What::ToSink, &moments) => {}
        () = pump(from_sink, to_host, What::FromSink, &moments) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, what: What, moments: &Moments) {
    let mut buffer = vec![0; PIECE_BYTES];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let may = moments.pass(what, count);
        if to.write_all(&buffer[..may]).await.is_err() {
            return;
        }
        if may < count {
            moments.until_released().await;
            return;
        }
    }
}
