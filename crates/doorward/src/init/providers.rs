//! Providers that are known by their address, and what is peculiar about their tokens: the short form of
//! `docs/providers.md`, whose lines these are.

use doorward_syntax::url::UrlParts;

/// The page that says more.
const PAGE: &str = "docs/providers.md";

/// A provider.
pub(super) struct Provider {
    /// The heading of the page.
    pub(super) name: &'static str,
    /// Whether an address is one of its issuers.
    is: fn(&UrlParts<'_>) -> bool,
    /// Whether such an issuer is none that can be used, by its address.
    is_useless: fn(&UrlParts<'_>) -> bool,
    /// What to take instead of one that is none.
    instead: &'static str,
    /// Lines of `[issuer.NAME]`. `{url}` is the issuer's URL without a slash at its end, `{first}` the first segment of
    /// its path.
    pub(super) issuer: &'static [&'static str],
    /// Lines of `[defaults]`.
    pub(super) defaults: &'static [&'static str],
    /// Lines of `[route.claims]`.
    pub(super) claims: &'static [&'static str],
    /// Without what too many would pass.
    pub(super) demand: Option<Demand>,
}

/// What a policy has to ask for, since anybody can have a token for this audience.
#[derive(Clone, Copy)]
pub(super) struct Demand {
    /// The claim that says whose it is.
    pub(super) claim: &'static str,
    /// Other claims that do.
    others: &'static [&'static str],
    /// Whether a scope does as well.
    scope: bool,
    /// Why, after the name of the provider.
    pub(super) why: &'static str,
}

impl Demand {
    const fn claim(claim: &'static str, why: &'static str) -> Self {
        Self {
            claim,
            others: &[],
            scope: false,
            why,
        }
    }

    /// Whether these meet it.
    pub(super) fn is_met(&self, scopes: &[String], claims: &[(String, String)]) -> bool {
        let names = |claim: &str| self.claim == claim || self.others.contains(&claim);
        (self.scope && !scopes.is_empty()) || claims.iter().any(|(claim, _)| names(claim))
    }

    /// The flags that do.
    pub(super) fn flags(&self) -> String {
        let mut flags = vec![format!("--claim {}=VALUE", self.claim)];
        flags.extend(
            self.others
                .iter()
                .map(|claim| format!("--claim {claim}=VALUE")),
        );
        flags.extend(self.scope.then(|| "--scope SCOPE".to_owned()));
        flags.join(" or ")
    }
}

impl Provider {
    /// Whose issuer it is.
    pub(super) fn of(issuer: &str) -> Option<&'static Self> {
        let parts = UrlParts::of(issuer).ok()?;
        PROVIDERS.iter().find(|provider| (provider.is)(&parts))
    }

    /// Why it cannot be used.
    pub(super) fn refused(&self, issuer: &str) -> Option<&'static str> {
        let parts = UrlParts::of(issuer).ok()?;
        (self.is_useless)(&parts).then_some(self.instead)
    }

    /// Where its keys are, where that is not what discovery says.
    pub(super) fn keys_at(&self, issuer: &str) -> Option<String> {
        let mut lines = self.issuer.iter();
        let url = lines.find_map(|line| line.strip_prefix("jwks_url = "))?;
        Some(filled(url.trim_matches('"'), issuer))
    }

    /// The page, at its place.
    pub(super) fn page(&self) -> String {
        let anchor = self.name.to_lowercase().replace(' ', "-");
        format!("{PAGE}#{anchor}")
    }
}

/// A line with what depends on the issuer in it.
pub(super) fn filled(line: &str, issuer: &str) -> String {
    let path = UrlParts::of(issuer).map(|parts| parts.path);
    let mut segments = path.unwrap_or_default().split('/').skip(1);
    let url = issuer.strip_suffix('/').unwrap_or(issuer);
    line.replace("{url}", url)
        .replace("{first}", segments.next().unwrap_or_default())
}

fn is_below(parts: &UrlParts<'_>, domain: &str) -> bool {
    let host = parts.host.to_ascii_lowercase();
    host.strip_suffix(domain)
        .is_some_and(|name| name.ends_with('.') && name.len() > 1)
}

fn is_host(parts: &UrlParts<'_>, host: &str) -> bool {
    parts.host.eq_ignore_ascii_case(host)
}

/// A provider without anything peculiar.
const PLAIN: Provider = Provider {
    name: "",
    is: |_| false,
    is_useless: |_| false,
    instead: "",
    issuer: &[],
    defaults: &[],
    claims: &[],
    demand: None,
};

/// What tokens of both versions of Entra ID need.
const OF_ENTRA: Demand = Demand {
    claim: "roles",
    others: &[],
    scope: true,
    why: "any application of the tenant can have a token for your API, with neither scopes nor roles",
};

/// Those that are known by their address, in the order in which they are asked.
static PROVIDERS: &[Provider] = &[
    Provider {
        name: "Entra ID",
        is: |parts| is_host(parts, "login.microsoftonline.com"),
        is_useless: |parts| {
            !parts.path.ends_with("/v2.0")
                || ["/common/", "/organizations/", "/consumers/"]
                    .iter()
                    .any(|several| parts.path.starts_with(several))
        },
        instead: "the issuer of a tenant is https://login.microsoftonline.com/TENANT/v2.0, with the tenant's identifier \
             (version 1: https://sts.windows.net/TENANT/)",
        claims: &["azp = { present = true }"],
        demand: Some(OF_ENTRA),
        ..PLAIN
    },
    Provider {
        name: "Entra ID",
        is: |parts| is_host(parts, "sts.windows.net"),
        issuer: &["jwks_url = \"https://login.microsoftonline.com/{first}/discovery/keys\""],
        claims: &["appid = { present = true }"],
        demand: Some(OF_ENTRA),
        ..PLAIN
    },
    Provider {
        name: "Auth0",
        is: |parts| is_below(parts, "auth0.com"),
        ..PLAIN
    },
    Provider {
        name: "Okta",
        is: |parts| is_below(parts, "okta.com") || is_below(parts, "oktapreview.com"),
        is_useless: |parts| !parts.path.contains("/oauth2/"),
        instead: "the org server makes access tokens for Okta's own APIs: make a custom authorization server, whose \
             address ends in /oauth2/NAME",
        demand: Some(Demand {
            claim: "cid",
            others: &[],
            scope: true,
            why: "every client of the organisation that the access policy admits gets the audience of the server",
        }),
        ..PLAIN
    },
    Provider {
        name: "Keycloak",
        is: |parts| parts.path.contains("/realms/"),
        demand: Some(Demand {
            claim: "azp",
            others: &["realm_access.roles"],
            scope: false,
            why: "the audience is added to tokens of every client whose user has a role of your API",
        }),
        ..PLAIN
    },
    Provider {
        name: "Cognito",
        is: |parts| parts.host.starts_with("cognito-idp.") && is_below(parts, "amazonaws.com"),
        issuer: &["audience_claim = \"client_id\""],
        claims: &["token_use = \"access\""],
        ..PLAIN
    },
    Provider {
        name: "Google service accounts",
        is: |parts| is_host(parts, "accounts.google.com"),
        issuer: &["issuer = [\"accounts.google.com\"]", "tokens = \"id\""],
        demand: Some(Demand::claim(
            "sub",
            "anybody with a project at Google can have a token with your audience",
        )),
        ..PLAIN
    },
    Provider {
        name: "Google IAP",
        is: |parts| is_host(parts, "cloud.google.com") && parts.path == "/iap",
        issuer: &[
            "jwks_url = \"https://www.gstatic.com/iap/verify/public_key-jwk\"",
            "tokens = \"id\"",
            "token_from = [\"header:x-goog-iap-jwt-assertion\"]",
        ],
        defaults: &["token_from = [\"header:x-goog-iap-jwt-assertion\"]"],
        demand: Some(Demand::claim(
            "hd",
            "where somebody gives the role to all authenticated users, the domain is \
                                          what is left",
        )),
        ..PLAIN
    },
    Provider {
        name: "Firebase",
        is: |parts| is_host(parts, "securetoken.google.com"),
        issuer: &[
            "jwks_url = \
             \"https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com\"",
            "tokens = \"id\"",
        ],
        demand: Some(Demand::claim(
            "firebase.sign_in_provider",
            "anybody can sign up with the public key of the project, or sign in as `anonymous`, unless that is off",
        )),
        ..PLAIN
    },
    Provider {
        name: "Zitadel",
        is: |parts| is_below(parts, "zitadel.cloud"),
        claims: &["jti = { present = true }"],
        ..PLAIN
    },
    Provider {
        name: "Authentik",
        is: |parts| parts.path.contains("/application/o/"),
        claims: &["uid = { present = true }"],
        ..PLAIN
    },
    Provider {
        name: "Clerk",
        is: |parts| is_below(parts, "clerk.accounts.dev"),
        issuer: &[
            "jwks_url = \"{url}/.well-known/jwks.json\"",
            "audience_claim = \"azp\"",
            "tokens = \"id\"",
        ],
        defaults: &["token_from = [\"authorization\", \"cookie:__session\"]"],
        claims: &["sid = { present = true }", "sts = { none = [\"pending\"] }"],
        ..PLAIN
    },
    Provider {
        name: "Supabase",
        is: |parts| is_below(parts, "supabase.co") && parts.path.starts_with("/auth/v1"),
        issuer: &["jwks_url = \"{url}/.well-known/jwks.json\""],
        claims: &[
            "role = \"authenticated\"",
            "is_anonymous = false",
            "client_id = { absent = true }",
        ],
        ..PLAIN
    },
    Provider {
        name: "GitHub Actions",
        is: |parts| is_host(parts, "token.actions.githubusercontent.com"),
        issuer: &["tokens = \"id\""],
        demand: Some(Demand {
            claim: "repository_owner_id",
            others: &["repository_id"],
            scope: false,
            why: "a workflow of any repository in the world can have a token with your audience",
        }),
        ..PLAIN
    },
    Provider {
        name: "GitLab CI",
        is: |parts| is_host(parts, "gitlab.com"),
        issuer: &["tokens = \"id\""],
        demand: Some(Demand {
            claim: "namespace_id",
            others: &["project_id"],
            scope: false,
            why: "a job of any project can have a token with your audience",
        }),
        ..PLAIN
    },
    Provider {
        name: "Cloudflare Access",
        is: |parts| is_below(parts, "cloudflareaccess.com"),
        issuer: &[
            "jwks_url = \"{url}/cdn-cgi/access/certs\"",
            "token_from = [\"header:cf-access-jwt-assertion\"]",
        ],
        defaults: &["token_from = [\"header:cf-access-jwt-assertion\"]"],
        claims: &["type = \"app\"", "email = { present = true }"],
        ..PLAIN
    },
];

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod tests;
