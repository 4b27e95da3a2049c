//! The gate against a real, certified OpenID provider: what it signs, what it says about itself, how it
//! changes its keys, and how it takes back what it gave.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod logout;
mod opaque;
mod signed;

use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::clock::{Clock, now};
use doorward_runtime_tests::clocked::serve;
use doorward_runtime_tests::host::{Host, How, Running};
use doorward_runtime_tests::provider::{self, AUDIENCE, Provider};
use std::process::ExitCode;
use std::time::Duration;

use logout::*;
use opaque::*;
use signed::*;

fn main() -> ExitCode {
    provider::main(cases![
        signed_tokens_are_judged_by_signature_audience_and_scope,
        opaque_tokens_are_introspected_however_the_gate_authenticates,
        a_token_for_no_audience_is_refused_unless_the_policy_accepts_it,
        a_gate_that_the_provider_does_not_let_in_is_a_503,
        a_token_that_is_remembered_is_refused_once_its_key_is_gone,
        the_provider_is_asked_about_an_opaque_token_once_and_never_about_a_signed_one,
        an_opaque_token_that_was_revoked_is_refused_after_the_limit_of_the_cache,
        a_logout_takes_back_the_tokens_of_the_session_and_is_believed_once,
        a_logout_without_a_session_takes_back_all_tokens_of_the_subject,
        nothing_but_a_logout_token_for_us_logs_anybody_out;
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

/// An application whose gate asks the provider about opaque tokens, as this client.
fn introspecting(provider: &Provider, client: &str, more: &str) -> AppSpec {
    let (authentication, credential, value) = match client {
        "gate-ed25519" | "gate-es256" => ("private_key_jwt", "key", provider.client_key(client)),
        "gate-post" => ("client_secret_post", "secret", provider.client_secret()),
        _ => ("client_secret_basic", "secret", provider.client_secret()),
    };
    let introspection = format!(
        r#"
        [issuer.provider.introspection]
        client_id = "{client}"
        authentication = "{authentication}"
        {credential} = "introspection_credential"
        {more}
        "#
    );
    let mut spec = AppSpec::gated("echo", policy(provider, &introspection));
    spec.variables = vec![("introspection_credential".to_owned(), value)];
    spec
}

/// A provider and a gate that agree on what time it is.
struct Time<'p> {
    provider: &'p Provider,
    clock: Clock<'p>,
    started_at: u64,
}

impl<'p> Time<'p> {
    fn of(provider: &'p Provider, host: &'p dyn Host) -> Self {
        let started_at = now();
        let clock = Clock::beginning(host, started_at);
        Self {
            provider,
            clock,
            started_at,
        }
    }

    /// Starts a gate. Its instances are not dropped while they are idle, so that what they remember is
    /// known.
    async fn gate(&self, app: &App) -> Running {
        let how = How {
            idle_time: Some(Duration::from_secs(600)),
            ..How::default()
        };
        serve(app, &self.clock, how).await
    }

    async fn passes(&self, seconds: u64) {
        self.clock.advance(seconds).await;
        if self.clock.is_own() {
            let ahead = self.clock.now() - self.started_at;
            self.provider.be_ahead(ahead).await;
        }
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
