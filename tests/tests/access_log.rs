//! The line about each request, where the policy has `[log]`: what is in it, which requests have one, and what never is.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64URL};
use doorward_policy::LogRule;
use doorward_syntax::date::rfc3339;
use doorward_tests::sim::client::{Answer, Sent};
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::Behind;
use doorward_tests::sim::issuer::Issuer;
use doorward_tests::sim::message::{Failure, Manner};
use doorward_tests::sim::origin::{Origin, Reply};
use doorward_tests::sim::stage::Stage;
use doorward_tests::sim::store::Calls;
use doorward_tests::sim::world::World;
use doorward_token::api_key;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

const POLICY: &str = r#"
[issuer.acme]
url = "https://acme.example"
audience = "api"
jwks_url = "https://acme.example/keys"
token_from = ["authorization", "cookie:session", "query:token"]

[api_keys]
header = "x-api-key"

[[api_keys.key]]
name = "ci"
id = "{id}"
hash = "{hash}"
scope = ["read"]

[upstream.orders]
url = "http://orders.example"
attempts_max = 2

[upstream.orders.credential]
secret = "orders_token"

[defaults]
upstream = "orders"

[[route]]
path = "/orders/{number}"
accept = ["jwt", "api-key"]
scope = ["read"]
token_from = ["authorization", "cookie:session", "query:token"]

[[route]]
path = "/public/**"
public = true
"#;

const ORDERS_TOKEN: &str = "token-of-ours-for-orders-8172635";
const LOG_SECRET: &str = "key-of-the-hashes-in-the-log-1923";

struct Scene {
    stage: Stage,
    issuer: Rc<Issuer>,
    origin: Rc<Origin>,
    key: String,
}

impl Scene {
    fn new(log: &str) -> Self {
        Self::on(log, Manner::default(), true)
    }

    fn on(log: &str, manner: Manner, is_gateway: bool) -> Self {
        Self::of(&format!("{log}\n{POLICY}"), manner, is_gateway)
    }

    /// The gateway, or the gate before the same origin.
    fn of(policy: &str, manner: Manner, is_gateway: bool) -> Self {
        let key = api_key::generate(&[7; api_key::KEY_RANDOM_BYTES]);
        let policy = policy
            .replace("{id}", &key.id)
            .replace("{hash}", &key.digest.text());
        let world = World::new(1, false);
        let issuer = Issuer::at(&world, "acme.example", "first");
        let origin = Origin::at(&world, "orders.example");
        let component = Component::new(&policy)
            .on(manner)
            .secret("orders_token", ORDERS_TOKEN)
            .secret("log_secret", LOG_SECRET);
        let behind = match is_gateway {
            true => Behind::Upstreams,
            false => Behind::Next(origin.peer()),
        };
        Self {
            stage: Stage::new(&world, component, behind),
            issuer,
            origin,
            key: key.text,
        }
    }

    fn all(log: &str) -> impl Iterator<Item = Self> {
        Self::all_of(&format!("{log}\n{POLICY}"))
    }

    fn all_of(policy: &str) -> impl Iterator<Item = Self> + use<> {
        let (policy, kinds) = (policy.to_owned(), Manner::ALL.into_iter());
        kinds.flat_map(move |manner| [true, false].map(|kind| Self::of(&policy, manner, kind)))
    }

    fn token(&self, claims: &Value) -> String {
        let mut all = json!({ "scope": "read" });
        for (name, value) in claims.as_object().expect("claims") {
            all[name] = value.clone();
        }
        self.issuer.token_by("first", &self.stage.world, all)
    }

    fn send(&self, sent: Sent) -> Answer {
        self.stage.send(sent)
    }

    /// The lines about requests.
    fn lines(&self) -> Vec<Map<String, Value>> {
        let lines = self.stage.world.log();
        let lines = lines.iter().map(doorward_tests::sim::world::Line::fields);
        lines.filter(|line| line.contains_key("decision")).collect()
    }

    fn last(&self) -> Map<String, Value> {
        self.lines().pop().expect("a line")
    }
}

#[test]
fn a_request_that_was_admitted_has_one_line_of_texts_and_numbers() {
    for scene in Scene::all("[log]") {
        scene.origin.always(
            Reply::default()
                .after(Duration::from_millis(250))
                .body("here you are")
                .field("content-length", "12"),
        );
        let token = scene.token(&json!({}));
        for cache in ["miss", "hit"] {
            let before = scene.stage.world.log().len();
            let answer = scene.send(
                Sent::post("/orders/7?q=asked", "three")
                    .with_length()
                    .bearer(&token),
            );
            assert_eq!(answer.status, 200);
            let line = scene.last();
            let about = |name: &str| line.get(name).cloned().unwrap_or_default();
            assert_eq!(about("event"), "request");
            assert_eq!(about("level"), "info");
            assert_eq!(about("decision"), "admitted");
            assert_eq!(about("request_id"), answer.field("x-request-id"));
            assert_eq!(
                about("trace_id"),
                answer.field("x-request-id").replace('-', "")
            );
            assert_eq!(about("method"), "POST");
            assert_eq!(about("route"), "/orders/{number}", "the pattern");
            assert!(about("rule").is_u64(), "{line:?}");
            assert_eq!(about("status"), 200);
            assert_eq!(about("duration_ms"), 250);
            assert_eq!(about("bytes_in"), 5);
            assert_eq!(about("bytes_out"), 12);
            assert_eq!(
                (about("issuer"), about("subject")),
                (json!("acme"), json!("alice"))
            );
            assert_eq!(
                (about("credential"), about("cache")),
                (json!("jwt"), json!(cache))
            );
            assert!(about("instance_age_ms").is_u64(), "{line:?}");
            let time = about("time");
            let time = time.as_str().unwrap_or_default();
            assert!(
                time.starts_with("2026-01-01T00:00:00.") && time.ends_with('Z'),
                "{time}"
            );
            assert!(!line.contains_key("path"), "a path may name a person");
            let about_keys = scene.stage.told("keys-loaded");
            let lines = scene.stage.world.log().len() - before;
            assert_eq!(lines, 1 + if cache == "miss" { about_keys } else { 0 });
        }
    }
}

/// The clock of the wall is looked at once for a remembered token, and what was waited for since is added.
#[test]
fn the_time_of_a_line_is_that_of_its_answer_whatever_was_waited_for() {
    let limited = |kind: &str| {
        let limit = "[rate_limit.few]\nrequests = 1000\nper_s = 60\n";
        let policy = POLICY.replace("[defaults]", "[defaults]\nrate_limit = \"few\"");
        format!("{policy}\n{limit}{kind}")
    };
    let reported = "shared = true\nmode = \"report\"\nreport_until = \"2026-02-01\"";
    for (policy, latency_ms, calls) in [
        (POLICY.to_owned(), 0, Calls::Work),
        (limited("shared = false"), 0, Calls::Work),
        (limited("shared = true"), 400, Calls::Work),
        (limited("shared = true"), 400, Calls::Fail),
        (limited(reported), 400, Calls::Work),
    ] {
        for scene in Scene::all_of(&format!("[log]\n{policy}")) {
            let world = &scene.stage.world;
            let store = world.store("default");
            store.latency.set(Duration::from_millis(latency_ms));
            store.calls(calls.clone());
            let token = scene.token(&json!({}));
            for status in [200, 404, 500] {
                let reply = Reply::status(status).after(Duration::from_millis(1_250));
                scene.origin.always(reply);
                for path in ["/orders/7", "/orders/7", "/public/7", "/orders/no/7"] {
                    world.set_clock(3);
                    scene.send(Sent::get(path).bearer(&token));
                    let line = scene.last();
                    let now = rfc3339(world.wall_ms());
                    assert_eq!(line["time"], now, "{policy} {path} {line:?}");
                }
            }
        }
    }
}

#[test]
fn whom_the_gateway_has_asked_how_often_is_in_it() {
    let scene = Scene::new("[log]");
    let token = scene.token(&json!({}));
    scene.origin.next(Reply::status(503));
    scene.send(Sent::get("/orders/7").bearer(&token));
    let line = scene.last();
    assert_eq!(
        (&line["upstream"], &line["attempts"]),
        (&json!("orders"), &json!(2))
    );
}

#[test]
fn a_refused_request_has_one_line_that_says_why() {
    for scene in Scene::all("[log]\nadmitted_percent = 0") {
        let answer = scene.send(Sent::get("/orders/7?secret=1"));
        assert_eq!(answer.status, 401);
        let told = scene.stage.world.told("refused");
        assert_eq!(told.len(), 1, "{told:#?}");
        let line = scene.last();
        assert_eq!(
            (&line["level"], &line["status"]),
            (&json!("warn"), &json!(401))
        );
        assert_eq!(line["class"], "no-credential");
        assert_eq!(line["reason"], "no credential");
        assert_eq!(line["path"], "/orders/7", "without the query");
        assert_eq!(line["decision"], "refused");
    }
}

#[test]
fn of_admitted_requests_some_have_a_line_and_of_failed_ones_all() {
    let count = |percent: u32| {
        let scene = Scene::new(&format!("[log]\nadmitted_percent = {percent}"));
        for _ in 0..400 {
            assert_eq!(scene.send(Sent::get("/public/a")).status, 200);
        }
        scene.lines().len()
    };
    assert_eq!((count(0), count(100)), (0, 400));
    assert!((10..80).contains(&count(10)), "{}", count(10));

    let scene = Scene::new("[log]\nadmitted_percent = 0");
    scene.origin.always(Reply::status(500));
    scene.send(Sent::get("/public/a"));
    assert_eq!(scene.last()["decision"], "admitted", "and it failed behind");
    assert_eq!(scene.last()["level"], "error");
    scene
        .origin
        .always(Reply::failure(Failure::ConnectionTerminated));
    assert_eq!(scene.send(Sent::get("/public/a")).status, 502);
    assert_eq!(scene.last()["class"], "bad-gateway");
}

#[test]
fn a_request_without_an_answer_has_a_line() {
    let scene = Scene::on("[log]\nadmitted_percent = 0", Manner::default(), false);
    scene
        .origin
        .next(Reply::failure(Failure::ConnectionTerminated));
    assert!(scene.stage.try_send(Sent::get("/public/a")).is_err());
    let line = scene.last();
    assert_eq!(
        (&line["decision"], &line["level"]),
        (&json!("failed"), &json!("error"))
    );
    assert!(!line.contains_key("status"), "{line:?}");
}

#[test]
fn all_requests_of_a_trace_have_a_line_or_none_has() {
    let scene = Scene::new(
        "[log]\nadmitted_percent = 50\n[proxy]\ntrusted_hops = 1\ntrusted_networks = [\"10.0.0.0/8\"]",
    );
    for number in 0..20_u64 {
        let before = scene.lines().len();
        for span in 1..=3_u64 {
            let trace = format!("00-0000000000000001{:016x}-{span:016x}-01", number * 7919);
            let sent = Sent::get("/public/a").from(Some("10.0.0.1:1"));
            scene.send(sent.field("traceparent", trace));
        }
        let told = scene.lines().len() - before;
        assert!(told == 0 || told == 3, "{number}: {told}");
    }
}

#[test]
fn without_a_table_only_refusals_are_told() {
    for scene in Scene::all("") {
        scene.send(Sent::get("/public/a"));
        scene.send(Sent::get("/orders/7"));
        assert_eq!(scene.lines(), [], "no line");
        assert_eq!(scene.stage.told("refused"), 1);
    }
}

#[test]
fn the_caller_is_told_by_name_by_a_hash_or_not_at_all() {
    let hash = "[log]\nprincipal = \"hash\"\nsecret = \"log_secret\"";
    let told = |log: &str, subject: &str| {
        let scene = Scene::new(log);
        let token = scene.token(&json!({ "sub": subject }));
        assert_eq!(
            scene.send(Sent::get("/orders/7").bearer(&token)).status,
            200
        );
        let line = scene.last();
        assert!(!scene.stage.log().contains(LOG_SECRET));
        let text = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
        (text("issuer"), text("subject"), text("principal_hash"))
    };
    let alice = told(hash, "alice");
    assert_eq!((&alice.0, &alice.1), (&None, &None));
    let digits = alice.2.clone().unwrap_or_default();
    assert_eq!(digits.len(), 32, "{digits}");
    assert_eq!(told(hash, "alice"), alice, "the same in every instance");
    assert_ne!(told(hash, "bob").2, alice.2);
    let none = told("[log]\nprincipal = \"none\"", "alice");
    assert_eq!(none, (None, None, None));
    let plain = told("[log]", "alice");
    assert_eq!(plain.1.as_deref(), Some("alice"));
    // Without its key nobody is told by name.
    let without = "[log]\nprincipal = \"hash\"\nsecret = \"other_secret\"";
    assert_eq!(told(without, "alice"), (None, None, None));
}

/// One request of each kind, so that each field is in a line of one of them.
fn fields_of(log: &str) -> BTreeSet<String> {
    let scene = Scene::new(log);
    let token = scene.token(&json!({}));
    let told = "00-12345678901234567890123456789012-1234567890123456-01";
    let reply = Reply::default().field("content-length", "13");
    scene.origin.always(reply);
    scene.send(
        Sent::get("/orders/7")
            .bearer(&token)
            .field("traceparent", told),
    );
    scene.send(Sent::get("/orders/7"));
    let log = scene.stage.world.log();
    let lines = log.iter().map(doorward_tests::sim::world::Line::fields);
    let lines = lines.filter(|line| !line.contains_key("keys"));
    lines
        .flat_map(|line| line.into_iter().map(|(name, _)| name))
        .collect()
}

#[test]
fn what_can_be_left_out_is_in_a_line_where_the_policy_lists_it() {
    let all = fields_of("[log]");
    for field in LogRule::FIELDS {
        assert!(all.contains(field), "{field}");
    }
    let few = fields_of("[log]\nfields = [\"route\", \"duration_ms\"]");
    let mut expected = all.clone();
    expected.retain(|field| {
        ["route", "duration_ms"].contains(&field.as_str())
            || !LogRule::FIELDS.contains(&field.as_str())
    });
    assert_eq!(few, expected);
    let always = [
        "time",
        "level",
        "event",
        "request_id",
        "trace_id",
        "span_id",
        "status",
    ];
    for field in always {
        assert!(few.contains(field), "{field}");
    }
}

#[test]
fn fields_have_the_names_of_a_schema_where_the_policy_says_so() {
    let (own, ecs, otel) = (
        fields_of("[log]"),
        fields_of("[log]\nnames = \"ecs\""),
        fields_of("[log]\nnames = \"otel\""),
    );
    assert_eq!(own.len(), ecs.len(), "each has a name of its own: {ecs:?}");
    assert_eq!(own.len(), otel.len(), "{otel:?}");
    for name in [
        "@timestamp",
        "log.level",
        "trace.id",
        "http.request.method",
        "user.id",
    ] {
        assert!(ecs.contains(name), "{name}");
    }
    for name in [
        "http.route",
        "http.response.status_code",
        "severity_text",
        "error.type",
    ] {
        assert!(otel.contains(name), "{name}");
    }
    let scene = Scene::new("[log]\nnames = \"ecs\"");
    scene
        .origin
        .always(Reply::default().after(Duration::from_millis(3)));
    scene.send(Sent::get("/public/a"));
    let log = scene.stage.log();
    assert!(
        log.contains("\"event.duration\":3000000,"),
        "in nanoseconds: {log}"
    );
}

#[test]
fn a_line_is_one_line_of_at_most_4096_bytes_whatever_is_in_it() {
    let scene = Scene::new("[log]\n[proxy]\ntrusted_hops = 1");
    let texts = [
        "a\nb\r\n{\"level\":\"info\"}".to_owned(),
        "\"},{\"event\":\"forged".to_owned(),
        "\u{1b}[2J\u{9b}1m\u{7f}\u{0}".to_owned(),
        "\\".repeat(5000),
        "\u{1}".repeat(3000),
        "\u{1f600}".repeat(2000),
    ];
    for text in texts {
        let token = scene.token(&json!({ "sub": text }));
        let sent = Sent::new(
            &"M".repeat(2000),
            &format!("/orders/{}", "%22".repeat(1000)),
        )
        .bearer(&token)
        .field("x-request-id", "r".repeat(128));
        scene.send(sent);
        scene.send(Sent::get("/orders/7").bearer(&token));
    }
    for line in scene.stage.world.log() {
        assert!(line.text.len() < 4096, "{}", line.text.len());
        assert!(!line.text.chars().any(char::is_control), "{:?}", line.text);
        let parsed: Value = serde_json::from_str(&line.text).expect("JSON");
        assert_ne!(parsed["event"], "forged");
    }
}

/// A secret as it could show: whole, in part, and encoded.
fn forms(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let (half, rest) = secret.split_at(secret.len() / 2);
    let reversed = secret.chars().rev().collect();
    let mut forms = vec![half.to_owned(), rest.to_owned(), percent, reversed];
    forms.extend(secret.split('.').map(str::to_owned));
    // Of an encoding, the middle is the same whatever stands around it.
    for encoded in [
        hex,
        BASE64_STANDARD.encode(secret),
        BASE64URL.encode(secret),
    ] {
        let (first, second) = encoded.split_at(encoded.len() / 2);
        forms.extend([first.to_owned(), second.to_owned()]);
    }
    forms.retain(|form| form.len() >= 8);
    forms.dedup();
    forms
}

#[test]
fn nothing_that_a_long_mixed_run_has_written_has_a_secret_in_it() {
    let hash = "[log]\nprincipal = \"hash\"\nsecret = \"log_secret\"\n";
    let mut lines = 0;
    for log in [
        "",
        "[log]\n",
        hash,
        "[log]\nnames = \"ecs\"\n",
        "[log]\nnames = \"otel\"\n",
    ] {
        for scene in Scene::all(log) {
            let mut secrets = vec![
                ORDERS_TOKEN.to_owned(),
                LOG_SECRET.to_owned(),
                scene.key.clone(),
            ];
            for number in 0..6 {
                let good = scene.token(&json!({ "jti": number, "email": "alice@mail.example" }));
                let narrow = scene.token(&json!({ "jti": number, "scope": "write" }));
                let old = scene.token(&json!({ "jti": number, "exp": 1_700_000_000 }));
                let false_one = format!("{}AAAAAAAA", &good[..good.len() - 8]);
                let (cookie, query) = (
                    format!("cookie-value-{number}-hidden"),
                    format!("query-value-{number}-hidden"),
                );
                let basic = BASE64_STANDARD.encode(format!("user:password-{number}-hidden"));
                match number % 6 {
                    0 => scene.origin.next(Reply::status(503)),
                    1 => scene
                        .origin
                        .next(Reply::failure(Failure::ConnectionTerminated)),
                    2 => scene
                        .origin
                        .next(Reply::default().field("set-cookie", &cookie)),
                    _ => {}
                }
                let orders = "/orders/7";
                let asks = [
                    Sent::get(orders).bearer(&good),
                    Sent::get(orders).bearer(&narrow),
                    Sent::get(orders).bearer(&old),
                    Sent::get(orders).bearer(&false_one),
                    Sent::get(orders).bearer(&good).bearer(&narrow),
                    Sent::get(&format!("{orders}?token={good}&q={query}")),
                    Sent::get(&format!("{orders}?q={query}&token=x")),
                    Sent::get(orders).field("cookie", format!("session={good}; other={cookie}")),
                    Sent::get(orders).field("cookie", format!("session={cookie}")),
                    Sent::get(orders).field("x-api-key", &scene.key),
                    Sent::get(orders).field("x-api-key", format!("{}x", scene.key)),
                    Sent::get(orders).field("authorization", format!("Basic {basic}")),
                    Sent::get(&format!("/public/a?q={query}")).field("cookie", &cookie),
                    Sent::get(&format!("/nowhere?q={query}")).bearer(&good),
                    Sent::get(&format!("/public/../a?q={query}")),
                    Sent::post(orders, query.as_bytes()).bearer(&good),
                ];
                for sent in asks {
                    // What is behind the gate may give no answer.
                    let _ = scene.stage.try_send(sent);
                }
                secrets.extend([good, narrow, old, cookie, query, basic]);
            }
            let written = scene.stage.log();
            lines += written.lines().count();
            for secret in secrets {
                for form in forms(&secret) {
                    // What all tokens begin with says nothing.
                    let header = form.starts_with("eyJ") && form.len() < 80;
                    assert!(header || !written.contains(&form), "{log}: {form}");
                }
            }
        }
    }
    assert!(lines > 1000, "{lines}");
}
