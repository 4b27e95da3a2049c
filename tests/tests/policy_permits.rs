//! Permits, refusals and reserved headers: what the decision cases cannot say.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use doorward_policy::refusal::RETRY_AFTER_S_MAX;
use doorward_policy::{Authenticated, Class, Credential, Pending, Policy, Refusal, Screened};
use doorward_tests::head;
use doorward_tests::mint::SigningKey;
use doorward_token::api_key::ApiKeyError;
use doorward_token::{KeySet, TokenError, UnixTime, UnverifiedToken, VerifiedToken};
use doorward_traffic::host::HostError;
use doorward_traffic::limits::LimitExceeded;
use doorward_traffic::upstream::UpstreamFailure;
use serde_json::{Map, Value, json};

/// What the request is called.
const REQUEST_ID: &str = "0b9c54a0-3f0e-4b0e-9d2c-1f2e3d4c5b6a";

const NOW: UnixTime = UnixTime(1_800_000_000);
const ACME: usize = 0;
const OTHER: usize = 1;

const POLICY: &str = r#"
[issuer.acme]
url = "https://acme.example"
audience = "api"
leeway_s = 0

[issuer.other]
url = "https://other.example"
audience = "other"

[identity]
x-auth-subject = "sub"
x-auth-org-unit = "ou"
x-a = "a"

[[route]]
path = "/acme"
issuer = "acme"
scope = ["read", "write"]

[[route]]
path = "/other"
issuer = "other"

[[route]]
path = "/open"
public = true
"#;

#[test]
fn a_verified_token_is_judged_again_on_every_route_and_at_every_time() {
    let policy = Policy::parse(POLICY).unwrap();
    let token = verified(&policy, json!({ "scope": "read write" }));
    let expires_at = token.expires_at();

    let granted = pending(&policy, "/acme").authorise(by(&policy, ACME, &token), None, NOW);
    assert_eq!(granted.unwrap().route(), "/acme");

    let wrong_route = pending(&policy, "/other").authorise(by(&policy, ACME, &token), None, NOW);
    assert_eq!(
        wrong_route.unwrap_err().class(),
        Class::InvalidToken,
        "another route's issuer"
    );

    let wrong_issuer = pending(&policy, "/other").authorise(by(&policy, OTHER, &token), None, NOW);
    assert_eq!(
        wrong_issuer.unwrap_err().class(),
        Class::InvalidToken,
        "another issuer's token"
    );

    let twin = Policy::parse(POLICY).unwrap();
    let others = pending(&policy, "/acme").authorise(by(&twin, ACME, &token), None, NOW);
    assert_eq!(
        others.unwrap_err().class(),
        Class::InvalidToken,
        "an issuer of another policy, with the same name and number"
    );

    let too_late = pending(&policy, "/acme").authorise(by(&policy, ACME, &token), None, expires_at);
    assert_eq!(
        too_late.unwrap_err().class(),
        Class::InvalidToken,
        "a token that has expired"
    );
}

#[test]
fn a_token_that_an_earlier_policy_accepted_is_judged_by_this_one() {
    let token = verified(
        &Policy::parse(POLICY).unwrap(),
        json!({ "scope": "read write" }),
    );
    for (change, to) in [
        ("audience = \"api\"", "audience = \"web\""),
        ("https://acme.example", "https://acme2.example"),
        ("leeway_s = 0", "leeway_s = 0\nalgorithms = [\"ES256\"]"),
        ("leeway_s = 0", "leeway_s = 0\naccess_token_profile = true"),
    ] {
        let changed = Policy::parse(&POLICY.replace(change, to)).unwrap();
        let refusal = pending(&changed, "/acme")
            .authorise(by(&changed, ACME, &token), None, NOW)
            .unwrap_err();
        assert_eq!(
            refusal.class(),
            Class::InvalidToken,
            "after {change} became {to}"
        );
    }
    let stricter = POLICY.replace("\"write\"]", "\"write\", \"admin\"]");
    let stricter = Policy::parse(&stricter).unwrap();
    let refusal = pending(&stricter, "/acme")
        .authorise(by(&stricter, ACME, &token), None, NOW)
        .unwrap_err();
    assert_eq!(refusal.class(), Class::InsufficientScope);
}

#[test]
fn a_permit_is_for_the_target_that_was_received() {
    let policy = Policy::parse(POLICY).unwrap();
    let head = head("/open/?a=%2e%2e//&b", &[], &[]);
    let Screened::Public(permit) = policy.screen(&head).unwrap() else {
        panic!("/open is public");
    };
    assert_eq!(permit.target(), "/open/?a=%2e%2e//&b");
    assert_eq!(
        permit.identity_headers().count(),
        0,
        "nobody was authenticated"
    );
    assert!(permit.principal().is_none());
    assert!(permit.strips_credential());
}

#[test]
fn a_pending_request_knows_whose_token_it_may_be() {
    let policy = Policy::parse(POLICY).unwrap();
    let pending = pending(&policy, "/other");
    let [acme, other] = policy.issuers() else {
        panic!("there are two issuers");
    };
    assert!(pending.issuers().eq([other]));
    assert!(pending.accepts(other) && !pending.accepts(acme));
    assert_eq!(pending.issuer_by_url("https://other.example"), Some(other));
    assert_eq!(pending.issuer_by_url("https://acme.example"), None);
    assert!(matches!(pending.credential(), Credential::Jwt("abc")));
}

#[test]
fn neither_debug_nor_the_log_shows_a_credential() {
    let policy = Policy::parse(POLICY).unwrap();
    let secret = "c2VjcmV0LXRva2Vu";
    let good = [format!("Bearer {secret}").into_bytes()];
    let head_of_good = head("/acme", &good, &[]);
    let Screened::Protected(pending) = policy.screen(&head_of_good).unwrap() else {
        panic!("/acme is protected");
    };
    let mut shown = vec![format!("{head_of_good:?}"), format!("{pending:?}")];
    for bad in [
        "Bearer  {}",
        "Basic {}",
        "{}",
        "Bearer {} {}",
        "Bearer {}\u{e9}",
    ] {
        let fields = [bad.replace("{}", secret).into_bytes()];
        let refusal = policy.screen(&head("/acme", &fields, &[])).unwrap_err();
        shown.push(format!("{refusal:?} {refusal} {}", refusal.reason()));
        shown.push(refusal.www_authenticate().unwrap());
        shown.push(String::from_utf8(refusal.problem_json(REQUEST_ID)).unwrap());
    }
    for text in shown {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_subject_stays_on_its_line_in_the_log() {
    let policy = Policy::parse(POLICY).unwrap();
    let token = verified(
        &policy,
        json!({ "scope": "read write", "sub": "a\"\n\u{1b}[31mb\u{2028}" }),
    );
    let permit = pending(&policy, "/acme")
        .authorise(by(&policy, ACME, &token), None, NOW)
        .unwrap();
    let shown = permit.principal().unwrap().to_string();
    assert_eq!(shown, r#"acme "a\"\n\u{1b}[31mb\u{2028}""#);
}

#[test]
fn a_refusal_says_no_more_than_its_class_to_the_client() {
    let policy = Policy::parse(POLICY).unwrap();
    let pending = pending(&policy, "/acme");
    let wrong = [
        Refusal::invalid_token(&pending, TokenError::Audience),
        Refusal::invalid_token(&pending, TokenError::Unsecured),
        Refusal::invalid_token(&pending, TokenError::UnknownKey { named: true }),
        Refusal::unknown_issuer(&pending),
    ];
    for refusal in &wrong {
        assert_eq!(refusal.status(), 401);
        assert_eq!(refusal.www_authenticate(), wrong[0].www_authenticate());
        assert_eq!(
            refusal.problem_json(REQUEST_ID),
            wrong[0].problem_json(REQUEST_ID)
        );
        assert_eq!(refusal.retry_after_s(), None);
    }
    let reasons: Vec<String> = wrong
        .iter()
        .map(|refusal| refusal.reason().to_string())
        .collect();
    for (index, reason) in reasons.iter().enumerate() {
        assert!(
            !reasons[..index].contains(reason),
            "the log cannot tell {reason} from another"
        );
    }
    let inside = Refusal::misconfigured("the variable acme_secret is missing");
    let body = String::from_utf8(inside.problem_json(REQUEST_ID)).unwrap();
    assert_eq!(inside.status(), 500);
    assert!(
        !body.contains("acme_secret") && inside.www_authenticate().is_none(),
        "{body}"
    );
    assert_eq!(
        inside.reason().to_string(),
        "the variable acme_secret is missing"
    );
}

#[test]
fn nobody_is_asked_to_come_back_at_once_or_never() {
    for (asked, told) in [(0, 1), (1, 1), (30, 30), (u64::MAX, RETRY_AFTER_S_MAX)] {
        for refusal in [
            Refusal::keys_unavailable(asked),
            Refusal::key_may_be_newer(asked),
            Refusal::issuer_unavailable(asked),
            Refusal::store_unavailable(asked),
        ] {
            let class = refusal.class();
            assert_eq!(refusal.retry_after_s(), Some(told), "{class}: {asked} s");
            assert_eq!(refusal.status(), 503, "{class}");
        }
    }
}

#[test]
fn what_shows_no_genuine_credential_counts_as_a_guess_also_where_it_may_come_back() {
    for &class in Class::ALL {
        let guess = matches!(
            class,
            Class::InvalidToken | Class::InvalidCredential | Class::MalformedCredential
        );
        assert_eq!(example(class).is_false_credential(), guess, "{class}");
    }
    let refusal = Refusal::key_may_be_newer(7);
    assert_eq!(refusal.class(), Class::KeysUnavailable);
    assert!(refusal.is_false_credential());
}

#[test]
fn problem_documents_are_json_of_their_own_type() {
    let mut types = Vec::new();
    for &class in Class::ALL {
        let refusal = example(class);
        assert_eq!(refusal.class(), class);
        let problem: Value = serde_json::from_slice(&refusal.problem_json(REQUEST_ID)).unwrap();
        let kind = problem["type"].as_str().unwrap().to_owned();
        assert!(kind.starts_with("urn:problem-type:doorward:"), "{kind}");
        assert_eq!(problem["status"], refusal.status(), "{class}");
        assert!(
            problem["title"]
                .as_str()
                .is_some_and(|title| !title.is_empty()),
            "{class}"
        );
        assert_eq!(problem["request_id"], REQUEST_ID, "{class}");
        let instance = format!("urn:uuid:{REQUEST_ID}");
        assert_eq!(problem["instance"], instance, "RFC 9457 section 3.1.5");
        assert_eq!(problem.as_object().unwrap().len(), 5, "{class}: {problem}");
        let title = class.title().as_bytes();
        let plain =
            |byte: &u8| (byte.is_ascii_graphic() || *byte == b' ') && !b"%\"\\".contains(byte);
        assert!(
            title.iter().all(plain),
            "{class}: nothing of it has to be escaped"
        );
        types.push(kind);
    }
    types.sort();
    types.dedup();
    assert_eq!(types.len(), Class::ALL.len());
}

#[test]
fn an_identity_header_is_reserved_under_every_spelling() {
    let policy = Policy::parse(POLICY).unwrap();
    for name in [
        "x-auth-subject",
        "X-Auth-Subject",
        "X-AUTH-SUBJECT",
        "x_auth_subject",
        "x.auth.subject",
        "X_Auth.Subject",
        "x-auth_subject",
        "x!auth#subject",
        "x-auth-org-unit",
        "x_auth-org.unit",
        "X-A",
        "x_a",
        "x.a",
        "x~a",
    ] {
        assert!(
            policy.is_reserved_header(name),
            "{name} would reach the upstream"
        );
    }
    for name in [
        "",
        "x",
        "xauthsubject",
        "x-auth-subjec",
        "x-auth-subjects",
        "x--auth-subject",
        "x-auth",
        "x-auth-subject-",
        "-x-auth-subject",
        "x-b",
        "host",
        "accept",
        "user-agent",
        "yxauth-subject",
        &"x".repeat(64),
        &"x".repeat(1000),
        &format!("x-a{}", "x".repeat(64)),
    ] {
        assert!(!policy.is_reserved_header(name), "{name} would be removed");
    }
    let spellings = spellings_of("x-auth-org-unit");
    assert_eq!(
        spellings.len(),
        27 * 4,
        "three places for three separators, four for case"
    );
    for name in spellings {
        assert!(
            policy.is_reserved_header(&name),
            "{name} would reach the upstream"
        );
    }
}

#[test]
fn names_up_to_the_greatest_length_are_reserved() {
    for bytes in [1, 31, 32, 33, 62, 63] {
        let name = "x".repeat(bytes);
        let policy = Policy::parse(&format!(
            "[identity]\n{name} = \"sub\"\n[[route]]\npath = \"/\"\npublic = true\n"
        ))
        .unwrap_or_else(|findings| panic!("{bytes} bytes: {findings}"));
        assert!(
            policy.is_reserved_header(&name.to_ascii_uppercase()),
            "{bytes} bytes"
        );
        assert!(
            !policy.is_reserved_header(&"x".repeat(bytes + 1)),
            "{bytes} bytes and one"
        );
    }
}

fn pending<'p>(policy: &'p Policy, target: &'static str) -> Pending<'p, 'static> {
    let fields: &'static [Vec<u8>] = Box::leak(Box::new([b"Bearer abc".to_vec()]));
    match policy.screen(&head(target, fields, &[])) {
        Ok(Screened::Protected(pending)) => pending,
        other => panic!("{target} is protected, not {other:?}"),
    }
}

fn by<'t>(policy: &'t Policy, issuer: usize, token: &'t VerifiedToken) -> Authenticated<'t> {
    let issuer = &policy.issuers()[issuer];
    Authenticated::Token { issuer, token }
}

/// A token of acme, verified.
fn verified(policy: &Policy, claims: Value) -> VerifiedToken {
    let key = SigningKey::ed25519("acme-1");
    let mut all = json!({ "iss": "https://acme.example", "aud": "api", "exp": NOW.0 + 300 });
    all.as_object_mut()
        .unwrap()
        .extend(claims.as_object().unwrap().clone());
    let compact = key.sign(&Map::new(), all.as_object().unwrap());
    let keys = json!({ "keys": [key.jwk()] }).to_string();
    let keys = KeySet::parse(keys.as_bytes()).unwrap();
    UnverifiedToken::parse(compact.as_bytes())
        .unwrap()
        .verify(&keys, policy.issuers()[ACME].expectations(), NOW)
        .expect("the token is genuine")
}

fn example(class: Class) -> Refusal {
    let policy = Policy::parse(POLICY).unwrap();
    let refused = |target, fields: &[&str]| {
        let fields: Vec<Vec<u8>> = fields
            .iter()
            .map(|field| field.as_bytes().to_vec())
            .collect();
        policy.screen(&head(target, &fields, &[])).unwrap_err()
    };
    match class {
        Class::MalformedRequest => refused("/..", &[]),
        Class::MalformedCredential => refused("/acme", &["Bearer"]),
        Class::NoCredential => refused("/acme", &[]),
        Class::InvalidToken => Refusal::unknown_issuer(&pending(&policy, "/acme")),
        Class::InsufficientScope => {
            let token = verified(&policy, json!({}));
            pending(&policy, "/acme")
                .authorise(by(&policy, ACME, &token), None, NOW)
                .unwrap_err()
        }
        Class::Forbidden => refused("/nothing", &[]),
        Class::Misconfigured => Refusal::misconfigured("x"),
        Class::PolicyUnavailable => Refusal::policy_unavailable(false, 1),
        Class::KeysUnavailable => Refusal::keys_unavailable(1),
        Class::IssuerUnavailable => Refusal::issuer_unavailable(1),
        Class::StoreUnavailable => Refusal::store_unavailable(1),
        Class::InvalidCredential => {
            Refusal::invalid_key(&pending(&policy, "/acme"), ApiKeyError::Unknown)
        }
        Class::TargetTooLong => Refusal::limit(LimitExceeded::TargetBytes { bytes: 1 }),
        Class::HeadersTooLarge => Refusal::limit(LimitExceeded::HeaderBytes { bytes: 1 }),
        Class::BodyTooLarge => Refusal::limit(LimitExceeded::BodyBytes),
        Class::UnsupportedMediaType => Refusal::limit(LimitExceeded::ContentType),
        Class::RequestTimeout => Refusal::slow_body(),
        Class::RateLimited => Refusal::rate_limited("x", 1),
        Class::LoopDetected => Refusal::looped(),
        Class::NotImplemented => Refusal::websocket(),
        Class::BadGateway => Refusal::upstream("x", UpstreamFailure::Reset),
        Class::UpstreamUnavailable => {
            Refusal::upstream("x", UpstreamFailure::BreakerOpen { retry_after_s: 1 })
        }
        Class::GatewayTimeout => Refusal::upstream("x", UpstreamFailure::Timeout),
    }
}

fn spellings_of(name: &str) -> Vec<String> {
    let mut spellings = vec![String::new()];
    for character in name.chars() {
        let choices: &[char] = if character == '-' {
            &['-', '_', '.']
        } else {
            &[character]
        };
        spellings = spellings
            .iter()
            .flat_map(|start| choices.iter().map(move |choice| format!("{start}{choice}")))
            .collect();
    }
    let title = |name: &String| {
        let mut upper = true;
        name.chars()
            .map(|c| {
                let shown = if upper { c.to_ascii_uppercase() } else { c };
                upper = !c.is_ascii_alphanumeric();
                shown
            })
            .collect::<String>()
    };
    let alternating = |name: &String| {
        name.char_indices()
            .map(|(index, c)| {
                if index % 2 == 0 {
                    c
                } else {
                    c.to_ascii_uppercase()
                }
            })
            .collect::<String>()
    };
    spellings
        .iter()
        .flat_map(|name| {
            [
                name.clone(),
                name.to_ascii_uppercase(),
                title(name),
                alternating(name),
            ]
        })
        .collect()
}

#[test]
fn what_is_about_the_request_itself_is_never_only_reported() {
    let mode = "mode = \"report\"\nreport_until = \"2027-01-31\"\n";
    let policy = Policy::parse(&format!("{mode}{POLICY}")).unwrap();
    let head = head("/acme", &[], &[]);
    let upstream = |failure| Refusal::upstream("orders", failure);
    for refusal in [
        Refusal::host(HostError::Repeated),
        Refusal::limit(LimitExceeded::BodyBytes),
        Refusal::limit(LimitExceeded::HeaderBytes { bytes: 9 }),
        Refusal::limit(LimitExceeded::ContentType),
        Refusal::looped(),
        Refusal::websocket(),
        Refusal::incomplete_body(),
        Refusal::slow_body(),
        Refusal::misconfigured("there is no policy"),
        upstream(UpstreamFailure::Unreachable),
        upstream(UpstreamFailure::Denied),
    ] {
        let route = policy.route(head.method, head.target()).unwrap();
        let still = route.reported(&head, refusal.clone(), NOW).unwrap_err();
        assert_eq!(still, refusal);
    }
    // And what is about the caller is, so that this shows something.
    let route = policy.route(head.method, head.target()).unwrap();
    let permit = route.reported(&head, Refusal::store_unavailable(1), NOW);
    let permit = permit.unwrap();
    assert!(permit.is_of_nobody() && permit.principal().is_none());
    assert_eq!(permit.identity_headers().count(), 0);
}
