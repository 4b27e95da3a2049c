//! Fields with which a client passes for another request, or for somebody else.
//!
//! A rule is about a method and a path, and the gate says who the caller is. Some servers and frameworks read
//! method, path or caller from a field instead, which a proxy of theirs would have set. So nobody but the
//! policy sets such a field, and none is handed on: in no spelling that an upstream could fold, and in no
//! trailer.
//!
//! What only *proves* who somebody is, is not in here: a signed assertion (`Cf-Access-Jwt-Assertion`,
//! `X-Goog-IAP-JWT-Assertion`, `X-Pomerium-Jwt-Assertion`), for whoever believes it has to verify it, and a
//! credential (`X-Auth-Token`, `X-Api-Key`). Nor is what has no meaning but the one that an application gives
//! to it (`X-User-Id`): the policy names that one under `[identity]`, or lets an upstream remove it.
//!
//! Where a request comes from, is said in [`crate::forwarded`].

use doorward_syntax::field_name::{Names, begins_with, fold_byte};

/// What such a field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// That the method is another one.
    Method,
    /// That the path is another one.
    Path,
    /// What a proxy took off the front of the path: some frameworks then take it off once more. Proxies set it,
    /// and a trusted one may.
    Prefix,
    /// Who the caller is.
    Identity,
}

/// An entry of the tables below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoofing {
    /// What it says.
    pub says: Says,
    /// The name in lower case, or how all names of a family begin.
    pub entry: &'static str,
    /// Whether it is a family.
    pub is_family: bool,
}

/// What a field of this name spoofs, in any spelling that an upstream could fold; `None` for an ordinary one.
/// Does not allocate.
#[must_use]
pub fn spoofing(name: &str) -> Option<Spoofing> {
    // The only names that do not begin with a letter.
    if name.as_bytes().first() == Some(&b'$') && begins_with(name, WEBSPHERE) {
        return Some(Spoofing {
            says: Says::Identity,
            entry: WEBSPHERE,
            is_family: true,
        });
    }
    let row = SIEVE.get(name.len().min(SIEVE.len() - 1));
    if row.is_none_or(|row| row & letter_bit(name) == 0) {
        return None;
    }
    TABLES.iter().find_map(|table| {
        let entry = match table.are_families {
            true => table.names.find_beginning(name),
            false => table.names.find(name),
        };
        Some(Spoofing {
            says: table.says,
            entry: entry?,
            is_family: table.are_families,
        })
    })
}

/// Whether such a field says who the caller is.
#[must_use]
pub fn says_identity(name: &str) -> bool {
    spoofing(name).is_some_and(|found| found.says == Says::Identity)
}

/// The names of the fields that say that the method is another one.
pub fn method_fields() -> impl Iterator<Item = &'static str> {
    METHOD.all().iter().copied()
}

/// What WebSphere's plug-in for web servers tells: `$WSRU` is the caller, `$WSCC` the certificate, and ten more.
const WEBSPHERE: &str = "$ws";

const METHOD: Names = Names::new(&[
    // SharePoint and OData 2 (`POST` for `MERGE`), and all that follow them.
    "x-http-method",
    // Google's APIs; Rack::MethodOverride, Symfony and Laravel, ASP.NET Core's HttpMethodOverride, Jersey,
    // Express' method-override, WordPress.
    "x-http-method-override",
    // IBM's APIs, Express' method-override.
    "x-method-override",
    // nginx' `auth_request` by custom; read by Authelia and other judges of sub-requests.
    "x-original-method",
    // Traefik's ForwardAuth and Caddy's `forward_auth`; read by the same and by oauth2-proxy.
    "x-forwarded-method",
]);

const PATH: Names = Names::new(&[
    // IIS' URL Rewrite; read by Symfony (CVE-2018-14773) and Zend, and by Authelia.
    "x-original-url",
    // ISAPI_Rewrite; read by the same two.
    "x-rewrite-url",
    // nginx' `auth_request` by custom; read by who judges sub-requests.
    "x-original-uri",
    // Traefik's ForwardAuth and Caddy's `forward_auth`; read by Authelia and oauth2-proxy.
    "x-forwarded-uri",
    // Envoy, where it has rewritten the path.
    "x-envoy-original-path",
    // gunicorn takes `SCRIPT_NAME` and `PATH_INFO` over into WSGI (`forwarder_headers`), and what it has of
    // the first it takes off the path.
    "script-name",
    "path-info",
    // WSGI's middleware for applications below a path (a snippet of Flask's, klaus, Radicale, Tandoor) takes
    // it off the path as well. Proxies seldom remove the client's.
    "x-script-name",
]);

const PREFIX: Names = Names::new(&[
    // Traefik's StripPrefix, Kong; read by Spring's ForwardedHeaderFilter, Werkzeug's ProxyFix, Symfony.
    "x-forwarded-prefix",
    // Kong.
    "x-forwarded-path",
]);

/// Who the caller is, by the whole name.
const IDENTITY: Names = Names::new(&[
    // oauth2-proxy and OpenShift's oauth-proxy set them, Jenkins' reverse-proxy-auth reads some.
    "x-forwarded-access-token",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "x-forwarded-user",
    // Google's API Gateway and Endpoints: the token that they have verified, where they put one of their own in
    // `Authorization`.
    "x-forwarded-authorization",
    // Jenkins' reverse-proxy-auth, besides three of the above.
    "x-forwarded-displayname",
    // SonarQube reads them (`sonar.web.sso`), besides two of the above.
    "x-forwarded-login",
    "x-forwarded-name",
    // Envoy and Istio.
    "x-forwarded-client-cert",
    // Traefik's PassTLSClientCert.
    "x-forwarded-tls-client-cert",
    "x-forwarded-tls-client-cert-info",
    // Authelia; the first one also Nexus, Airflow and whatever has read CGI's REMOTE_USER.
    "remote-email",
    "remote-groups",
    "remote-name",
    "remote-user",
    // Dozzle, besides three of the above.
    "remote-filter",
    "remote-roles",
    // Kubernetes' request header authentication, and Dex' authproxy connector.
    "x-remote-group",
    "x-remote-groups",
    "x-remote-uid",
    // RFC 9440.
    "client-cert",
    "client-cert-chain",
    // Puppet Server (`allow-header-cert-info`).
    "x-client-dn",
    "x-client-verify",
    "x-ssl-subject",
    // HAProxy's and nginx' documentation, and Keycloak's.
    "x-ssl-cert",
    "x-ssl-issuer",
    // Azure App Service: the client's certificate.
    "x-arr-clientcert",
    // WebLogic's plug-ins.
    "wl-proxy-client-cert",
    // Linkerd: the workload that asks.
    "l5d-client-id",
    // Cloudflare Access. The signed one beside it proves what it says.
    "cf-access-authenticated-user-email",
    // Kong: nobody, and who.
    "x-anonymous-consumer",
    "x-authenticated-groups",
    "x-authenticated-scope",
    "x-authenticated-userid",
    // kong-oidc and APISIX' openid-connect.
    "x-userinfo",
    // ICAP's X-Authenticated-User, which filtering proxies also send to servers.
    "x-authenticated-user",
    // Google's Endpoints and API Gateway: the claims, without a signature.
    "x-apigateway-api-userinfo",
    "x-endpoint-api-userinfo",
    // App Engine: its cron, its queues, its other applications, and the domain of its users.
    "x-appengine-auth-domain",
    "x-appengine-cron",
    "x-appengine-inbound-appid",
    "x-appengine-queuename",
    "x-appengine-taskname",
    // AWS: what API Gateway knows of the request, its caller among it, as serverless-express and the Lambda
    // Web Adapter hand it on.
    "x-amzn-lambda-context",
    "x-amzn-request-context",
    "x-apigateway-context",
    "x-apigateway-event",
    // Next.js: that the application asks itself, which its middleware does not judge (CVE-2025-29927).
    "x-middleware-subrequest",
    // Posit: Connect, Shiny Server, Workbench.
    "rstudio-connect-credentials",
    "shiny-server-credentials",
    "x-rstudio-username",
    // Gogatekeeper, once Louketo and Keycloak Gatekeeper.
    "x-auth-email",
    "x-auth-groups",
    "x-auth-roles",
    "x-auth-subject",
    "x-auth-userid",
    "x-auth-username",
    // OpenSearch's and Search Guard's proxy authentication.
    "x-proxy-ext-roles",
    "x-proxy-roles",
    "x-proxy-user",
    // Tailscale, besides the family.
    "tailscale-app-capabilities",
    // Caddy's caddy-security, besides the family.
    "x-token-subject",
    // SiteMinder, besides the family.
    "sm-universalid",
    // mod_auth_cas, by custom.
    "cas-user",
    // IBM's WebSEAL.
    "iv-creds",
    "iv-groups",
    "iv-user",
    "iv-user-l",
    // Oracle's Access Manager, and its HTTP server.
    "oam-remote-user",
    "osso-user-dn",
    "proxy-remote-user",
    // LemonLDAP::NG, YunoHost's SSOwat besides the family.
    "auth-groups",
    "auth-mail",
    "auth-user",
    // Shibboleth with `ShibUseHeaders`, besides the family.
    "eppn",
]);

/// Who the caller is, by how the name begins.
const X_FAMILIES: Names = Names::new(&[
    // oauth2-proxy, through nginx' `auth_request`.
    "x-auth-request-",
    // Grafana's and Gitea's proxy authentication.
    "x-webauth-",
    // Kubernetes, Dex, Home Assistant's ingress (X-Remote-User-Id).
    "x-remote-user",
    "x-remote-extra-",
    // The client's certificate: HAProxy, nginx, F5.
    "x-ssl-client-",
    // nginx by custom, and Google's load balancers (X-Client-Cert-Present).
    "x-client-cert",
    // AWS: the load balancer's user, and the client's certificate.
    "x-amzn-oidc-",
    "x-amzn-mtls-clientcert",
    // AWS VPC Lattice.
    "x-amzn-lattice-",
    // CouchDB's proxy authentication.
    "x-auth-couchdb-",
    // Azure App Service and Static Web Apps.
    "x-ms-client-principal",
    "x-ms-token-",
    // Google's Identity-Aware Proxy, and App Engine.
    "x-goog-authenticated-user-",
    "x-appengine-user-",
    // Google's Endpoints and API Gateway.
    "x-apigateway-api-consumer-",
    "x-endpoint-api-consumer-",
    // Kong and APISIX.
    "x-consumer-",
    "x-credential-",
    // authentik's outpost.
    "x-authentik-",
    // Pomerium. The signed one beside it proves what it says.
    "x-pomerium-claim-",
    // Vouch.
    "x-vouch-",
    // caddy-security.
    "x-token-user-",
    // Sandstorm.
    "x-sandstorm-",
]);

/// The same for those that do not begin with `x-`.
const FAMILIES: Names = Names::new(&[
    // Tailscale's `serve`.
    "tailscale-user-",
    // The client's certificate: ingress-nginx, Apache as Keycloak has it.
    "ssl-client-",
    // Cloudflare: forwarded certificates, and the transform "Add TLS client auth headers".
    "cf-cert-",
    "cf-client-cert-",
    // Apache's mod_auth_openidc.
    "oidc-",
    // Shibboleth with `ShibUseHeaders`.
    "shib-",
    // SiteMinder (SM_USER, SM_USERDN, SM_USERGROUPS).
    "sm-user",
    // ngrok's OAuth.
    "ngrok-auth-",
    // Snowflake's container services.
    "sf-context-current-user",
    // Dapr: the application that asks.
    "dapr-caller-",
    // YunoHost's SSOwat.
    "ynh-user",
]);

struct Table {
    says: Says,
    are_families: bool,
    names: Names,
}

impl Table {
    const fn new(says: Says, names: Names) -> Self {
        Self {
            says,
            are_families: false,
            names,
        }
    }

    const fn of_families(names: Names) -> Self {
        Self {
            says: Says::Identity,
            are_families: true,
            names,
        }
    }
}

static TABLES: [Table; 6] = [
    Table::new(Says::Identity, IDENTITY),
    Table::of_families(X_FAMILIES),
    Table::of_families(FAMILIES),
    Table::new(Says::Method, METHOD),
    Table::new(Says::Path, PATH),
    Table::new(Says::Prefix, PREFIX),
];

/// A row for each length of a name, with a bit for each combination of first letters that an entry of this
/// length has ([`letter_bit`]): one look tells nearly all fields from all entries. Longer names share the last
/// row.
static SIEVE: [u64; 64] = {
    let mut sieve = [0; 64];
    let mut tables: &[Table] = &TABLES;
    while let [table, others @ ..] = tables {
        let mut names = table.names.all();
        while let [name, rest @ ..] = names {
            add(&mut sieve, name, table.are_families);
            names = rest;
        }
        tables = others;
    }
    sieve
};

const fn add(sieve: &mut [u64; 64], name: &str, is_family: bool) {
    let mut rows: &mut [u64] = sieve;
    let mut length = 0;
    while let [row, rest @ ..] = rows {
        // No entry is so long that it would be in the last row.
        if length == name.len() || is_family && length > name.len() {
            *row |= letter_bit(name);
        }
        length += 1;
        rows = rest;
    }
}

/// One bit for the three letters with which a name begins, or which come after its `x-`, the same for every
/// spelling that an upstream could fold. No entry has fewer.
const fn letter_bit(name: &str) -> u64 {
    match name.as_bytes() {
        [b'x' | b'X', mark, a, b, c, ..] if !mark.is_ascii_alphanumeric() => {
            mixed(47, [*a, *b, *c])
        }
        [a, b, c, ..] => mixed(0, [*a, *b, *c]),
        _ => 0,
    }
}

/// Of a few thousand random factors these let the fewest fields of browsers, proxies and hosts through the
/// sieve.
const fn mixed(start: u64, [a, b, c]: [u8; 3]) -> u64 {
    1 << ((start + 53 * letter(a) + letter(b) + 40 * letter(c)) & 63)
}

#[inline(always)]
const fn letter(byte: u8) -> u64 {
    if byte.is_ascii_alphanumeric() {
        (byte & 31) as u64
    } else {
        0
    }
}

/// Bytes that fold together are one letter. To fold each byte first would make sure of it, at a cost for every
/// field.
const _: () = {
    let mut byte = u8::MAX;
    while byte > 0 {
        assert!(letter(byte) == letter(fold_byte(byte)));
        byte -= 1;
    }
};

#[cfg(test)]
mod tests;
