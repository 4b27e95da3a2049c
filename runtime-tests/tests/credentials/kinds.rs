//! Which kinds of credential a route accepts, and in which order.

use crate::{SECRET, introspecting, with_secret};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::clocked::{Clock, clock, get, start};
use doorward_runtime_tests::credential::ApiKey;
use doorward_runtime_tests::gated::{seen, status};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{Client, Issuer};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![signed_and_opaque_tokens_go_together_on_one_route,];

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
