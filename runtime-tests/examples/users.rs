//! What a service behind the gate costs: `components/users` beside the same service in Node, on SQLite and PostgreSQL, with
//! wrk as the clients, all on the same machine.
//!
//! ```text
//! cargo run --profile serve --example users [-- --seconds 8 --rounds 3 --connections 32 --users 10000]
//! ```
//!
//! Each service is a process of its own, with a database of its own that has so many users. They are measured in turns,
//! directly and not through the gate, which costs both the same. Of each the median of the rounds is told, and drawn to
//! `target/users.svg`. Node has one process, as its authors start it; the host has two threads.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot run has nothing to say"
)]

use doorward_runtime_tests::app::{AppSpec, target_dir};
use doorward_runtime_tests::host::start_in_process;
use doorward_runtime_tests::node;
use doorward_runtime_tests::peer::{Peer, read_numbers, serve_until_input_ends};
use doorward_runtime_tests::run::{build_components, runtime};
use doorward_runtime_tests::servers::{Kind as _, PostgreSql, Server};
use doorward_runtime_tests::wrk::{Figures, Wrk};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

/// The argument with which this program is the host.
const SERVE: &str = "--serve";
const USERS: &str = "/api/v1/users";
/// What is measured.
const OPERATIONS: [&str; 3] = ["get", "list", "create"];

struct Settings {
    time: Duration,
    rounds: usize,
    connections: usize,
    users: usize,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(SERVE) {
        runtime(2)
            .unwrap()
            .block_on(serve(&arguments.next().unwrap_or_default()));
        return ExitCode::SUCCESS;
    }
    let program = node::USERS.prepare();
    let program = match (Wrk::available(), PostgreSql::available(), program) {
        (Ok(()), Ok(()), Ok(program)) => program,
        (Err(absent), ..) | (_, Err(absent), _) | (.., Err(absent)) => {
            eprintln!("{absent}: install Debian's wrk and postgresql, and Node");
            return ExitCode::FAILURE;
        }
    };
    let settings = settings();
    build_components();
    runtime(2).unwrap().block_on(run(&settings, &program));
    ExitCode::SUCCESS
}

fn settings() -> Settings {
    let [mut seconds, mut rounds, mut connections, mut users] = [8, 3, 32, 10_000];
    read_numbers(&mut [
        ("--seconds", &mut seconds),
        ("--rounds", &mut rounds),
        ("--connections", &mut connections),
        ("--users", &mut users),
    ]);
    Settings {
        time: Duration::from_secs(seconds as u64),
        rounds: rounds.max(1),
        connections,
        users: users.max(100),
    }
}

/// Serves `components/users` until standard input ends.
async fn serve(url: &str) {
    let mut spec = AppSpec::gated("users", "");
    spec.policy = None;
    spec.middleware = vec![];
    spec.databases = vec!["default".to_owned()];
    spec.outbound = vec!["postgres://127.0.0.1:*".to_owned()];
    spec.variables = vec![("users_database".to_owned(), url.to_owned())];
    let app = spec.write();
    let running = start_in_process(&app, |_| {}).await;
    serve_until_input_ends(running.address).await;
}

/// A service that is measured.
struct Serving {
    name: &'static str,
    store: &'static str,
    peer: Peer,
    /// The database, where it is a process of its own. It ends after the service.
    _server: Option<Server<PostgreSql>>,
    /// By operation, for each round.
    rounds: [Vec<Round>; 3],
    created: usize,
}

struct Round {
    figures: Figures,
    cpu_us: f64,
}

impl Serving {
    fn start(
        name: &'static str,
        store: &'static str,
        command: Command,
        server: Option<Server<PostgreSql>>,
    ) -> Self {
        Self {
            name,
            store,
            peer: Peer::start(command),
            _server: server,
            rounds: [const { Vec::new() }; 3],
            created: 0,
        }
    }

    fn wrk(&self, connections: usize, time: Duration) -> Wrk {
        Wrk::get(self.peer.address, USERS, connections, time)
            .header("x-auth-issuer", "https://login.example")
            .header("x-auth-subject", "admin")
            .header("x-auth-scope", "read:users write:users")
    }

    /// Creates users that nobody created before.
    fn creating(&mut self, connections: usize, time: Duration) -> Wrk {
        self.created += 1;
        let series = self.created;
        self.wrk(connections, time)
            .header("content-type", "application/json")
            .by(format!(
                "local n = 0\nfunction request()\n  n = n + 1\n  \
                 return wrk.format('POST', nil, nil, string.format(\
                 '{{\"name\":\"User %d\",\"email\":\"user%d.{series}@example.com\"}}', n, n))\nend\n"
            ))
    }

    /// Has so many users at least, and gives one of them.
    async fn filled(&mut self, users: usize) -> String {
        while self.total().await < users {
            let wrk = self.creating(8, Duration::from_secs(1));
            wrk.run().await.assert_all_answered();
        }
        let list = self.list().await;
        list["users"][0]["id"].as_str().unwrap().to_owned()
    }

    async fn list(&self) -> serde_json::Value {
        let ask = doorward_runtime_tests::client::Ask::get(USERS)
            .header("x-auth-issuer", "https://login.example")
            .header("x-auth-subject", "admin")
            .header("x-auth-scope", "read:users");
        ask.send(self.peer.address).await.json()
    }

    async fn total(&self) -> usize {
        usize::try_from(self.list().await["total"].as_u64().unwrap()).unwrap()
    }

    fn median(&self, operation: usize) -> &Round {
        let rounds = self.rounds.get(operation).unwrap();
        let mut order: Vec<&Round> = rounds.iter().collect();
        order.sort_by(|a, b| a.figures.per_second.total_cmp(&b.figures.per_second));
        order.get(order.len() / 2).unwrap()
    }
}

async fn run(settings: &Settings, program: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let own = |url: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([SERVE, url]);
        command
    };
    let node = |arguments: [&str; 2]| {
        let mut command = Command::new("node");
        command
            .env("NODE_ENV", "production")
            .arg(program)
            .args(arguments);
        command
    };
    let file = folder.path().join("users.db").display().to_string();
    let mut all = vec![
        Serving::start("doorward", "SQLite", own(""), None),
        Serving::start("node", "SQLite", node(["sqlite", &file]), None),
    ];
    for name in ["doorward", "node"] {
        let server = Server::start(PostgreSql::default()).await;
        let command = match name {
            "doorward" => own(&server.url()),
            _ => node(["postgres", &server.url()]),
        };
        all.push(Serving::start(name, "PostgreSQL", command, Some(server)));
    }
    println!(
        "{} users each; {} connections, {} rounds of {} s for each figure; {} cores shared by services, databases and clients\n",
        settings.users,
        settings.connections,
        settings.rounds,
        settings.time.as_secs(),
        std::thread::available_parallelism().map_or(1, usize::from),
    );
    let mut ids = Vec::new();
    for serving in &mut all {
        ids.push(serving.filled(settings.users).await);
    }
    for _ in 0..settings.rounds {
        for (operation, _) in OPERATIONS.iter().enumerate() {
            for (serving, id) in all.iter_mut().zip(&ids) {
                let (connections, time) = (settings.connections, settings.time);
                let mut wrk = match operation {
                    2 => serving.creating(connections, time),
                    _ => serving.wrk(connections, time),
                };
                if operation == 0 {
                    wrk.url = format!("{}/{id}", wrk.url);
                }
                let before = serving.peer.usage().cpu_s;
                let figures = wrk.run().await;
                figures.assert_all_answered();
                let cpu_us = (serving.peer.usage().cpu_s - before) * 1e6 / figures.answers as f64;
                let rounds = serving.rounds.get_mut(operation).unwrap();
                rounds.push(Round { figures, cpu_us });
            }
        }
    }
    tell(&all);
    let path = target_dir().join("users.svg");
    std::fs::write(&path, plot(&all)).unwrap();
    println!("\nplotted to {}", path.display());
}

fn tell(all: &[Serving]) {
    println!(
        "| store | service | operation | requests/s | p50 µs | p99 µs | processor time µs | memory MB, most |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for serving in all {
        let memory = serving.peer.usage();
        for (operation, name) in OPERATIONS.iter().enumerate() {
            let Round { figures, cpu_us } = serving.median(operation);
            println!(
                "| {} | {} | {name} | {:.0} | {} | {} | {cpu_us:.0} | {:.0}, {:.0} |",
                serving.store,
                serving.name,
                figures.per_second,
                figures.p50_us,
                figures.p99_us,
                memory.memory_bytes as f64 / 1e6,
                memory.memory_bytes_max as f64 / 1e6,
            );
        }
    }
}

/// Requests per second, as bars.
fn plot(all: &[Serving]) -> String {
    const WIDTH: f64 = 560.0;
    let figure = |serving: &Serving, operation| serving.median(operation).figures.per_second;
    let each = all
        .iter()
        .flat_map(|one| (0..3).map(|operation| figure(one, operation)));
    let most = each.fold(1.0, f64::max);
    let mut bars = String::new();
    let mut y = 30;
    for store in ["SQLite", "PostgreSQL"] {
        for (operation, name) in OPERATIONS.iter().enumerate() {
            for serving in all.iter().filter(|one| one.store == store) {
                let per_second = figure(serving, operation);
                let colour = match serving.name {
                    "doorward" => "#b45309",
                    _ => "#475569",
                };
                let width = per_second / most * WIDTH;
                let _ = writeln!(
                    bars,
                    "<text x=\"190\" y=\"{}\" text-anchor=\"end\">{store}, {name}, {}</text>\
                     <rect x=\"200\" y=\"{y}\" width=\"{width:.1}\" height=\"14\" fill=\"{colour}\"/>\
                     <text x=\"{:.1}\" y=\"{}\">{per_second:.0}</text>",
                    y + 11,
                    serving.name,
                    206.0 + width,
                    y + 11,
                );
                y += 18;
            }
            y += 8;
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"840\" height=\"{y}\" font-family=\"sans-serif\" \
         font-size=\"11\"><rect width=\"100%\" height=\"100%\" fill=\"white\"/>\
         <text x=\"200\" y=\"18\">requests per second</text>\n{bars}</svg>\n"
    )
}
