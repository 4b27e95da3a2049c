//! What becomes of a host that is a process of its own, shown with one that plays `spin`: a launcher, and a
//! server that it starts.

use super::{Host as _, How, Running, Spin, Stop};
use crate::app::{App, AppSpec};
use crate::client::Ask;
use crate::process;
use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What this process plays, where it was started for that.
const ROLE: &str = "DOORWARD_TESTS_PLAY";
/// What the server takes in memory; more than any launcher.
const SERVER_BYTES: usize = 64 << 20;
/// Longer than anything here takes.
const TIME_MAX: Duration = Duration::from_secs(60);

/// `spin up`, which starts a server and waits for it.
const LAUNCHES: &str = "serve & wait";
/// Nobody there heeds SIGTERM.
const STUBBORN: &str = "trap '' TERM; serve & wait; wait";
/// The launcher does not wait for what it has started.
const LEAVES: &str = "serve &";
/// The launcher becomes the server.
const ALONE: &str =
    "exec env DOORWARD_TESTS_PLAY=server \"$tests\" --exact host::tests::plays --nocapture";

/// An application, and what plays `spin` for it by this script, in which `serve` is a server.
fn prepared(script: &str) -> (App, Spin) {
    let mut spec = AppSpec::gated("echo", "");
    spec.middleware = vec![];
    let app = spec.write();
    let tests = std::env::current_exe().unwrap();
    let text = format!(
        "#!/bin/sh\ntests='{}'\n\
         serve() {{ {ROLE}=server \"$tests\" --exact host::tests::plays --nocapture; }}\n{script}\n",
        tests.display()
    );
    let path = app.folder().join("plays-spin");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    (app, Spin::at(path))
}

/// What the test binary does when it is started to play something.
#[test]
fn plays() {
    match std::env::var(ROLE).as_deref() {
        Ok("server") => serve(),
        Ok("tests") => hang(),
        role => assert!(role.is_err(), "nothing is known of the role {role:?}"),
    }
}

/// Answers as a gate does that lets everything pass, and writes the log a little later than the answer.
fn serve() {
    let taken = black_box(vec![1_u8; SERVER_BYTES]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("\nServing http://{}", listener.local_addr().unwrap());
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        let target = line.split(' ').nth(1).unwrap_or_default();
        let status = if target.ends_with('%') { 400 } else { 200 };
        let answer = format!("HTTP/1.1 {status} \r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).unwrap();
        drop(stream);
        std::thread::sleep(Duration::from_millis(50));
        eprintln!("asked for {target}, {}", taken.len());
    }
}

/// Serves, says which processes are there and where, and waits to be killed.
#[tokio::main]
async fn hang() {
    let (app, spin) = prepared(LAUNCHES);
    let running = spin.start(&app).await;
    println!("\nfolder {}", app.folder().display());
    println!("processes {:?}", processes(&running));
    std::future::pending().await
}

fn processes(running: &Running) -> Vec<u32> {
    match &running.stop {
        Stop::Process(group) => group.processes(),
        Stop::InProcess(_) => vec![],
    }
}

/// Whether there is a process with this id, one that nobody has waited for left aside.
fn runs(id: &u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    !rest.is_empty() && !rest.starts_with('Z')
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_was_started_ends_with_the_host_and_its_folder_goes_with_the_application() {
    for script in [LAUNCHES, LEAVES, ALONE, STUBBORN] {
        let (app, spin) = prepared(script);
        let folder = app.folder().to_owned();
        let running = spin.serve(&app, How::kept()).await;
        let started = processes(&running);
        assert!(!started.is_empty(), "{script}: it runs");
        let address = running.address;
        TcpStream::connect(address).expect("it listens where it says");
        drop(running);
        let left: Vec<&u32> = started.iter().filter(|id| runs(id)).collect();
        assert!(
            left.is_empty(),
            "{script}: of {started:?} there are {left:?}"
        );
        assert!(TcpStream::connect(address).is_err(), "{script}: it listens");
        drop(app);
        assert!(!folder.exists(), "{script}: the folder is there");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_measured_is_the_server_and_not_its_launcher() {
    for script in [LAUNCHES, LEAVES, ALONE] {
        let (app, spin) = prepared(script);
        let running = spin.start(&app).await;
        let usage = running.usage();
        let bytes = usage.memory_bytes;
        let most = 2 * SERVER_BYTES as u64;
        assert!(
            (SERVER_BYTES as u64..most).contains(&bytes),
            "{script}: {bytes} bytes of a server that has taken {SERVER_BYTES}"
        );
        assert_eq!(running.memory_bytes() >> 20, bytes >> 20, "{script}");
        let begun = Instant::now();
        while running.usage().cpu_s <= usage.cpu_s {
            assert!(begun.elapsed() < TIME_MAX, "{script}: it takes no time");
            Ask::get("/a").send(running.address).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_that_panics_leaves_nothing() {
    let (app, spin) = prepared(LAUNCHES);
    let folder = app.folder().to_owned();
    let (tell, told) = tokio::sync::oneshot::channel();
    let test = tokio::spawn(async move {
        let app = app;
        let running = spin.start(&app).await;
        tell.send(processes(&running)).unwrap();
        panic!("as a case does whose sentence does not hold");
    });
    let started = told.await.unwrap();
    assert!(test.await.unwrap_err().is_panic());
    assert!(started.len() >= 2, "a launcher and a server: {started:?}");
    assert!(!started.iter().any(runs), "some of {started:?} are there");
    assert!(!folder.exists(), "the folder is there");
}

#[test]
fn tests_that_are_killed_leave_nothing() {
    let mut tests = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "host::tests::plays", "--nocapture"])
        .env(ROLE, "tests")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(tests.stdout.take().unwrap()).lines();
    let mut after = |what: &str| {
        let line = told.by_ref().map(Result::unwrap);
        let mut found = line.filter_map(|line| Some(line.strip_prefix(what)?.trim().to_owned()));
        found.next().unwrap()
    };
    let folder = PathBuf::from(after("folder"));
    let ids = after("processes");
    let ids = ids.trim_matches(['[', ']']).split(", ");
    let started: Vec<u32> = ids.map(|id| id.parse().unwrap()).collect();
    assert!(started.len() >= 2, "a launcher and a server: {started:?}");
    assert!(started.iter().all(runs) && folder.exists(), "before");
    tests.kill().unwrap();
    tests.wait().unwrap();
    let killed = Instant::now();
    while started.iter().any(runs) || folder.exists() {
        assert!(
            killed.elapsed() < TIME_MAX,
            "of {started:?} and {} something stays",
            folder.display()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn a_host_that_ends_before_it_serves_is_not_waited_for() {
    let (app, spin) = prepared("echo 'there is no such application' >&2; exit 3");
    let begun = Instant::now();
    let starting = tokio::spawn(async move { drop(spin.start(&app).await) });
    let panic = starting.await.unwrap_err().into_panic();
    let said = panic.downcast_ref::<String>().unwrap();
    assert!(said.contains("there is no such application"), "{said}");
    assert!(begun.elapsed() < TIME_MAX, "took {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_comes_after_the_answer_is_waited_for() {
    let (app, spin) = prepared(LAUNCHES);
    let running = spin.start(&app).await;
    Ask::get("/first").send(running.address).await;
    let line = running.wait_for_log(|line| line.contains("/first")).await;
    assert!(line.starts_with("asked for"), "{line}");
    // One that is there already is found as well.
    assert_eq!(
        running.wait_for_log(|line| line.contains("/first")).await,
        line
    );
    Ask::get("/second").send(running.address).await;
    let log = running.whole_log().await.join("\n");
    assert!(log.contains("/first") && log.contains("/second"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_does_not_come_ends_the_case_with_what_is_there() {
    let (app, spin) = prepared(LAUNCHES);
    let running = spin.start(&app).await;
    Ask::get("/first").send(running.address).await;
    running.wait_for_log(|line| line.contains("/first")).await;
    let waiting = tokio::spawn(async move {
        let soon = Duration::from_millis(20);
        running.wait_for_log_within(soon, 1, |_| false).await
    });
    let panic = waiting.await.unwrap_err().into_panic();
    let said = panic.downcast_ref::<String>().unwrap();
    for part in ["host/tests.rs", "asked for /first"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn processes_of_a_group_are_those_that_run() {
    use std::os::unix::process::CommandExt as _;
    let mut child = Command::new("sh")
        .args(["-c", "sleep 60 & read line"])
        .stdin(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while process::of_group(child.id()).len() < 2 {
        assert!(begun.elapsed() < TIME_MAX, "the shell and what it started");
    }
    drop(child.stdin.take());
    while process::of_group(child.id()).contains(&child.id()) {
        assert!(begun.elapsed() < TIME_MAX, "one that has ended runs");
    }
    let [sleeps] = process::of_group(child.id())[..] else {
        panic!("there is one process more");
    };
    let killed = Command::new("kill").arg(sleeps.to_string()).status();
    assert!(killed.unwrap().success(), "end it");
    while !process::of_group(child.id()).is_empty() {
        assert!(begun.elapsed() < TIME_MAX, "one that was ended runs");
    }
    child.wait().unwrap();
}
