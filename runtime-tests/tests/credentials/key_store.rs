//! API keys in the store: made and revoked while the gate runs.

use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::clocked::{clock, start, start_forgetful, store};
use doorward_runtime_tests::credential::ApiKey;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] =
    cases![a_key_that_is_made_or_revoked_is_seen_within_the_refresh_interval,];

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
