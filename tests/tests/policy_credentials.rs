//! Which credential a request carries, and what becomes of it: what the decision cases cannot say.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use doorward_policy::credential::{API_KEY_BYTES_MAX, BASIC_BYTES_MAX};
use doorward_policy::load::ISSUERS_IN_ALL_MAX;
use doorward_policy::{
    Authenticated, Class, Credential, CredentialKind, Pending, Permit, Policy, Refusal, Screened,
};
use doorward_tests::head;
use doorward_tests::mint::SigningKey;
use doorward_tests::numbers::Numbers;
use doorward_token::api_key::{ApiKey, KeyRecord, VerifiedKey, generate};
use doorward_token::introspection::{self, IntrospectionResponse, MissingAudience};
use doorward_token::{KeySet, UnixTime, UnverifiedToken, VerifiedToken};
use serde_json::{Map, json};
use std::collections::BTreeSet;

const NOW: UnixTime = UnixTime(1_800_000_000);
const ACME: usize = 0;
const OTHER: usize = 1;
const PLAIN: usize = 2;

const POLICY: &str = r#"
[issuer.acme]
url = "https://acme.example"
audience = "api"
[issuer.acme.introspection]
client_id = "gate"
secret = "acme_client_secret"

[issuer.other]
url = "https://other.example"
audience = "api"
[issuer.other.introspection]
client_id = "gate"
secret = "other_client_secret"

[issuer.plain]
url = "https://plain.example"
audience = "api"

[api_keys]
header = "x-api-key"

[identity]
x-auth-subject = "sub"

[[route]]
path = "/both"
issuer = ["acme", "plain"]

[[route]]
path = "/all"
issuer = "acme"
accept = ["jwt", "opaque", "api-key", "basic"]

[[route]]
path = "/signed"
issuer = "acme"
accept = "jwt"

[[route]]
path = "/other"
issuer = "other"

[[route]]
path = "/raw"
issuer = "acme"
accept = ["jwt", "api-key"]
credential = "forward"

[[route]]
path = "/open"
public = true

[[route]]
path = "/open/raw"
public = true
credential = "forward"
"#;

#[test]
fn only_what_the_request_carried_authenticates_it() {
    let policy = Policy::parse(POLICY).unwrap();
    let signed = signed(&policy);
    let opaque = introspected(&policy, ACME);
    let key = key("ci");
    let of_acme = |token| Authenticated::Token {
        issuer: &policy.issuers()[ACME],
        token,
    };
    let basic = format!("Basic {}", BASE64.encode("ci:secret"));
    let other_name = format!("Basic {}", BASE64.encode("cd:secret"));
    for (carried, api_key, who, admitted) in [
        ("Bearer a.b.c", "", of_acme(&signed), true),
        ("Bearer a.b.c", "", of_acme(&opaque), false),
        ("Bearer a.b.c", "", Authenticated::Key(&key), false),
        ("Bearer abc", "", of_acme(&opaque), true),
        ("Bearer abc", "", of_acme(&signed), false),
        ("Bearer abc", "", Authenticated::Key(&key), false),
        ("", "secret", Authenticated::Key(&key), true),
        ("", "secret", of_acme(&signed), false),
        ("", "secret", of_acme(&opaque), false),
        (&basic, "", Authenticated::Key(&key), true),
        (&basic, "", of_acme(&signed), false),
        (&other_name, "", Authenticated::Key(&key), false),
    ] {
        let fields = field(carried);
        let keys = field(api_key);
        let pending = pending(&policy, "/all", &fields, &keys);
        let carried = pending.credential().kind();
        let decided = pending.authorise(who, None, NOW);
        assert_eq!(
            decided.is_ok(),
            admitted,
            "{} carried, {who:?} given: {decided:?}",
            carried.name()
        );
        if let Err(refusal) = decided {
            assert_eq!(refusal.status(), 401, "{refusal}");
        }
    }
}

#[test]
fn an_opaque_token_is_the_word_of_the_issuer_that_was_to_be_asked() {
    let policy = Policy::parse(POLICY).unwrap();
    let fields = field("Bearer abc");
    for (path, word_of, issuer, admitted) in [
        ("/other", OTHER, OTHER, true),
        ("/other", OTHER, ACME, false),
        ("/all", OTHER, OTHER, false),
        ("/all", OTHER, ACME, false),
        ("/both", ACME, ACME, true),
        ("/both", PLAIN, PLAIN, false),
        ("/both", ACME, PLAIN, false),
    ] {
        let token = &introspected(&policy, word_of);
        let pending = pending(&policy, path, &fields, &[]);
        let issuer = &policy.issuers()[issuer];
        let who = Authenticated::Token { issuer, token };
        let decided = pending.authorise(who, None, NOW);
        assert_eq!(
            decided.is_ok(),
            admitted,
            "{path}: the word of {word_of} as that of {}: {decided:?}",
            issuer.name
        );
    }
}

#[test]
fn a_key_that_waited_is_judged_at_this_moment() {
    let policy = Policy::parse(POLICY).unwrap();
    let key = key("ci");
    let keys = field("secret");
    for (after_s, admitted) in [(0, true), (599, true), (600, false)] {
        let pending = pending(&policy, "/all", &[], &keys);
        let who = Authenticated::Key(&key);
        let decided = pending.authorise(who, None, NOW.saturating_add(after_s));
        assert_eq!(decided.is_ok(), admitted, "after {after_s} s: {decided:?}");
    }
}

#[test]
fn neither_debug_nor_the_log_shows_a_key() {
    let policy = Policy::parse(POLICY).unwrap();
    let secret = "Hunter2Hunter2";
    let mut shown = Vec::new();
    let basic = format!("Basic {}", BASE64.encode(format!("ci:{secret}")));
    for (authorization, api_key, target) in [
        (basic.as_str(), "", "/all"),
        ("", secret, "/all"),
        ("", "Hunter2Hunter2 ", "/all"),
        ("", secret, "/all?secret=Hunter2Hunter2"),
        ("Bearer Hunter2Hunter2", "", "/all"),
        ("Bearer Hunter2Hunter2", secret, "/all"),
        ("Basic Hunter2Hunter2", "", "/all"),
        ("", secret, "/open?secret=Hunter2Hunter2"),
    ] {
        let (fields, keys) = (field(authorization), field(api_key));
        let head = head(target, &fields, &keys);
        shown.push(format!("{head:?}"));
        match policy.screen(&head) {
            Ok(Screened::Protected(pending)) => {
                shown.push(format!("{pending:?} {:?}", pending.credential()));
                let refusal = Refusal::inactive(&pending);
                shown.push(format!("{refusal:?} {}", refusal.reason()));
            }
            Ok(other) => shown.push(format!("{other:?}")),
            Err(refusal) => shown.push(format!("{refusal:?} {refusal} {}", refusal.reason())),
        }
    }
    for text in shown {
        assert!(!text.contains("Hunter2"), "{text}");
        assert!(!text.contains(&basic[6..]), "{text}");
    }
}

#[test]
fn the_header_of_the_key_is_removed_under_every_spelling() {
    let policy = Policy::parse(POLICY).unwrap();
    let fields = field("Bearer a.b.c");
    let token = &signed(&policy);
    let admitted = |path: &'static str| {
        let who = Authenticated::Token {
            issuer: &policy.issuers()[ACME],
            token,
        };
        let pending = pending(&policy, path, &fields, &[]);
        pending.authorise(who, None, NOW).unwrap()
    };
    let public = |path: &'static str| match policy.screen(&head(path, &[], &[])) {
        Ok(Screened::Public(permit)) => permit,
        other => panic!("{path} is public, not {other:?}"),
    };
    let strips: [Permit<'_>; 2] = [admitted("/all"), public("/open")];
    let forwards: [Permit<'_>; 2] = [admitted("/raw"), public("/open/raw")];
    for permit in strips.iter().chain(&forwards) {
        // An upstream that folds names together must see no second key, not even where the first one
        // is handed on.
        for name in ["x_api_key", "X.Api.Key", "x-api_key", "x_auth_subject"] {
            assert!(permit.removes_header(name), "{name} on {}", permit.route());
        }
        for name in [
            "x-api-keys",
            "x-api",
            "xapikey",
            "x-authorization",
            "accept",
        ] {
            assert!(!permit.removes_header(name), "{name} on {}", permit.route());
        }
    }
    for name in ["x-api-key", "X-API-Key", "authorization", "Authorization"] {
        for permit in &strips {
            assert!(permit.removes_header(name), "{name} on {}", permit.route());
        }
        for permit in &forwards {
            assert!(!permit.removes_header(name), "{name} on {}", permit.route());
        }
        // A trailer is removed whatever the rule says.
        let authorization = name.eq_ignore_ascii_case("authorization");
        assert!(authorization || policy.is_reserved_header(name), "{name}");
    }
}

#[test]
fn basic_is_read_as_strictly_as_a_strict_decoder_reads_it() {
    let policy = Policy::parse(POLICY).unwrap();
    let mut numbers = Numbers::new(7617);
    let mut good = 0;
    for round in 0..20_000 {
        // Text that is nearly right: base64 of a pair, a little changed.
        let mut bytes = if round % 3 == 0 {
            b"ci:k"
        } else {
            b"".as_slice()
        }
        .to_vec();
        for _ in 0..numbers.below(8) {
            bytes.push(pick(&mut numbers, b"ci:\x00\xc3\xa9 \x7fA/+"));
        }
        let mut text = BASE64.encode(&bytes).into_bytes();
        if round % 2 == 0 && !text.is_empty() {
            let place = numbers.below(text.len());
            text[place] = pick(&mut numbers, b"AB=+/-_ zZ9\xff");
        }
        if round % 7 == 0 {
            text.truncate(numbers.below(text.len() + 1));
        }
        let expected = BASE64
            .decode(&text)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .filter(|text| !text.chars().any(char::is_control))
            .and_then(|text| {
                let (name, key) = text.split_once(':')?;
                let whole = !name.is_empty() && !key.is_empty();
                whole.then(|| (name.to_owned(), key.to_owned()))
            });
        let fields = [[b"Basic ".as_slice(), &text].concat()];
        let shown = text.escape_ascii();
        match (policy.screen(&head("/all", &fields, &[])), expected) {
            (Ok(Screened::Protected(pending)), Some((name, key))) => {
                let Credential::Basic {
                    name: n, key: k, ..
                } = pending.credential()
                else {
                    panic!("{shown} became {:?}", pending.credential());
                };
                assert_eq!((n, k), (name.as_str(), key.as_str()), "{shown}");
                good += 1;
            }
            (Err(refusal), None) => {
                assert_eq!(refusal.class(), Class::MalformedCredential, "{shown}");
            }
            (found, expected) => panic!("{shown}: {found:?} instead of {expected:?}"),
        }
    }
    assert!(good > 500, "only {good} were good");
}

#[test]
fn only_the_key_is_taken_out_of_the_query() {
    let text = r#"
[api_keys]
query = "k"
[[route]]
path = "/a"
accept = "api-key"
[[route]]
path = "/open"
public = true
"#;
    let policy = Policy::parse(text).unwrap();
    let mut numbers = Numbers::new(1866);
    let (mut found, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let query: String = (0..numbers.below(8))
            .map(|_| {
                pick(
                    &mut numbers,
                    &["k", "=", "&", "v", "%6B", "%6b", "%", "?", "kk", "&k=v"],
                )
            })
            .collect();
        let target = format!("/a?{query}");
        let parts: Vec<&str> = query.split('&').collect();
        let name = |part: &&str| part.split('=').next().unwrap_or_default().to_owned();
        let keys = parts.iter().filter(|part| name(part) == "k").count();
        let spelt = parts
            .iter()
            .any(|part| name(part).eq_ignore_ascii_case("%6b"));
        // An independent way to say the same: leave the part out and join the others.
        let rest: Vec<&str> = parts
            .iter()
            .copied()
            .filter(|part| name(part) != "k")
            .collect();
        let forwarded = if rest.is_empty() {
            "/open".to_owned()
        } else {
            format!("/open?{}", rest.join("&"))
        };
        let public = format!("/open?{query}");
        match policy.screen(&head(&public, &[], &[])) {
            Ok(Screened::Public(permit)) => {
                assert!(keys <= 1 && !spelt, "{target}");
                if keys == 1 {
                    assert_eq!(permit.target(), forwarded, "{target}");
                    found += 1;
                } else {
                    assert_eq!(permit.target(), public);
                }
            }
            Ok(other) => panic!("{target}: {other:?}"),
            Err(refusal) => {
                assert!(keys > 1 || spelt, "{target}: {}", refusal.reason());
                assert_eq!(refusal.class(), Class::MalformedCredential);
                refused += 1;
            }
        }
        let value = parts.iter().find(|part| name(part) == "k");
        let value = value.and_then(|part| part.split_once('=')).map(|(_, v)| v);
        if let Ok(Screened::Protected(pending)) = policy.screen(&head(&target, &[], &[])) {
            let Credential::ApiKey { key, .. } = pending.credential() else {
                panic!("{target}: {pending:?}");
            };
            assert_eq!(Some(key), value, "{target}");
        }
    }
    assert!(found > 1000 && refused > 1000, "{found} {refused}");
}

#[test]
fn credentials_are_bounded() {
    let policy = Policy::parse(POLICY).unwrap();
    let class = |authorization: &[Vec<u8>], keys: &[Vec<u8>]| {
        policy
            .screen(&head("/all", authorization, keys))
            .map(|_| ())
            .map_err(|refusal| refusal.class())
    };
    let key = |bytes: usize| [vec![b'k'; bytes]];
    assert_eq!(class(&[], &key(API_KEY_BYTES_MAX)), Ok(()));
    let malformed = Err(Class::MalformedCredential);
    assert_eq!(class(&[], &key(API_KEY_BYTES_MAX + 1)), malformed);
    let basic = |bytes: usize| {
        let pair = format!("ci:{}", "k".repeat(bytes / 4 * 3 - 3));
        [format!("Basic {}", BASE64.encode(pair)).into_bytes()]
    };
    assert_eq!(class(&basic(BASIC_BYTES_MAX), &[]), Ok(()));
    assert_eq!(class(&basic(BASIC_BYTES_MAX + 4), &[]), malformed);
}

#[test]
fn a_thousand_tenants_are_told_apart() {
    let tenants: Vec<String> = (0..ISSUERS_IN_ALL_MAX - 1)
        .map(|number| format!("\"t{number}\""))
        .collect();
    let policy = |tenants: &str| {
        Policy::parse(&format!(
            "[issuer.many]\nurl = \"https://{{tenant}}.example/v2\"\naudience = \"api\"\n\
             jwks_url = \"https://keys.example/{{tenant}}\"\ntenants = [{tenants}]\n\
             [issuer.zz]\nurl = \"https://zz.example\"\naudience = \"api\"\n\
             [[route]]\npath = \"/many\"\nissuer = \"many\"\n\
             [[route]]\npath = \"/one\"\nissuer = [\"zz\", \"many/t77\"]\n"
        ))
    };
    let good = policy(&tenants.join(", ")).unwrap_or_else(|found| panic!("{found}"));
    let fields = field("Bearer a.b.c");
    let many = pending(&good, "/many", &fields, &[]);
    let one = pending(&good, "/one", &fields, &[]);
    let zz = ISSUERS_IN_ALL_MAX - 1;
    assert_eq!(good.issuers().len(), ISSUERS_IN_ALL_MAX);
    assert_eq!(many.issuers().count(), ISSUERS_IN_ALL_MAX - 1);
    assert_eq!(
        one.issuers().map(|one| one.number()).collect::<Vec<_>>(),
        [zz, 77]
    );
    for (id, issuer) in good.issuers().iter().enumerate().take(zz) {
        assert_eq!(issuer.name, format!("many/t{id}"));
        assert_eq!(issuer.url, format!("https://t{id}.example/v2"));
        assert_eq!(issuer.expectations().issuer, issuer.url);
        assert_eq!(good.issuer_by_url(&issuer.url), Some(issuer));
        assert_eq!(many.issuer_by_url(&issuer.url), Some(issuer));
        assert!(many.accepts(issuer));
        assert_eq!(one.accepts(issuer), id == 77);
        assert_eq!(one.issuer_by_url(&issuer.url).is_some(), id == 77);
    }
    let zz = &good.issuers()[zz];
    assert!(!many.accepts(zz) && one.accepts(zz));
    assert!(good.issuer_by_url("https://t.example/v2").is_none());

    let found = policy(&format!("{}, \"one-more\"", tenants.join(", "))).unwrap_err();
    let too_large = found.as_slice().iter().any(|finding| {
        finding.code == doorward_policy::Code::TooLarge && finding.message.contains("tenants")
    });
    assert!(too_large, "{found}");
}

#[test]
fn a_logout_path_is_one_path() {
    let text = r#"
[revocation]
[issuer.a]
url = "https://a.example"
audience = "api"
logout = { path = "/logout/a", client_id = "shop" }
[issuer.many]
url = "https://{tenant}.example"
audience = "api"
tenants = ["x", "y"]
logout = { path = "/logout/many", client_id = ["shop", "site"] }
[[route]]
path = "/**"
issuer = ["a", "many"]
"#;
    let policy = Policy::parse(text).unwrap();
    for (target, issuers) in [
        ("/logout/a", 0..1),
        ("/logout/a?x=1", 0..1),
        ("/logout/many", 1..3),
        ("/logout/", 0..0),
        ("/logout/a/", 0..0),
        ("/logout/A", 0..0),
        ("/logout/%61", 0..0),
        ("/logout/a/b", 0..0),
        ("//logout/a", 0..0),
        ("", 0..0),
    ] {
        let at = policy.logout_at(target);
        let of = |iss: Option<&str>| Some(at?.issuer(|| iss.map(str::to_owned))?.0.number());
        let urls = policy.issuers().iter().map(|issuer| issuer.url.as_str());
        let found: BTreeSet<usize> = urls.filter_map(|url| of(Some(url))).collect();
        assert_eq!(found, issuers.clone().collect(), "{target}");
        let unnamed = (issuers.len() == 1).then_some(issuers.start);
        assert_eq!(of(None), unnamed, "{target}");
    }
    let logout = policy.issuers()[2].logout.as_ref().unwrap();
    assert_eq!(logout.path, "/logout/many");
    assert_eq!(logout.client_ids, ["shop", "site"]);
}

#[test]
fn kinds_have_the_names_that_the_policy_has_for_them() {
    let names = CredentialKind::ALL.map(CredentialKind::name);
    assert_eq!(names, ["jwt", "opaque", "api-key", "basic"]);
}

fn pick<T: Copy>(numbers: &mut Numbers, from: &[T]) -> T {
    from[numbers.below(from.len())]
}

fn field(value: &str) -> Vec<Vec<u8>> {
    let fields = Some(value).filter(|value| !value.is_empty());
    fields.map(|value| value.into()).into_iter().collect()
}

fn pending<'p, 'r>(
    policy: &'p Policy,
    target: &'r str,
    authorization: &'r [Vec<u8>],
    api_key: &'r [Vec<u8>],
) -> Pending<'p, 'r> {
    match policy.screen(&head(target, authorization, api_key)) {
        Ok(Screened::Protected(pending)) => pending,
        other => panic!("{target} is protected, not {other:?}"),
    }
}

/// A token that acme signed.
fn signed(policy: &Policy) -> VerifiedToken {
    let key = SigningKey::ed25519("acme-1");
    let claims = json!({
        "iss": "https://acme.example", "aud": "api", "sub": "alice", "exp": NOW.0 + 300,
    });
    let compact = key.sign(&Map::new(), claims.as_object().unwrap());
    let keys = json!({ "keys": [key.jwk()] }).to_string();
    let keys = KeySet::parse(keys.as_bytes()).unwrap();
    UnverifiedToken::parse(compact.as_bytes())
        .unwrap()
        .verify(&keys, policy.issuers()[ACME].expectations(), NOW)
        .expect("the token is genuine")
}

/// A token for which an issuer gave its word.
fn introspected(policy: &Policy, issuer: usize) -> VerifiedToken {
    let answer = json!({ "active": true, "aud": "api", "sub": "alice" }).to_string();
    let expect = policy.issuers()[issuer].expectations();
    let refuse = MissingAudience::Refuse;
    match introspection::parse(answer.as_bytes(), b"abc", expect, refuse, NOW, 60) {
        Ok(IntrospectionResponse::Active(token)) => token,
        other => panic!("the token is active, not {other:?}"),
    }
}

/// A key of this name, verified; good for ten minutes.
fn key(name: &str) -> VerifiedKey {
    let generated = generate(&[7; 48]);
    let record = KeyRecord {
        id: generated.id.clone(),
        name: name.to_owned(),
        digest: generated.digest.clone(),
        scopes: Vec::new(),
        created_at: NOW,
        expires_at: Some(NOW.saturating_add(600)),
    };
    let key = ApiKey::parse(generated.text.as_bytes()).unwrap();
    KeyRecord::verify(Some(&record), &key, None, NOW).expect("the key is genuine")
}
