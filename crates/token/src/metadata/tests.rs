use doorward_syntax::url::same_origin;

use super::*;

const ISSUER: &str = "https://login.acme.example/tenant";

#[test]
fn metadata_is_looked_for_where_both_standards_say() {
    assert_eq!(
        candidate_urls("https://login.acme.example", Wire::Safe),
        [
            "https://login.acme.example/.well-known/openid-configuration",
            "https://login.acme.example/.well-known/oauth-authorization-server",
        ]
    );
    assert_eq!(
        candidate_urls("https://login.acme.example", Wire::Safe),
        candidate_urls("https://login.acme.example/", Wire::Safe)
    );
    assert_eq!(
        candidate_urls("https://login.acme.example:8443/a/b/", Wire::Safe),
        [
            "https://login.acme.example:8443/a/b/.well-known/openid-configuration",
            "https://login.acme.example:8443/.well-known/oauth-authorization-server/a/b",
            "https://login.acme.example:8443/.well-known/openid-configuration/a/b",
        ]
    );
    for issuer in [
        "",
        "acme",
        "http://login.acme.example",
        "https://login.acme.example/?a=b",
        "https://login.acme.example/#a",
        "https://a@b.example",
        "file:///etc/passwd",
    ] {
        assert_eq!(candidate_urls(issuer, Wire::Safe), [""; 0], "{issuer}");
    }
    for url in candidate_urls(ISSUER, Wire::Safe) {
        assert_eq!(check_url(&url), Ok(()), "{url}");
    }
}

#[test]
fn a_document_of_the_issuer_names_its_keys() {
    let text = br#"{"issuer":"https://login.acme.example/tenant","jwks_uri":"https://keys.acme.example/k?v=1","other":[{}]}"#;
    let expected = Metadata {
        issuer: ISSUER.to_owned(),
        jwks_uri: "https://keys.acme.example/k?v=1".to_owned(),
        introspection_endpoint: None,
    };
    assert_eq!(parse(text, ISSUER, Wire::Safe), Ok(expected));
}

#[test]
fn a_document_may_name_an_endpoint_for_introspection() {
    for (member, expected) in [
        (
            r#""https://other.example/introspect""#,
            Some("https://other.example/introspect"),
        ),
        (
            r#""http://127.0.0.1:3001/introspect""#,
            Some("http://127.0.0.1:3001/introspect"),
        ),
        (r#""http://login.acme.example/introspect""#, None),
        (r#""https://user@login.acme.example/""#, None),
        (r#""""#, None),
        ("null", None),
        ("[\"https://login.acme.example/introspect\"]", None),
    ] {
        let text = format!(
            r#"{{"issuer":"{ISSUER}","jwks_uri":"https://a.example/k","introspection_endpoint":{member}}}"#
        );
        let endpoint =
            parse(text.as_bytes(), ISSUER, Wire::Safe).map(|found| found.introspection_endpoint);
        assert_eq!(endpoint, Ok(expected.map(str::to_owned)), "{member}");
    }
}

fn other(published: &str) -> MetadataError {
    MetadataError::OtherIssuer {
        published: published.to_owned(),
        configured: ISSUER.to_owned(),
    }
}

#[test]
fn metadata_of_another_issuer_name_both() {
    let long = "x".repeat(ISSUER_SHOWN_CHARS_MAX + 1);
    let text = format!(r#"{{"issuer":"{long}","jwks_uri":"https://a.example/k"}}"#);
    let shown = "x".repeat(ISSUER_SHOWN_CHARS_MAX);
    assert_eq!(
        parse(text.as_bytes(), ISSUER, Wire::Safe),
        Err(other(&shown))
    );
    assert_eq!(
        other("https://login.acme.example/tenant/").to_string(),
        format!(
            "the metadata's `issuer` is \"https://login.acme.example/tenant/\", the policy's is \"{ISSUER}\""
        )
    );
}

#[test]
fn every_other_document_is_refused() {
    for (text, error) in [
        (
            r#"{"jwks_uri":"https://a.example/k"}"#,
            MetadataError::Missing { member: "issuer" },
        ),
        (
            r#"{"issuer":["https://login.acme.example/tenant"],"jwks_uri":"https://a.example/k"}"#,
            MetadataError::WrongType { member: "issuer" },
        ),
        (
            r#"{"issuer":"https://login.acme.example/tenant/","jwks_uri":"https://a.example/k"}"#,
            other("https://login.acme.example/tenant/"),
        ),
        (
            r#"{"issuer":"https://evil.example","jwks_uri":"https://a.example/k"}"#,
            other("https://evil.example"),
        ),
        (
            r#"{"issuer":"a\n\u001b[2J\u202e\"b","jwks_uri":"https://a.example/k"}"#,
            other(r#"a\n\u{1b}[2J\u{202e}\"b"#),
        ),
        (
            r#"{"issuer":"https://login.acme.example/tenant"}"#,
            MetadataError::Missing { member: "jwks_uri" },
        ),
        (
            r#"{"issuer":"https://login.acme.example/tenant","jwks_uri":1}"#,
            MetadataError::WrongType { member: "jwks_uri" },
        ),
        (
            r#"{"issuer":"https://login.acme.example/tenant","jwks_uri":"http://a.example/k"}"#,
            MetadataError::KeySetUrl(UrlError::NotEncrypted),
        ),
        (
            r#"{"issuer":"https://login.acme.example/tenant","jwks_uri":"file:///k"}"#,
            MetadataError::KeySetUrl(UrlError::Scheme),
        ),
    ] {
        assert_eq!(
            parse(text.as_bytes(), ISSUER, Wire::Safe),
            Err(error),
            "{text}"
        );
    }
    for text in ["", "[]", "<html>", r#"{"issuer":"a","issuer":"b"}"#] {
        assert!(
            matches!(
                parse(text.as_bytes(), ISSUER, Wire::Safe),
                Err(MetadataError::Json(_))
            ),
            "{text}"
        );
    }
    let bytes = METADATA_BYTES_MAX + 1;
    assert_eq!(
        parse(&vec![b' '; bytes], ISSUER, Wire::Safe),
        Err(MetadataError::TooLong {
            bytes,
            bytes_max: METADATA_BYTES_MAX
        })
    );
}

#[test]
#[expect(clippy::unwrap_used, reason = "the documents are good")]
fn no_metadata_send_anybody_to_a_component_of_the_application() {
    for host in [
        "keys.spin.internal",
        "Keys.Spin.Internal.",
        "spin.internal:8443",
    ] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}/x");
            assert_eq!(candidate_urls(&url, Wire::Safe), Vec::<String>::new());
            assert!(
                !same_origin(&url, &url, Wire::Safe),
                "no redirect is followed to {url}"
            );
            let keys = format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"{url}"}}"#);
            assert_eq!(
                parse(keys.as_bytes(), ISSUER, Wire::Safe),
                Err(MetadataError::KeySetUrl(UrlError::Component))
            );
            let introspection = format!(
                r#"{{"issuer":"{ISSUER}","jwks_uri":"https://a.example/k","introspection_endpoint":"{url}"}}"#
            );
            let metadata = parse(introspection.as_bytes(), ISSUER, Wire::Safe).unwrap();
            assert_eq!(metadata.introspection_endpoint, None, "{url}");
        }
    }
}

/// How an issuer that is asked over http within a cluster is called.
const INSIDE: &str = "http://keycloak.auth:8080/realms/acme";

#[test]
fn metadata_over_http_are_looked_for_only_where_the_policy_says_so() {
    assert_eq!(candidate_urls(INSIDE, Wire::Safe), [""; 0]);
    assert_eq!(
        candidate_urls(INSIDE, Wire::Open)
            .first()
            .map(String::as_str),
        Some("http://keycloak.auth:8080/realms/acme/.well-known/openid-configuration")
    );
}

#[test]
fn only_metadata_of_an_issuer_on_an_open_wire_name_keys_on_one() {
    let of = |issuer: &str, jwks_uri: &str, wire| {
        let text = format!(r#"{{"issuer":"{issuer}","jwks_uri":"{jwks_uri}"}}"#);
        parse(text.as_bytes(), issuer, wire).map(|metadata| metadata.jwks_uri)
    };
    let open = "http://keycloak.auth:8080/keys";
    let refused = Err(MetadataError::KeySetUrl(UrlError::NotEncrypted));
    for (issuer, wire, named) in [
        (INSIDE, Wire::Open, Ok(open.to_owned())),
        (INSIDE, Wire::Safe, refused.clone()),
        (ISSUER, Wire::Safe, refused.clone()),
        (ISSUER, Wire::Open, refused.clone()),
        ("http://127.0.0.1:3001", Wire::Safe, refused.clone()),
        ("http://127.0.0.1:3001", Wire::Open, refused.clone()),
        ("keycloak", Wire::Open, refused),
    ] {
        assert_eq!(of(issuer, open, wire), named, "{issuer} over {wire:?}");
        let safe = "https://keycloak.example/keys";
        assert_eq!(of(issuer, safe, wire), Ok(safe.to_owned()), "{issuer}");
    }
    let component = of(INSIDE, "http://keys.spin.internal/k", Wire::Open);
    assert_eq!(
        component,
        Err(MetadataError::KeySetUrl(UrlError::Component))
    );
}

#[test]
fn what_came_over_an_open_wire_does_not_say_who_gets_the_secret() {
    for endpoint in ["https://evil.example/i", "http://keycloak.auth:8080/i"] {
        let text = format!(
            r#"{{"issuer":"{INSIDE}","jwks_uri":"{INSIDE}/k","introspection_endpoint":"{endpoint}"}}"#
        );
        let metadata = parse(text.as_bytes(), INSIDE, Wire::Open);
        assert_eq!(
            metadata.map(|metadata| metadata.introspection_endpoint),
            Ok(None),
            "{endpoint}"
        );
    }
}
