//! Which events the log has, where a variable says so (`level_variable` of `[log]`): the syntax, and what comes of it.

#![expect(clippy::expect_used, reason = "tests")]

use doorward_gate::event::Level;
use doorward_gate::levels::{LEVELS_BYTES_MAX, Levels, TARGETS};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::Behind;
use doorward_tests::sim::issuer::Issuer;
use doorward_tests::sim::message::Failure;
use doorward_tests::sim::origin::{Origin, Reply};
use doorward_tests::sim::stage::Stage;
use doorward_tests::sim::world::World;
use std::rc::Rc;

const ALL: [Level; 3] = [Level::Error, Level::Warn, Level::Info];

#[test]
fn a_text_says_how_much_of_each_part_is_told() {
    // How many of error, warn and info are told of the keys, of upstreams, and of all else.
    for (text, keys, upstream, others) in [
        ("", 3, 3, 3),
        (" , ,", 3, 3, 3),
        ("off", 0, 0, 0),
        ("error", 1, 1, 1),
        ("WARN", 2, 2, 2),
        ("info", 3, 3, 3),
        ("debug", 3, 3, 3),
        ("Trace", 3, 3, 3),
        ("warn,doorward::keys=debug", 3, 2, 2),
        ("doorward::keys=debug, warn", 3, 2, 2),
        ("doorward::keys=off", 0, 3, 3),
        ("doorward::keys = error , doorward::upstream=warn", 1, 2, 3),
        ("error,doorward::keys", 3, 1, 1),
        ("doorward=warn", 2, 2, 2),
        ("off,doorward=warn,doorward::upstream=info", 2, 3, 2),
        ("doorward=warn,doorward::keys=off", 0, 2, 2),
        // The last one counts.
        ("info,warn", 2, 2, 2),
        ("doorward::keys=off,doorward::keys=warn", 2, 3, 3),
        // For other programs.
        ("warn,hyper=debug,tower_http::trace=off,h2::codec", 2, 2, 2),
    ] {
        let levels = Levels::parse(text).expect(text);
        let told = |target| {
            ALL.iter()
                .filter(|level| levels.admit(target, **level))
                .count()
        };
        for target in TARGETS {
            let expected = match target {
                "keys" => keys,
                "upstream" => upstream,
                _ => others,
            };
            assert_eq!(told(target), expected, "{text:?}: {target}");
        }
    }
}

#[test]
fn a_text_that_means_nothing_is_told_where_and_not_repeated() {
    for (text, offset, says) in [
        ("inof", 0, "no level after 0 bytes"),
        ("warn, verbose", 6, "no level after 6 bytes"),
        ("doorward::keys=loud", 14, "no level after 14 bytes"),
        ("doorward::keys=", 14, "no level"),
        (
            "info,doorward::kyes=debug",
            5,
            "no part of the gate after 5 bytes",
        ),
        ("doorward::", 0, "no part of the gate"),
        ("info;warn", 0, "no level"),
        ("[span{a=1}]=info", 7, "no level"),
        ("Correct-Horse-Battery", 0, "no level"),
        ("größe", 0, "no level"),
        (
            "größe::a,doorward::x=off",
            11,
            "no part of the gate after 11 bytes",
        ),
    ] {
        let error = Levels::parse(text).expect_err(text);
        let said = error.to_string();
        assert_eq!(error.offset, offset, "{text}: {said}");
        assert!(said.contains(says), "{text}: {said}");
        assert!(!error.help().is_empty());
        assert!(!said.contains("Horse") && !error.help().contains("Horse"));
    }
    let long = "a".repeat(LEVELS_BYTES_MAX + 1);
    let said = Levels::parse(&long).map_err(|error| error.to_string());
    assert_eq!(said, Err(format!("more than {LEVELS_BYTES_MAX} bytes")));
    let longest = format!("warn{}", " ".repeat(LEVELS_BYTES_MAX - 4));
    assert!(Levels::parse(&longest).is_ok());
}

const POLICY: &str = r#"
[log]
level_variable = "log_level"

[issuer.acme]
url = "https://acme.example"
audience = "api"
jwks_url = "https://acme.example/keys"

[upstream.orders]
url = "http://orders.example"
attempts_max = 1

[defaults]
upstream = "orders"

[[route]]
path = "/orders"

[cors.web]
origins = ["https://app.example"]

[[route]]
path = "/page"
public = true
cors = "web"

[[route]]
path = "/public"
public = true
"#;

struct Scene {
    stage: Stage,
    issuer: Rc<Issuer>,
    origin: Rc<Origin>,
}

impl Scene {
    /// `None`: there is no such variable.
    fn new(levels: Option<&str>) -> Self {
        let world = World::new(1, false);
        let issuer = Issuer::at(&world, "acme.example", "first");
        let origin = Origin::at(&world, "orders.example");
        let mut component = Component::new(POLICY);
        if let Some(levels) = levels {
            component = component.secret("log_level", levels);
        }
        Self {
            stage: Stage::new(&world, component, Behind::Upstreams),
            issuer,
            origin,
        }
    }

    /// A request that is admitted, one that is refused, one whose upstream fails, and one without its keys.
    fn run(&self) {
        let token = self
            .issuer
            .token_by("first", &self.stage.world, serde_json::json!({}));
        self.stage.send(Sent::get("/orders").bearer(&token));
        self.stage.send(Sent::get("/orders"));
        self.origin.next(Reply::failure(Failure::ConnectionRefused));
        self.stage.send(Sent::get("/public"));
    }

    fn told(&self, events: [&str; 5]) -> [usize; 5] {
        events.map(|event| self.stage.told(event))
    }
}

#[test]
fn what_is_below_the_level_is_not_in_the_log_and_refusals_always_are() {
    let events = [
        "request",
        "keys-loaded",
        "upstream-failed",
        "refused",
        "levels-invalid",
    ];
    for (levels, told) in [
        // The failed one is a refusal: 502.
        ("info", [1, 1, 1, 2, 0]),
        ("", [1, 1, 1, 2, 0]),
        ("warn", [0, 0, 1, 2, 0]),
        ("error", [0, 0, 0, 2, 0]),
        ("off", [0, 0, 0, 2, 0]),
        ("off,doorward::gate=off", [0, 0, 0, 2, 0]),
        ("off,doorward::keys=info", [0, 1, 0, 2, 0]),
        ("info,doorward::gate=warn", [0, 1, 1, 2, 0]),
        ("doorward::upstream=error", [1, 1, 0, 2, 0]),
        ("loud", [1, 1, 1, 2, 1]),
    ] {
        let scene = Scene::new(Some(levels));
        scene.run();
        assert_eq!(
            scene.told(events),
            told,
            "{levels:?}:\n{}",
            scene.stage.log()
        );
    }
}

#[test]
fn what_the_audit_promises_is_told_at_any_level() {
    let scene = Scene::new(Some("off"));
    let preflight = Sent::new("OPTIONS", "/page")
        .field("origin", "https://evil.example")
        .field("access-control-request-method", "GET");
    assert_eq!(scene.stage.send(preflight).status, 403);
    assert_eq!(scene.stage.told("preflight-refused"), 1);
    scene
        .stage
        .send(Sent::get("/public").field("x-forwarded-user", "root"));
    assert_eq!(scene.stage.told("field-removed"), 1);
}

#[test]
fn a_variable_that_is_not_there_or_means_nothing_is_told_once_and_all_is_logged() {
    let scene = Scene::new(None);
    scene.run();
    assert_eq!(scene.stage.told("variable-unreadable"), 1);
    assert_eq!(scene.stage.told("request"), 1);

    let scene = Scene::new(Some("warn,Correct-Horse-Battery"));
    scene.run();
    let told = scene.stage.world.told("levels-invalid");
    assert_eq!(told.len(), 1, "{told:#?}");
    for line in told {
        assert_eq!(line.field("level"), "error");
        assert_eq!(line.field("variable"), "log_level");
        assert_eq!(line.field("reason"), "no level after 5 bytes");
        assert!(line.field("help").contains("`warn`"));
    }
    assert!(
        !scene.stage.log().contains("Horse"),
        "the text is not repeated"
    );
}

#[test]
fn a_request_that_fails_without_a_refusal_is_told_at_level_error() {
    for (levels, told) in [("error", 1), ("off", 0)] {
        let scene = Scene::new(Some(levels));
        scene.origin.next(Reply::status(500));
        scene.stage.send(Sent::get("/public"));
        assert_eq!(scene.stage.told("request"), told, "{levels}");
    }
}
