//! The gate against a real, certified OpenID provider: what it signs, what it says about itself, how it
//! changes its keys, and how it takes back what it gave.

#![expect(clippy::unwrap_used, reason = "tests")]

mod signed;

use doorward_host::WallClock;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::Running;
use doorward_runtime_tests::issuer::now;
use doorward_runtime_tests::provider::{self, AUDIENCE, Provider};
use std::process::ExitCode;

use signed::*;

fn main() -> ExitCode {
    provider::main(cases![
        signed_tokens_are_judged_by_signature_audience_and_scope;
        in_process: keys_rotate_under_load_and_no_valid_request_is_refused,
    ])
}

/// A policy with a route for reading and one for writing.
fn policy(provider: &Provider, more: &str) -> String {
    format!(
        r#"
        [identity]
        "x-auth-subject" = "sub"
        "x-auth-client" = "client_id"

        [[route]]
        path = "/read"
        scope = ["read"]

        [[route]]
        path = "/write"
        scope = ["read", "write"]

        [issuer.provider]
        url = "{}"
        audience = "{AUDIENCE}"
        {more}
        "#,
        provider.url()
    )
}

/// A provider and a gate that agree on what time it is.
struct Time<'p> {
    provider: &'p Provider,
    clock: WallClock,
    started_at: u64,
}

impl<'p> Time<'p> {
    fn of(provider: &'p Provider) -> Self {
        let started_at = now();
        let clock = WallClock::fixed_at(started_at);
        Self {
            provider,
            clock,
            started_at,
        }
    }

    async fn passes(&self, seconds: u64) {
        self.clock.advance(seconds);
        let ahead = self.clock.now() - self.started_at;
        self.provider.be_ahead(ahead).await;
    }
}

/// What the gate has logged beside refusals.
fn events(running: &Running) -> Vec<String> {
    let mut lines = running.log();
    lines.retain(|line| !line.contains(r#""event":"refused""#));
    lines
}

/// Fails unless the gate answers a request with this token so.
async fn expect(running: &Running, target: &str, token: &str, expected: u16, what: &str) {
    let answer = Ask::get(target).bearer(token).send(running.address).await;
    assert_eq!(
        answer.status,
        expected,
        "{what}: {}; the gate says {:#?}",
        answer.text(),
        running.log()
    );
}
