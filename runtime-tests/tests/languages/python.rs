//! Python, which has the handler of WASI 0.3 and imports all of Spin's world: behind the gate as a middleware.

use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::gated::{pieces_come_back, seen, status};
use doorward_runtime_tests::host::{Host, InProcess, Running};
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::raw::Raw;
use doorward_runtime_tests::run::Group;
use doorward_runtime_tests::{cases, python};
use serde_json::{Value, json};

pub const GROUP: Group<'_> = Group {
    prepare: python::prepare,
    cases: cases![
        python_answers_who_has_a_token_and_nobody_else,
        python_sees_who_calls_and_no_forgery,
        python_has_bodies_as_streams,
        python_reads_a_body_while_it_comes,
        python_that_fails_is_an_error_and_the_next_request_works,
        python_that_never_answers_holds_up_nobody_else,
        python_has_what_its_manifest_grants,
        python_has_nothing_else;
        in_process: python_that_calls_what_the_host_does_not_have_ends_with_its_name,
    ],
};

/// The application behind the gate.
struct Stage {
    running: Running,
    issuer: Issuer,
    token: String,
    _app: App,
}

impl Stage {
    async fn start(host: &dyn Host) -> Self {
        Self::start_with(host, |_| {}).await
    }

    async fn start_with(host: &dyn Host, adjust: impl FnOnce(&mut AppSpec)) -> Self {
        let issuer = Issuer::start().await;
        let policy = format!(
            r#"
            [issuer.test]
            url = "{}"
            audience = "{AUDIENCE}"

            [identity]
            "x-auth-subject" = "sub"

            [[route]]
            path = "/open/**"
            public = true

            [[route]]
            path = "/**"
            issuer = ["test"]
            scope = ["read"]
            "#,
            issuer.url()
        );
        let mut spec = AppSpec::gated("python", policy);
        spec.sources = vec![("python", python::component())];
        adjust(&mut spec);
        let app = spec.write();
        Self {
            running: host.start(&app).await,
            token: issuer.token("alice", "read"),
            issuer,
            _app: app,
        }
    }

    async fn send(&self, ask: Ask) -> Answer {
        ask.bearer(&self.token).send(self.running.address).await
    }

    /// Everything that the application may use.
    async fn grants(&self) -> Value {
        let authority = self.issuer.url().trim_start_matches("http://").to_owned();
        let ask = Ask::get("/open/grants")
            .header("X-Authority", &authority)
            .header("X-Variable", "colour")
            .header("X-Store", "default");
        let answer = ask.send(self.running.address).await;
        status(&answer, 200, "what is granted");
        answer.json()
    }
}

async fn python_answers_who_has_a_token_and_nobody_else(host: &dyn Host) {
    let stage = Stage::start(host).await;
    let answer = Ask::get("/a").send(stage.running.address).await;
    status(&answer, 401, "no token");
    let answer = stage.send(Ask::get("/a?b=c")).await;
    status(&answer, 200, "a token");
    assert_eq!(answer.json()["method"], "GET");
    assert_eq!(answer.json()["target"], "/a?b=c");
}

async fn python_sees_who_calls_and_no_forgery(host: &dyn Host) {
    let stage = Stage::start(host).await;
    let ask = Ask::get("/a")
        .header("X-Auth-Subject", "mallory")
        .header("X_Auth_Subject", "mallory");
    let answer = stage.send(ask).await;
    status(&answer, 200, "a token and a forgery");
    assert_eq!(seen(&answer, "x-auth-subject"), ["alice"]);
    assert!(!answer.text().contains("mallory"), "{}", answer.text());
    assert!(seen(&answer, "authorization").is_empty());
}

async fn python_has_bodies_as_streams(host: &dyn Host) {
    let stage = Stage::start(host).await;
    pieces_come_back(stage.running.address, "/a/body", Some(&stage.token)).await;
    let much: Vec<u8> = (0..4_u32 << 18).flat_map(u32::to_le_bytes).collect();
    let answer = stage.send(Ask::new("POST", "/a/body").body(&much)).await;
    status(&answer, 200, "much");
    assert!(answer.body == much, "{} bytes", answer.body.len());
}

async fn python_reads_a_body_while_it_comes(host: &dyn Host) {
    let stage = Stage::start(host).await;
    let much = vec![b'x'; 8 << 20];
    let answer = stage.send(Ask::new("POST", "/a/hash").body(&much)).await;
    status(&answer, 200, "much");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &much);
    let hex: String = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(answer.json(), json!({ "bytes": much.len(), "sha256": hex }));
}

async fn python_that_fails_is_an_error_and_the_next_request_works(host: &dyn Host) {
    let stage = Stage::start(host).await;
    for target in ["/raise", "/abort"] {
        let answer = stage.send(Ask::get(target)).await;
        assert!(answer.status >= 500, "{target}: {}", answer.status);
        assert!(!answer.text().contains("as asked"), "{}", answer.text());
        let answer = stage.send(Ask::get("/a")).await;
        status(&answer, 200, "the next request");
    }
}

async fn python_that_never_answers_holds_up_nobody_else(host: &dyn Host) {
    let stage = Stage::start(host).await;
    let mut never = Raw::connect(stage.running.address).await;
    let head = format!(
        "GET /never HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\r\n",
        stage.token
    );
    never.send(head).await;
    for _ in 0..4 {
        let answer = stage.send(Ask::get("/a")).await;
        status(&answer, 200, "another request meanwhile");
    }
    assert!(never.came().await.is_empty(), "nothing is answered");
}

async fn python_has_what_its_manifest_grants(host: &dyn Host) {
    let stage = Stage::start_with(host, |spec| {
        spec.environment = vec![("COLOUR".to_owned(), "of the environment".to_owned())];
        spec.files = vec![("granted.txt".to_owned(), b"a file".to_vec())];
        spec.variables = vec![("colour".to_owned(), "green".to_owned())];
        spec.key_values = vec![("given".to_owned(), "a value".to_owned())];
    })
    .await;
    let grants = without_the_hosts_own(stage.grants().await);
    let colour = json!({ "COLOUR": "of the environment" });
    assert_eq!(
        grants["environment"],
        json!({ "os": colour, "0.3": colour, "draft": colour })
    );
    assert_eq!(
        grants["files"],
        json!({ "os": "a file", "0.3": ["/"], "draft": ["/"] })
    );
    assert_eq!(
        grants["variables"],
        json!({ "3": "green", "2": "green", "config": "green", "all": [["colour", "green"]] })
    );
    assert_eq!(grants["stores"]["3"], "a value");
    assert_eq!(
        grants["stores"]["2"],
        json!(["a value", null, true, false, ["from-2", "from-3", "given"]])
    );
    assert_eq!(
        grants["stores"]["keyvalue"],
        json!({
            "given": "a value",
            "many": [["many-1", "1"]],
            "sum": [2, 3],
            "swapped": "swapped",
            "there": [true, false],
            "keys": ["from-2", "from-3", "from-cas", "from-keyvalue", "given", "hits", "many-1"],
        })
    );
    assert_eq!(grants["outbound"], json!({ "0.3": 404, "draft": 404 }));
}

/// What a component was granted, without what the host says of itself in every environment.
fn without_the_hosts_own(mut grants: Value) -> Value {
    if let Some(environments) = grants["environment"].as_object_mut() {
        for environment in environments.values_mut() {
            if let Some(variables) = environment.as_object_mut() {
                variables.remove("DOORWARD_HOST");
            }
        }
    }
    grants
}

async fn python_has_nothing_else(host: &dyn Host) {
    let stage = Stage::start_with(host, |spec| {
        spec.outbound = vec!["https://elsewhere.example".to_owned()];
        spec.stores = vec![];
    })
    .await;
    let grants = without_the_hosts_own(stage.grants().await);
    assert_eq!(
        grants["environment"],
        json!({ "os": {}, "0.3": {}, "draft": {} })
    );
    assert_eq!(grants["files"]["os"], "error: FileNotFoundError");
    assert_eq!(
        grants["variables"],
        json!({ "3": "error: Error_Undefined", "2": "error: Error_Undefined", "config": null, "all": [] })
    );
    let denied = "error: Error_AccessDenied";
    assert_eq!(
        grants["stores"],
        json!({ "3": denied, "2": denied, "keyvalue": denied })
    );
    for version in ["0.3", "draft"] {
        let outcome = grants["outbound"][version].as_str().unwrap_or_default();
        assert!(outcome.starts_with("error: ErrorCode_"), "{grants}");
    }
}

async fn python_that_calls_what_the_host_does_not_have_ends_with_its_name() {
    let stage = Stage::start(&InProcess).await;
    let at_start = stage.running.log();
    let lines: Vec<_> = at_start
        .iter()
        .filter(|line| line.contains("does not have"))
        .collect();
    assert_eq!(
        lines.len(),
        1,
        "one line says what is missing: {at_start:?}"
    );
    for name in ["fermyon:spin/llm@2.0.0", "spin:mysql/mysql@3.0.0"] {
        assert!(lines[0].contains(name), "{name} is missing: {}", lines[0]);
    }
    for name in ["wasi:", "spin:key-value", "spin:variables"] {
        assert!(!lines[0].contains(name), "{name} is there: {}", lines[0]);
    }
    let answer = stage.send(Ask::get("/absent")).await;
    assert!(answer.status >= 500, "the call: {}", answer.status);
    let log = stage.running.log();
    let ended = log.iter().find(|line| line.contains("instance ended"));
    assert!(
        ended.is_some_and(|line| line.contains("`infer` of `fermyon:spin/llm@2.0.0`")),
        "the log names what was called: {log:?}"
    );
    let answer = stage.send(Ask::get("/a")).await;
    status(&answer, 200, "the next request");
}
