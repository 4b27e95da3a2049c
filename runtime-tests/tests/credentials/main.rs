//! More ways to be somebody than a signed token: opaque tokens, API keys, HTTP Basic.
//!
//! One case of each class: the others are in virtual time (`tests/tests/credentials`).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod api_keys;
mod clients;
mod introspection;
mod key_store;
mod kinds;
mod outages;
mod places;
mod shares;

use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::clock::Clock;
use doorward_runtime_tests::issuer::{AUDIENCE, Client, Issuer};
use doorward_runtime_tests::run;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cases = [
        introspection::CASES,
        clients::CASES,
        outages::CASES,
        shares::CASES,
        kinds::CASES,
        api_keys::CASES,
        key_store::CASES,
        places::CASES,
    ];
    run::main(&cases.concat())
}

/// A secret of which every second character has to be encoded.
const SECRET: &str = "s3cr3t &=+:%/\u{e9}";

/// An issuer that answers about opaque tokens, and an application whose gate asks it: one route for
/// reading, one for writing. `lines` go into the table of introspection.
async fn asking(clock: &Clock<'_>, lines: &str) -> (Issuer, AppSpec) {
    let issuer = Issuer::start_with_clock(clock).await;
    issuer.introspected_by(Client::Basic("gate", SECRET));
    let policy = format!(
        "{}[identity]\n\"x-auth-subject\" = \"sub\"\n\n\
         [[route]]\npath = \"/read\"\nissuer = [\"test\"]\nscope = [\"read\"]\n\n\
         [[route]]\npath = \"/write\"\nissuer = [\"test\"]\nscope = [\"write\"]\n",
        introspecting(&issuer, "test", lines)
    );
    (issuer, with_secret(policy))
}

/// The table of an issuer that is asked about opaque tokens.
fn introspecting(issuer: &Issuer, name: &str, lines: &str) -> String {
    format!(
        "[issuer.{name}]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n\
         [issuer.{name}.introspection]\nclient_id = \"gate\"\nsecret = \"client_secret\"\n{lines}\n\n",
        issuer.url()
    )
}

/// An application with this policy and the secret of the client in a variable.
fn with_secret(policy: String) -> AppSpec {
    let mut spec = AppSpec::gated("echo", policy);
    spec.variables = vec![("client_secret".to_owned(), SECRET.to_owned())];
    spec
}
