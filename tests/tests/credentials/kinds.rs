//! Which kinds of credential a route accepts, and in which order.

use crate::api::client::Ask;
use crate::api::clocked::{Clock, clock, get, start};
use crate::api::credential::ApiKey;
use crate::api::gated::{seen, status};
use crate::api::host::Host;
use crate::api::issuer::{Client, Issuer};
use crate::api::run::Case;
use crate::api::run::cases;
use crate::{SECRET, introspecting, with_secret};

pub const CASES: &[Case] = cases![
    signed_and_opaque_tokens_go_together_on_one_route,
    a_signed_token_that_fails_is_not_tried_as_another_kind,
    a_route_takes_the_kinds_that_it_lists_and_no_other,
];

fn policy(issuer: &Issuer, key: &ApiKey) -> String {
    let mut policy = introspecting(issuer, "test", "");
    policy.push_str(
        "[identity]\n\"x-auth-subject\" = \"sub\"\n\n[api_keys]\nheader = \"x-api-key\"\n\n",
    );
    policy.push_str(&key.table());
    for (path, accept) in [
        ("/by-default", ""),
        ("/jwt", "accept = [\"jwt\"]"),
        ("/opaque", "accept = [\"opaque\"]"),
        ("/jwt-opaque", "accept = [\"jwt\", \"opaque\"]"),
        (
            "/all",
            "accept = [\"jwt\", \"opaque\", \"api-key\", \"basic\"]",
        ),
    ] {
        policy.push_str(&format!(
            "[[route]]\npath = \"{path}\"\nissuer = [\"test\"]\n{accept}\n\n"
        ));
    }
    for (path, accept) in [("/key", "api-key"), ("/basic", "basic")] {
        policy.push_str(&format!(
            "[[route]]\npath = \"{path}\"\naccept = [\"{accept}\"]\n\n"
        ));
    }
    policy
}

async fn issuer(clock: &Clock<'_>) -> Issuer {
    let issuer = Issuer::start_with_clock(clock).await;
    issuer.introspected_by(Client::Basic("gate", SECRET));
    issuer.says_of("opaque", issuer.active("of-the-opaque", ""));
    issuer
}

async fn signed_and_opaque_tokens_go_together_on_one_route(host: &dyn Host) {
    let clock = clock(host);
    let issuer = issuer(&clock).await;
    let app = with_secret(policy(&issuer, &ApiKey::new("ci", &[], None))).write();
    let running = start(&app, &clock).await;
    let signed = issuer.token("of-the-signed", "");
    issuer.says_of(&signed, issuer.active("of-the-signed-by-asking", ""));
    for round in ["first", "again"] {
        for (target, token, subject) in [
            ("/by-default", signed.as_str(), "of-the-signed"),
            ("/by-default", "opaque", "of-the-opaque"),
            ("/jwt-opaque", &signed, "of-the-signed"),
            ("/jwt-opaque", "opaque", "of-the-opaque"),
            // Where nothing else is accepted, the issuer is asked about every token.
            ("/opaque", "opaque", "of-the-opaque"),
            ("/opaque", &signed, "of-the-signed-by-asking"),
            ("/jwt", &signed, "of-the-signed"),
        ] {
            let answer = get(&running, target, token).await;
            status(&answer, 200, &format!("{target}, {round}"));
            assert_eq!(
                seen(&answer, "x-auth-subject"),
                [subject],
                "{target}, {round}"
            );
        }
    }
    status(
        &get(&running, "/jwt", "opaque").await,
        401,
        "an opaque token at /jwt",
    );
    let asked = issuer.asked_about();
    assert_eq!(asked.len(), 2, "each token is asked about once: {asked:?}");
}

async fn a_signed_token_that_fails_is_not_tried_as_another_kind(host: &dyn Host) {
    let clock = clock(host);
    let issuer = issuer(&clock).await;
    let app = with_secret(policy(&issuer, &ApiKey::new("ci", &[], None))).write();
    let running = start(&app, &clock).await;
    let stranger = Issuer::start_with_clock(&clock).await;
    let forged = stranger.key().sign(&issuer.claims("mallory", ""));
    // Even if the issuer would vouch for it.
    issuer.says_of(&forged, issuer.active("mallory", ""));
    for target in ["/by-default", "/jwt-opaque", "/jwt", "/all"] {
        status(&get(&running, target, &forged).await, 401, target);
    }
    assert_eq!(
        issuer.asked_about(),
        [""; 0],
        "the issuer is not asked about it"
    );
}

async fn a_route_takes_the_kinds_that_it_lists_and_no_other(host: &dyn Host) {
    let clock = clock(host);
    let issuer = issuer(&clock).await;
    let key = ApiKey::new("ci", &[], None);
    let app = with_secret(policy(&issuer, &key)).write();
    let running = start(&app, &clock).await;
    let signed = format!("Bearer {}", issuer.token("alice", ""));
    let kinds = [
        ("jwt", "Authorization", signed.as_str()),
        ("opaque", "Authorization", "Bearer opaque"),
        ("basic", "Authorization", &key.basic("ci")),
        ("key", "X-API-Key", &key.text),
    ];
    let accepted: [(&str, &[&str]); 6] = [
        ("/jwt", &["jwt"]),
        ("/jwt-opaque", &["jwt", "opaque"]),
        ("/by-default", &["jwt", "opaque"]),
        ("/key", &["key"]),
        ("/basic", &["basic"]),
        ("/all", &["jwt", "opaque", "basic", "key"]),
    ];
    for (target, takes) in accepted {
        for (kind, name, value) in kinds {
            let expected = if takes.contains(&kind) { 200 } else { 401 };
            let ask = Ask::get(target).header(name, value);
            let answer = ask.send(running.address).await;
            status(&answer, expected, &format!("{kind} at {target}"));
        }
    }
    let answer = Ask::get("/all").send(running.address).await;
    status(&answer, 401, "nothing at /all");
    let challenges: Vec<&str> = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "www-authenticate")
        .map(|(_, value)| value.as_str())
        .collect();
    let challenges = challenges.join(", ");
    for scheme in ["Bearer", "Basic realm=\"doorward\"", "ApiKey"] {
        assert!(
            challenges.contains(scheme),
            "{scheme} is offered: {challenges:?}"
        );
    }
}
