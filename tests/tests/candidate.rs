//! A second policy beside the enforced one: only differences are told, and nothing comes of them.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use doorward_tests::sim::client::Sent;
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::Behind;
use doorward_tests::sim::issuer::Issuer;
use doorward_tests::sim::origin::Origin;
use doorward_tests::sim::stage::Stage;
use doorward_tests::sim::world::{Line, World};
use doorward_token::api_key;
use serde_json::{Map, Value, json};
use std::rc::Rc;
use std::time::Duration;

const ISSUERS: &str = r#"
[issuer.acme]
url = "https://acme.example"
audience = "api"
jwks_url = "https://acme.example/keys"

[identity]
x-auth-subject = "sub"
"#;

const OTHER: &str = r#"
[issuer.other]
url = "https://other.example"
audience = "api"
jwks_url = "https://other.example/keys"
"#;

const ROUTE: &str = "[[route]]\npath = \"/items/{id}\"\nissuer = \"acme\"\nscope = [\"read\"]\n";

struct Scene {
    stage: Stage,
    acme: Rc<Issuer>,
    other: Rc<Issuer>,
    app: Rc<Origin>,
}

impl Scene {
    /// Routes, or whatever stands after the issuers, that are enforced, and those of the candidate.
    fn new(enforced: &str, candidate: &str) -> Self {
        Self::with(
            &format!("candidate = \"/new.toml\"\n{ISSUERS}{enforced}"),
            Some(&format!("{ISSUERS}{candidate}")),
        )
    }

    fn with(enforced: &str, candidate: Option<&str>) -> Self {
        let world = World::new(1, false);
        let acme = Issuer::at(&world, "acme.example", "first");
        let other = Issuer::at(&world, "other.example", "second");
        let app = Origin::new(&world);
        let mut component = Component::new(enforced);
        if let Some(candidate) = candidate {
            component = component.file("/new.toml", candidate);
        }
        let stage = Stage::new(&world, component, Behind::Next(app.peer()));
        Self {
            stage,
            acme,
            other,
            app,
        }
    }

    fn token(&self, claims: Value) -> String {
        let mut all = json!({ "scope": "read" });
        for (name, value) in claims.as_object().expect("claims") {
            all[name] = value.clone();
        }
        self.acme.token_by("first", &self.stage.world, all)
    }

    /// The status of the answer, and what the candidate said of that request if it was something else.
    fn ask(&self, sent: Sent) -> (u16, Option<Map<String, Value>>) {
        let before = self.told().len();
        let status = self.stage.send(sent).status;
        let mut told = self.told();
        assert!(told.len() <= before + 1, "one line for a request");
        let new = (told.len() > before).then(|| told.pop()).flatten();
        let observed = self.stage.world.last_observed().expect("a request");
        let counted = observed.candidate.map(|said| json!(said));
        let said = new.as_ref().map(|line| line["candidate"].clone());
        // What cannot be decided is told once in a while, and counted each time.
        let is_left_out = said.is_none() && counted == Some(json!("undecidable"));
        assert!(is_left_out || counted == said, "what is told is counted");
        (status, new)
    }

    fn told(&self) -> Vec<Map<String, Value>> {
        let told = self.stage.world.told("candidate-differs");
        told.iter().map(Line::fields).collect()
    }

    /// What was decided, and what the candidate says; `None`: the same.
    fn differs(&self, sent: Sent) -> Option<(String, String)> {
        let (_, line) = self.ask(sent);
        let line = line?;
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        Some((text("enforced"), text("candidate")))
    }
}

fn pair(enforced: &str, candidate: &str) -> Option<(String, String)> {
    Some((enforced.to_owned(), candidate.to_owned()))
}

#[test]
fn a_policy_that_says_the_same_is_not_heard_of() {
    let scene = Scene::new(ROUTE, ROUTE);
    let good = scene.token(json!({}));
    let narrow = scene.token(json!({ "scope": "write" }));
    let old = scene.token(json!({ "exp": 1_700_000_000 }));
    let forged = scene
        .acme
        .token_by("of a stranger", &scene.stage.world, json!({}));
    let other = scene
        .other
        .token_by("second", &scene.stage.world, json!({}));
    for token in [&good, &narrow, &old, &other, &good, &forged] {
        scene.ask(Sent::get("/items/7").bearer(token));
    }
    for sent in [
        Sent::get("/items/7"),
        Sent::get("/nowhere").bearer(&good),
        Sent::get("/items/%2e%2e"),
        Sent::get("/items/7").bearer("a").bearer("b"),
    ] {
        scene.ask(sent);
    }
    // An unknown key may be one of tomorrow: of that the candidate, which asks nobody, knows nothing.
    let told = scene.told();
    let said: Vec<_> = told.iter().map(|line| line["candidate"].clone()).collect();
    assert_eq!(said, ["undecidable"], "{told:#?}");
}

#[test]
fn what_it_would_refuse_is_told_and_passes() {
    let candidate = ROUTE.replace("\"read\"", "\"read\", \"more\"");
    let scene = Scene::new(ROUTE, &candidate);
    let good = scene.token(json!({}));
    for round in ["verified", "remembered"] {
        let (status, line) = scene.ask(Sent::get("/items/7?secret=1").bearer(&good));
        assert_eq!(status, 200, "{round}");
        let line = line.expect("a difference");
        for (name, due) in [
            ("level", "info"),
            ("method", "GET"),
            ("path", "/items/7"),
            ("enforced", "admitted"),
            ("route", "/items/{id}"),
            ("candidate", "insufficient-scope"),
            ("candidate_reason", "the scope more is lacking"),
        ] {
            assert_eq!(line[name], due, "{round}: {name}");
        }
        assert!(line["request_id"].is_string());
    }
    let seen = scene.app.seen().pop().expect("it has passed");
    assert_eq!(
        seen.field("x-auth-subject"),
        "alice",
        "as the enforced one says"
    );
    assert_eq!(scene.told().len(), 2);
}

#[test]
fn what_it_would_let_through_is_told_and_refused() {
    let candidate = "[[route]]\npath = \"/items/**\"\nissuer = \"acme\"\n";
    let scene = Scene::new(ROUTE, candidate);
    let narrow = scene.token(json!({ "scope": "write" }));
    let (status, line) = scene.ask(Sent::get("/items/7").bearer(&narrow));
    assert_eq!(status, 403);
    let line = line.expect("a difference");
    assert_eq!(line["enforced"], "insufficient-scope");
    assert_eq!(line["reason"], "the scope read is lacking");
    assert_eq!(line["candidate"], "admitted");
    assert_eq!(line["candidate_route"], "/items/**");
    // It has not looked at the credential of a path that nobody lists; the keys are at hand by now.
    let sent = Sent::get("/items/7/more").bearer(&narrow);
    assert_eq!(scene.differs(sent), pair("forbidden", "admitted"));
    assert_eq!(scene.app.count(), 0, "nobody has passed");
}

#[test]
fn a_path_or_method_that_only_one_lists_is_a_difference() {
    let public = "[[route]]\npath = \"/open\"\npublic = true\n";
    let scene = Scene::new(public, &format!("{ROUTE}{public}methods = [\"GET\"]\n"));
    assert_eq!(scene.differs(Sent::get("/open")), None);
    let post = Sent::post("/open", "x");
    assert_eq!(scene.differs(post), pair("admitted", "forbidden"));
    let items = Sent::get("/items/7");
    assert_eq!(scene.differs(items), pair("forbidden", "no-credential"));
    assert_eq!(scene.differs(Sent::get("/nowhere")), None);
}

#[test]
fn nothing_is_fetched_asked_or_counted_for_it() {
    let limit = "[rate_limit.one]\nrequests = 1\nper_s = 60\nkey = \"client\"\nshared = true\n";
    let limited = format!("{limit}{ROUTE}rate_limit = \"one\"\n");
    let asked = "[issuer.other.introspection]\nclient_id = \"gate\"\nsecret = \"s\"\n\
                 endpoint = \"https://other.example/introspect\"\n";
    let routes = "[[route]]\npath = \"/other\"\nissuer = \"other\"\n[[route]]\npath = \"/opaque\"\n\
                  issuer = \"other\"\naccept = \"opaque\"\n";
    let open = "[[route]]\npath = \"/other\"\npublic = true\n[[route]]\npath = \"/opaque\"\npublic = true\n";
    let revocation = "[revocation]\n";
    let scene = Scene::new(
        &format!("{ROUTE}{open}"),
        &format!("{OTHER}{asked}{revocation}{limited}{routes}"),
    );
    let good = scene.token(json!({}));
    let other = scene
        .other
        .token_by("second", &scene.stage.world, json!({}));
    let asks = [
        (Sent::get("/other").bearer(&other), "undecidable"),
        (Sent::get("/opaque").bearer("opaque"), "undecidable"),
        // What is revoked was never read.
        (Sent::get("/items/7").bearer(&good), "undecidable"),
    ];
    for (sent, said) in asks {
        assert_eq!(scene.differs(sent), pair("admitted", said));
    }
    let store = scene.stage.world.store("default");
    let names = store.all_names();
    let of_limits = names.iter().any(|name| name.contains("/rate"));
    assert!(!of_limits, "nothing was counted: {names:?}");
    assert_eq!(store.listings(), 0, "nothing was read");
    let reasons = scene.told();
    let reasons: Vec<_> = reasons
        .iter()
        .map(|line| line["candidate_reason"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(reasons[2], "what is revoked is not at hand");
    assert!(reasons[0].contains("no such issuer"), "{reasons:?}");
}

#[test]
fn what_is_undecidable_for_one_reason_is_told_once_a_minute_with_how_often_it_was_not() {
    let scene = Scene::new(ROUTE, ROUTE);
    let good = scene.token(json!({}));
    assert_eq!(scene.differs(Sent::get("/items/7").bearer(&good)), None);
    let forged = |number: usize| {
        let key = format!("of stranger {number}");
        let token = scene.acme.token_by(&key, &scene.stage.world, json!({}));
        scene.differs(Sent::get("/items/7").bearer(&token))
    };
    let due = pair("invalid-token", "undecidable");
    assert_eq!(forged(0), due);
    for number in 1..50 {
        assert_eq!(forged(number), None, "{number}");
    }
    scene.stage.world.executor.run_for(Duration::from_secs(60));
    // An answer of the issuer may be needed again; what is told is the same.
    assert_eq!(forged(50), due);
    let told = scene.told();
    let left_out: Vec<_> = told.iter().map(|line| line.get("left_out")).collect();
    assert_eq!(left_out, [None, Some(&json!("49"))], "{told:#?}");
    // What is decided is told each time.
    let narrower = ROUTE.replace("\"read\"", "\"more\"");
    let scene = Scene::new(ROUTE, &narrower);
    let good = scene.token(json!({}));
    for _ in 0..3 {
        let sent = Sent::get("/items/7").bearer(&good);
        assert_eq!(scene.differs(sent), pair("admitted", "insufficient-scope"));
    }
}

#[test]
fn a_request_over_a_limit_is_not_compared() {
    let limit = "[rate_limit.one]\nrequests = 1\nper_s = 60\nkey = \"client\"\n[[route]]\npath = \"/open\"\n\
                 public = true\nrate_limit = \"one\"\n";
    let scene = Scene::new(limit, "[[route]]\npath = \"/open\"\npublic = true\n");
    assert_eq!(scene.ask(Sent::get("/open")).0, 200);
    assert_eq!(scene.ask(Sent::get("/open")).0, 429);
    assert_eq!(scene.told().len(), 0);
}

#[test]
fn an_api_key_is_judged_by_the_keys_that_it_lists_itself() {
    let key = api_key::generate(&[7; api_key::KEY_RANDOM_BYTES]);
    let keys = |scope: &str, header: &str| {
        format!(
            "[api_keys]\nheader = \"{header}\"\n[[api_keys.key]]\nname = \"ci\"\nid = \"{}\"\nhash = \"{}\"\n\
             scope = [\"{scope}\"]\n[[route]]\npath = \"/keys\"\naccept = \"api-key\"\nscope = [\"read\"]\n",
            key.id,
            key.digest.text()
        )
    };
    let sent = || Sent::get("/keys").field("x-api-key", &key.text);
    let scene = Scene::new(
        &format!("{}{ROUTE}", keys("read", "x-api-key")),
        &format!("{}{ROUTE}", keys("write", "x-api-key")),
    );
    assert_eq!(
        scene.differs(sent()),
        pair("admitted", "insufficient-scope")
    );
    let scene = Scene::new(
        &format!("{}{ROUTE}", keys("read", "x-api-key")),
        &format!("{}{ROUTE}", keys("read", "x-other-key")),
    );
    assert_eq!(scene.differs(sent()), pair("admitted", "no-credential"));
}

#[test]
fn of_a_request_in_report_mode_it_is_compared_with_what_would_be_enforced() {
    let mode = "mode = \"report\"\nreport_until = \"2026-01-02\"\n";
    let enforced = format!("{mode}candidate = \"/new.toml\"\n{ISSUERS}{ROUTE}");
    let scene = Scene::with(&enforced, Some(&format!("{ISSUERS}{ROUTE}")));
    assert_eq!(scene.ask(Sent::get("/items/7")), (200, None));
    // The mode of the candidate itself is not looked at: what it would refuse is the question.
    let candidate = format!("{mode}{ISSUERS}{ROUTE}");
    let enforced =
        format!("candidate = \"/new.toml\"\n{ISSUERS}[[route]]\npath = \"/**\"\npublic = true\n");
    let scene = Scene::with(&enforced, Some(&candidate));
    let sent = Sent::get("/items/7");
    assert_eq!(scene.differs(sent), pair("admitted", "no-credential"));
}

#[test]
fn one_that_cannot_be_used_is_told_and_changes_nothing() {
    let enforced = format!("candidate = \"/new.toml\"\n{ISSUERS}{ROUTE}");
    for (candidate, event) in [
        (None, "policy-unreadable"),
        (Some("[[route]]\npath = 7\n"), "policy-invalid"),
    ] {
        let scene = Scene::with(&enforced, candidate);
        let good = scene.token(json!({}));
        for (sent, status) in [
            (Sent::get("/items/7").bearer(&good), 200),
            (Sent::get("/items/7"), 401),
        ] {
            assert_eq!(scene.ask(sent), (status, None), "{event}");
        }
        let told = scene.stage.world.told(event);
        assert_eq!(told.len(), 1, "{event}");
        assert_eq!(told[0].field("path"), "/new.toml");
    }
}
