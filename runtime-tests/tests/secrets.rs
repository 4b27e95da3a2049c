//! Nothing that the components write has a secret in it, whole, in part or encoded, however much they are asked to tell.
//!
//! The same is shown of the engine in virtual time (`tests/tests/access_log.rs`); this is what components write on a host.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64URL};
use doorward_runtime_tests::app::{AppSpec, built};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::issuer::{AUDIENCE, Client, Issuer, now};
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::{cases, run};
use doorward_tests::credential::{ApiKey, basic};
use doorward_tests::numbers::Numbers;
use doorward_tests::time::date_time;
use serde_json::json;
use std::collections::{BTreeMap, HashSet};
use std::process::ExitCode;

/// A month, in seconds.
const MONTH_S: u64 = 30 * 24 * 60 * 60;
/// How many rounds of requests there are.
const ROUNDS: usize = 12;
/// A part of a secret with so many bytes says something of it.
const PART_BYTES: usize = 8;
/// Characters of a secret that is drawn.
const DRAWN_CHARS: usize = 40;

const CLIENT_SECRET: &str = "q7Wc2VxN9ZtLr4KfYb8PdGm3HsJ6uTeA";

fn main() -> ExitCode {
    run::main(cases![
        no_secret_is_in_what_the_gate_writes_where_it_tells_all_that_it_can,
        no_secret_is_in_what_the_gateway_writes,
        a_part_of_a_secret_is_found_however_it_is_encoded,
    ])
}

/// A secret that looks like nothing else.
fn drawn(numbers: &mut Numbers) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let letters = (0..DRAWN_CHARS).map(|_| char::from(LETTERS[numbers.below(LETTERS.len())]));
    letters.collect()
}

/// What of an API key is secret: not the id, by which the log may name it.
fn secret_of(key: &ApiKey) -> &str {
    key.text.split_once(&key.id).unwrap().1
}

/// Every text of so many bytes in what was written.
struct Written<'w> {
    bytes: &'w [u8],
    windows: BTreeMap<usize, HashSet<&'w [u8]>>,
}

impl<'w> Written<'w> {
    fn of(text: &'w str) -> Self {
        let bytes = text.as_bytes();
        let windows = BTreeMap::new();
        Self { bytes, windows }
    }

    /// Whether any part of the text of so many bytes was written.
    fn has_part(&mut self, text: &str, bytes: usize) -> bool {
        let all = self.bytes;
        let there = self.windows.entry(bytes);
        let there = there.or_insert_with(|| all.windows(bytes).collect());
        text.as_bytes()
            .windows(bytes)
            .any(|part| there.contains(part))
    }

    /// In which form a part of the secret was written.
    fn form_of(&mut self, secret: &str) -> Option<&'static str> {
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let percent: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let mut forms = vec![
            ("as it is", secret.to_owned(), PART_BYTES),
            ("reversed", secret.chars().rev().collect(), PART_BYTES),
            ("in hex", hex.to_uppercase(), 2 * PART_BYTES),
            ("in hex", hex, 2 * PART_BYTES),
            ("with escapes", percent.to_uppercase(), 3 * PART_BYTES),
            ("with escapes", percent, 3 * PART_BYTES),
        ];
        // Whatever stands before it moves where its groups of three bytes begin.
        for start in 0..3 {
            let rest = &secret.as_bytes()[start..];
            let rest = &rest[..rest.len() / 3 * 3];
            let chars = PART_BYTES.div_ceil(3) * 4;
            forms.push(("in base64", BASE64_STANDARD.encode(rest), chars));
            forms.push(("in base64url", BASE64URL.encode(rest), chars));
        }
        let mut forms = forms.into_iter();
        forms.find_map(|(form, text, bytes)| self.has_part(&text, bytes).then_some(form))
    }
}

/// Fails where a part of a secret was written. What it is called is said, and not the secret.
fn nothing_of(secrets: &[(&str, String)], log: &[String]) {
    let text = log.join("\n");
    let mut written = Written::of(&text);
    for (name, secret) in secrets {
        let form = written.form_of(secret);
        assert_eq!(form, None, "{name} is in what was written");
    }
}

async fn a_part_of_a_secret_is_found_however_it_is_encoded(_: &dyn Host) {
    let secret = drawn(&mut Numbers::new(5));
    let part = &secret[11..20];
    let hex: String = part.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = part.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for (form, due) in [
        (part.to_owned(), "as it is"),
        (hex, "in hex"),
        (percent, "with escapes"),
        (
            BASE64_STANDARD.encode(format!("Basic of:{secret}")),
            "in base64",
        ),
        (
            BASE64_STANDARD.encode(format!("Basic  of:{secret}")),
            "in base64",
        ),
    ] {
        let text = format!("{{\"reason\":\"{form}\"}}");
        assert_eq!(Written::of(&text).form_of(&secret), Some(due));
    }
    let other = drawn(&mut Numbers::new(6));
    assert_eq!(Written::of(&secret).form_of(&other), None);
}

/// Sends what may be answered in any way.
async fn send(running: &Running, asks: &[Ask]) {
    for ask in asks {
        let answer = ask.send(running.address).await;
        assert!(answer.status >= 200, "{answer:?}");
    }
}

async fn no_secret_is_in_what_the_gate_writes_where_it_tells_all_that_it_can(host: &dyn Host) {
    let mut numbers = Numbers::new(65);
    let issuer = Issuer::start().await;
    issuer.introspected_by(Client::Basic("gate", CLIENT_SECRET));
    let key = ApiKey::new("ci", &["read"], None);
    let (hash_key, hooks_secret) = (drawn(&mut numbers), drawn(&mut numbers));
    let collector = Origin::start(Reply::ok("")).await;
    let collector_key = drawn(&mut numbers);
    let telemetry = format!(
        "[telemetry]\notlp = \"{}\"\ntrace_one_in = 1\nheaders = {{ x-key = \"collector_key\" }}\n",
        collector.url()
    );
    let until = date_time(now() + MONTH_S);
    let url = issuer.url();
    let key_lines = key.table();
    let tables = format!(
        "[issuer.test]\nurl = \"{url}\"\naudience = \"{AUDIENCE}\"\n\
         [issuer.test.introspection]\nclient_id = \"gate\"\nsecret = \"client_secret\"\n\
         [issuer.hooks]\nurl = \"https://hooks.example\"\naudience = \"{AUDIENCE}\"\nsecret = \"hooks_secret\"\n\
         algorithms = [\"HS256\"]\n\
         [api_keys]\nheader = \"x-api-key\"\n{key_lines}\n[identity]\nx-auth-subject = \"sub\"\n"
    );
    let routes = |scope: &str, report: &str| {
        format!(
            "[[route]]\npath = \"/read/**\"\nissuer = \"test\"\naccept = [\"jwt\", \"opaque\", \"api-key\", \"basic\"]\n\
             scope = [\"{scope}\"]\ntoken_from = [\"authorization\", \"cookie:session\", \"query:token\"]\n\
             [route.claims]\nsub = {{ present = true }}\n\
             [[route]]\npath = \"/tried/**\"\nissuer = \"test\"\nscope = [\"{scope}\"]\n{report}\
             [[route]]\npath = \"/hooks\"\nissuer = \"hooks\"\n\
             [[route]]\npath = \"/public/**\"\npublic = true\n"
        )
    };
    let report = format!("mode = \"report\"\nreport_until = \"{until}\"\n");
    let log = format!(
        "[log]\nprincipal = \"hash\"\nsecret = \"log_secret\"\nlevel_variable = \"log_level\"\n\
         decision_inputs = true\ndecision_inputs_until = \"{until}\"\n"
    );
    let policy = format!(
        "candidate = \"/new.toml\"\n{log}{telemetry}{tables}{}",
        routes("read", &report)
    );
    let candidate = format!("{tables}{}", routes("write", ""));
    let mut spec = AppSpec::gated("echo", policy);
    spec.sources.push(("gate", built("gate-reporting")));
    spec.files
        .push(("new.toml".to_owned(), candidate.into_bytes()));
    let variables = [
        ("client_secret", CLIENT_SECRET),
        ("log_secret", &hash_key),
        ("hooks_secret", &hooks_secret),
        ("log_level", "debug"),
        ("collector_key", &collector_key),
    ];
    spec.variables = variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    let app = spec.write();
    let running = host.start(&app).await;

    let mut secrets = vec![
        ("the secret of introspection", CLIENT_SECRET.to_owned()),
        ("the key of hashes", hash_key),
        ("the secret of an issuer", hooks_secret),
        ("an API key", secret_of(&key).to_owned()),
        ("the key for the collector", collector_key),
    ];
    for round in 0..ROUNDS {
        let good = issuer.token("alice", "read");
        let narrow = issuer.token("alice", "other");
        let mut claims = issuer.claims("alice", "read");
        claims["exp"] = json!(now() - 1000);
        let old = issuer.key().sign(&claims);
        let forged = format!(
            "{}{}",
            &good[..good.len() - DRAWN_CHARS],
            drawn(&mut numbers)
        );
        let unsigned = [
            json!({ "alg": "HS256" }),
            json!({ "iss": "https://hooks.example" }),
        ]
        .map(|part| BASE64URL.encode(part.to_string()))
        .join(".");
        let hooks = format!("{unsigned}.{}", drawn(&mut numbers));
        let [
            opaque,
            unknown,
            cookie,
            query,
            digest,
            proxy,
            password,
            body,
            false_key,
        ] = [(); 9].map(|()| drawn(&mut numbers));
        issuer.says_of(&opaque, issuer.active("bob", "read"));
        if round == ROUNDS / 2 {
            issuer.all_behave(&doorward_runtime_tests::issuer::Behaviour::Close);
        }
        let (read, tried) = ("/read/a", "/tried/a");
        let with = |name: &str, value: &str| Ask::get(read).header(name, value);
        let asks = [
            Ask::get(read).bearer(&good),
            Ask::get(read).bearer(&narrow),
            Ask::get(read).bearer(&old),
            Ask::get(read).bearer(&forged),
            Ask::get(read).bearer(&opaque),
            Ask::get(read).bearer(&unknown),
            Ask::get(tried).bearer(&narrow),
            Ask::get(tried).bearer(&forged),
            Ask::get("/hooks").bearer(&hooks),
            Ask::get(read).bearer(&good).bearer(&narrow),
            Ask::get(&format!("{read}?token={good}&q={query}")),
            Ask::get(&format!("{read}?token={unknown}&q={query}")),
            Ask::get(&format!("/nowhere?q={query}")).bearer(&good),
            Ask::get(&format!("/read/%2e%2e/a?q={query}")),
            with("Cookie", &format!("session={good}; other={cookie}")),
            with("Cookie", &format!("session={cookie}")),
            with("X-Api-Key", &key.text),
            with("X-Api-Key", &format!("{}{false_key}", key.text)),
            with("Authorization", &basic("ci", &key.text)),
            with("Authorization", &basic("ci", &password)),
            with("Authorization", &format!("Digest response=\"{digest}\"")),
            Ask::get(read)
                .bearer(&good)
                .header("Proxy-Authorization", &basic("proxy", &proxy)),
            Ask::new("POST", read).bearer(&good).body(body.as_bytes()),
            Ask::new("POST", tried).body(body.as_bytes()),
            Ask::get(&format!("/public/a?q={query}")).header("Cookie", &cookie),
        ];
        send(&running, &asks).await;
        secrets.extend([
            ("a token", good),
            ("a token without its scope", narrow),
            ("a token that has expired", old),
            ("a token that is forged", forged),
            ("a token of a secret", hooks),
            ("an opaque token", opaque),
            ("an opaque token that nobody knows", unknown),
            ("a cookie", cookie),
            ("a value of the query", query),
            ("a value of Authorization", digest),
            ("what is for a proxy", proxy),
            ("a password", password),
            ("a body", body),
            ("a false API key", false_key),
        ]);
    }
    let log = running.whole_log().await;
    nothing_of(&secrets, &log);
    let text = log.join("\n");
    for told in [
        "\"inputs\":{",
        "\"event\":\"would-refuse\"",
        "\"event\":\"candidate-differs\"",
        "\"event\":\"refused\"",
        "\"principal_hash\":",
        "introspection-failed",
    ] {
        assert!(text.contains(told), "{told} is not in what was written");
    }
    assert!(log.len() > 20 * ROUNDS, "only {} lines", log.len());

    // Numbers and spans: what a collector is sent, but for the field that lets the gate in.
    collector
        .until("most spans were sent", |collector| {
            told_to(collector).matches("authentication").count() > 15 * ROUNDS
        })
        .await;
    let sent = told_to(&collector);
    nothing_of(&secrets, std::slice::from_ref(&sent));
    for told in ["doorward.requests", "introspection", "POST", "url.full"] {
        assert!(sent.contains(told), "{told} is not in what was sent");
    }
}

/// All that a collector was sent, as far as it is text.
fn told_to(collector: &Origin) -> String {
    let requests = collector.requests();
    let bodies: Vec<_> = requests
        .iter()
        .map(|seen| {
            assert_eq!(seen.body_bytes, seen.body.len() as u64, "all of it is kept");
            String::from_utf8_lossy(&seen.body)
        })
        .collect();
    bodies.join("\n")
}

async fn no_secret_is_in_what_the_gateway_writes(host: &dyn Host) {
    let mut numbers = Numbers::new(66);
    let issuer = Issuer::start().await;
    let origin = Origin::start(Reply::ok("hello")).await;
    let ours = drawn(&mut numbers);
    let url = issuer.url();
    let policy = format!(
        "[issuer.test]\nurl = \"{url}\"\naudience = \"{AUDIENCE}\"\n\
         [upstream.app]\nurl = \"{}\"\nattempts_max = 1\n[upstream.app.credential]\nsecret = \"app_token\"\n\
         [upstream.gone]\nurl = \"http://127.0.0.1:9\"\nattempts_max = 2\n\
         [upstream.gone.credential]\nsecret = \"app_token\"\nscheme = \"Basic\"\n\
         [[route]]\npath = \"/read/**\"\nissuer = \"test\"\nscope = [\"read\"]\nupstream = \"app\"\nmirror = \"gone\"\n\
         [[route]]\npath = \"/gone/**\"\npublic = true\nupstream = \"gone\"\n",
        origin.url()
    );
    let mut spec = AppSpec::gateway(policy);
    spec.variables = vec![("app_token".to_owned(), ours.clone())];
    let app = spec.write();
    let running = host.start(&app).await;
    let mut secrets = vec![("the credential for an upstream", ours)];
    for _ in 0..ROUNDS {
        let (good, narrow) = (
            issuer.token("alice", "read"),
            issuer.token("alice", "other"),
        );
        let [query, proxy, cookie] = [(); 3].map(|()| drawn(&mut numbers));
        let read = format!("/read/a?q={query}");
        let asks = [
            Ask::get(&read).bearer(&good).header("Cookie", &cookie),
            Ask::get(&read).bearer(&narrow),
            Ask::get(&read).header("Proxy-Authorization", &basic("proxy", &proxy)),
            Ask::get(&format!("/gone/a?q={query}")).bearer(&good),
        ];
        send(&running, &asks).await;
        secrets.extend([
            ("a token", good),
            ("a token without its scope", narrow),
            ("a value of the query", query),
            ("what is for a proxy", proxy),
            ("a cookie", cookie),
        ]);
    }
    let log = running.whole_log().await;
    nothing_of(&secrets, &log);
    let text = log.join("\n");
    for told in ["\"event\":\"refused\"", "upstream-failed"] {
        assert!(text.contains(told), "{told} is not in what was written");
    }
}
