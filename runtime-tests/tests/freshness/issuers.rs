//! Several issuers side by side, and tenants, each of which is an issuer of its own.

use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::clocked::{clock, get, start};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![issuers_with_equal_key_ids_stay_apart_also_when_remembered,];

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
