//! A host that is told to stop by SIGTERM, under load and with requests that do not end; and what is still done after the
//! last answer.

#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

mod clients;
mod process;

use clients::Traffic;
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::origin::{Gate, Origin, Reply, Script};
use doorward_runtime_tests::run;
use doorward_runtime_tests::servers::Server;
use process::{Process, READY};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Clients of each protocol.
const CLIENTS: usize = 8;
/// Requests that are answered before it is told to stop.
const BEFORE: usize = 500;
/// Requests that are answered after that, before the load balancer looks.
const MEANWHILE: usize = 200;
/// How often is looked whether it still accepts.
const LOOK_EVERY: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let [process::ROLE, folder, port, delay, grace] = arguments[..] {
        return process::serve(Path::new(folder), port, delay, grace);
    }
    run::main(cases![; in_process:
        no_request_is_lost_when_it_is_told_to_stop_under_load,
        a_request_that_does_not_end_is_cut_off_when_the_grace_is_over,
    ])
}

/// The gateway before this origin.
fn gateway(origin: &Origin) -> AppSpec {
    AppSpec::gateway(format!(
        "[upstream.u]\nurl = [\"{}\"]\nattempts_max = 1\n[[route]]\npath = \"/**\"\npublic = true\nupstream = \"u\"\n",
        origin.url()
    ))
}

/// An origin that answers, but to `/held` only when `gate` is open.
async fn origin(gate: &Gate) -> Origin {
    let gate = gate.clone();
    let script = Script::by(move |seen, _| match &*seen.target {
        "/held" => Reply::ok("held").after(&gate),
        _ => Reply::ok("answered"),
    });
    Origin::start(script).await
}

/// Ends it by SIGTERM, and gives how it ended and how long that took.
fn stopping(
    mut server: Server<Process>,
) -> impl Future<Output = (Server<Process>, Duration)> + Send {
    let stopped = tokio::task::spawn_blocking(move || {
        let begun = Instant::now();
        server.stop();
        (server, begun.elapsed())
    });
    async { stopped.await.expect("it stops") }
}

async fn ready(address: SocketAddr) -> u16 {
    Ask::get(READY).send(address).await.status
}

async fn no_request_is_lost_when_it_is_told_to_stop_under_load() {
    let gate = Gate::closed();
    let origin = origin(&gate).await;
    let server = Server::start(Process {
        app: gateway(&origin).write(),
        drain_delay: Duration::from_secs(3),
        grace: Duration::from_secs(25),
    })
    .await;
    let (address, health) = (server.address(), process::health(&server.log()));
    assert_eq!(ready(health).await, 200);
    assert_eq!(ready(address).await, 200, "the application is asked itself");
    let traffic = Arc::new(Traffic::default());
    let mut clients = JoinSet::new();
    for number in 0..2 * CLIENTS {
        let traffic = Arc::clone(&traffic);
        clients.spawn(async move { traffic.client(address, number % 2 == 0).await });
    }
    let held = tokio::spawn(async move { Ask::get("/held").send(address).await });
    gate.until_waiting(1).await;
    traffic.until_answered(BEFORE).await;

    let stopping = stopping(server);
    while ready(health).await == 200 {}
    assert_eq!(ready(address).await, 503, "who asks the application");
    // A load balancer needs a while until it has seen it.
    let answered = *traffic.answered.borrow();
    traffic.until_answered(answered + MEANWHILE).await;
    traffic.is_over.store(true, SeqCst);
    while let Some(client) = clients.join_next().await {
        client.expect("no request is lost");
    }
    let connections = traffic.connections.load(SeqCst);
    let last_ones = traffic.last_ones.load(SeqCst);
    assert!(last_ones > 0, "no answer told to go elsewhere");
    assert!(connections > 2 * CLIENTS, "new ones were accepted");

    // Until nobody accepts any more, and then what is under way ends.
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    assert!(!held.is_finished());
    gate.open();
    let held = held.await.expect("an answer");
    assert_eq!((held.status, held.text().as_str()), (200, "held"));

    let (server, time) = stopping.await;
    assert_eq!(process::ending(&server.log()), "Done");
    let sent = traffic.sent.load(SeqCst);
    let answered = *traffic.answered.borrow();
    assert_eq!(answered, sent);
    // The one that was held, and the one for whether it is ready, come to it.
    assert_eq!(origin.count(), sent + 2);
    eprintln!(
        "{sent} requests on {connections} connections, none lost; stopped in {:.1} s",
        time.as_secs_f64()
    );
}

async fn a_request_that_does_not_end_is_cut_off_when_the_grace_is_over() {
    let gate = Gate::closed();
    let origin = origin(&gate).await;
    let grace = Duration::from_secs(2);
    let server = Server::start(Process {
        app: gateway(&origin).write(),
        drain_delay: Duration::ZERO,
        grace,
    })
    .await;
    let address = server.address();
    let held = tokio::spawn(async move { Ask::get("/held").send(address).await });
    gate.until_waiting(1).await;
    let (server, time) = stopping(server).await;
    assert_eq!(process::ending(&server.log()), "CutOff");
    assert!(time > grace / 2, "it has had the time: {time:?}");
    let held = held.await.expect("the connection is closed");
    assert_eq!(held.status, 0, "an answer that nobody gave");
}
