mod given;

use std::path::Path;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::run::{Ran, feed};

const POLICY: &str = r#"[issuer.acme]
url = "https://login.acme.example"
audience = "https://api.acme.example"
jwks_file = "/keys.json"

[issuer.hooks]
url = "https://hooks.example"
audience = "api"
secret = "hooks_secret"
algorithms = ["HS256"]

[issuer.far]
url = "https://far.example"
audience = "api"

[issuer.far.introspection]
client_id = "gate"
secret = "far_secret"

[revocation]

[api_keys]
header = "x-api-key"
store = true

[rate_limit.per_client]
requests = 100
per_s = 60
key = "client"

[limits.small]
target_bytes_max = 40

[cors.web]
origins = ["https://app.example"]

[identity]
x-auth-subject = "sub"

[[route]]
path = "/users/{id}"
methods = ["GET"]
issuer = "acme"
scope = ["read"]
rate_limit = "per_client"
limits = "small"
cors = "web"
[route.claims]
tenant = ["blue", "red"]
account = { equals = "{id}" }

[[route]]
path = "/users/me"
issuer = ["acme", "hooks"]
token_from = ["cookie:session", "authorization"]

[[route]]
path = "/hooks"
issuer = "hooks"

[[route]]
path = "/far"
issuer = "far"
accept = ["jwt", "opaque", "api-key"]

[[route]]
path = "/open/**"
public = true

[[route]]
path = "/reports"
[[route.allow]]
issuer = "acme"
scope = ["reports"]
[[route.allow]]
issuer = "acme"
claims = { role = "admin" }
"#;

/// When tokens are issued, a Monday in 2026.
const ISSUED_S: i64 = 1_767_600_000;
const AT: &str = "2026-01-05T08:10:00Z";

/// The issuer's key, which follows from this seed.
fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token of the issuer `acme` with these claims besides the usual ones.
fn token(claims: Value) -> String {
    signed(
        json!({ "alg": "EdDSA", "kid": "acme-1", "typ": "JWT" }),
        claims,
    )
}

fn signed(header: Value, claims: Value) -> String {
    let mut all = json!({
        "iss": "https://login.acme.example",
        "aud": "https://api.acme.example",
        "sub": "ada",
        "iat": ISSUED_S,
        "exp": ISSUED_S + 3600,
        "scope": "read",
        "tenant": "blue",
        "account": "7",
    });
    let members = all.as_object_mut().unwrap();
    members.extend(claims.as_object().unwrap().clone());
    let signed = format!(
        "{}.{}",
        encoded(header.to_string().as_bytes()),
        encoded(all.to_string().as_bytes())
    );
    let signature = pair().sign(signed.as_bytes());
    format!("{signed}.{}", encoded(signature.as_ref()))
}

/// A folder with the policy and the keys.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("doorward.toml"), POLICY).unwrap();
    let x = encoded(pair().public_key().as_ref());
    let keys = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "acme-1", "x": x }] });
    std::fs::write(folder.path().join("keys.json"), keys.to_string()).unwrap();
    folder
}

/// `doorward explain` with this token on standard input.
fn explain(folder: &Path, arguments: &[&str], token: &str) -> Ran {
    feed(
        folder,
        &[&["explain"], arguments, &["--at", AT]].concat(),
        token,
    )
}

/// The same for programs.
fn steps(folder: &Path, arguments: &[&str], token: &str) -> Value {
    let ran = explain(folder, &[arguments, &["--format", "json"]].concat(), token);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr))
}

/// Compares with what a person has read; with DOORWARD_BLESS=1 it is written anew.
fn golden(name: &str, found: &str) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/command/explain/{name}.txt"));
    if std::env::var_os("DOORWARD_BLESS").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let due = std::fs::read_to_string(&path).unwrap();
    assert_eq!(found, due, "{name}");
}

/// What came of a step.
fn step<'v>(explanation: &'v Value, name: &str) -> &'v Value {
    let mut steps = explanation["steps"].as_array().unwrap().iter();
    let step = steps.find(|step| step["step"] == name);
    step.unwrap_or_else(|| panic!("there is no step {name}: {explanation:#}"))
}

#[test]
fn a_request_that_is_admitted_is_told_step_by_step() {
    let folder = folder();
    let ran = explain(
        folder.path(),
        &[
            "GET",
            "https://api.acme.example/users/7?full=1",
            "--client",
            "203.0.113.9",
        ],
        &token(json!({})),
    );
    assert_eq!(ran.stderr, "");
    golden("admitted", &ran.stdout);
    assert_eq!(ran.status, 0);
}

#[test]
fn a_request_that_is_refused_says_at_which_step_and_by_which_line() {
    let folder = folder();
    for (name, method, url, claims) in [
        (
            "expired",
            "GET",
            "/users/7",
            json!({ "exp": ISSUED_S - 60 }),
        ),
        (
            "claims",
            "GET",
            "/users/8",
            json!({ "scope": "write", "tenant": "green" }),
        ),
        (
            "alternatives",
            "GET",
            "/reports",
            json!({ "role": "reader" }),
        ),
        ("method", "DELETE", "/users/7", json!({})),
    ] {
        let ran = explain(folder.path(), &[method, url], &token(claims));
        golden(name, &ran.stdout);
        assert_eq!(ran.status, 1, "{name}");
    }
}

#[test]
fn what_would_be_refused_and_passes_in_report_mode_is_told_as_that() {
    let folder = folder();
    let mode = "mode = \"report\"\nreport_until = \"2026-01-31\"\n";
    let policy = folder.path().join("doorward.toml");
    std::fs::write(policy, format!("{mode}{POLICY}")).unwrap();
    let narrow = token(json!({ "scope": "write" }));
    let ran = explain(folder.path(), &["GET", "/users/7"], &narrow);
    golden("report", &ran.stdout);
    assert_eq!(ran.status, 0);
    let told = steps(folder.path(), &["GET", "/nowhere"], &narrow);
    assert_eq!(told["verdict"], "would-refuse");
    assert_eq!(told["report_until"], "2026-01-31T00:00:00Z");
    assert_eq!(told["class"], "forbidden");
    let told = steps(folder.path(), &["GET", "/users/7"], &token(json!({})));
    assert_eq!(told["verdict"], "admitted");
}

#[test]
fn of_a_token_that_is_not_genuine_no_claim_is_shown() {
    let folder = folder();
    let genuine = token(json!({ "sub": "mallory" }));
    let (rest, signature) = genuine.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("{rest}.{other}{}", &signature[1..]);
    let ran = explain(folder.path(), &["GET", "/users/7"], &forged);
    golden("forged", &ran.stdout);
    let ran = explain(
        folder.path(),
        &["GET", "/users/7", "--format", "json"],
        &forged,
    );
    for hidden in ["mallory", signature, &signature[1..20]] {
        assert!(
            !ran.stdout.contains(hidden),
            "{hidden} is told: {}",
            ran.stdout
        );
    }
}

#[test]
fn the_same_is_there_for_programs() {
    let folder = folder();
    let explanation = steps(
        folder.path(),
        &["GET", "/users/7"],
        &token(json!({ "aud": "https://other.example" })),
    );
    for (member, expected) in [
        ("file", json!("doorward.toml")),
        ("method", json!("GET")),
        ("path", json!("/users/7")),
        ("at", json!(AT)),
        ("verdict", json!("refused")),
        ("class", json!("invalid-token")),
        ("status", json!(401)),
        (
            "reason",
            json!("the claim `aud` names no accepted audience"),
        ),
        ("first_failed", json!("aud")),
    ] {
        assert_eq!(explanation[member], expected, "{member}");
    }
    assert_eq!(
        *step(&explanation, "aud"),
        json!({
            "step": "aud",
            "outcome": "failed",
            "expected": "\"https://api.acme.example\"",
            "found": "\"https://other.example\": the claim `aud` names no accepted audience",
            "notes": [],
            "line": 3,
        })
    );
    assert_eq!(step(&explanation, "iss")["outcome"], "passed");
    assert_eq!(step(&explanation, "exp")["outcome"], "not-reached");
    assert_eq!(step(&explanation, "exp")["found"], Value::Null);
    assert_eq!(step(&explanation, "scope")["outcome"], "not-reached");
    assert_eq!(
        explanation["credential"],
        json!([
            "The token would have to be issued for \"https://api.acme.example\": ask its issuer for one with this \
             audience."
        ])
    );
}

#[test]
fn without_keys_nothing_is_admitted() {
    let folder = folder();
    std::fs::remove_file(folder.path().join("keys.json")).unwrap();
    let explanation = steps(folder.path(), &["GET", "/users/7"], &token(json!({})));
    assert_eq!(explanation["verdict"], "undecided");
    assert_eq!(step(&explanation, "signature")["outcome"], "not-checked");
    assert_eq!(
        step(&explanation, "signature")["found"],
        "not checked: no keys: /keys.json is not here (give --keys FILE)"
    );
    assert_eq!(step(&explanation, "scope")["outcome"], "not-reached");
    // What needs no key is refused all the same.
    let foreign = signed(json!({ "alg": "HS256", "kid": "acme-1" }), json!({}));
    let explanation = steps(folder.path(), &["GET", "/users/7"], &foreign);
    assert_eq!(explanation["first_failed"], "alg");
    // An issuer whose keys the gate would fetch.
    let far = token(json!({ "iss": "https://far.example", "aud": "api" }));
    let far_only = POLICY.replace(
        "accept = [\"jwt\", \"opaque\", \"api-key\"]",
        "accept = \"jwt\"",
    );
    std::fs::write(folder.path().join("far.toml"), far_only).unwrap();
    let arguments = ["GET", "/far", "--policy", "far.toml"];
    let explanation = steps(folder.path(), &arguments, &far);
    assert_eq!(
        explanation["reason"],
        "the signature of the token was not checked: no keys (give --keys FILE)"
    );
}

#[test]
fn keys_come_from_the_flag_the_manifest_or_beside_the_policy() {
    let folder = folder();
    let path = folder.path();
    let good = token(json!({}));
    let from = |arguments: &[&str]| {
        let explanation = steps(path, &[&["GET", "/users/7"], arguments].concat(), &good);
        let notes = step(&explanation, "signature")["notes"].clone();
        (explanation["verdict"].clone(), notes)
    };
    assert_eq!(
        from(&[]),
        (json!("admitted"), json!(["Keys are from keys.json."]))
    );
    std::fs::rename(path.join("keys.json"), path.join("others.json")).unwrap();
    assert_eq!(
        from(&["--keys", "others.json"]),
        (json!("admitted"), json!(["Keys are from others.json."]))
    );
    std::fs::write(
        path.join("spin.toml"),
        "spin_manifest_version = 2\n[application]\nname = \"x\"\n[[trigger.http]]\nroute = \"/...\"\ncomponent = \
         \"gate\"\n[component.gate]\nsource = \"gate.wasm\"\nfiles = [{ source = \"set\", destination = \"/\" }]\n",
    )
    .unwrap();
    std::fs::create_dir(path.join("set")).unwrap();
    std::fs::rename(path.join("others.json"), path.join("set/keys.json")).unwrap();
    let (verdict, notes) = from(&[]);
    assert_eq!(verdict, "admitted");
    assert!(
        notes[0].as_str().unwrap().ends_with("set/keys.json."),
        "{notes}"
    );
}

#[test]
fn a_secret_comes_from_a_flag_the_environment_or_a_file() {
    let folder = folder();
    let secret = "a secret that has at least 32 bytes";
    let token = hooks_token(secret);
    let verdict = |arguments: &[&str]| {
        let explanation = steps(
            folder.path(),
            &[&["POST", "/hooks"], arguments].concat(),
            &token,
        );
        let told = explanation.to_string();
        assert!(!told.contains(secret), "the secret is told: {told}");
        explanation["verdict"].clone()
    };
    assert_eq!(verdict(&[]), "undecided");
    let literal = format!("hooks_secret={secret}");
    assert_eq!(verdict(&["--variable", &literal]), "admitted");
    let wrong = "hooks_secret=another secret that has at least 32 bytes";
    assert_eq!(verdict(&["--variable", wrong]), "refused");
    std::fs::write(
        folder.path().join(".env"),
        format!("SPIN_VARIABLE_HOOKS_SECRET='{secret}'\n"),
    )
    .unwrap();
    assert_eq!(verdict(&[]), "admitted");
    let short = explain(
        folder.path(),
        &["POST", "/hooks", "--variable", "hooks_secret=short"],
        &token,
    );
    assert_eq!(short.status, 1);
    assert!(short.stderr.contains("hooks_secret"), "{}", short.stderr);
}

/// A token of the issuer that shares a secret.
fn hooks_token(secret: &str) -> String {
    let claims = json!({
        "iss": "https://hooks.example", "aud": "api", "sub": "hook", "iat": ISSUED_S, "exp": ISSUED_S + 3600,
    });
    let signed = format!(
        "{}.{}",
        encoded(json!({ "alg": "HS256" }).to_string().as_bytes()),
        encoded(claims.to_string().as_bytes())
    );
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    let signature = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", encoded(signature.as_ref()))
}

#[test]
fn what_the_gate_would_ask_is_said() {
    let folder = folder();
    let opaque = steps(folder.path(), &["GET", "/far"], "2YotnFZFEjr1zCsicMWpAA");
    assert_eq!(opaque["verdict"], "undecided");
    assert_eq!(
        step(&opaque, "introspection")["notes"][0],
        "The gate asks `far` at the endpoint in its metadata as the client gate."
    );
    assert_eq!(step(&opaque, "introspection")["line"], 16);

    let key = "x-api-key: dwk_4YbV0cQm8XzK_000000000000000000000000000000000000000000000000000";
    let wrong = steps(folder.path(), &["GET", "/far", "--header", key], "");
    assert_eq!(wrong["class"], "invalid-credential");
    assert_eq!(wrong["first_failed"], "API key");

    let nothing = steps(folder.path(), &["GET", "/far"], "");
    assert_eq!(nothing["class"], "no-credential");
    assert_eq!(
        step(&nothing, "credential")["expected"],
        "a signed token or an opaque token or an API key, in `Authorization: Bearer` or the field x-api-key"
    );

    let public = steps(folder.path(), &["GET", "/open/a"], "");
    assert_eq!(public["verdict"], "admitted");
    assert_eq!(step(&public, "credential")["found"], "none is looked at");
}

#[test]
fn what_the_gate_answers_itself_is_no_route_of_anybody() {
    let folder = folder();
    let preflight = [
        "OPTIONS",
        "https://api.acme.example/users/7",
        "--header",
        "Origin: https://app.example",
        "--header",
        "Access-Control-Request-Method: GET",
    ];
    let explanation = steps(folder.path(), &preflight, "");
    assert_eq!(explanation["verdict"], "answered");
    assert_eq!(explanation["reason"], "preflight");
}

#[test]
fn a_token_in_a_cookie_is_given_as_the_header_that_it_is_in() {
    let folder = folder();
    let cookie = format!("Cookie: theme=dark; session={}", token(json!({})));
    let asked = |method: &str, more: &[&str]| {
        let url = "https://api.acme.example/users/me";
        let arguments = [&[method, url, "--header", &cookie], more].concat();
        steps(folder.path(), &arguments, "")
    };
    assert_eq!(asked("GET", &[])["verdict"], "admitted");
    let explanation = asked("POST", &["--header", "Origin: https://evil.example"]);
    assert_eq!(explanation["first_failed"], "page");
    assert_eq!(
        step(&explanation, "page")["found"],
        "Origin: https://evil.example, no Sec-Fetch-Site"
    );
    let own = asked("POST", &["--header", "Origin: https://api.acme.example"]);
    assert_eq!(own["verdict"], "admitted");
}

#[test]
fn what_is_nearly_right_is_said() {
    let folder = folder();
    let path = folder.path();
    let notes = |explanation: &Value, name: &str| step(explanation, name)["notes"].to_string();
    let lower = steps(path, &["get", "/users/7"], "");
    assert!(notes(&lower, "route").contains("Methods are case-sensitive, and GET is listed."));
    let other_case = steps(path, &["GET", "/REPORTS"], "");
    assert_eq!(other_case["first_failed"], "route");
    assert!(notes(&other_case, "route").contains("/reports would match."));
    assert_eq!(step(&other_case, "route")["line"], 70);
    let below = steps(path, &["GET", "/users/7/orders"], "");
    assert_eq!(step(&below, "route")["found"], "no route lists this path");
    assert!(
        notes(&below, "route").contains("/users/{id} does not match: it ends before `orders`.")
    );
    let dots = steps(path, &["GET", "/users/%2e%2e/x"], "");
    assert_eq!(dots["first_failed"], "target");
    let again = steps(
        path,
        &["GET", "/open/a", "--header", "CDN-Loop: doorward"],
        "",
    );
    assert!(again["unless"].to_string().contains("gateway"), "{again:#}");

    let private = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "acme-1", "x": "AA", "d": "AA" }] });
    std::fs::write(path.join("private.json"), private.to_string()).unwrap();
    let arguments = ["GET", "/users/7", "--keys", "private.json"];
    let exposed = steps(path, &arguments, &token(json!({})));
    assert_eq!(exposed["first_failed"], "signature");
    let notes = notes(&exposed, "signature");
    for expected in [
        "none of them can be used",
        "1 of them cannot be used",
        "private",
    ] {
        assert!(notes.contains(expected), "{expected}: {notes}");
    }
}

/// Nobody is advised to accept what is refused.
#[test]
fn advice_is_about_the_credential_and_never_about_the_policy() {
    let folder = folder();
    let other_key = signed(json!({ "alg": "EdDSA", "kid": "unknown" }), json!({}));
    let tokens = [
        token(json!({ "exp": ISSUED_S - 60 })),
        token(json!({ "nbf": ISSUED_S + 3000 })),
        token(json!({ "iat": ISSUED_S + 3000 })),
        token(json!({ "iss": "https://evil.example" })),
        token(json!({ "aud": "other" })),
        token(json!({ "scope": "" })),
        token(json!({ "tenant": 1 })),
        token(json!({ "exp": ISSUED_S + 9_000_000 })),
        token(json!({ "token_use": "id" })),
        token(json!({ "cnf": {} })),
        other_key,
        "a.b.c".to_owned(),
        String::new(),
    ];
    for token in tokens {
        let explanation = steps(folder.path(), &["GET", "/users/7"], &token);
        assert_eq!(explanation["verdict"], "refused", "{explanation:#}");
        let advice = explanation["credential"].to_string();
        for looser in [
            "leeway",
            "_s",
            "algorithms",
            "policy",
            "route",
            "issuer =",
            "audience =",
            "add ",
            "accept",
        ] {
            assert!(!advice.contains(looser), "{looser}: {advice}");
        }
        assert!(
            advice.len() > 2 || explanation["first_failed"] == "token",
            "there is none: {explanation:#}"
        );
    }
}
