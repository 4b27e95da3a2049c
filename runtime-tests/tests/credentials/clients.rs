//! How the gate proves to the introspection endpoint who it is.

use crate::SECRET;
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::clocked::{clock, get, start};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{AUDIENCE, Client, Issuer, Key};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![the_gate_proves_who_it_is_in_each_of_three_ways,];

/// An application whose gate asks `issuer` with this authentication and this value in the variable.
fn asking_with(issuer: &Issuer, lines: &str, value: &str) -> AppSpec {
    let policy = format!(
        "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n\
         [issuer.test.introspection]\nclient_id = \"ga te\"\nnegative_cache_s = 0\n{lines}\n\n\
         [[route]]\npath = \"/read\"\nissuer = [\"test\"]\nscope = [\"read\"]\n",
        issuer.url()
    );
    let mut spec = AppSpec::gated("echo", policy);
    spec.variables = vec![("proof".to_owned(), value.to_owned())];
    spec
}

/// Each way: its name, the lines of the policy, the value of the variable, and the registered client.
fn ways() -> [(&'static str, &'static str, String, Client); 5] {
    let (ed25519, other) = (Key::ed25519("client-1"), Key::ed25519("client-2"));
    [
        (
            "by default",
            "secret = \"proof\"",
            SECRET.to_owned(),
            Client::Basic("ga te", SECRET),
        ),
        (
            "client_secret_basic",
            "authentication = \"client_secret_basic\"\nsecret = \"proof\"",
            SECRET.to_owned(),
            Client::Basic("ga te", SECRET),
        ),
        (
            "client_secret_post",
            "authentication = \"client_secret_post\"\nsecret = \"proof\"",
            SECRET.to_owned(),
            Client::Post("ga te", SECRET),
        ),
        (
            "private_key_jwt",
            "authentication = \"private_key_jwt\"\nkey = \"proof\"",
            ed25519.private_jwk(),
            Client::KeyJwt("ga te", ed25519),
        ),
        (
            "private_key_jwt with another key",
            "authentication = \"private_key_jwt\"\nkey = \"proof\"",
            other.private_jwk(),
            Client::KeyJwt("ga te", other),
        ),
    ]
}

async fn the_gate_proves_who_it_is_in_each_of_three_ways(host: &dyn Host) {
    for (way, lines, value, client) in ways() {
        let clock = clock(host);
        let issuer = Issuer::start_with_clock(&clock).await;
        issuer.introspected_by(client);
        let app = asking_with(&issuer, lines, &value).write();
        let running = start(&app, &clock).await;
        for token in ["one", "two", "th/re+e="] {
            issuer.says_of(token, issuer.active("alice", "read"));
            let answer = get(&running, "/read", token).await;
            assert_eq!(
                issuer.turned_away(),
                [""; 0],
                "{way}: the endpoint knows the gate"
            );
            status(&answer, 200, &format!("{way}: {token}"));
        }
        assert_eq!(
            issuer.asked_about(),
            ["one", "two", "th/re+e="],
            "{way}: byte for byte"
        );
    }
}
