//! An origin that keeps what it got, byte for byte, and answers by script: well, slowly, wrongly, or not
//! at all. It mends nothing: what is not HTTP/1.1 is kept as such, which is how smuggling shows.

mod deaf;
mod gate;
mod reply;
mod seen;
mod serve;
#[cfg(test)]
mod tests;

pub use deaf::Deaf;
pub use gate::Gate;
pub use reply::{Reply, Script};
pub use seen::{BODY_KEPT_BYTES_MAX, Seen};

use crate::client::ANSWER_TIME_MAX;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

/// Connections that may wait until they are accepted.
const BACKLOG: u32 = 1024;
/// How often a port is tried again.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// An origin on a port of its own, until it is dropped.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
    stage: Mutex<Stage>,
}

#[derive(Debug)]
enum Stage {
    /// Until it is told to stop, or nobody is left who could.
    Serves(
        oneshot::Sender<()>,
        tokio::task::JoinHandle<Option<TcpSocket>>,
    ),
    /// Nobody listens, but nobody else gets the port.
    Stopped(TcpSocket),
    Changes,
}

struct Shared {
    state: Mutex<State>,
    /// Goes up with every change that somebody may wait for.
    changes: watch::Sender<u64>,
}

struct State {
    script: Script,
    /// Requests before the script was set.
    before_script: usize,
    seen: Vec<Seen>,
    is_kept: bool,
    requests: usize,
    connections: usize,
    connections_open: usize,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(&self.state().seen).finish()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

impl Origin {
    /// Starts an origin that answers by this script, or with this reply to everything.
    pub async fn start(script: impl Into<Script>) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                script: script.into(),
                before_script: 0,
                seen: Vec::new(),
                is_kept: true,
                requests: 0,
                connections: 0,
                connections_open: 0,
            }),
            changes: watch::Sender::new(0),
        });
        let socket = bound("127.0.0.1:0".parse().unwrap()).expect("a port for the origin");
        let address = socket.local_addr().unwrap();
        let stage = Mutex::new(serve(socket, &shared));
        Self {
            address,
            shared,
            stage,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers by this script from now on. Requests whose head has come already are not affected.
    pub fn set(&self, script: impl Into<Script>) {
        let mut state = self.shared.state();
        state.script = script.into();
        state.before_script = state.requests;
    }

    /// The requests so far, in the order of their heads, and the malformed ones with them.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.state().seen.clone()
    }

    /// The only request so far.
    pub fn request(&self) -> Seen {
        let requests = self.requests();
        let [request] = &requests[..] else {
            panic!("the origin got not one request but these: {requests:#?}");
        };
        request.clone()
    }

    /// How many requests have come, with the malformed ones.
    pub fn count(&self) -> usize {
        self.shared.state().requests
    }

    /// How many connections have been made.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// How many connections there are now.
    pub fn connections_open(&self) -> usize {
        self.shared.state().connections_open
    }

    /// Forgets what has come, and counts anew.
    ///
    /// What is still under way is forgotten too.
    pub fn forget(&self) {
        let mut state = self.shared.state();
        state.seen.clear();
        state.requests = 0;
        state.before_script = 0;
    }

    /// From now on counts requests and keeps nothing of them: for loads.
    pub fn only_counts(&self) {
        self.shared.state().is_kept = false;
    }

    /// Waits until what is asked of the origin holds.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let mut changes = self.shared.changes.subscribe();
        let held = async {
            while !holds(self) {
                changes.changed().await.expect("the origin goes on");
            }
        };
        tokio::time::timeout(ANSWER_TIME_MAX, held)
            .await
            .unwrap_or_else(|_| panic!("waiting in vain until {what}: {:#?}", self.shared));
    }

    /// Stops listening, then resets all connections. Returns when that is done.
    pub async fn stop(&self) {
        let stage = std::mem::replace(&mut *self.stage.lock().unwrap(), Stage::Changes);
        let Stage::Serves(stop, task) = stage else {
            panic!("the origin was stopped before");
        };
        let _ = stop.send(());
        let socket = task.await.expect("the origin stops");
        *self.stage.lock().unwrap() = Stage::Stopped(socket.expect("it was told to stop"));
    }

    /// Listens again, on the same port.
    pub async fn revive(&self) {
        let mut stage = self.stage.lock().unwrap();
        let Stage::Stopped(socket) = std::mem::replace(&mut *stage, Stage::Changes) else {
            panic!("the origin was not stopped before");
        };
        *stage = serve(socket, &self.shared);
    }
}

/// Takes a port, also where connections of before are still winding down.
fn bound(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Takes the port where a listener has just been closed. A process that another thread starts meanwhile
/// has it, too, until it runs its program.
async fn bound_again(address: SocketAddr) -> TcpSocket {
    let start = Instant::now();
    loop {
        match bound(address) {
            Ok(socket) => return socket,
            Err(error) => assert!(
                start.elapsed() < ANSWER_TIME_MAX,
                "the origin cannot have {address} again: {error}"
            ),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn serve(socket: TcpSocket, shared: &Arc<Shared>) -> Stage {
    let listener = socket.listen(BACKLOG).expect("the origin listens");
    let (stop, stopped) = oneshot::channel();
    let task = accept(listener, Arc::clone(shared), stopped);
    Stage::Serves(stop, tokio::spawn(task))
}

/// Serves until the origin is stopped; then takes its port again, which serves nobody. Where it is
/// dropped instead there is no port.
async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    mut stopped: oneshot::Receiver<()>,
) -> Option<TcpSocket> {
    let address = listener.local_addr().unwrap();
    let (reset, resets) = watch::channel(false);
    let mut connections = JoinSet::new();
    let is_stopped = loop {
        tokio::select! {
            told = &mut stopped => break told.is_ok(),
            accepted = listener.accept() => {
                // What failed before it was accepted is none of the origin's.
                let Ok((stream, _)) = accepted else { continue };
                let (shared, resets) = (Arc::clone(&shared), resets.clone());
                connections.spawn(serve::connection(stream, shared, resets));
            }
            Some(_) = connections.join_next() => {}
        }
    };
    // Before the connections are reset: who comes back at once is refused.
    drop(listener);
    let socket = match is_stopped {
        true => Some(bound_again(address).await),
        false => None,
    };
    reset.send_replace(true);
    while connections.join_next().await.is_some() {}
    socket
}
