//! How a manifest may name a middleware: whichever way it is, the same gate stands there with the same
//! grants. What is fetched is run only where it has the digest that the manifest says.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use aws_lc_rs::digest::{SHA256, digest};
use doorward_host::manifest;
use doorward_host::options::HostOptions;
use doorward_host::server::Server;
use doorward_runtime_tests::app::{App, AppSpec, GATE_INHERITS, built};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::{policy, seen, status};
use doorward_runtime_tests::host::{Host, Running, start_in_process};
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::{cases, run};
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    run::main(cases![
        a_gate_by_path_checks_every_request,
        a_gate_by_url_and_digest_checks_every_request,
        a_gate_by_path_has_only_what_it_inherits,
        a_gate_by_url_has_only_what_it_inherits,
        a_component_by_url_and_digest_answers,
        of_equal_routes_the_gate_that_spin_asks_is_asked,
        a_static_response_is_answered_beside_a_gate;
        in_process:
        a_file_with_another_digest_is_never_run,
        a_file_that_is_too_large_is_never_run,
        a_gate_that_was_fetched_once_starts_without_a_network,
        a_kept_gate_that_was_changed_is_not_run,
    ])
}

/// `echo` behind a gate that is named as `entry` says, with these sets inherited.
fn gated(issuer: &Issuer, entry: &str, inherit: &[&str]) -> App {
    let app = AppSpec::gated("echo", policy(issuer)).write();
    let inherit: Vec<String> = inherit.iter().map(|set| format!("\"{set}\"")).collect();
    let entry = format!(
        "dependencies.middleware = [{{ {entry}, inherit_configuration = [{}] }}]",
        inherit.join(", ")
    );
    rewrite(&app, |text| {
        let lines = text.lines();
        let lines: Vec<&str> = lines
            .map(|line| match line.starts_with("dependencies.middleware") {
                true => &entry,
                false => line,
            })
            .collect();
        lines.join("\n")
    });
    app
}

fn rewrite(app: &App, change: impl FnOnce(&str) -> String) {
    let text = std::fs::read_to_string(app.manifest()).unwrap();
    std::fs::write(app.manifest(), change(&text)).unwrap();
}

fn gate() -> Vec<u8> {
    std::fs::read(built("gate")).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    let mut hex = String::new();
    for byte in digest(&SHA256, bytes).as_ref() {
        write!(hex, "{byte:02x}").unwrap();
    }
    hex
}

/// A middleware by path.
fn by_path() -> String {
    format!("path = {:?}", built("gate"))
}

/// Where the gate can be fetched.
async fn shelf() -> Origin {
    Origin::start(Reply::ok(gate())).await
}

fn by_url(shelf: &Origin, digest: &str) -> String {
    format!(
        "url = \"{}/gate.wasm\", digest = \"sha256:{digest}\"",
        shelf.url()
    )
}

/// Without a token it is refused, with one it goes on with the identity, and a forged identity does not.
async fn checks_every_request(running: &Running, issuer: &Issuer) {
    let refused = Ask::get("/read/a").send(running.address).await;
    status(&refused, 401, "without a token");
    let token = issuer.token("alice", "read");
    let passed = Ask::get("/read/a")
        .bearer(&token)
        .header("x-auth-subject", "mallory")
        .send(running.address)
        .await;
    status(&passed, 200, "with a token");
    assert_eq!(seen(&passed, "x-auth-subject"), ["alice"]);
    let forbidden = Ask::new("POST", "/write")
        .bearer(&token)
        .send(running.address)
        .await;
    status(&forbidden, 403, "with a token that lacks a scope");
}

async fn a_gate_by_path_checks_every_request(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = gated(&issuer, &by_path(), &GATE_INHERITS);
    let running = host.start(&app).await;
    checks_every_request(&running, &issuer).await;
}

async fn a_gate_by_url_and_digest_checks_every_request(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let shelf = shelf().await;
    let app = gated(&issuer, &by_url(&shelf, &sha256(&gate())), &GATE_INHERITS);
    let running = host.start(&app).await;
    checks_every_request(&running, &issuer).await;
}

/// Nothing is granted by naming a file.
async fn has_only_what_it_inherits(host: &dyn Host, issuer: &Issuer, entry: &str) {
    let token = issuer.token("alice", "read");
    for (inherit, expected) in [
        // Without the policy nothing is served.
        (&["allowed_outbound_hosts", "key_value_stores"][..], 500),
        // Without a network there are no keys.
        (&["files", "key_value_stores"], 503),
    ] {
        let app = gated(issuer, entry, inherit);
        let running = host.start(&app).await;
        let answer = Ask::get("/read/a")
            .bearer(&token)
            .send(running.address)
            .await;
        status(&answer, expected, &format!("{entry} with {inherit:?}"));
    }
    assert_eq!(issuer.key_requests(), 0, "nothing may go out");
}

async fn a_gate_by_path_has_only_what_it_inherits(host: &dyn Host) {
    let issuer = Issuer::start().await;
    has_only_what_it_inherits(host, &issuer, &by_path()).await;
}

async fn a_gate_by_url_has_only_what_it_inherits(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let shelf = shelf().await;
    let entry = by_url(&shelf, &sha256(&gate()));
    has_only_what_it_inherits(host, &issuer, &entry).await;
}

async fn a_component_by_url_and_digest_answers(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let echo = std::fs::read(built("echo")).unwrap();
    let shelf = Origin::start(Reply::ok(&echo)).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let file = format!("source = {:?}", built("echo"));
    let download = format!("source = {{ {} }}", by_url(&shelf, &sha256(&echo)));
    rewrite(&app, |text| {
        assert!(text.contains(&file), "{text}");
        text.replace(&file, &download)
    });
    let running = host.start(&app).await;
    checks_every_request(&running, &issuer).await;
}

/// Whether a route is guarded has to be the same here and on Spin.
async fn of_equal_routes_the_gate_that_spin_asks_is_asked(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for (route, expected) in [
        // Written alike, the last trigger counts: the one without a gate.
        ("/...", 200),
        // Written otherwise, the first.
        ("/*", 401),
    ] {
        let app = gated(&issuer, &by_path(), &GATE_INHERITS);
        rewrite(&app, |text| {
            format!("{text}\n[[trigger.http]]\nroute = \"{route}\"\ncomponent = \"echo\"\n")
        });
        let running = host.start(&app).await;
        let answer = Ask::get("/read/a").send(running.address).await;
        status(&answer, expected, route);
    }
}

async fn a_static_response_is_answered_beside_a_gate(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = gated(&issuer, &by_path(), &GATE_INHERITS);
    rewrite(&app, |text| {
        format!(
            "{text}\n[[trigger.http]]\nroute = \"/old/...\"\nstatic_response = {{ status_code = 308, headers \
             = {{ Location = \"/read/a\" }}, body = \"moved\" }}\n"
        )
    });
    let running = host.start(&app).await;
    let moved = Ask::get("/old/b").send(running.address).await;
    status(&moved, 308, "the static route");
    assert_eq!(moved.header("location"), Some("/read/a"));
    assert_eq!(moved.text(), "moved");
    checks_every_request(&running, &issuer).await;
}

/// Why the host does not start `app`, with a cache of its own.
async fn why_not(app: &App) -> String {
    let application = manifest::load(&app.manifest()).unwrap();
    let options = HostOptions::new("127.0.0.1:0".parse().unwrap(), app.folder().join("state"));
    match Server::bind(application, options).await {
        Ok(_) => panic!("the host should not have started"),
        Err(error) => format!("{error:#}"),
    }
}

async fn a_file_with_another_digest_is_never_run() {
    let issuer = Issuer::start().await;
    let shelf = shelf().await;
    let app = gated(&issuer, &by_url(&shelf, &"0".repeat(64)), &GATE_INHERITS);
    // The second time as well: what was refused is not kept.
    for times in 1..=2 {
        let why = why_not(&app).await;
        for part in [
            "/gate.wasm",
            &format!("sha256:{}", sha256(&gate())),
            "the manifest says sha256:0000",
            "not used",
        ] {
            assert!(why.contains(part), "expected {part:?} of {why}");
        }
        assert_eq!(shelf.count(), times);
    }
}

async fn a_file_that_is_too_large_is_never_run() {
    let issuer = Issuer::start().await;
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 300000000\r\n\r\n";
    let shelf = Origin::start(Reply::raw(head)).await;
    let app = gated(&issuer, &by_url(&shelf, &sha256(&gate())), &GATE_INHERITS);
    let why = why_not(&app).await;
    assert!(why.contains("more than 268435456 bytes"), "{why}");
}

/// Two applications that share a cache, as the same one does with itself.
async fn a_gate_that_was_fetched_once_starts_without_a_network() {
    let issuer = Issuer::start().await;
    let shelf = shelf().await;
    let cache = tempfile::tempdir().unwrap();
    // Digests are the same in either case.
    let digest = sha256(&gate());
    for (times, digest) in [digest.clone(), digest.to_ascii_uppercase()]
        .iter()
        .enumerate()
    {
        if times == 1 {
            shelf.stop().await;
        }
        let app = gated(&issuer, &by_url(&shelf, digest), &GATE_INHERITS);
        let running = start_in_process(&app, |options| {
            options.cache_dir = Some(cache.path().to_owned());
        })
        .await;
        checks_every_request(&running, &issuer).await;
        running.stop().await;
        assert_eq!(shelf.count(), 1);
    }
}

async fn a_kept_gate_that_was_changed_is_not_run() {
    let issuer = Issuer::start().await;
    let shelf = shelf().await;
    let app = gated(&issuer, &by_url(&shelf, &sha256(&gate())), &GATE_INHERITS);
    let cache = tempfile::tempdir().unwrap();
    let start = || {
        start_in_process(&app, |options| {
            options.cache_dir = Some(cache.path().to_owned());
        })
    };
    start().await.stop().await;
    let kept = kept(cache.path());
    // A component that lets every request pass.
    std::fs::copy(built("rebuild"), &kept).unwrap();
    let running = start().await;
    checks_every_request(&running, &issuer).await;
    assert_eq!(shelf.count(), 2, "it was fetched again");
    running.stop().await;

    std::fs::copy(built("rebuild"), &kept).unwrap();
    shelf.stop().await;
    let application = manifest::load(&app.manifest()).unwrap();
    let mut options = HostOptions::new("127.0.0.1:0".parse().unwrap(), app.folder().join("state"));
    options.cache_dir = Some(cache.path().to_owned());
    assert!(
        Server::bind(application, options).await.is_err(),
        "what was changed is not run where there is nothing else"
    );
}

/// The only file that was fetched.
fn kept(cache: &Path) -> std::path::PathBuf {
    let mut files = std::fs::read_dir(cache.join("downloads")).unwrap();
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none(), "one file is kept");
    file
}
