//! How `doorward up` stops.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::run::{doorward, fails};
use crate::serving::{Serving, get, relay};

/// The address after `http://` in the line that begins like this.
fn address<'l>(lines: &'l [String], begin: &str) -> &'l str {
    let line = lines.iter().find(|line| line.starts_with(begin)).unwrap();
    let (_, url) = line.split_once("http://").unwrap();
    url.split(['/', ' ', ',']).next().unwrap()
}

#[test]
fn a_grace_that_leaves_no_time_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for flags in [
        &["up", "--grace", "5s"][..],
        &["up", "--drain-delay", "40s"],
        &["up", "--drain-delay", "2s", "--grace", "2s"],
    ] {
        let said = ["--grace", "is not longer than --drain-delay", "help: with"];
        fails(folder.path(), flags, 1, &said);
    }
}

#[test]
fn on_sigterm_it_is_not_ready_by_its_own_path_and_by_that_of_the_policy() {
    let folder = tempfile::tempdir().unwrap();
    let relay = relay();
    let manifest = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"main\"\n\
         [component.main]\n{relay}\
         files = [{{ source = \"policy.toml\", destination = \"/doorward.toml\" }}]\n"
    );
    std::fs::write(folder.path().join("spin.toml"), manifest).unwrap();
    let policy = "[health]\nready = \"/is-it-ready\"\n[[route]]\npath = \"/\"\npublic = true\n";
    std::fs::write(folder.path().join("policy.toml"), policy).unwrap();
    let mut serving = Serving(
        doorward(folder.path())
            .args(["up", "--build", "--listen", "127.0.0.1:0"])
            .args(["--health", "127.0.0.1:0"])
            .args(["--drain-delay", "600s", "--grace", "900s"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut lines = Vec::new();
    for line in BufReader::new(serving.0.stdout.take().unwrap()).lines() {
        lines.push(line.unwrap());
        if lines.iter().any(|line| line.starts_with("Alive:")) {
            break;
        }
    }
    let (application, health) = (address(&lines, "Serving"), address(&lines, "Alive:"));
    let ready = |address, path| get(address, path).starts_with("HTTP/1.1 200 ");
    while !ready(health, "/ready") {}
    let before = get(application, "/is-it-ready");
    assert!(!before.contains("not-ready"), "of the component: {before}");

    serving.tell("-TERM");
    let mut stderr = BufReader::new(serving.0.stderr.take().unwrap()).lines();
    let said = stderr.find(|line| line.as_ref().unwrap().starts_with("Stopping"));
    assert_eq!(
        said.unwrap().unwrap(),
        "Stopping: not ready any more; accepting for 600s, then waiting for the requests under way"
    );
    while ready(health, "/ready") {}
    let answer = get(application, "/is-it-ready?verbose");
    for part in [
        "HTTP/1.1 503 ",
        "\r\nconnection: close\r\n",
        "\r\nretry-after: 1\r\n",
        "\r\ncontent-type: application/problem+json\r\n",
        "urn:problem-type:doorward:not-ready",
    ] {
        assert!(answer.contains(part), "expected {part:?} of {answer}");
    }
    assert!(!get(application, "/is-it-ready/").contains("not-ready"));
    serving.tell("-INT");
    let status = serving.0.wait().unwrap();
    assert_eq!(status.code(), Some(130), "who asks twice has it at once");
}
