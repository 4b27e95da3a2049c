//! `[issuer.NAME.introspection]`

use doorward_token::introspection::MissingAudience;

use super::issuer::{check_addresses, variable};
use super::tenants::{Template, Tenants};
use super::{CACHE_S_MAX, CLIENT_ID_BYTES_MAX, NEGATIVE_CACHE_S_MAX};
use crate::finding::Code;
use crate::policy::{ClientAuthentication, Introspection, KeySource};
use crate::source::{At, Fields, Source, shown};

const KEYS: [&str; 8] = [
    "authentication",
    "cache_s",
    "client_id",
    "endpoint",
    "key",
    "missing_audience",
    "negative_cache_s",
    "secret",
];

/// How long an answer is remembered where the policy does not say, in seconds.
const CACHE_S_DEFAULT: u64 = 60;
/// The same of an answer that a token is not active.
const NEGATIVE_CACHE_S_DEFAULT: u64 = 5;

/// What is the same for all tenants, and where each of them is asked.
pub(super) struct ReadIntrospection<'t> {
    endpoint: Option<Template<'t>>,
    introspection: Introspection,
}

impl ReadIntrospection<'_> {
    pub(super) fn of(&self, tenant: Option<&str>) -> Introspection {
        Introspection {
            endpoint: self.endpoint.map(|endpoint| endpoint.of(tenant)),
            ..self.introspection.clone()
        }
    }
}

/// `fields` are those of the issuer, which has `introspection`.
pub(super) fn read<'t>(
    source: &mut Source<'_>,
    issuer: Fields<'t, '_>,
    tenants: &Tenants<'t>,
    keys: Option<&KeySource>,
) -> Option<ReadIntrospection<'t>> {
    let fields = source.table_of(issuer, "introspection")?;
    source.check_keys(fields, &KEYS, "`introspection`");
    let endpoint = match fields.get("endpoint") {
        Some(value) => endpoint(source, value, tenants).map(Some),
        None => without_endpoint(source, fields, keys).then_some(None),
    };
    let client_id = match fields.get("client_id") {
        Some(value) => {
            let id = source.string(value, "`client_id`");
            id.and_then(|id| client_id(source, id))
        }
        None => {
            let message = "`introspection` has no `client_id`";
            let help = "add the name under which the issuer knows this gate";
            source.find_with(Code::MissingKey, fields.offset, &message, Some(&help), &[]);
            None
        }
    };
    let authentication = authentication(source, fields);
    let cache_s = source.seconds(fields, "cache_s", 0..=CACHE_S_MAX, CACHE_S_DEFAULT);
    let negative_cache_s = source.seconds(
        fields,
        "negative_cache_s",
        0..=NEGATIVE_CACHE_S_MAX,
        NEGATIVE_CACHE_S_DEFAULT,
    );
    let accepts_missing = source.choice(fields, "missing_audience", &["refuse", "accept"]);
    Some(ReadIntrospection {
        endpoint: endpoint?,
        introspection: Introspection {
            endpoint: None,
            client_id: client_id?,
            authentication: authentication?,
            cache_s: cache_s?,
            negative_cache_s: negative_cache_s?,
            missing_audience: match accepts_missing? {
                0 => MissingAudience::Refuse,
                _ => MissingAudience::Accept,
            },
        },
    })
}

fn endpoint<'t>(
    source: &mut Source<'_>,
    value: &'t At<crate::document::Value<'_>>,
    tenants: &Tenants<'t>,
) -> Option<Template<'t>> {
    let url = source.string(value, "`endpoint`")?;
    check_addresses(source, "`endpoint`", url, tenants, false)
}

/// Whether the endpoint can be found by discovery.
fn without_endpoint(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    keys: Option<&KeySource>,
) -> bool {
    let discovered = keys.is_none_or(|keys| *keys == KeySource::Discovery);
    if !discovered {
        let message = "`introspection` has no `endpoint`, and the issuer's metadata is not read";
        let help = "add `endpoint`, because the policy says itself where the keys are";
        source.find_with(Code::MissingKey, fields.offset, &message, Some(&help), &[]);
    }
    discovered
}

/// RFC 6749 appendix A.1: `*VSCHAR`, which is printable ASCII.
pub(super) fn client_id(source: &mut Source<'_>, id: At<&str>) -> Option<String> {
    let good = (1..=CLIENT_ID_BYTES_MAX).contains(&id.value.len())
        && id.value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if !good {
        let message = format_args!(
            "`{}` is no `client_id`: 1 to {CLIENT_ID_BYTES_MAX} printable ASCII characters",
            shown(id.value)
        );
        source.find(Code::BadValue, id.offset, &message);
    }
    good.then(|| id.value.to_owned())
}

fn authentication(source: &mut Source<'_>, fields: Fields<'_, '_>) -> Option<ClientAuthentication> {
    const METHODS: [&str; 3] = [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
    ];
    const BY_KEY: usize = 2;
    let method = source.choice(fields, "authentication", &METHODS)?;
    let (needed, other, help) = if method == BY_KEY {
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
    let name = METHODS.get(method)?;
    if let Some(offset) = fields.key_offset(other) {
        let message = format_args!("`{name}` has no use for `{other}`");
        let help = format_args!("name the variable with `{needed}`");
        source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
        return None;
    }
    let Some(value) = fields.get(needed) else {
        let message = format_args!("`{name}` needs `{needed}`");
        source.find_with(Code::MissingKey, fields.offset, &message, Some(&help), &[]);
        return None;
    };
    let variable = variable(source, value, needed)?;
    Some(match method {
        0 => ClientAuthentication::SecretBasic { variable },
        1 => ClientAuthentication::SecretPost { variable },
        _ => ClientAuthentication::PrivateKeyJwt { variable },
    })
}
