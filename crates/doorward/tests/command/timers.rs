//! Timers, as the command serves them.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::run::doorward;
use crate::serving::{Serving, relay};

/// The first line that is meant. What it is read from stays open, for the command writes more.
fn line(from: &mut impl BufRead, is_meant: impl Fn(&str) -> bool) -> String {
    let mut lines = from.lines().map(Result::unwrap);
    lines.find(|line| is_meant(line)).expect("a line like this")
}

#[test]
fn timers_are_named_at_the_start_and_their_component_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let relay = relay();
    let manifest = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
         [[trigger.http]]\nroute = \"/\"\nstatic_response = {{ body = \"here\" }}\n\
         [component.worker]\n{relay}\
         [[component.worker.tool.doorward.timer]]\ncron_expression = \"* * * * * *\"\npath = \"/log/ticked\"\n\
         [[component.worker.tool.doorward.timer]]\ncron_expression = \"@yearly\"\npath = \"/log/over\"\nat_stop = true\n"
    );
    std::fs::write(folder.path().join("spin.toml"), manifest).unwrap();
    let mut serving = Serving(
        doorward(folder.path())
            .args([
                "up",
                "--build",
                "--listen",
                "127.0.0.1:0",
                "--drain-delay",
                "0s",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut stderr = BufReader::new(serving.0.stderr.take().unwrap());
    assert_eq!(
        line(&mut stderr, |line| line.contains("ticked")),
        "[worker] ticked"
    );
    let mut stdout = BufReader::new(serving.0.stdout.take().unwrap());
    assert_eq!(
        line(&mut stdout, |line| line.starts_with("Asking")),
        "Asking worker for /log/ticked at \"* * * * * *\" (UTC)"
    );
    assert_eq!(
        line(&mut stdout, |line| line.starts_with("Asking")),
        "Asking worker for /log/over at \"@yearly\" (UTC), and when it stops"
    );
    serving.tell("-TERM");
    assert_eq!(
        line(&mut stderr, |line| line.contains("over")),
        "[worker] over"
    );
    let status = serving.0.wait().unwrap();
    assert_eq!(status.code(), Some(0), "SIGTERM ends it in good order");
}
