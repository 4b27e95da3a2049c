//! Signed tokens of a real provider, and keys that change while they are used.

use crate::{Time, events, expect, policy};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::seen;
use doorward_runtime_tests::host::{Host, InProcess, Running};
use doorward_runtime_tests::provider::{Provider, jwt};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{RwLock, watch};
use tokio::task::JoinHandle;

/// Clients that ask at the same time while keys rotate.
const CLIENTS: usize = 4;
/// Requests that are answered between one step of a rotation and the next.
const REQUESTS_PER_STEP: usize = 300;
/// How long the gate takes keys for fresh whose issuer does not say for how long, in seconds.
const FRESH_S: u64 = 10 * 60;
/// How long the gate does not ask for a key that it does not know, after it has asked, in seconds.
const UNKNOWN_KEY_COOLDOWN_S: u64 = 30;
/// How often keys are fetched where once would do: by the instances that find out at the same time, before
/// the first of them has written down what it found.
const FETCHES_PER_OCCASION_MAX: u64 = 6;
/// Tokens that each key signs, so that not every request finds its token verified already.
const TOKENS_PER_KEY: usize = 6;

pub async fn signed_tokens_are_judged_by_signature_audience_and_scope(host: &dyn Host) {
    let provider = Provider::start().await;
    let policy = policy(&provider, "access_token_profile = true");
    let app = AppSpec::gated("echo", policy).write();
    let running = host.start(&app).await;
    for algorithm in ["ES256", "RS256", "EdDSA"] {
        let what = |what: &str| format!("{algorithm}, {what}");
        let reading = provider.token(&jwt(algorithm), "read").await;
        expect(&running, "/read", &reading, 200, &what("with the scope")).await;
        expect(
            &running,
            "/write",
            &reading,
            403,
            &what("a scope is missing"),
        )
        .await;
        let answer = Ask::get("/read")
            .bearer(&reading)
            .send(running.address)
            .await;
        assert_eq!(seen(&answer, "x-auth-subject"), ["worker"], "{algorithm}");

        let elsewhere = format!("https://other.example/jwt/{algorithm}");
        let elsewhere = provider.token(&elsewhere, "read write").await;
        expect(
            &running,
            "/read",
            &elsewhere,
            401,
            &what("another audience"),
        )
        .await;
    }
    let token = provider.token_for_nothing().await;
    let what = "an opaque token where only signed ones are known";
    expect(&running, "/read", &token, 401, what).await;
    assert_eq!(
        provider.requests("GET /jwks").await,
        1,
        "all keys came with the first request"
    );
}

async fn tokens(provider: &Provider, algorithm: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for _ in 0..TOKENS_PER_KEY {
        tokens.push(provider.token(&jwt(algorithm), "read").await);
    }
    tokens
}

pub async fn a_token_that_is_remembered_is_refused_once_its_key_is_gone(host: &dyn Host) {
    let provider = Provider::start().await;
    let time = Time::of(&provider, host);
    let app = AppSpec::gated("echo", policy(&provider, "unknown_key_cooldown_s = 5")).write();
    let running = time.gate(&app).await;
    provider.publish(&[("old", "ES256")]).await;
    let old = provider.token(&jwt("ES256"), "read").await;
    for round in ["verified", "remembered"] {
        expect(&running, "/read", &old, 200, round).await;
    }
    provider.publish(&[("new", "ES256")]).await;
    let new = provider.token(&jwt("ES256"), "read").await;
    time.passes(5).await;
    expect(&running, "/read", &old, 200, "while its key is known").await;
    // Brings the new keys, and with them the news that the old one is gone.
    expect(&running, "/read", &new, 200, "signed with the new key").await;
    expect(&running, "/read", &old, 401, "after its key is gone").await;
}

pub async fn keys_rotate_under_load_and_no_valid_request_is_refused() {
    let provider = Provider::start().await;
    let time = Time::of(&provider, &InProcess);
    let app = AppSpec::gated("echo", policy(&provider, "")).write();
    let running = time.gate(&app).await;

    let mut current = ("key-0", "ES256");
    provider.publish(&[current]).await;
    let mut old = tokens(&provider, current.1).await;
    let load = Load::start(running.address, old.clone());
    load.goes_on("before any rotation", &running).await;
    // How long the next key is published before it signs. After the cooldown the keys at hand are still fresh:
    // the new one is unknown. After 10 minutes they are refreshed after a response. After 2 hours they
    // are not used before they are refreshed.
    let rotations = [
        (("key-1", "ES256"), UNKNOWN_KEY_COOLDOWN_S),
        (("key-2", "EdDSA"), FRESH_S + 1),
        (("key-3", "RS256"), 2 * 60 * 60),
        (("key-4", "RS256"), UNKNOWN_KEY_COOLDOWN_S),
    ];
    for (next, published_s) in rotations {
        let what = |step: &str| format!("{} after {}, {step}", next.0, current.0);
        provider.publish(&[current, next]).await;
        load.goes_on(&what("published"), &running).await;
        time.passes(published_s).await;
        load.goes_on(&what("known"), &running).await;

        provider.publish(&[next, current]).await;
        let new = tokens(&provider, next.1).await;
        load.send_only(&[old.clone(), new.clone()].concat()).await;
        load.goes_on(&what("signs"), &running).await;

        load.send_only(&new).await;
        provider.publish(&[next]).await;
        let fetched = provider.requests("GET /jwks").await;
        time.passes(FRESH_S + 1).await;
        load.goes_on(&what("alone"), &running).await;
        assert!(
            provider.requests("GET /jwks").await > fetched,
            "{}: the keys were refreshed",
            what("alone")
        );
        for token in &old {
            let what = what("a token of the removed key");
            expect(&running, "/read", token, 401, &what).await;
        }
        load.goes_on(&what("the removed key refused"), &running)
            .await;
        (old, current) = (new, next);
    }
    load.stop().await;
    // The start, and twice in each rotation.
    let occasions = 1 + 2 * rotations.len() as u64;
    let fetched = provider.requests("GET /jwks").await;
    assert!(
        fetched <= occasions * FETCHES_PER_OCCASION_MAX,
        "the keys were fetched {fetched} times on {occasions} occasions"
    );
}

/// Clients that send one valid request after the other.
struct Load {
    tokens: Arc<RwLock<Vec<String>>>,
    answered: watch::Receiver<usize>,
    refused: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(address: SocketAddr, tokens: Vec<String>) -> Self {
        let tokens = Arc::new(RwLock::new(tokens));
        let (count, answered) = watch::channel(0);
        let count = Arc::new(count);
        let refused = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let clients = (0..CLIENTS).map(|mut number| {
            let (tokens, count) = (Arc::clone(&tokens), Arc::clone(&count));
            let (refused, stop) = (Arc::clone(&refused), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    // Held until the answer is there: who writes knows that no request is under way.
                    let tokens = tokens.read().await;
                    number = (number + 1) % tokens.len();
                    let ask = Ask::get("/read").bearer(tokens.get(number).unwrap());
                    let answer = ask.send(address).await;
                    if answer.status != 200 {
                        let what = format!("{}: {}", answer.status, answer.text());
                        refused.lock().unwrap().push(what);
                    }
                    drop(tokens);
                    count.send_modify(|count| *count += 1);
                }
            })
        });
        Self {
            clients: clients.collect(),
            tokens,
            answered,
            refused,
            stop,
        }
    }

    /// From now on these tokens are sent, and none of the former ones is under way any more.
    async fn send_only(&self, tokens: &[String]) {
        *self.tokens.write().await = tokens.to_vec();
    }

    /// Goes on for some requests.
    async fn goes_on(&self, what: &str, running: &Running) {
        let mut answered = self.answered.clone();
        let enough = *answered.borrow() + REQUESTS_PER_STEP;
        answered.wait_for(|count| *count >= enough).await.unwrap();
        let refused = self.refused.lock().unwrap();
        assert!(
            refused.is_empty(),
            "{what}: {} valid requests were refused: {:?}; the gate says {:#?}",
            refused.len(),
            refused.first(),
            events(running)
        );
    }

    async fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        for client in self.clients {
            client.await.unwrap();
        }
    }
}
