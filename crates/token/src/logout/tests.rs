#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use serde_json::json;

use super::*;
use crate::revocation::{RevocationKind, RevocationSet};
use crate::testing::{AUDIENCE, ISSUER, NOW, expectations, keys, sign, verify};
use crate::{Algorithm, Part};

const CLIENT: &str = "shop";
const HEADER: &str = r#"{"alg":"HS256","typ":"logout+jwt"}"#;

fn expected() -> LogoutExpectations {
    LogoutExpectations {
        issuer: ISSUER.to_owned(),
        issuer_spellings: vec!["acme".to_owned()],
        client_ids: vec![CLIENT.to_owned(), "admin".to_owned()],
        algorithms: AlgorithmSet::of(&[Algorithm::Hs256]),
        leeway_s: 60,
    }
}

/// The claims of a logout token, with some replaced, added or (by null) left out.
fn logout_claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER,
        "aud": CLIENT,
        "iat": NOW.0,
        "exp": NOW.0 + 120,
        "jti": "bWJq",
        "sub": "alice",
        "sid": "08a5019c",
        "events": {EVENT: {}},
    });
    for (name, value) in changes.as_object().unwrap() {
        let claims = claims.as_object_mut().unwrap();
        if value.is_null() {
            claims.remove(name);
        } else {
            claims.insert(name.clone(), value.clone());
        }
    }
    claims
}

fn verify_at(token: &str, now: UnixTime) -> Result<LogoutToken, TokenError> {
    UnverifiedToken::parse(token.as_bytes())?.verify_logout(&keys(), &expected(), now)
}

fn logout_with(changes: &Value) -> Result<LogoutToken, TokenError> {
    verify_at(&sign(HEADER, &logout_claims(changes).to_string()), NOW)
}

fn type_error(name: &'static str, expected: &'static str) -> TokenError {
    TokenError::ClaimType { name, expected }
}

const NO_EVENT: TokenError = TokenError::ClaimType {
    name: "events",
    expected: "an object with the event of back-channel logout",
};

/// Each number of §2.6 broken in every way, everything else being right.
#[test]
fn what_the_specification_demands_of_a_logout_token_is_demanded() {
    let missing = |name| TokenError::MissingClaim { name };
    let text = "a string";
    let one_or_list = "a string or a list of strings";
    for (changes, error) in [
        // 3: `iss`.
        (json!({"iss": null}), missing("iss")),
        (json!({"iss": [ISSUER]}), type_error("iss", text)),
        (json!({"iss": ""}), TokenError::Issuer),
        (json!({"iss": format!("{ISSUER}/")}), TokenError::Issuer),
        (
            json!({"iss": "https://LOGIN.acme.example"}),
            TokenError::Issuer,
        ),
        // 3: `aud`.
        (json!({"aud": null}), missing("aud")),
        (json!({"aud": {}}), type_error("aud", one_or_list)),
        (json!({"aud": [CLIENT, 1]}), type_error("aud", one_or_list)),
        (json!({"aud": []}), TokenError::Audience),
        (json!({"aud": ""}), TokenError::Audience),
        (json!({"aud": "Shop"}), TokenError::Audience),
        (json!({"aud": AUDIENCE}), TokenError::Audience),
        (
            json!({"aud": ["strange", "stranger"]}),
            TokenError::Audience,
        ),
        // 3: `iat` and `exp`.
        (json!({"iat": null}), missing("iat")),
        (json!({"iat": "1800000000"}), type_error("iat", "a number")),
        (
            json!({"iat": NOW.0 + 61}),
            TokenError::IssuedInFuture {
                now: NOW,
                issued_at: NOW.saturating_add(61),
            },
        ),
        (json!({"exp": null}), missing("exp")),
        (json!({"exp": true}), type_error("exp", "a number")),
        (
            json!({"exp": -1}),
            TokenError::DateOutOfRange { name: "exp" },
        ),
        (
            json!({"exp": NOW.0 - 60}),
            TokenError::Expired {
                now: NOW,
                expires_at: NOW.saturating_sub(60),
            },
        ),
        (
            json!({"nbf": NOW.0 + 61}),
            TokenError::NotYetValid {
                now: NOW,
                not_before: NOW.saturating_add(61),
            },
        ),
        (
            json!({"exp": NOW.0 + LOGOUT_LIFETIME_S_MAX + 1}),
            TokenError::LifetimeTooLong {
                lifetime_s: LOGOUT_LIFETIME_S_MAX + 1,
                lifetime_s_max: LOGOUT_LIFETIME_S_MAX,
            },
        ),
        (
            json!({"iat": 0}),
            TokenError::LifetimeTooLong {
                lifetime_s: NOW.0 + 120,
                lifetime_s_max: LOGOUT_LIFETIME_S_MAX,
            },
        ),
        // 4: `sub`, `sid` or both.
        (json!({"sub": null, "sid": null}), missing("sub` or `sid")),
        (json!({"sub": 1}), type_error("sub", text)),
        (json!({"sid": ["08a5019c"]}), type_error("sid", text)),
        (json!({"sub": null, "sid": 1}), type_error("sid", text)),
        // 5: `events`.
        (json!({"events": null}), missing("events")),
        (json!({"events": {}}), NO_EVENT),
        (json!({"events": EVENT}), NO_EVENT),
        (json!({"events": [EVENT]}), NO_EVENT),
        (json!({"events": {EVENT: null}}), NO_EVENT),
        (json!({"events": {EVENT: true}}), NO_EVENT),
        (json!({"events": {EVENT: []}}), NO_EVENT),
        (json!({"events": {EVENT: "{}"}}), NO_EVENT),
        (
            json!({"events": {"http://schemas.openid.net/event/frontchannel-logout": {}}}),
            NO_EVENT,
        ),
        (
            json!({"events": {"HTTP://schemas.openid.net/event/backchannel-logout": {}}}),
            NO_EVENT,
        ),
        (json!({"events": {"a": {EVENT: {}}}}), NO_EVENT),
        // 6: no `nonce`.
        (
            json!({"nonce": "n-0S6_WzA2Mj"}),
            TokenError::UnexpectedClaim { name: "nonce" },
        ),
        (
            json!({"nonce": ""}),
            TokenError::UnexpectedClaim { name: "nonce" },
        ),
        // §2.4 and number 7: `jti`.
        (json!({"jti": null}), missing("jti")),
        (json!({"jti": 1}), type_error("jti", text)),
    ] {
        assert_eq!(logout_with(&changes).err(), Some(error), "{changes}");
    }
    let nonce = logout_claims(&json!({})).to_string();
    let nonce = nonce.replacen('{', r#"{"nonce":null,"#, 1);
    assert_eq!(
        verify_at(&sign(HEADER, &nonce), NOW).err(),
        Some(TokenError::UnexpectedClaim { name: "nonce" }),
        "also when it is null"
    );
}

#[test]
fn what_the_specification_leaves_open_is_accepted() {
    for changes in [
        json!({}),
        json!({"sub": null}),
        json!({"sid": null}),
        json!({"aud": [CLIENT]}),
        json!({"aud": ["admin", CLIENT]}),
        json!({"aud": [CLIENT, "stranger"]}),
        json!({"iat": NOW.0 + 60}),
        json!({"iat": NOW.0 - 100, "exp": NOW.0 - 59}),
        json!({"exp": NOW.0 + LOGOUT_LIFETIME_S_MAX}),
        json!({"events": {EVENT: {"reason": "timeout"}, "urn:example:other": 1}}),
        json!({"client_id": "shop", "scope": "openid"}),
    ] {
        assert_eq!(logout_with(&changes).err(), None, "{changes}");
    }
    let token = logout_with(&json!({})).unwrap();
    assert_eq!(token.issuer(), ISSUER);
    assert_eq!(token.subject(), Some("alice"));
    assert_eq!(token.session(), Some("08a5019c"));
    assert_eq!(token.token_id(), "bWJq");
    assert_eq!(token.issued_at(), NOW);
    assert_eq!(token.expires_at(), NOW.saturating_add(120));
}

/// Numbers 1 and 2 of §2.6, and §2.4 on `typ`.
#[test]
fn the_header_and_the_signature_are_those_of_a_logout_token() {
    let claims = logout_claims(&json!({})).to_string();
    for typ in [
        "JWT",
        "jwt",
        "logout+jwt",
        "Logout+JWT",
        "application/logout+jwt",
        "application/jwt",
    ] {
        let header = format!(r#"{{"alg":"HS256","typ":"{typ}"}}"#);
        assert_eq!(verify_at(&sign(&header, &claims), NOW).err(), None, "{typ}");
    }
    let not_logout = TokenError::NotLogoutToken;
    let misfit = |name| TokenError::ParameterType { name };
    for (header, error) in [
        (r#"{"alg":"HS256","typ":"at+jwt"}"#, not_logout),
        (r#"{"alg":"HS256","typ":"secevent+jwt"}"#, not_logout),
        (r#"{"alg":"HS256","typ":""}"#, not_logout),
        (r#"{"alg":"HS256","typ":"logout"}"#, not_logout),
        (r#"{"alg":"HS256","typ":"logout+jwt "}"#, not_logout),
        (r#"{"alg":"HS256","typ":null}"#, misfit("typ")),
        (r#"{"alg":"none"}"#, TokenError::Unsecured),
        (r#"{"alg":"NonE"}"#, TokenError::Unsecured),
        (
            r#"{"alg":"HS512"}"#,
            TokenError::AlgorithmNotAccepted {
                algorithm: Algorithm::Hs512,
            },
        ),
        (
            r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#,
            TokenError::UnsupportedAlgorithm,
        ),
        (
            r#"{"alg":"HS256","crit":["exp"]}"#,
            TokenError::UnsupportedParameter { name: "crit" },
        ),
    ] {
        assert_eq!(
            verify_at(&sign(header, &claims), NOW).err(),
            Some(error),
            "{header}"
        );
    }
    let plain = sign(r#"{"alg":"HS256"}"#, &claims);
    assert_eq!(verify_at(&plain, NOW).err(), None, "without typ");
    let forged = logout_claims(&json!({"sub": "bob"})).to_string();
    let other = sign(r#"{"alg":"HS256"}"#, &forged);
    let (input, _) = other.rsplit_once('.').unwrap();
    let (_, signature) = plain.rsplit_once('.').unwrap();
    assert_eq!(
        verify_at(&format!("{input}.{signature}"), NOW).err(),
        Some(TokenError::Signature {
            algorithm: Algorithm::Hs256,
            named: false,
            keys_tried: 1
        }),
        "the signature of another token"
    );
    assert!(
        verify_at(&format!("{input}."), NOW).is_err(),
        "no signature"
    );
    assert_eq!(
        verify_at(&format!("{input}.!"), NOW).err(),
        Some(TokenError::Encoding {
            part: Part::Signature
        })
    );
    let wrong_claims = sign(r#"{"alg":"HS256"}"#, "{}");
    let (input, _) = wrong_claims.rsplit_once('.').unwrap();
    assert!(
        matches!(
            verify_at(&format!("{input}.{signature}"), NOW).err(),
            Some(TokenError::Signature { .. })
        ),
        "claims are not looked at before the signature"
    );
}

#[test]
fn time_ends_exactly_at_its_bounds() {
    let token = sign(HEADER, &logout_claims(&json!({})).to_string());
    let expires_at = NOW.saturating_add(120);
    for (now, accepted) in [
        (NOW.saturating_sub(61), false),
        (NOW.saturating_sub(60), true),
        (expires_at.saturating_add(59), true),
        (expires_at.saturating_add(60), false),
    ] {
        assert_eq!(verify_at(&token, now).is_ok(), accepted, "at {now}");
    }
    let greedy = LogoutExpectations {
        leeway_s: u64::MAX,
        ..expected()
    };
    let verify = |now| {
        UnverifiedToken::parse(token.as_bytes())
            .unwrap()
            .verify_logout(&keys(), &greedy, now)
            .is_ok()
    };
    let last = expires_at.saturating_add(crate::LEEWAY_S_MAX - 1);
    assert!(verify(last));
    assert!(!verify(last.saturating_add(1)), "the leeway is bounded");
}

/// A token that is both: whose claims would do for either.
#[test]
fn an_access_token_is_no_logout_token_and_a_logout_token_no_access_token() {
    let access = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "jti": "1",
        "iat": NOW.0, "exp": NOW.0 + 120, "client_id": "shop", "scope": "read"});
    let both = logout_claims(&json!({"aud": AUDIENCE, "client_id": "shop", "scope": "read"}));
    let ours = LogoutExpectations {
        client_ids: vec![AUDIENCE.to_owned()],
        ..expected()
    };
    let verify_logout = |token: &str| {
        UnverifiedToken::parse(token.as_bytes())
            .unwrap()
            .verify_logout(&keys(), &ours, NOW)
            .err()
    };
    for typ in ["", r#","typ":"JWT""#, r#","typ":"at+jwt""#] {
        let header = format!(r#"{{"alg":"HS256"{typ}}}"#);
        let token = sign(&header, &access.to_string());
        assert_eq!(
            verify(&token).err(),
            None,
            "an access token, header {header}"
        );
        assert!(
            verify_logout(&token).is_some(),
            "an access token as a logout token, header {header}"
        );
    }
    for typ in ["", r#","typ":"JWT""#, r#","typ":"logout+jwt""#] {
        let header = format!(r#"{{"alg":"HS256"{typ}}}"#);
        let token = sign(&header, &both.to_string());
        assert_eq!(
            verify_logout(&token),
            None,
            "a logout token, header {header}"
        );
        assert!(
            verify(&token).is_err(),
            "a logout token as an access token, header {header}"
        );
    }
    let header = r#"{"alg":"HS256","typ":"at+jwt"}"#;
    let token = sign(header, &both.to_string());
    assert_eq!(
        verify_logout(&token),
        Some(TokenError::NotLogoutToken),
        "`typ` decides, whatever the claims are"
    );
    let profile = crate::Expectations {
        access_token_profile: true,
        ..expectations()
    };
    let token = sign(r#"{"alg":"HS256","typ":"logout+jwt"}"#, &both.to_string());
    assert!(crate::testing::verify_with(&token, &profile, NOW).is_err());
}

/// A week, and what is written for the logout of somebody.
fn written(changes: &Value) -> Vec<RevocationEntry> {
    logout_with(changes)
        .unwrap()
        .revocations(604_800, NOW)
        .into_iter()
        .map(|(entry, note)| {
            assert_eq!(note.kind, entry.kind());
            assert_eq!((note.issuer.as_str(), note.created_at), (ISSUER, NOW));
            assert_eq!(
                note.value.as_deref(),
                match note.kind {
                    RevocationKind::Session => Some("08a5019c"),
                    RevocationKind::Subject | RevocationKind::Sessionless => Some("alice"),
                    _ => None,
                },
                "{}",
                note.kind
            );
            entry
        })
        .collect()
}

#[test]
fn a_logout_revokes_its_session_or_all_sessions_of_its_subject() {
    let week = NOW.saturating_add(604_800);
    let done = RevocationEntry::logout(ISSUER, "bWJq", NOW.saturating_add(120));
    assert_eq!(
        written(&json!({"sub": null})),
        [
            RevocationEntry::session(ISSUER, "08a5019c", week),
            done.clone()
        ]
    );
    assert_eq!(
        written(&json!({"sid": null})),
        [
            RevocationEntry::subject(ISSUER, "alice", NOW, week),
            done.clone()
        ]
    );
    assert_eq!(
        written(&json!({})),
        [
            RevocationEntry::session(ISSUER, "08a5019c", week),
            RevocationEntry::sessionless(ISSUER, "alice", NOW, week),
            done
        ]
    );
    assert_eq!(
        written(&json!({"sid": null, "iat": NOW.0 - 30})).first(),
        Some(&RevocationEntry::subject(
            ISSUER,
            "alice",
            NOW.saturating_sub(30),
            week.saturating_sub(30)
        )),
        "up to when the issuer said it, not when it was heard"
    );
}

#[test]
fn a_logout_token_that_comes_again_is_recognised_while_it_is_valid() {
    let token = logout_with(&json!({})).unwrap();
    let names: Vec<String> = token
        .revocations(60, NOW)
        .iter()
        .map(|(entry, _)| entry.name())
        .collect();
    let last = NOW.saturating_add(120 + crate::LEEWAY_S_MAX - 1);
    for now in [NOW, last] {
        let set = RevocationSet::from_names(names.iter().map(String::as_str), now)
            .unwrap()
            .set;
        assert!(
            set.has_logout(token.issuer(), token.token_id()),
            "the same token at {now}"
        );
        assert!(!set.has_logout(token.issuer(), "another"), "another token");
        assert!(
            !set.has_logout("https://login.other.example", token.token_id()),
            "the same `jti` of another issuer"
        );
    }
    let after = last.saturating_add(1);
    let reading = RevocationSet::from_names(names.iter().map(String::as_str), after).unwrap();
    assert!(
        !reading.set.has_logout(token.issuer(), token.token_id()),
        "then it is over, as the token is"
    );
}

#[test]
fn nothing_prints_who_left() {
    let token = logout_with(&json!({})).unwrap();
    let printed = format!("{token:?}");
    for secret in ["alice", "08a5019c", "bWJq"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn a_form_has_the_parameter_once() {
    for (body, value) in [
        ("logout_token=a.b.c", Ok("a.b.c")),
        ("logout_token=a.b.c&state=1", Ok("a.b.c")),
        ("x=%20+&logout_token=a.b.c", Ok("a.b.c")),
        ("&&logout_token=a.b.c&", Ok("a.b.c")),
        ("logout_token=a%2Eb%2ec", Ok("a.b.c")),
        ("logout%5Ftoken=a.b.c", Ok("a.b.c")),
        ("logout_token=a+b", Ok("a b")),
        ("logout_token=a=b=", Ok("a=b=")),
        ("logout_token=%25%00", Ok("%\0")),
        ("logout_token=", Ok("")),
        ("logout_token", Ok("")),
        ("", Err(FormError::Missing)),
        ("a.b.c", Err(FormError::Missing)),
        ("Logout_Token=a.b.c", Err(FormError::Missing)),
        ("logout_token%00=a", Err(FormError::Missing)),
        ("+logout_token=a", Err(FormError::Missing)),
        ("state=logout_token=a", Err(FormError::Missing)),
        ("state=1;logout_token=a", Err(FormError::Missing)),
        ("logout_token=a&logout_token=a", Err(FormError::Repeated)),
        ("logout_token=a&logout_token", Err(FormError::Repeated)),
        (
            "logout_token=a&x=1&logout%5ftoken=b",
            Err(FormError::Repeated),
        ),
        ("logout_token=a%", Err(FormError::Encoding)),
        ("logout_token=a%2", Err(FormError::Encoding)),
        ("logout_token=a%2&x=1", Err(FormError::Encoding)),
        ("logout_token=a%2g", Err(FormError::Encoding)),
        ("logout_token=a%+1", Err(FormError::Encoding)),
        ("logout_token=a&x=%zz", Err(FormError::Encoding)),
        ("logout_token=a b", Err(FormError::Encoding)),
        ("logout_token=a\r\n", Err(FormError::Encoding)),
        ("logout_token=é", Err(FormError::Encoding)),
    ] {
        assert_eq!(
            form_value(body.as_bytes(), LOGOUT_PARAMETER),
            value.map(|value| value.as_bytes().to_vec()),
            "{body:?}"
        );
    }
}

#[test]
fn a_form_is_bounded() {
    let fitting = format!("{LOGOUT_PARAMETER}=");
    let fitting = format!("{fitting}{}", "a".repeat(FORM_BYTES_MAX - fitting.len()));
    assert!(form_value(fitting.as_bytes(), LOGOUT_PARAMETER).is_ok());
    let longer = format!("{fitting}a");
    assert_eq!(
        form_value(longer.as_bytes(), LOGOUT_PARAMETER),
        Err(FormError::TooLong)
    );
    let pairs = "&".repeat(FORM_BYTES_MAX);
    assert_eq!(
        form_value(pairs.as_bytes(), LOGOUT_PARAMETER),
        Err(FormError::Missing)
    );
}

#[test]
fn what_tells_nobody_apart_is_absent_in_a_logout_token() {
    let judged = |changes: Value| {
        let token = sign(HEADER, &logout_claims(&changes).to_string());
        let token = UnverifiedToken::parse(token.as_bytes()).unwrap();
        token.verify_logout(&keys(), &expected(), NOW)
    };
    let missing = |name| Some(TokenError::MissingClaim { name });
    let nobody = judged(json!({"sub": "", "sid": ""})).err();
    assert_eq!(nobody, missing("sub` or `sid"));
    assert_eq!(judged(json!({"jti": ""})).err(), missing("jti"));
    let session = judged(json!({"sub": ""})).unwrap();
    assert_eq!(
        (session.subject(), session.session()),
        (None, Some("08a5019c"))
    );
}

#[test]
fn an_issuer_that_logs_out_by_another_name_is_the_same_one() {
    let token = sign(HEADER, &logout_claims(&json!({"iss": "acme"})).to_string());
    let token = UnverifiedToken::parse(token.as_bytes()).unwrap();
    let logout = token.verify_logout(&keys(), &expected(), NOW).unwrap();
    assert_eq!(logout.issuer(), ISSUER);
    let other = LogoutExpectations {
        issuer_spellings: Vec::new(),
        ..expected()
    };
    let judged = token.verify_logout(&keys(), &other, NOW);
    assert_eq!(judged.err(), Some(TokenError::Issuer));
}
