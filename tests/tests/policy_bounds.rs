//! What the values of a policy are when they are left out, and how much of anything there can be.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use doorward_policy::TOKEN_SOURCES_IN_ALL_MAX;
use doorward_policy::{ClientAuthentication, Code, Findings, KeySource, Policy, StoreRule};
use doorward_token::freshness::FreshnessPolicy;
use doorward_token::introspection::MissingAudience;
use doorward_token::{Algorithm, AlgorithmSet};

const ISSUER: &str = r#"
[issuer.acme]
url = "https://acme.example"
audience = "api"
"#;

#[test]
fn what_is_left_out_has_the_value_that_is_documented() {
    let policy = Policy::parse(&format!("{ISSUER}[[route]]\npath = \"/\"\n")).unwrap();
    let issuer = &policy.issuers()[0];
    assert_eq!(issuer.leeway_s, 60);
    assert!(!issuer.access_token_profile);
    assert_eq!(issuer.keys, KeySource::Discovery);
    assert_eq!(issuer.algorithms, AlgorithmSet::asymmetric());
    assert_eq!(issuer.audience, ["api"]);
    let expected = issuer.expectations();
    assert_eq!(expected.issuer, issuer.url);
    assert_eq!(expected.leeway_s, 60);
    assert_eq!(expected.algorithms, AlgorithmSet::asymmetric());

    assert_eq!(issuer.freshness, FreshnessPolicy::default());
    assert_eq!((&issuer.introspection, &issuer.logout), (&None, &None));
    assert_eq!(policy.store(), &StoreRule::default());
    assert_eq!(policy.store().name, "default");
    assert_eq!(policy.store().refresh_s, 5);
    assert_eq!(policy.store().stale_if_error_s, 60);
    assert!(policy.revocation().is_none() && policy.api_keys().is_none());

    let with_more = Policy::parse(&format!(
        "{ISSUER}introspection = {{ client_id = \"gate\", secret = \"s\" }}\n[revocation]\n\
         [api_keys]\n[[route]]\npath = \"/\"\naccept = [\"jwt\", \"basic\"]\n"
    ))
    .unwrap();
    let rule = with_more.issuers()[0].introspection.as_ref().unwrap();
    let variable = "s".to_owned();
    let authentication = ClientAuthentication::SecretBasic { variable };
    assert_eq!(rule.authentication, authentication);
    assert_eq!((rule.cache_s, rule.negative_cache_s), (60, 5));
    assert_eq!(rule.endpoint, None);
    assert_eq!(rule.missing_audience, MissingAudience::Refuse);
    let lifetime_s = with_more.revocation().unwrap().token_lifetime_max_s;
    assert_eq!(lifetime_s, 7 * 24 * 60 * 60);
    let keys = with_more.api_keys().unwrap();
    assert!(keys.store && keys.place.is_none() && keys.listed().is_empty());

    let with_secret = Policy::parse(&format!(
        "{ISSUER}secret = \"s\"\n[[route]]\npath = \"/\"\n"
    ))
    .unwrap();
    let issuer = &with_secret.issuers()[0];
    assert_eq!(issuer.algorithms, AlgorithmSet::of(&[Algorithm::Hs256]));
    assert_eq!(
        issuer.keys,
        KeySource::Secret {
            variable: "s".to_owned()
        }
    );
}

#[test]
fn a_key_expires_when_the_policy_says() {
    let policy = |expires: &str| {
        Policy::parse(&format!(
            "[api_keys]\n[[api_keys.key]]\nname = \"ci\"\nid = \"4YbV0cQm8XzK\"\nhash = \
             \"sha256:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\"\nexpires = \"{expires}\"\n\
             [[route]]\npath = \"/\"\naccept = \"basic\"\n"
        ))
    };
    for (expires, seconds) in [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-03-01T00:00:00Z", 5_097_600),
        ("2000-02-29T12:34:56Z", 951_827_696),
        ("2027-01-01T00:00:00Z", 1_798_761_600),
        ("2096-02-29T23:59:59Z", 3_981_398_399),
        ("2100-03-01T00:00:00Z", 4_107_542_400),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
    ] {
        let policy = policy(expires).unwrap_or_else(|found| panic!("{expires}: {found}"));
        let key = &policy.api_keys().unwrap().listed()[0];
        assert_eq!(
            key.expires_at.map(|time| time.0),
            Some(seconds),
            "{expires}"
        );
    }
    for expires in [
        "",
        "2027-01-01",
        "2027-01-01T00:00:00",
        "2027-01-01t00:00:00z",
        "2027-01-01 00:00:00Z",
        "2027-01-01T00:00:00+00:00",
        "2027-01-01T00:00:00.5Z",
        "2027-1-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "2027-00-01T00:00:00Z",
        "2027-13-01T00:00:00Z",
        "2027-01-00T00:00:00Z",
        "2027-04-31T00:00:00Z",
        "2027-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2027-01-01T24:00:00Z",
        "2027-01-01T00:60:00Z",
        "2027-01-01T00:00:60Z",
        "+027-01-01T00:00:00Z",
        "２027-01-01T00:00:0Z",
    ] {
        let found = policy(expires).expect_err(expires);
        assert_eq!(found.as_slice().len(), 1, "{expires}: {found}");
        assert_eq!(found.as_slice()[0].code, Code::BadValue, "{expires}");
    }
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let text = "#".repeat(doorward_policy::load::POLICY_BYTES_MAX + 1);
    let found = findings(&text);
    assert_eq!(found.as_slice()[0].code, Code::TooLarge, "{found}");
}

#[test]
fn numbers_of_things_are_bounded() {
    use doorward_policy::load::{
        API_KEYS_MAX, HEALTH_REQUIRE_MAX, ISSUERS_MAX, METHODS_PER_PATTERN_MAX, ROUTES_MAX,
        SCOPE_ENTRIES_MAX,
    };
    let numbered =
        |count: usize, each: fn(usize) -> String| (0..count).map(each).collect::<String>();
    let route = |number: usize| format!("[[route]]\npath = \"/{number}\"\npublic = true\n");
    let issuer = |number: usize| {
        format!("[issuer.i{number}]\nurl = \"https://i{number}.example\"\naudience = \"a\"\n")
    };
    let list = |count: usize, word: &str| {
        let entries: Vec<String> = (0..count)
            .map(|number| format!("\"{word}{number}\""))
            .collect();
        format!("[{}]", entries.join(", "))
    };
    let key = |number: usize| {
        format!(
            "[[api_keys.key]]\nname = \"k{number}\"\nid = \"{number:012}\"\nhash = \
             \"sha256:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\"\n"
        )
    };
    let letters = |number: usize| format!("[[route]]\npath = \"/\"\nmethods = [\"M{number}\"]\n");
    let cookie = |number: usize| {
        format!("[[route]]\npath = \"/{number}\"\ntoken_from = \"cookie:c{number}\"\n")
    };
    let tenants = |count: usize| {
        format!(
            "[health]\nready = \"/ready\"\nrequire = \"issuer:a\"\n[issuer.a]\nurl = \
             \"https://a.example/{{tenant}}\"\naudience = \"a\"\ntenants = {}\n[[route]]\npath = \"/\"\n",
            list(count, "t")
        )
    };
    for (good, bad) in [
        (tenants(HEALTH_REQUIRE_MAX), tenants(HEALTH_REQUIRE_MAX + 1)),
        (numbered(ROUTES_MAX, route), numbered(ROUTES_MAX + 1, route)),
        (
            numbered(ISSUERS_MAX, issuer) + &route(0),
            numbered(ISSUERS_MAX + 1, issuer) + &route(0),
        ),
        (
            format!(
                "{ISSUER}[[route]]\npath = \"/\"\nscope = {}",
                list(SCOPE_ENTRIES_MAX, "s")
            ),
            format!(
                "{ISSUER}[[route]]\npath = \"/\"\nscope = {}",
                list(SCOPE_ENTRIES_MAX + 1, "s")
            ),
        ),
        (
            "[api_keys]\n".to_owned() + &numbered(API_KEYS_MAX, key) + &route(0),
            "[api_keys]\n".to_owned() + &numbered(API_KEYS_MAX + 1, key) + &route(0),
        ),
        (
            ISSUER.to_owned() + &numbered(METHODS_PER_PATTERN_MAX, letters),
            ISSUER.to_owned() + &numbered(METHODS_PER_PATTERN_MAX + 1, letters),
        ),
        (
            ISSUER.to_owned() + &numbered(TOKEN_SOURCES_IN_ALL_MAX - 1, cookie),
            ISSUER.to_owned() + &numbered(TOKEN_SOURCES_IN_ALL_MAX, cookie),
        ),
    ] {
        if let Err(found) = Policy::parse(&good) {
            panic!("refused within the bound: {found}");
        }
        let found = findings(&bad);
        let too_large = found
            .as_slice()
            .iter()
            .any(|finding| finding.code == Code::TooLarge);
        assert!(too_large, "{found}");
    }
}

#[test]
fn patterns_that_would_make_matching_expensive_are_refused() {
    // Every literal has a parameter beside it: a request can go both ways at every segment.
    let routes = |depth: usize| -> String {
        (0..1_u32 << depth)
            .map(|bits| {
                let path: String = (0..depth)
                    .map(|level| {
                        if bits >> level & 1 == 0 {
                            "/a".to_owned()
                        } else {
                            format!("/{{p{level}}}")
                        }
                    })
                    .collect();
                format!("[[route]]\npath = \"{path}\"\npublic = true\n")
            })
            .collect()
    };
    if let Err(found) = Policy::parse(&routes(8)) {
        panic!("{found}");
    }
    let found = findings(&routes(11));
    assert_eq!(found.as_slice()[0].code, Code::Overlap, "{found}");
}

fn findings(text: &str) -> Findings {
    Policy::parse(text).expect_err("the policy is wrong")
}
