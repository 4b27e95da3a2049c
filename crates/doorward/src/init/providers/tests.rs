use super::{PROVIDERS, Provider, filled};

/// An issuer of each, and what its section of the page has.
const ISSUERS: [(&str, &str); 16] = [
    (
        "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/v2.0",
        "Entra ID",
    ),
    (
        "https://sts.windows.net/11111111-1111-1111-1111-111111111111/",
        "Entra ID",
    ),
    ("https://acme.eu.auth0.com/", "Auth0"),
    ("https://acme.okta.com/oauth2/default", "Okta"),
    ("https://login.acme.example/realms/acme", "Keycloak"),
    (
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example01",
        "Cognito",
    ),
    ("https://accounts.google.com", "Google service accounts"),
    ("https://cloud.google.com/iap", "Google IAP"),
    ("https://securetoken.google.com/acme-prod", "Firebase"),
    ("https://acme-x1y2z3.zitadel.cloud", "Zitadel"),
    (
        "https://auth.acme.example/application/o/orders/",
        "Authentik",
    ),
    ("https://acme.clerk.accounts.dev", "Clerk"),
    (
        "https://abcdefghijklmnopqrst.supabase.co/auth/v1",
        "Supabase",
    ),
    (
        "https://token.actions.githubusercontent.com",
        "GitHub Actions",
    ),
    ("https://gitlab.com", "GitLab CI"),
    ("https://acme.cloudflareaccess.com", "Cloudflare Access"),
];

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/providers.md");
    std::fs::read_to_string(path).unwrap()
}

/// The part of the page about a provider, white space and quotes aside.
fn section(name: &str) -> String {
    let page = page();
    let (_, after) = page.split_once(&format!("\n## {name}\n")).unwrap();
    let section = after.split("\n## ").next().unwrap();
    section.split_whitespace().collect()
}

#[test]
fn a_provider_is_known_by_its_issuer_and_what_is_written_for_it_is_on_the_page() {
    assert_eq!(ISSUERS.len(), PROVIDERS.len());
    for ((issuer, name), expected) in ISSUERS.iter().zip(PROVIDERS) {
        let provider = Provider::of(issuer).unwrap_or_else(|| panic!("{issuer} is nobody's"));
        assert_eq!(provider.name, *name, "{issuer}");
        assert!(std::ptr::eq(provider, expected), "{issuer}");
        assert_eq!(provider.refused(issuer), None, "{issuer}");
        let section = section(name);
        for line in [provider.issuer, provider.defaults, provider.claims].concat() {
            let line: String = filled(line, issuer).split_whitespace().collect();
            // The page has a domain of its own in place of the one that Clerk gives.
            let line = line.replace("acme.clerk.accounts.dev", "clerk.acme.example");
            assert!(section.contains(&line), "{name}: {line}");
        }
        if let Some(demand) = provider.demand {
            assert!(section.contains(demand.claim), "{name}: {}", demand.claim);
        }
        let anchor = provider.page();
        let (_, anchor) = anchor.split_once('#').unwrap();
        assert!(page().contains(&format!("(#{anchor})")), "{anchor}");
    }
}

#[test]
fn an_issuer_that_cannot_be_used_is_refused_with_what_to_take_instead() {
    for (issuer, says) in [
        ("https://login.microsoftonline.com/common/v2.0", "TENANT"),
        ("https://login.microsoftonline.com/1111", "/v2.0"),
        ("https://acme.okta.com", "/oauth2/NAME"),
    ] {
        let provider = Provider::of(issuer).unwrap();
        assert!(provider.refused(issuer).unwrap().contains(says), "{issuer}");
    }
}

#[test]
fn an_address_that_only_looks_like_a_providers_is_nobodys() {
    for issuer in [
        "https://auth0.com",
        "https://notauth0.com",
        "https://acme.auth0.com.evil.example",
        "https://okta.com.example/oauth2/default",
        "https://login.acme.example",
        "https://gitlab.com.example",
    ] {
        assert!(Provider::of(issuer).is_none(), "{issuer}");
    }
}
