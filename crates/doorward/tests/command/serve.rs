//! The application that the repository ships, served by the command: what it prints is true.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;

use doorward_host::{build, manifest};

use crate::run::{doorward, run};
use crate::serving::Serving;

/// The repository, its components built.
pub fn built_workspace() -> &'static Path {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap();
    let progress = |line: &str| eprintln!("{line}");
    doorward_toolchain::ensure_wasm_target(&progress).unwrap();
    let shipped = manifest::load(&workspace.join("spin.toml")).unwrap();
    build::ensure_built(&shipped, &progress).unwrap();
    workspace
}

/// Puts into a folder what the shipped application mounts besides the policy.
pub fn mount_shipped(workspace: &Path, folder: &Path) {
    std::fs::create_dir_all(folder.join("components/users-docs/renderer")).unwrap();
    std::fs::create_dir_all(folder.join("components/events")).unwrap();
    let schemas = "components/events/events.schemas";
    std::fs::copy(workspace.join(schemas), folder.join(schemas)).unwrap();
}

#[test]
fn the_requests_that_it_prints_are_answered_as_it_says_and_sigterm_ends_it() {
    let workspace = built_workspace();
    // The shipped files, on ports that are free.
    let folder = tempfile::tempdir().unwrap();
    let (host, issuer) = (free_address(), free_address());
    let moved = |name: &str| {
        let text = std::fs::read_to_string(workspace.join(name)).unwrap();
        let text = text
            .replace("127.0.0.1:3000", &host)
            .replace("127.0.0.1:3001", &issuer)
            .replace("\"target/", &format!("\"{}/target/", workspace.display()));
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    moved("spin.toml");
    moved("doorward.toml");
    mount_shipped(workspace, folder.path());
    // A variable without which nothing is served has its value from a file.
    let manifest = folder.path().join("spin.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let variables = "[variables]\n";
    assert!(
        text.contains(variables),
        "the shipped manifest has variables"
    );
    let needed = format!("{variables}needed = {{ required = true }}\n");
    let text = text.replacen(variables, &needed, 1);
    std::fs::write(&manifest, text).unwrap();
    std::fs::write(folder.path().join(".env"), "SPIN_VARIABLE_NEEDED='x y'\n").unwrap();

    let mut serving = Serving(
        doorward(folder.path())
            .args(["up", "--development-issuer", "--listen", &host])
            .args(["--drain-delay", "0s"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut lines = BufReader::new(serving.0.stdout.take().unwrap()).lines();
    let mut requests = Vec::new();
    let mut due = None;
    while requests.len() < 3 {
        let line = lines
            .next()
            .expect("it prints three requests before it ends")
            .unwrap();
        let line = line.trim();
        // `# a token: 200, and …` announces the request on the next line.
        if let Some(comment) = line.strip_prefix('#') {
            due = comment
                .split(|character: char| !character.is_ascii_digit())
                .find(|digits| digits.len() == 3)
                .map(str::to_owned);
        } else if line.starts_with("curl ") {
            requests.push((
                line.to_owned(),
                due.take().expect("a comment before the request"),
            ));
        }
    }
    let statuses: Vec<&str> = requests.iter().map(|(_, due)| due.as_str()).collect();
    assert_eq!(
        statuses,
        ["401", "200", "403"],
        "what the printed requests are said to get"
    );

    for (request, due) in &requests {
        let answer = perform(folder.path(), request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {due} ")),
            "{request} got {answer}"
        );
        if due == "200" {
            assert!(
                answer.contains("\"identity\":{"),
                "the identity is shown: {answer}"
            );
        }
    }

    // What its gates share is there for the command while it runs.
    let shown = run(folder.path(), &["issuers", "--json"]);
    assert_eq!(shown.status, 0, "{}", shown.stderr);
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    let known = &shown["issuers"][0];
    assert_eq!(known["name"], "development", "{shown}");
    assert_eq!(known["state"], "fresh", "{shown}");
    assert_eq!(known["keys"], 6, "{shown}");
    let revoked = run(
        folder.path(),
        &["revoke", "subject", "developer", "--issuer", "development"],
    );
    assert_eq!(revoked.status, 0, "{}", revoked.stderr);

    serving.tell("-TERM");
    let status = serving.0.wait().unwrap();
    assert_eq!(status.code(), Some(0), "SIGTERM ends it in good order");
}

/// An address that nobody listens on.
pub fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string()
}

/// Does what the printed line does: asks `doorward token` where it says so, then sends the request.
fn perform(folder: &Path, request: &str) -> String {
    let url = request.rsplit(' ').next().unwrap();
    let (address, path) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let mut head = format!("GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    if let Some((_, rest)) = request.split_once("$(") {
        let (command, _) = rest.split_once(')').unwrap();
        let arguments: Vec<&str> = command.split(' ').skip(1).collect();
        let token = run(folder, &arguments);
        assert_eq!(token.status, 0, "{command}: {}", token.stderr);
        head.push_str(&format!(
            "Authorization: Bearer {}\r\n",
            token.stdout.trim()
        ));
    }
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
