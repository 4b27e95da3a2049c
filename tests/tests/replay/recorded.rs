//! What of a request is in its line, and what is not.

use crate::{ISSUERS, RECORDING, Scene, key, replayed};
use doorward_policy::{INPUT_CLAIMS_MAX, INPUTS_BYTES_MAX, Policy, ReplayedLine};
use doorward_tests::sim::client::Sent;
use serde_json::{Value, json};
use std::time::Duration;

const TIERS: &str = "[[route]]\npath = \"/items/{id}\"\nissuer = \"acme\"\nscope = [\"read\"]\n[route.claims]\n\
     tier = \"gold\"\n\"realm.roles\" = \"chief\"\nplaces = { any = \"north\", keys = true }\n";

fn inputs(scene: &Scene) -> Value {
    scene.line().get("inputs").cloned().unwrap_or_default()
}

#[test]
fn a_line_has_the_claims_that_rules_name_and_no_others() {
    let scene = Scene::new(&format!("{RECORDING}{ISSUERS}{TIERS}"));
    let token = scene.token(json!({
        "sub": "subject-of-nobody",
        "tier": ["gold", { "hidden-below": 1 }],
        "realm": { "roles": "chief", "hidden-beside": 1 },
        "places": { "north": "hidden-value" },
        "email": "hidden@mail.example",
    }));
    let sent = Sent::get("/items/%37?q=hidden-query").bearer(&token);
    assert_eq!(scene.verdict(sent).0, "admitted");
    let inputs = inputs(&scene);
    for (name, due) in [
        ("method", json!("GET")),
        ("path", json!("/items/7")),
        ("escaped", json!(true)),
        ("verdict", json!("admitted")),
    ] {
        assert_eq!(inputs[name], due, "{name}");
    }
    let token = &inputs["token"];
    assert_eq!(token["iss"], "https://acme.example");
    assert_eq!(token["aud"], json!(["api"]));
    assert_eq!(token["scopes"], json!(["read"]));
    let claims = json!({ "tier": ["gold", {}], "realm.roles": "chief" });
    assert_eq!(token["claims"], claims);
    assert_eq!(token["keys"], json!({ "places": ["north"] }));
    let text = inputs.to_string();
    for absent in ["hidden", "subject-of-nobody", "%37"] {
        assert!(!text.contains(absent), "{absent}: {text}");
    }
}

#[test]
fn lines_have_it_up_to_the_time_that_stands_there_and_only_where_the_clock_is_right() {
    let scene = Scene::new(&format!("{RECORDING}{ISSUERS}{TIERS}"));
    let tells = |scene: &Scene| {
        scene.verdict(Sent::get("/items/7"));
        scene.line().contains_key("inputs")
    };
    assert!(tells(&scene));
    let at = |seconds: i64| {
        scene.stage.world.set_clock(seconds);
        tells(&scene)
    };
    assert!(at(3599));
    assert!(!at(3600), "it has ended");
    assert!(
        !at(-1_767_000_000),
        "a clock in 1970 is one that cannot be read"
    );
    let far = RECORDING.replace("2026-01-01T01", "2028-01-01T01");
    let scene = Scene::new(&format!("{far}{ISSUERS}{TIERS}"));
    assert!(!tells(&scene), "further ahead than it may be");
    let scene = Scene::new(&format!("[log]\n{ISSUERS}{TIERS}"));
    assert!(!tells(&scene), "off by default");
    let line = scene.line();
    let policy = Policy::parse(&format!("{ISSUERS}{TIERS}")).expect("a policy");
    let why = replayed(&policy, line).expect_err("nothing to decide by");
    assert!(why.contains("no `decision_inputs`"), "{why}");
}

#[test]
fn what_does_not_fit_is_left_out_as_a_whole_and_told() {
    let scene = Scene::new(&format!("{RECORDING}{ISSUERS}{TIERS}"));
    let policy = Policy::parse(&format!("{ISSUERS}{TIERS}")).expect("a policy");
    for bytes in [INPUTS_BYTES_MAX - 700, INPUTS_BYTES_MAX] {
        let names: Vec<String> = (0..bytes / 10).map(|name| format!("{name:07}")).collect();
        let token = scene.token(json!({ "tier": names }));
        scene.verdict(Sent::get("/items/7").bearer(&token));
        let line = scene.line();
        let told = inputs(&scene);
        if bytes < INPUTS_BYTES_MAX {
            assert!(told["token"].is_object(), "{told}");
            assert_eq!(replayed(&policy, line), Ok("forbidden".to_owned()));
        } else {
            assert_eq!(told, json!({ "truncated": true }));
            let why = replayed(&policy, line).expect_err("nothing to decide by");
            assert!(why.contains("did not fit"), "{why}");
        }
    }
    for line in scene.stage.world.log() {
        assert!(line.text.len() < 4096, "{}", line.text.len());
    }
}

#[test]
fn no_claim_ends_its_line_or_moves_a_cursor() {
    let scene = Scene::new(&format!("{RECORDING}{ISSUERS}{TIERS}"));
    for text in [
        "a\nb",
        "\"},{\"event\":\"forged",
        "\u{1b}[2J\u{9b}1m\u{7f}\u{0}",
    ] {
        let token = scene.token(json!({ "tier": text }));
        scene.verdict(Sent::get("/items/7").bearer(&token));
        assert_eq!(inputs(&scene)["token"]["claims"]["tier"], text);
    }
    for line in scene.stage.world.log() {
        assert!(!line.text.chars().any(char::is_control), "{:?}", line.text);
    }
}

#[test]
fn all_names_of_fields_are_understood() {
    let stricter = TIERS.replace("scope = [\"read\"]", "scope = [\"write\"]");
    let policy = Policy::parse(&format!("{ISSUERS}{stricter}")).expect("a policy");
    for names in ["own", "ecs", "otel"] {
        let log = format!("{RECORDING}names = \"{names}\"\nfields = [\"route\"]\n");
        let scene = Scene::new(&format!("{log}{ISSUERS}{TIERS}"));
        let claims =
            json!({ "tier": "gold", "realm": { "roles": "chief" }, "places": { "north": 1 } });
        let token = scene.token(claims);
        let (verdict, answer) = scene.verdict(Sent::get("/items/7").bearer(&token));
        assert_eq!(verdict, "admitted");
        let line = scene.line();
        let read = ReplayedLine::parse(&Value::Object(line.clone()));
        let read = read.expect("a good line").expect("a decision");
        assert_eq!(
            read.request_id.as_deref(),
            Some(answer.field("x-request-id").as_str()),
            "{names}"
        );
        let said = replayed(&policy, line);
        assert_eq!(said, Ok("insufficient-scope".to_owned()), "{names}");
    }
}

#[test]
fn what_was_revoked_still_is_where_the_new_policy_asks_for_that() {
    let policy = |more: &str| format!("{more}{ISSUERS}{TIERS}");
    let claims = json!({ "tier": "gold", "realm": { "roles": "chief" }, "places": { "north": 1 } });
    for (old, new, due) in [
        ("[revocation]\n", "[revocation]\n", Ok("admitted")),
        ("[revocation]\n", "", Ok("admitted")),
        (
            "[revocation]\n",
            "[revocation]\ntoken_lifetime_max_s = 60\n",
            Ok("invalid-token"),
        ),
        (
            "",
            "[revocation]\n",
            Err("whether the token was revoked is not in the line"),
        ),
    ] {
        let scene = Scene::new(&format!(
            "{}{RECORDING}",
            policy("").replace(ISSUERS, &format!("{old}{ISSUERS}"))
        ));
        let token = scene.token(claims.clone());
        assert_eq!(
            scene.verdict(Sent::get("/items/7").bearer(&token)).0,
            "admitted"
        );
        let new = Policy::parse(&policy(new)).expect("a policy");
        let said = replayed(&new, scene.line());
        assert_eq!(
            said.as_deref().map_err(|why| *why),
            due,
            "{old} then {due:?}"
        );
    }
}

#[test]
fn what_failed_behind_the_gate_was_admitted_and_what_is_only_reported_was_refused() {
    use doorward_tests::sim::message::Failure;
    use doorward_tests::sim::origin::Reply;
    let open = "[[route]]\npath = \"/open\"\npublic = true\n";
    let scene = Scene::new(&format!("{RECORDING}{open}"));
    let terminated = Reply::failure(Failure::ConnectionTerminated);
    scene.app.next(terminated);
    let _ = scene.stage.try_send(Sent::get("/open"));
    let policy = Policy::parse(open).expect("a policy");
    assert_eq!(replayed(&policy, scene.line()), Ok("admitted".to_owned()));
    let line = ReplayedLine::parse(&Value::Object(scene.line()));
    assert!(line.expect("good").expect("a decision").was_admitted());

    let reported = "mode = \"report\"\nreport_until = \"2026-01-02\"\n";
    let scene = Scene::new(&format!("{reported}{RECORDING}{ISSUERS}{TIERS}"));
    assert_eq!(scene.verdict(Sent::get("/items/7")).0, "admitted");
    assert_eq!(inputs(&scene)["verdict"], "no-credential");
    // The mode of the new policy is not looked at either.
    let new = Policy::parse(&format!("{reported}{ISSUERS}{TIERS}")).expect("a policy");
    assert_eq!(replayed(&new, scene.line()), Ok("no-credential".to_owned()));
}

#[test]
fn what_a_limit_refused_is_undecidable_where_a_rule_still_lists_it() {
    let limit = "[rate_limit.one]\nrequests = 1\nper_s = 60\nkey = \"client\"\n";
    let open = "[[route]]\npath = \"/open\"\npublic = true\n";
    let scene = Scene::new(&format!("{RECORDING}{limit}{open}rate_limit = \"one\"\n"));
    assert_eq!(scene.verdict(Sent::get("/open")).0, "admitted");
    assert_eq!(scene.verdict(Sent::get("/open")).0, "rate-limited");
    let policy = Policy::parse(open).expect("a policy");
    let why = replayed(&policy, scene.line()).expect_err("limits are not judged again");
    assert!(why.contains("limit"), "{why}");
    let elsewhere = open.replace("/open", "/other");
    let elsewhere = Policy::parse(&elsewhere).expect("a policy");
    assert_eq!(
        replayed(&elsewhere, scene.line()),
        Ok("forbidden".to_owned())
    );
}

#[test]
fn the_names_of_api_keys_are_told_and_nothing_of_their_secrets() {
    let key = key();
    let keys = |scope: &str| {
        format!(
            "[api_keys]\nheader = \"x-api-key\"\n[[api_keys.key]]\nname = \"ci\"\nid = \"{}\"\nhash = \"{}\"\n\
             scope = [\"{scope}\"]\n[[route]]\npath = \"/keys\"\naccept = [\"api-key\", \"basic\"]\n\
             scope = [\"read\"]\n",
            key.id,
            key.digest.text()
        )
    };
    let scene = Scene::new(&format!("{RECORDING}{}", keys("read")));
    let sent = Sent::get("/keys").field("x-api-key", &key.text);
    assert_eq!(scene.verdict(sent).0, "admitted");
    let told = inputs(&scene)["key"].clone();
    let due = json!({ "id": key.id, "name": "ci", "scopes": ["read"], "stored": false });
    assert_eq!(told, due);
    let narrower = Policy::parse(&keys("write")).expect("a policy");
    let said = replayed(&narrower, scene.line());
    assert_eq!(said, Ok("insufficient-scope".to_owned()));
}

#[test]
fn more_claims_than_lines_have_room_for_are_an_error_of_the_policy() {
    let policy = |count: usize| {
        let mut text = format!("{RECORDING}{ISSUERS}");
        for number in 0..count {
            text += &format!(
                "[[route]]\npath = \"/{number}\"\nissuer = \"acme\"\n[route.claims]\nclaim-{number} = 1\n"
            );
        }
        Policy::parse(&text).map(drop)
    };
    assert!(policy(INPUT_CLAIMS_MAX).is_ok());
    let found = policy(INPUT_CLAIMS_MAX + 1).expect_err("one too many");
    assert!(
        found.to_string().contains("rules name more than 32 claims"),
        "{found}"
    );
}

#[test]
fn time_that_passes_does_not_change_what_a_line_says() {
    let scene = Scene::new(&format!("{RECORDING}{ISSUERS}{TIERS}"));
    let claims = json!({ "tier": "gold", "realm": { "roles": "chief" }, "places": { "north": 1 } });
    let token = scene.token(claims);
    let slow = doorward_tests::sim::origin::Reply::default().after(Duration::from_secs(7200));
    scene.app.next(slow);
    let (verdict, _) = scene.verdict(Sent::get("/items/7").bearer(&token));
    assert_eq!(verdict, "admitted");
    let policy = Policy::parse(&format!("{ISSUERS}{TIERS}")).expect("a policy");
    assert_eq!(replayed(&policy, scene.line()), Ok("admitted".to_owned()));
}

#[test]
fn a_claim_that_no_rule_named_then_is_undecidable_and_not_taken_for_absent() {
    let scene = Scene::new(&format!("{RECORDING}{ISSUERS}{TIERS}"));
    let token = scene.token(json!({
        "tier": "gold", "realm": { "roles": "chief" }, "places": { "north": 1 }, "org": "7",
    }));
    let sent = Sent::get("/items/7").bearer(&token);
    assert_eq!(scene.verdict(sent).0, "admitted");
    for (claim, is_known) in [
        ("org = { equals = \"{id}\" }", false),
        ("org = { absent = true }", false),
        // Its value was told, and not whether it has keys.
        ("tier = { any = \"north\", keys = true }", false),
        ("places = { any = \"north\", keys = true }", true),
        ("tier = { none = [\"gold\"] }", true),
    ] {
        let route = "[[route]]\npath = \"/items/{id}\"\nissuer = \"acme\"\n[route.claims]\n";
        let new = Policy::parse(&format!("{ISSUERS}{route}{claim}\n")).expect("a policy");
        let said = replayed(&new, scene.line());
        assert_eq!(said.is_ok(), is_known, "{claim}: {said:?}");
    }
}
