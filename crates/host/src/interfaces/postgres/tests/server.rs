//! A server that is scripted: as much of PostgreSQL's protocol as a session needs, and statements that do what their
//! text says.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// A statement that answers nothing until it is cancelled.
pub const HANGS: &str = "hangs";
/// The same for one that only reads, as far as its first word says.
pub const HANGS_READING: &str = "SELECT hangs";
/// One that gives rows until it is cancelled.
pub const GIVES_ROWS: &str = "gives rows";
/// One that asks for what is to be copied, and then ends the connection.
pub const COPIES: &str = "copies";
/// One that gives a row. So does any other, as that by which the host counts what is prepared.
pub const GIVES_ONE: &str = "gives one";

/// What comes in place of the version of the protocol where a statement is to be ended.
const CANCELS: u32 = 80_877_102;
/// The number of a type of eight bytes (`int8`).
const INT8: u32 = 20;
/// Rows that are sent at a time.
const ROWS_AT_A_TIME: usize = 1000;

/// What a server does with what it is told in the middle of a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It ends the statement.
    Obeys,
    /// It goes on.
    GoesOn,
    /// It answers no simple query, by which a connection becomes as it was.
    ResetsNothing,
}

/// A server.
pub struct Server {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    manner: Manner,
    vanishes: Notify,
    /// The connections that there are, without those that only cancel.
    connections: watch::Sender<usize>,
    /// The statements that have begun and end only when they are cancelled.
    begun: watch::Sender<usize>,
    /// The times that one was to be cancelled.
    cancelled: watch::Sender<usize>,
}

impl Server {
    pub async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            shared: Arc::new(Shared {
                manner,
                vanishes: Notify::new(),
                connections: watch::Sender::new(0),
                begun: watch::Sender::new(0),
                cancelled: watch::Sender::new(0),
            }),
        };
        let shared = Arc::clone(&server.shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&shared).meet(stream));
            }
        });
        server
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("postgres://me@127.0.0.1:{}/db?sslmode=disable", self.port)
    }

    /// Waits until there are so many connections.
    pub async fn has(&self, count: usize) {
        let mut connections = self.shared.connections.subscribe();
        connections.wait_for(|had| *had == count).await.unwrap();
    }

    /// Waits until so many statements have begun that do not end by themselves.
    pub async fn has_begun(&self, count: usize) {
        let mut begun = self.shared.begun.subscribe();
        begun.wait_for(|had| *had == count).await.unwrap();
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        *self.shared.connections.borrow()
    }

    /// Waits until it was told so often to end a statement.
    pub async fn is_told_to_end(&self, count: usize) {
        let mut cancelled = self.shared.cancelled.subscribe();
        cancelled.wait_for(|had| *had == count).await.unwrap();
    }

    /// How often it was told to end a statement.
    pub fn cancelled(&self) -> usize {
        *self.shared.cancelled.borrow()
    }

    /// Takes the machine away from under its connections: whatever is sent there is dropped, and nothing is said.
    #[cfg(target_os = "linux")]
    pub fn vanish(&self) {
        self.shared.vanishes.notify_waiters();
    }
}

impl Shared {
    async fn meet(self: Arc<Self>, mut stream: TcpStream) {
        let vanishes = self.vanishes.notified();
        tokio::select! {
            // However it ends.
            _ = self.serve(&mut stream) => {}
            () = vanishes => {
                #[cfg(target_os = "linux")]
                lose(&stream);
                std::future::pending().await
            }
        }
    }

    async fn serve(&self, stream: &mut TcpStream) -> io::Result<()> {
        let length = stream.read_u32().await?;
        let version = stream.read_u32().await?;
        let mut rest = vec![0; usize::try_from(length - 8).unwrap()];
        stream.read_exact(&mut rest).await?;
        if version == CANCELS {
            self.cancelled.send_modify(|count| *count += 1);
            return Ok(());
        }
        self.connections.send_modify(|count| *count += 1);
        let served = self.answer(stream).await;
        self.connections.send_modify(|count| *count -= 1);
        served
    }

    async fn answer(&self, stream: &mut TcpStream) -> io::Result<()> {
        let mut prepared: HashMap<Vec<u8>, String> = HashMap::new();
        let mut bound = String::new();
        let is_let_in = message(b'R', &0_u32.to_be_bytes());
        let to_cancel_it = message(b'K', &[0; 8]);
        stream
            .write_all(&[is_let_in, to_cancel_it, ready()].concat())
            .await?;
        // What is answered before the end of a question goes with the rest, so that nothing is on its way while a
        // statement hangs.
        let mut held = Vec::new();
        loop {
            let kind = stream.read_u8().await?;
            let length = stream.read_u32().await?;
            let mut body = vec![0; usize::try_from(length - 4).unwrap()];
            stream.read_exact(&mut body).await?;
            let mut texts = body.split(|byte| *byte == 0).map(<[u8]>::to_vec);
            let mut next = || texts.next().unwrap_or_default();
            let reply = match kind {
                // Parse: its name, its text.
                b'P' => {
                    let (name, text) = (next(), String::from_utf8(next()).unwrap());
                    prepared.insert(name, text);
                    message(b'1', &[])
                }
                // Describe: no parameters, one column.
                b'D' => [message(b't', &[0, 0]), columns()].concat(),
                // Bind: the name of the portal, that of the statement.
                b'B' => {
                    next();
                    bound = prepared.get(&next()).cloned().unwrap_or_default();
                    message(b'2', &[])
                }
                b'E' => self.execute(stream, &bound, &mut held).await?,
                b'S' => ready(),
                // A simple query.
                b'Q' if self.manner == Manner::ResetsNothing => Vec::new(),
                b'Q' => [done(), ready()].concat(),
                b'C' => message(b'3', &[]),
                _ => return Ok(()),
            };
            held.extend(reply);
            if matches!(kind, b'S' | b'Q') {
                stream.write_all(&std::mem::take(&mut held)).await?;
            }
        }
    }

    async fn execute(
        &self,
        stream: &mut TcpStream,
        text: &str,
        held: &mut Vec<u8>,
    ) -> io::Result<Vec<u8>> {
        if text == COPIES {
            held.extend(message(b'G', &[0; 3]));
            stream.write_all(held).await?;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if ![HANGS, HANGS_READING, GIVES_ROWS].contains(&text) {
            return Ok([row(), done()].concat());
        }
        let before = *self.cancelled.borrow();
        let ends = |count: &usize| *count > before;
        self.begun.send_modify(|count| *count += 1);
        if self.manner == Manner::GoesOn {
            // Whatever else is said, until the other end goes.
            tokio::io::copy(stream, &mut tokio::io::sink()).await?;
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if text != GIVES_ROWS {
            let _ = self.cancelled.subscribe().wait_for(ends).await;
            return Ok(cancelled());
        }
        stream.write_all(&std::mem::take(held)).await?;
        let rows = row().repeat(ROWS_AT_A_TIME);
        while !ends(&self.cancelled.borrow()) {
            stream.write_all(&rows).await?;
        }
        Ok(cancelled())
    }
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

fn done() -> Vec<u8> {
    message(b'C', b"SELECT 1\0")
}

/// One column, of no table, in binary.
fn columns() -> Vec<u8> {
    let (one, size, modifier) = (1_u16, 8_u16, -1_i32);
    let body = [
        &one.to_be_bytes()[..],
        b"c\0",
        &[0; 6],
        &INT8.to_be_bytes(),
        &size.to_be_bytes(),
        &modifier.to_be_bytes(),
        &one.to_be_bytes(),
    ];
    message(b'T', &body.concat())
}

/// One row, of a zero.
fn row() -> Vec<u8> {
    let (one, size) = (1_u16, 8_u32);
    let body = [&one.to_be_bytes()[..], &size.to_be_bytes(), &[0; 8]];
    message(b'D', &body.concat())
}

/// What is said of a statement that was cancelled.
fn cancelled() -> Vec<u8> {
    let said = "SERROR\0VERROR\0C57014\0Mcanceling statement due to user request\0\0";
    message(b'E', said.as_bytes())
}

/// Lets the kernel drop whatever arrives for `stream` before TCP has it, so that nothing is acknowledged.
#[cfg(target_os = "linux")]
fn lose(stream: &TcpStream) {
    /// `ret #0`: no byte of it is let through.
    const DROPS: u16 = 0x06;
    let filter = [socket2::SockFilter::new(DROPS, 0, 0, 0)];
    socket2::SockRef::from(stream)
        .attach_filter(&filter)
        .unwrap();
}
