//! With Spin's interfaces: on our host, and on a real Spin where there is one.

use crate::scene::{composed, text};
use doorward_host::preinitialise::preinitialise;
use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::command;
use doorward_runtime_tests::gated::{policy, seen, status};
use doorward_runtime_tests::host::{Host, How};
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::run::Group;
use std::collections::BTreeSet;
use std::fmt::Write as _;

pub const GROUP: Group<'_> = Group {
    prepare: || Ok(()),
    cases: cases![
        a_policy_inside_needs_no_file,
        a_policy_inside_beside_a_mounted_one_is_refused,
        a_key_set_inside_is_there_after_many_requests,
        instances_of_a_prepared_component_differ_where_they_must,
        a_prepared_component_has_nothing_left_to_prepare,
        a_whole_manifest_without_middlewares_is_served_the_same,
    ],
};

/// How many instances of a component are compared.
const INSTANCES: usize = 4;

/// An application that is one composed component, with no files but these.
fn alone(composed: &crate::scene::Composed, files: Vec<(String, Vec<u8>)>) -> App {
    let mut spec = AppSpec::gated("composed", "");
    spec.middleware = vec![];
    spec.policy = None;
    spec.files = files;
    spec.sources = vec![("composed", composed.file.clone())];
    spec.write()
}

async fn a_policy_inside_needs_no_file(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let composed = composed("echo", &policy(&issuer), &[]);
    assert_eq!(composed.said, "", "there is nothing to say");
    let app = alone(&composed, vec![]);
    let running = host.start(&app).await;
    let ask = Ask::get("/read/a");
    status(&ask.send(running.address).await, 401, "no token");
    let ask = ask
        .bearer(&issuer.token("alice", "read"))
        .header("X-Auth-Subject", "mallory");
    let answer = ask.send(running.address).await;
    status(&answer, 200, "a token");
    assert_eq!(seen(&answer, "x-auth-subject"), ["alice"]);
    // The host says who is connected, so what it says goes on.
    assert_eq!(seen(&answer, "spin-client-addr").len(), 1);
}

async fn a_policy_inside_beside_a_mounted_one_is_refused(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for arguments in [&[][..], &["--preinitialise"]] {
        let policy = policy(&issuer);
        let composed = composed("echo", &policy, arguments);
        let mounted = vec![("doorward.toml".to_owned(), policy.into_bytes())];
        let app = alone(&composed, mounted);
        let running = host.start(&app).await;
        let answer = Ask::get("/public/a").send(running.address).await;
        status(&answer, 500, "two policies");
        let line = running
            .wait_for_log(|line| line.contains("policy-unreadable"))
            .await;
        assert!(line.contains("mounted as well"), "{line}");
        assert!(line.contains("take it out of `files`"), "{line}");
    }
}

/// A component with the policy and the issuer's keys prepared inside. `more` is added to the policy.
fn prepared(component: &str, issuer: &Issuer, more: &str) -> crate::scene::Composed {
    let policy = format!(
        "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\njwks_file = \"/keys.json\"\n\n\
         [[route]]\npath = \"/read/**\"\nissuer = [\"test\"]\nscope = [\"read\"]\n{more}",
        issuer.url()
    );
    let file = tempfile::NamedTempFile::new().expect("make a file");
    std::fs::write(file.path(), issuer.key_set()).expect("write the keys");
    let file = format!("/keys.json={}", file.path().display());
    composed(component, &policy, &["--file", &file, "--preinitialise"])
}

/// All begin with one memory. What has to be an instance's own must not be in there.
async fn instances_of_a_prepared_component_differ_where_they_must(host: &dyn Host) {
    for component in ["echo", "echo-linked"] {
        let issuer = Issuer::start().await;
        let composed = prepared(component, &issuer, "");
        assert_eq!(composed.said, "", "there is nothing to say");
        let app = alone(&composed, vec![]);
        let running = host.serve(&app, How::forgetful()).await;
        let stranger = Issuer::start().await.token("mallory", "read");
        let mut traces = BTreeSet::new();
        for _ in 0..INSTANCES {
            let ask = Ask::get("/read/a");
            status(&ask.send(running.address).await, 401, "no token");
            let ask = Ask::get("/read/a").bearer(&stranger);
            status(&ask.send(running.address).await, 401, "a stranger's token");
            let ask = Ask::get("/read/a").bearer(&issuer.token("alice", "write"));
            status(&ask.send(running.address).await, 403, "another scope");
            let ask = Ask::get("/read/a").bearer(&issuer.token("alice", "read"));
            let answer = ask.send(running.address).await;
            status(&answer, 200, "by the keys inside");
            let trace = &seen(&answer, "traceparent")[0];
            // The version, and the trace after it.
            traces.insert(trace[3..35].to_owned());
        }
        assert_eq!(traces.len(), INSTANCES, "each has its own: {traces:?}");
        assert_eq!(issuer.key_requests(), 0, "nobody is asked for keys");
    }
}

/// Who serves the gateway alone sees its export `prepare`, and may call it.
async fn a_prepared_component_has_nothing_left_to_prepare(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let origin = Origin::start(Reply::ok("hello")).await;
    let upstream = format!(
        "upstream = \"behind\"\n\n[upstream.behind]\nurl = \"{}\"\n",
        origin.url()
    );
    let composed = prepared("gateway", &issuer, &upstream);
    let once = std::fs::read(&composed.file).expect("the component");
    let twice = preinitialise(&once).expect("it is prepared again");
    std::fs::write(&composed.file, &twice).expect("write the component");
    let app = alone(&composed, vec![]);
    let running = host.start(&app).await;
    let ask = Ask::get("/read/a");
    status(&ask.send(running.address).await, 401, "no token");
    let ask = ask.bearer(&issuer.token("alice", "read"));
    let answer = ask.send(running.address).await;
    status(&answer, 200, "a token");
    assert_eq!(answer.text(), "hello");
}

/// What is embedded is in the memory of the component. Nothing that it allocates may get there.
async fn a_key_set_inside_is_there_after_many_requests(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let keys = issuer.key_set();
    let url = issuer.url();
    let mut policy = format!(
        "[issuer.test]\nurl = \"{url}\"\naudience = \"{AUDIENCE}\"\njwks_file = \"/keys.json\"\n\n\
         [[route]]\npath = \"/read/**\"\nissuer = [\"test\"]\n\n[[route]]\npath = \"/public/**\"\npublic = true\n"
    );
    // More than a page of memory.
    for number in 0..4000 {
        writeln!(
            policy,
            "# A line of the policy that says nothing: {number}."
        )
        .expect("a text");
    }
    let file = tempfile::NamedTempFile::new().expect("make a file");
    std::fs::write(file.path(), keys).expect("write the keys");
    let file = format!("/keys.json={}", file.path().display());
    let composed = composed("echo", &policy, &["--file", &file]);
    let app = alone(&composed, vec![]);
    let running = host.serve(&app, How::one()).await;
    // The key set is read by the first request with a token, after all of this was allocated.
    let body = vec![b'x'; 1 << 20];
    for _ in 0..20 {
        let ask = Ask::new("POST", "/public/a").body(&body);
        status(&ask.send(running.address).await, 200, "a body");
    }
    let ask = Ask::get("/read/a").bearer(&issuer.token("alice", "read"));
    status(&ask.send(running.address).await, 200, "by the keys inside");
    assert_eq!(issuer.key_requests(), 0, "nobody is asked for keys");
}

async fn a_whole_manifest_without_middlewares_is_served_the_same(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let mut spec = AppSpec::gated("echo", policy(&issuer));
    spec.files = vec![("extra.txt".to_owned(), b"extra".to_vec())];
    let app = spec.write();
    for embeds in [false, true] {
        let folder = tempfile::tempdir().expect("make a folder");
        let output = folder.path().to_owned();
        let [manifest, output_text] = [app.manifest(), output.clone()].map(text);
        let written = text(app.folder().join("doorward.toml"));
        let mut arguments = vec!["compose", "--from", &manifest, "--output", &output_text];
        if embeds {
            arguments.extend(["--policy", &written]);
        }
        let ran = command::run(&arguments);
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{said}");
        let text = std::fs::read_to_string(output.join("spin.toml")).expect("a manifest");
        assert!(!text.contains("middleware"), "{text}");
        let policy_is_there = output.join("echo.files/doorward.toml").is_file();
        assert_eq!(policy_is_there, !embeds, "it is mounted or inside");
        let rewritten = App::in_folder(folder);
        let running = host.start(&rewritten).await;
        let ask = Ask::get("/read/a");
        status(&ask.send(running.address).await, 401, "no token");
        let ask = ask.bearer(&issuer.token("alice", "read"));
        let answer = ask.send(running.address).await;
        status(&answer, 200, "a token");
        assert_eq!(seen(&answer, "x-auth-subject"), ["alice"]);
    }
}
