//! API keys in the store: made and revoked while the gate runs.

use crate::api::app::{AppSpec, GATE_INHERITS};
use crate::api::client::{Answer, Ask};
use crate::api::clocked::{clock, first_event, start, start_forgetful, store};
use crate::api::credential::ApiKey;
use crate::api::gated::{seen, status};
use crate::api::host::{Host, Running};
use crate::api::run::Case;
use crate::api::run::cases;

pub const CASES: &[Case] = cases![
    a_key_in_the_store_passes,
    a_key_that_is_made_or_revoked_is_seen_within_the_refresh_interval,
    a_key_that_is_changed_is_seen_within_the_refresh_interval,
    a_key_expires_by_the_clock,
    the_policy_comes_before_the_store,
    a_record_that_cannot_be_read_admits_nobody,
    without_the_store_its_keys_are_refused_and_those_of_the_policy_are_not,
];

fn policy(lines: &str, keys: &str) -> String {
    format!(
        "[api_keys]\nheader = \"x-api-key\"\n\n{keys}\n[store]\nrefresh_s = 5\n{lines}\n\n\
         [identity]\n\"x-auth-subject\" = \"sub\"\n\n\
         [[route]]\npath = \"/public\"\npublic = true\n\n\
         [[route]]\npath = \"/read\"\naccept = [\"api-key\", \"basic\"]\nscope = [\"read\"]\n"
    )
}

fn spec() -> AppSpec {
    AppSpec::gated("echo", policy("", ""))
}

async fn ask(running: &Running, key: &ApiKey) -> Answer {
    let ask = Ask::get("/read").header("x-api-key", &key.text);
    ask.send(running.address).await
}

async fn a_key_in_the_store_passes(host: &dyn Host) {
    let clock = clock(host);
    let (ci, unknown) = (
        ApiKey::new("ci", &["read"], None),
        ApiKey::new("x", &["read"], None),
    );
    let mut spec = spec();
    spec.key_values = vec![ci.entry()];
    let app = spec.write();
    let running = start(&app, &clock).await;
    for round in ["looked up", "remembered"] {
        let answer = ask(&running, &ci).await;
        status(&answer, 200, round);
        assert_eq!(seen(&answer, "x-auth-subject"), ["ci"], "{round}");
        status(&ask(&running, &unknown).await, 401, "an unknown one");
        let basic = Ask::get("/read").header("Authorization", &ci.basic("ci"));
        status(&basic.send(running.address).await, 200, "by Basic");
        let basic = Ask::get("/read").header("Authorization", &ci.basic("x"));
        status(
            &basic.send(running.address).await,
            401,
            "by Basic under another name",
        );
        let other = Ask::get("/read").header("x-api-key", &ci.with_another_secret());
        status(&other.send(running.address).await, 401, "another secret");
    }
}

async fn a_key_that_is_made_or_revoked_is_seen_within_the_refresh_interval(host: &dyn Host) {
    let clock = clock(host);
    let key = ApiKey::new("ci", &["read"], None);
    let app = spec().write();
    let running = start(&app, &clock).await;
    let forgetful = start_forgetful(&app, &clock).await;
    status(&ask(&running, &key).await, 401, "before it is made");
    for round in 0..if clock.is_own() { 3 } else { 1 } {
        let (name, value) = key.entry();
        store(&app).set("default", &name, value.as_bytes()).unwrap();
        status(
            &ask(&forgetful, &key).await,
            200,
            "in a new instance, at once",
        );
        clock.advance(5).await;
        status(
            &ask(&running, &key).await,
            200,
            &format!("made, round {round}"),
        );
        status(&ask(&running, &key).await, 200, "remembered");
        store(&app).delete("default", &name).unwrap();
        status(
            &ask(&forgetful, &key).await,
            401,
            "in a new instance, at once",
        );
        clock.advance(5).await;
        status(
            &ask(&running, &key).await,
            401,
            &format!("revoked, round {round}"),
        );
    }
}

async fn a_key_that_is_changed_is_seen_within_the_refresh_interval(host: &dyn Host) {
    let clock = clock(host);
    let mut spec = spec();
    let key = ApiKey::new("ci", &["read"], None);
    spec.key_values = vec![key.entry()];
    let app = spec.write();
    let running = start(&app, &clock).await;
    status(&ask(&running, &key).await, 200, "with the scope");
    let (name, value) = ApiKey::new("ci", &["write"], None).entry();
    store(&app).set("default", &name, value.as_bytes()).unwrap();
    clock.advance(5).await;
    status(&ask(&running, &key).await, 403, "without the scope");
}

async fn a_key_expires_by_the_clock(host: &dyn Host) {
    let clock = clock(host);
    let app = spec().write();
    let running = start(&app, &clock).await;
    let key = ApiKey::new("ci", &["read"], Some(clock.now() + 8));
    let (name, value) = key.entry();
    store(&app).set("default", &name, value.as_bytes()).unwrap();
    status(&ask(&running, &key).await, 200, "seconds before its end");
    let nearly_s = if clock.is_own() { 7 } else { 1 };
    clock.advance(nearly_s).await;
    status(&ask(&running, &key).await, 200, "before its end still");
    clock.advance(8 - nearly_s).await;
    status(
        &ask(&running, &key).await,
        401,
        "at its end, although it is remembered",
    );
}

async fn the_policy_comes_before_the_store(host: &dyn Host) {
    let clock = clock(host);
    let key = ApiKey::new("ci", &["read"], None);
    let mut spec = AppSpec::gated("echo", policy("", &key.table()));
    // The same id with more scopes and another secret.
    let mut other = ApiKey::new("evil", &["read", "write"], None);
    other.id.clone_from(&key.id);
    other.record["id"] = key.id.clone().into();
    spec.key_values = vec![other.entry()];
    let app = spec.write();
    let running = start(&app, &clock).await;
    let answer = ask(&running, &key).await;
    status(&answer, 200, "the key of the policy");
    assert_eq!(seen(&answer, "x-auth-subject"), ["ci"]);
}

async fn a_record_that_cannot_be_read_admits_nobody(host: &dyn Host) {
    let key = ApiKey::new("ci", &["read"], None);
    let with = |member: &str, value: serde_json::Value| {
        let mut record = key.record.clone();
        record[member] = value;
        record.to_string()
    };
    for (what, value) in [
        ("nothing", String::new()),
        ("no JSON", "x".to_owned()),
        ("another version", with("version", 2.into())),
        ("another key", with("id", "000000000000".into())),
        ("a member that is none", with("admin", true.into())),
        ("scopes as text", with("scopes", "read".into())),
        ("a digest in another form", with("digest", "md5:x".into())),
        ("an end as text", with("expires_at", "never".into())),
        ("too large", with("name", "x".repeat(70_000).into())),
    ] {
        let clock = clock(host);
        let mut spec = spec();
        spec.key_values = vec![(key.entry_name(), value)];
        let app = spec.write();
        let running = start(&app, &clock).await;
        let answer = ask(&running, &key).await;
        status(&answer, 401, what);
        let ignored = first_event(&running, "record-ignored").await;
        assert_eq!(ignored["name"], key.entry_name(), "{what}: and which one");
    }
}

async fn without_the_store_its_keys_are_refused_and_those_of_the_policy_are_not(host: &dyn Host) {
    let clock = clock(host);
    let listed = ApiKey::new("listed", &["read"], None);
    let stored = ApiKey::new("stored", &["read"], None);
    let mut spec = AppSpec::gated("echo", policy("", &listed.table()));
    spec.key_values = vec![stored.entry()];
    for (what, inherit, stores) in [
        ("not granted", GATE_INHERITS.to_vec(), vec![]),
        (
            "not inherited",
            GATE_INHERITS
                .into_iter()
                .filter(|set| *set != "key_value_stores")
                .collect(),
            vec!["default".to_owned()],
        ),
    ] {
        spec.inherit = inherit;
        spec.stores = stores;
        let app = spec.write();
        let running = start(&app, &clock).await;
        let answer = ask(&running, &stored).await;
        status(&answer, 503, &format!("{what}: a key of the store"));
        assert!(
            answer.header("retry-after").is_some(),
            "{what}: when to come back"
        );
        status(
            &ask(&running, &listed).await,
            200,
            &format!("{what}: a key of the policy"),
        );
        let answer = Ask::get("/public").send(running.address).await;
        status(&answer, 200, &format!("{what}: a public route"));
    }
}
