//! A service with the gate linked in: what it gets of a request as values, and that it gets no other request.
//! What goes on of a request is the same as behind the gate: `sim_front` and `contract` show it of both.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use doorward_gate::linked::{Admitted, Answer as Answered, ClaimFault, Identity, Reply};
use doorward_tests::contract::{cases, simulated};
use doorward_tests::sim::client::{Answer, Sent};
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::Behind;
use doorward_tests::sim::issuer::Issuer;
use doorward_tests::sim::message::{Failure, Manner};
use doorward_tests::sim::platform::Sim;
use doorward_tests::sim::stage::Stage;
use doorward_tests::sim::world::{Line, World};
use doorward_token::api_key;
use serde_json::{Value, json};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

const POLICY: &str = r#"
[log]

[issuer.acme]
url = "https://acme.example"
audience = "api"
jwks_url = "https://acme.example/keys"

[api_keys]
header = "x-api-key"

[[api_keys.key]]
name = "ci"
id = "{id}"
hash = "{hash}"
scope = ["read", "write"]

[identity]
x-auth-subject = "sub"

[security_headers.api]
preset = "api"

[cors.pages]
origins = ["https://shop.example"]

[defaults]
security_headers = "api"
cors = "pages"

[limits.small]
body_bytes_max = 10

[limits.short]
body_time_max_s = 20

[limits.json]
content_types = ["application/json"]

[[route]]
path = "/me/{what}"
accept = ["jwt", "api-key"]
scope = ["read"]

[[route]]
path = "/public/{what}"
public = true

[[route]]
path = "/small/{what}"
public = true
limits = "small"

[[route]]
path = "/short/{what}"
public = true
limits = "short"

[[route]]
path = "/json/{what}"
public = true
limits = "json"

[[route]]
path = "/reported"
scope = ["write"]
mode = "report"
report_until = "2026-01-01T01:00:00Z"
"#;

/// What of a body the service takes into memory.
const COLLECTED_BYTES_MAX: usize = 20;

struct Scene {
    stage: Stage,
    issuer: Rc<Issuer>,
    key: String,
    /// Requests that the service got.
    served: Rc<Cell<usize>>,
}

fn scenes() -> [Scene; 2] {
    Manner::ALL.map(scene)
}

fn scene(manner: Manner) -> Scene {
    let world = World::new(1, false);
    let issuer = Issuer::at(&world, "acme.example", "first");
    let key = api_key::generate(&[7; api_key::KEY_RANDOM_BYTES]);
    let policy = POLICY
        .replace("{id}", &key.id)
        .replace("{hash}", &key.digest.text());
    let served: Rc<Cell<usize>> = Rc::default();
    let count = Rc::clone(&served);
    let service = Behind::Linked(Rc::new(move |admitted| {
        count.set(count.get() + 1);
        Box::pin(answer(admitted))
    }));
    let component = Component::new(&policy).on(manner);
    Scene {
        stage: Stage::new(&world, component, service),
        issuer,
        key: key.text,
        served,
    }
}

/// The service: what it does, the last segment of the path says.
async fn answer(admitted: Admitted<'_, Sim>) -> Result<Answered<Sim>, Failure> {
    let json = |told: Value| Reply::new(200).with_body("application/json", told.to_string());
    let last = admitted.path().rsplit('/').next().unwrap_or_default();
    Ok(Answered::Reply(match last {
        "claims" => json(admitted.identity().map_or(Value::Null, claims)),
        "collected" => match admitted.into_body().collect(COLLECTED_BYTES_MAX).await {
            Ok(bytes) => Reply::new(200).with_body("text/plain", bytes),
            Err(fault) => Reply::new(200).with_body("text/plain", format!("no body: {fault}")),
        },
        "rest" => {
            let mut body = admitted.into_body();
            let read = body.collect(COLLECTED_BYTES_MAX).await;
            let rest = body.into_stream().map(|_| ());
            Reply::new(200).with_body("text/plain", format!("{:?}, {rest:?}", read.err()))
        }
        "shared" => Reply::new(200)
            .with_field("Access-Control-Allow-Origin", "*")
            .with_field("Access-Control-Allow-Credentials", "true")
            .with_field("X-Frame-Options", "SAMEORIGIN"),
        "unread" => Reply::new(204).with_field("x-frame-options", "SAMEORIGIN"),
        _ => json(told(&admitted)),
    }))
}

/// What the service knows of a request.
fn told(admitted: &Admitted<'_, Sim>) -> Value {
    let names: Vec<&str> = admitted.fields().names().collect();
    let forwarded = admitted.forwarded_fields();
    let identity = admitted.identity();
    json!({
        "method": admitted.method(),
        "path": admitted.path(),
        "query": admitted.query(),
        "authority": admitted.authority(),
        "route": admitted.route(),
        "permit": admitted.permit().target(),
        "accept": admitted.field("accept"),
        "names": names,
        "request_id": admitted.request_id(),
        "is_named": forwarded.text("x-request-id") == Some(admitted.request_id()),
        "is_traced": forwarded.text("traceparent") == Some(admitted.traceparent()),
        "x-auth-subject": forwarded.text("x-auth-subject"),
        "identity": identity.map(|identity| json!({
            "kind": identity.kind().name(),
            "issuer": identity.issuer(),
            "principal": identity.principal().to_string(),
            "subject": identity.subject(),
            "audience": identity.audience(),
            "id": identity.credential_id(),
            "expires": identity.expires_at().is_some(),
            "scopes": identity.scopes(),
            "may_write": identity.has_scope("write"),
            "debug": format!("{identity:?}"),
        })),
    })
}

/// Claims by their type. What is wrong with one is told by its text.
fn claims(identity: Identity<'_>) -> Value {
    fn or_fault<T: Into<Value>>(claim: Result<T, ClaimFault>) -> Value {
        claim.map_or_else(|fault| json!(fault.to_string()), Into::into)
    }
    json!({
        "email": or_fault(identity.text("email")),
        "absent": or_fault(identity.text("absent")),
        "null": or_fault(identity.text("null")),
        "level": or_fault(identity.integer("level")),
        "admin": or_fault(identity.boolean("admin")),
        "roles": or_fault(identity.texts("realm_access.roles")),
        "group": or_fault(identity.texts("email")),
        "none": or_fault(identity.texts("absent")),
        "not_text": or_fault(identity.text("level")),
        "not_integer": or_fault(identity.integer("email")),
        "not_boolean": or_fault(identity.boolean("level")),
        "not_texts": or_fault(identity.texts("mixed")),
        "through": or_fault(identity.text("email.domain")),
        "path": or_fault(identity.text("a..b")),
    })
}

impl Scene {
    fn token(&self, claims: Value) -> String {
        self.issuer.token_by("first", &self.stage.world, claims)
    }

    fn send(&self, sent: Sent) -> Answer {
        self.stage.send(sent)
    }
}

#[test]
fn whatever_the_gate_lets_through_is_the_same_as_behind_it() {
    let mut compared = 0;
    for group in cases::all() {
        for case in &group.cases {
            let Some(linked) = case.linked() else {
                continue;
            };
            for manner in Manner::ALL {
                let (behind, _) = simulated::run(case, manner, true);
                let (within, _) = simulated::run(&linked, manner, true);
                let mut pairs = behind.iter().zip(&within);
                for (behind, within) in &mut pairs {
                    compared += 1;
                    let (mut behind, mut within) = (behind.clone(), within.clone());
                    for outcome in [&mut behind, &mut within] {
                        // How the service behind the gate says what its answer is, differs.
                        let got = outcome.got.as_mut().expect("there is an answer");
                        got.fields.retain(|(name, _)| {
                            !["content-type", "content-length", "transfer-encoding"]
                                .contains(&name.as_str())
                        });
                    }
                    assert_eq!(behind.text(), within.text(), "{} {manner:?}", case.name);
                }
            }
        }
    }
    assert!(compared > 40, "{compared} exchanges");
}

#[test]
fn who_the_caller_is_comes_as_values() {
    for scene in scenes() {
        let token = scene.token(json!({ "scope": "read", "jti": "7", "email": "a@acme.example" }));
        for round in ["verified", "remembered"] {
            let sent = Sent::get("/me/told?page=2").bearer(&token);
            let answer = scene.send(sent.field("accept", "application/json"));
            assert_eq!(answer.status, 200, "{round}: {}", answer.text());
            let told = answer.json();
            let identity = json!({
                "kind": "jwt",
                "issuer": "https://acme.example",
                "principal": "acme \"alice\"",
                "subject": "alice",
                "audience": ["api"],
                "id": "7",
                "expires": true,
                "scopes": ["read"],
                "may_write": false,
                "debug": "Identity { principal: Principal { issuer: \"acme\", subject: Some(\"alice\") }, kind: Jwt, .. }",
            });
            assert_eq!(told["identity"], identity, "{round}");
            assert_eq!(told["method"], "GET");
            assert_eq!(told["path"], "/me/told");
            assert_eq!(told["query"], "page=2");
            assert_eq!(told["permit"], "/me/told?page=2");
            assert_eq!(told["route"], "/me/{what}");
            assert_eq!(told["authority"], "shop.example");
            assert_eq!(told["accept"], "application/json");
            assert_eq!(told["x-auth-subject"], "alice");
            assert_eq!(told["is_named"], true);
            assert_eq!(told["is_traced"], true);
            assert_eq!(answer.field("x-request-id"), told["request_id"]);
            let names = told["names"].as_array().expect("names");
            assert!(!names.contains(&json!("authorization")), "{names:?}");
            assert!(names.contains(&json!("accept")), "{names:?}");
        }
        let answer = scene.send(Sent::get("/me/told").field("x-api-key", &scene.key));
        let told = answer.json();
        assert_eq!(told["identity"]["kind"], "api-key", "{told}");
        assert_eq!(told["identity"]["subject"], "ci");
        assert_eq!(told["identity"]["issuer"], api_key::API_KEY_ISSUER);
        assert_eq!(told["identity"]["may_write"], true);
        assert_eq!(told["identity"]["audience"], json!([]));
        assert_eq!(told["identity"]["expires"], false);
        let names = told["names"].as_array().expect("names");
        assert!(!names.contains(&json!("x-api-key")), "{names:?}");
    }
}

#[test]
fn a_claim_of_another_type_is_a_fault_and_never_absent() {
    for scene in scenes() {
        let token = scene.token(json!({
            "scope": "read",
            "email": "a@acme.example",
            "level": 3,
            "admin": true,
            "mixed": ["a", 1],
            "realm_access": { "roles": ["chief", "clerk"] },
        }));
        let answer = scene.send(Sent::get("/me/claims").bearer(&token));
        let due = json!({
            "email": "a@acme.example",
            "absent": null,
            "null": null,
            "level": 3,
            "admin": true,
            "roles": ["chief", "clerk"],
            "group": ["a@acme.example"],
            "none": [],
            "not_text": "the claim is not a text",
            "not_integer": "the claim is not a whole number",
            "not_boolean": "the claim is not a boolean",
            "not_texts": "the claim is not a list of texts",
            "through": "the claim is not a text",
            "path": "this is no path of a claim",
        });
        assert_eq!(answer.json(), due);
    }
}

#[test]
fn nobody_is_who_was_not_asked_for_a_credential_or_would_have_been_refused() {
    for scene in scenes() {
        let token = scene.token(json!({ "scope": "read" }));
        for (what, sent) in [
            ("public", Sent::get("/public/told")),
            (
                "public, with a token",
                Sent::get("/public/told").bearer(&token),
            ),
            ("only reported", Sent::get("/reported").bearer(&token)),
        ] {
            let answer = scene.send(sent.field("X_Auth.Subject", "root"));
            assert_eq!(answer.status, 200, "{what}");
            let told = answer.json();
            assert_eq!(told["identity"], Value::Null, "{what}");
            assert_eq!(told["x-auth-subject"], Value::Null, "{what}");
            let names = told["names"].to_string().to_lowercase();
            assert!(!names.contains("subject"), "{what}: {names}");
            assert!(!names.contains("authorization"), "{what}: {names}");
        }
    }
}

#[test]
fn who_is_refused_never_reaches_the_service() {
    for scene in scenes() {
        let narrow = scene.token(json!({ "scope": "write" }));
        let mut wrong = scene.key.clone();
        wrong.replace_range(10..11, "_");
        for (sent, status) in [
            (Sent::get("/me/told"), 401),
            (Sent::get("/me/told").bearer("x.y.z"), 401),
            (Sent::get("/me/told").field("x-api-key", &wrong), 401),
            (Sent::get("/me/told").bearer(&narrow), 403),
            (Sent::get("/elsewhere"), 403),
            (Sent::get("/public/%2e%2e/me"), 400),
        ] {
            let answer = scene.send(sent.clone());
            assert_eq!(answer.status, status, "{sent:?}: {}", answer.text());
        }
        assert_eq!(scene.served.get(), 0);
    }
}

#[test]
fn a_body_is_never_given_out_beyond_what_the_policy_allows() {
    for scene in scenes() {
        let chunks = |target: &str, bytes: usize, pause_s: u64| {
            let pieces = vec![vec![b'x']; bytes];
            Sent::new("POST", target).pieces(pieces, Duration::from_secs(pause_s))
        };
        for (what, sent, status, text) in [
            ("none", Sent::new("POST", "/small/collected"), 200, ""),
            ("small", chunks("/small/collected", 3, 0), 200, "xxx"),
            (
                "the most",
                chunks("/small/collected", 10, 0),
                200,
                "xxxxxxxxxx",
            ),
            ("too large", chunks("/small/collected", 11, 0), 413, ""),
            (
                "too large and unread",
                chunks("/small/unread", 11, 0),
                204,
                "",
            ),
            (
                "too large as it says",
                Sent::post("/small/collected", "0123456789a").with_length(),
                413,
                "",
            ),
            ("too slow", chunks("/short/collected", 3, 10), 408, ""),
            (
                "more than the service takes",
                chunks("/public/collected", COLLECTED_BYTES_MAX + 1, 0),
                200,
                "no body: the body has more than 20 bytes",
            ),
            (
                "cut",
                chunks("/public/collected", 3, 0).cut(),
                200,
                "no body: the client did not send all of the body",
            ),
            (
                "cut, and what comes after",
                chunks("/public/rest", 3, 0).cut(),
                200,
                "Some(Incomplete), Err(Incomplete)",
            ),
            (
                "what the service has not taken",
                chunks("/public/rest", COLLECTED_BYTES_MAX + 1, 0),
                200,
                "Some(Longer { bytes_max: 20 }), Ok(())",
            ),
            ("of another type", chunks("/json/collected", 3, 0), 415, ""),
            (
                "of the type",
                chunks("/json/collected", 3, 0).field("content-type", "application/json"),
                200,
                "xxx",
            ),
        ] {
            let answer = scene.send(sent);
            assert_eq!(answer.status, status, "{what}: {}", answer.text());
            if status == 200 {
                assert_eq!(answer.text(), text, "{what}");
            }
        }
    }
}

#[test]
fn what_a_service_leaves_unread_of_a_body_is_read_and_dropped() {
    for scene in scenes() {
        for target in ["/public/unread", "/public/told", "/public/collected"] {
            let pieces = vec![vec![b'x'; 64 * 1024]; 10];
            let (sent, taken) = Sent::new("POST", target)
                .pieces(pieces, Duration::from_millis(1))
                .watched();
            let answer = scene.send(sent);
            assert!(answer.status < 300, "{target}: {}", answer.status);
            scene.stage.world.executor.run_for(Duration::from_secs(5));
            assert_eq!(taken.get(), 10 * 64 * 1024, "{target}");
        }
    }
}

#[test]
fn an_answer_gets_what_the_policy_adds_to_answers() {
    for scene in scenes() {
        let sent = Sent::get("/public/told").field("origin", "https://shop.example");
        let answer = scene.send(sent.clone());
        assert_eq!(answer.field("x-content-type-options"), "nosniff");
        assert_eq!(
            answer.field("access-control-allow-origin"),
            "https://shop.example"
        );
        assert_eq!(
            answer.field("content-length"),
            answer.body.len().to_string()
        );
        // What the service says itself stays.
        let answer = scene.send(Sent::get("/public/unread"));
        assert_eq!(answer.status, 204);
        assert_eq!(answer.field("x-frame-options"), "SAMEORIGIN");
        assert_eq!(answer.field("x-request-id").len(), 36);
        // A preflight reaches no service.
        let before = scene.served.get();
        let preflight = Sent::new("OPTIONS", "/public/told")
            .field("origin", "https://shop.example")
            .field("access-control-request-method", "GET");
        assert_eq!(scene.send(preflight).status, 204);
        assert_eq!(scene.served.get(), before);
    }
}

/// Names of fields have no case, and a service may write them as the RFCs do.
#[test]
fn what_a_service_says_to_other_origins_is_not_said_in_any_spelling() {
    for scene in scenes() {
        for (origin, due) in [
            (
                "https://shop.example",
                vec![b"https://shop.example".to_vec()],
            ),
            ("https://evil.example", vec![]),
        ] {
            let answer = scene.send(Sent::get("/public/shared").field("origin", origin));
            assert_eq!(answer.status, 200);
            assert_eq!(answer.fields.values("access-control-allow-origin"), due);
            assert!(!answer.fields.has("access-control-allow-credentials"));
            assert_eq!(answer.field("x-frame-options"), "SAMEORIGIN");
        }
    }
}

#[test]
fn the_log_has_a_line_for_each_request_with_its_principal() {
    for scene in scenes() {
        let token = scene.token(json!({ "scope": "read" }));
        scene.send(Sent::get("/me/told").bearer(&token));
        scene.send(Sent::post("/public/collected", "12345"));
        scene.send(Sent::get("/me/told"));
        let lines = scene.stage.world.log();
        let lines: Vec<_> = lines.iter().map(Line::fields).collect();
        let told: Vec<_> = lines
            .iter()
            .filter(|line| line.contains_key("decision"))
            .map(|line| {
                ["subject", "status", "bytes_in", "route"]
                    .map(|name| line.get(name).cloned().unwrap_or_default())
            })
            .collect();
        let due = [
            [json!("alice"), json!(200), json!(0), json!("/me/{what}")],
            [json!(null), json!(200), json!(5), json!("/public/{what}")],
            [json!(null), json!(401), json!(0), json!("/me/{what}")],
        ];
        assert_eq!(told, due, "{}", scene.stage.log());
        assert!(!scene.stage.log().contains(&token));
    }
}
