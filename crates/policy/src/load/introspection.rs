//! `[issuer.NAME.introspection]`

use doorward_token::introspection::MissingAudience;

use super::bounds::{CACHE_S_MAX, NEGATIVE_CACHE_S_MAX};
use super::tenants::{Tenant, address};
use super::values::{client_id, variable};
use crate::finding::Code;
use crate::policy::{ClientAuthentication, Introspection, KeySource};
use crate::source::{Fields, Source};

const WHAT: &str = "`introspection`";

/// How long an answer is remembered where the policy does not say, in seconds.
const CACHE_S_DEFAULT: u64 = 60;
/// The same of an answer that a token is not active.
const NEGATIVE_CACHE_S_DEFAULT: u64 = 5;

/// `issuer` is the table of the issuer, which has `introspection`. `open`: its metadata come over http.
pub(super) fn read(
    source: &mut Source<'_>,
    issuer: Fields<'_, '_>,
    tenant: Tenant<'_>,
    keys: &KeySource,
    open: bool,
) -> Option<Introspection> {
    let fields = source.table_of(issuer, "introspection")?;
    let endpoint = source.text(fields, "endpoint");
    if endpoint.is_none() && *keys != KeySource::Discovery {
        let help = "the issuer's metadata is not read where the policy says where the keys are";
        source.is_there(fields, "endpoint", WHAT, help);
    } else if endpoint.is_none() && open {
        let help = "whoever is between can change metadata over http, and be sent tokens and the secret; an \
                    endpoint is https";
        source.is_there(fields, "endpoint", WHAT, help);
    }
    let help = "add the name under which the issuer knows this gate";
    let id = source.needed(fields, "client_id", WHAT, help);
    let read = Introspection {
        endpoint: endpoint.map(|url| address(source, "`endpoint`", url, tenant, false, None)),
        client_id: id.map_or_else(String::new, |id| client_id(source, id)),
        authentication: authentication(source, fields),
        cache_s: source.seconds(fields, "cache_s", 0..=CACHE_S_MAX, CACHE_S_DEFAULT),
        negative_cache_s: source.seconds(
            fields,
            "negative_cache_s",
            0..=NEGATIVE_CACHE_S_MAX,
            NEGATIVE_CACHE_S_DEFAULT,
        ),
        missing_audience: match source.choice(fields, "missing_audience", &["refuse", "accept"]) {
            0 => MissingAudience::Refuse,
            _ => MissingAudience::Accept,
        },
    };
    source.finish(fields, WHAT);
    Some(read)
}

fn authentication(source: &mut Source<'_>, fields: Fields<'_, '_>) -> ClientAuthentication {
    const METHODS: [&str; 3] = [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
    ];
    let method = source.choice(fields, "authentication", &METHODS);
    let (needed, other, help) = if method == 2 {
        (
            "key",
            "secret",
            "the name of the Spin variable with the private JWK",
        )
    } else {
        (
            "secret",
            "key",
            "the name of the Spin variable with the client's secret",
        )
    };
    if let Some(offset) = fields.key_offset(other) {
        let name = METHODS.get(method).copied().unwrap_or_default();
        let message = format_args!("`{name}` has no use for `{other}`");
        let help = format_args!("name the variable with `{needed}`");
        source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
    } else {
        source.is_there(fields, needed, WHAT, help);
    }
    let variable = variable(source, fields, needed);
    match method {
        0 => ClientAuthentication::SecretBasic { variable },
        1 => ClientAuthentication::SecretPost { variable },
        _ => ClientAuthentication::PrivateKeyJwt { variable },
    }
}
