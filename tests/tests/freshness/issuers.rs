//! Several issuers side by side, and tenants, each of which is an issuer of its own.

use crate::api::app::AppSpec;
use crate::api::clocked::{clock, get, start, stored_names, until};
use crate::api::gated::status;
use crate::api::host::Host;
use crate::api::issuer::{AUDIENCE, Behaviour, Issuer, KEYS, Key, METADATA};
use crate::api::run::Case;
use crate::api::run::cases;
use serde_json::Value;

pub const CASES: &[Case] = cases![
    issuers_with_equal_key_ids_stay_apart_also_when_remembered,
    tenants_are_issuers_of_their_own,
    a_tenant_whose_metadata_name_another_is_not_believed_and_the_others_are,
    the_refresh_of_one_issuer_leaves_what_is_remembered_of_another,
];

fn policy(one: &Issuer, other: &Issuer) -> String {
    format!(
        "[issuer.one]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n\
         [issuer.other]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n\
         [[route]]\npath = \"/both\"\nissuer = [\"one\", \"other\"]\n\n\
         [[route]]\npath = \"/one\"\nissuer = [\"one\"]\n\n\
         [[route]]\npath = \"/other\"\nissuer = [\"other\"]\n",
        one.url(),
        other.url()
    )
}

async fn issuers_with_equal_key_ids_stay_apart_also_when_remembered(host: &dyn Host) {
    let clock = clock(host);
    let one = Issuer::start_with_clock(&clock).await;
    let other = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&one, &other)).write();
    let running = start(&app, &clock).await;
    let of_one = one.token("alice", "");
    let of_other = other.token("alice", "");
    let confused = other.key().sign(&one.claims("mallory", ""));
    for round in ["verified", "remembered", "remembered again"] {
        for (target, token, expected) in [
            ("/both", &of_one, 200),
            ("/one", &of_one, 200),
            ("/other", &of_one, 401),
            ("/both", &of_other, 200),
            ("/one", &of_other, 401),
            ("/other", &of_other, 200),
            ("/both", &confused, 401),
            ("/one", &confused, 401),
            ("/other", &confused, 401),
        ] {
            let whose = [&of_one, &of_other, &confused]
                .iter()
                .position(|known| *known == token);
            let answer = get(&running, target, token).await;
            status(
                &answer,
                expected,
                &format!("{round}: {target} with token {whose:?}"),
            );
        }
    }
}

fn tenants(issuer: &Issuer) -> String {
    format!(
        "[issuer.acme]\nurl = \"{}/{{tenant}}\"\ntenants = [\"a\", \"b\"]\naudience = \"{AUDIENCE}\"\n\n\
         [identity]\n\"x-auth-issuer\" = \"iss\"\n\n\
         [[route]]\npath = \"/**\"\nissuer = [\"acme\"]\n",
        issuer.url()
    )
}

/// Claims in the name of a tenant.
fn claims_of(issuer: &Issuer, tenant: &str) -> Value {
    let mut claims = issuer.claims("alice", "");
    claims["iss"] = format!("{}/{tenant}", issuer.url()).into();
    claims
}

async fn tenants_are_issuers_of_their_own(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let keys = ["a", "b", "c"].map(|tenant| (tenant, Key::ed25519("1")));
    for (tenant, key) in &keys {
        issuer.publish_tenant(tenant, vec![key.clone()]);
    }
    let app = AppSpec::gated("echo", tenants(&issuer)).write();
    let running = start(&app, &clock).await;
    for (signed_by, key) in &keys {
        for (in_the_name_of, _) in &keys {
            let token = key.sign(&claims_of(&issuer, in_the_name_of));
            let good = signed_by == in_the_name_of && *signed_by != "c";
            for round in ["first", "again"] {
                let answer = get(&running, "/a", &token).await;
                let what =
                    format!("signed by {signed_by} in the name of {in_the_name_of}, {round}");
                status(&answer, if good { 200 } else { 401 }, &what);
            }
        }
    }
    for name in ["", "a/b", "A", "a/", "%61", "../a"] {
        let token = keys[0].1.sign(&claims_of(&issuer, name));
        let answer = get(&running, "/a", &token).await;
        status(
            &answer,
            401,
            &format!("in the name of {name:?}, which is not listed"),
        );
    }
    for tenant in ["a", "b"] {
        let asked = issuer.requests(&format!("/{tenant}{KEYS}"));
        // A wrong signature under a name that is known may be one of a new key.
        assert!(
            (2..=4).contains(&asked),
            "the keys of {tenant} were asked for once, and a few times more, not {asked} times"
        );
    }
    assert_eq!(
        issuer.requests(&format!("/c{METADATA}")),
        0,
        "nobody asked for c"
    );
    until("both records are stored", || {
        stored_names(&app, "doorward/keys/").len() == 2
    })
    .await;
    assert_eq!(
        stored_names(&app, "doorward/keys/"),
        ["doorward/keys/acme/a", "doorward/keys/acme/b"],
        "each tenant has a record of its own"
    );
}

async fn a_tenant_whose_metadata_name_another_is_not_believed_and_the_others_are(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let (a, b) = (Key::ed25519("1"), Key::ed25519("1"));
    issuer.publish_tenant("a", vec![a.clone()]);
    issuer.publish_tenant("b", vec![b.clone()]);
    let wrong = serde_json::json!({
        "issuer": format!("{}/b", issuer.url()), "jwks_uri": format!("{}/b{KEYS}", issuer.url()),
    });
    let wrong = Behaviour::Content("application/json", wrong.to_string().into_bytes());
    issuer.behaves(&format!("/a{METADATA}"), wrong);
    let app = AppSpec::gated("echo", tenants(&issuer)).write();
    let running = start(&app, &clock).await;
    let answer = get(&running, "/a", &a.sign(&claims_of(&issuer, "a"))).await;
    status(&answer, 503, "the metadata of a name b");
    let answer = get(&running, "/a", &b.sign(&claims_of(&issuer, "a"))).await;
    status(&answer, 503, "signed by b in the name of a");
    let answer = get(&running, "/a", &b.sign(&claims_of(&issuer, "b"))).await;
    status(&answer, 200, "a token of b");
}

async fn the_refresh_of_one_issuer_leaves_what_is_remembered_of_another(host: &dyn Host) {
    let clock = clock(host);
    let one = Issuer::start_with_clock(&clock).await;
    let other = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&one, &other)).write();
    let running = start(&app, &clock).await;
    let (of_one, of_other) = (one.token("alice", ""), other.token("alice", ""));
    for token in [&of_one, &of_other] {
        status(&get(&running, "/both", token).await, 200, "both are up");
    }
    one.publish(vec![Key::ed25519("new")]);
    other.all_behave(&Behaviour::Close);
    status(
        &get(&running, "/both", &one.token("bob", "")).await,
        200,
        "a new key of the one",
    );
    status(
        &get(&running, "/both", &of_one).await,
        401,
        "a removed key of the one",
    );
    status(
        &get(&running, "/both", &of_other).await,
        200,
        "a key of the other",
    );
}
