//! `[issuer.NAME]`

use doorward_token::freshness::{
    FreshnessPolicy, STALE_IF_ERROR_S_DEFAULT, UNKNOWN_KEY_COOLDOWN_S_DEFAULT,
};
use doorward_token::metadata::check_url;
use doorward_token::{Algorithm, AlgorithmSet, Expectations, LEEWAY_S_DEFAULT, LEEWAY_S_MAX};

use super::introspection::{self, ReadIntrospection};
use super::logout;
use super::tenants::{Template, Tenants};
use super::{
    AUDIENCE_ENTRIES_MAX, ISSUER_NAME_BYTES_MAX, ISSUERS_IN_ALL_MAX, ISSUERS_MAX,
    STALE_IF_ERROR_S_MAX, UNKNOWN_KEY_COOLDOWN_S_MAX, UNKNOWN_KEY_COOLDOWN_S_MIN,
};
use crate::document::Value;
use crate::finding::Code;
use crate::pattern::Pattern;
use crate::policy::{Issuer, IssuerGroup, KeySource, Logout};
use crate::source::{At, Fields, Related, Source, shown, suggestion};

const KEYS: [&str; 13] = [
    "access_token_profile",
    "algorithms",
    "audience",
    "introspection",
    "jwks_file",
    "jwks_url",
    "leeway_s",
    "logout",
    "secret",
    "stale_if_error_s",
    "tenants",
    "unknown_key_cooldown_s",
    "url",
];

/// An issuer of the file. One with errors keeps its name, so that routes which name it are not
/// blamed for it.
pub(super) struct ReadIssuer {
    pub(super) name: String,
    pub(super) offset: usize,
    /// Where its URL is.
    pub(super) url_offset: usize,
    /// Which issuers of the policy it stands for.
    pub(super) group: IssuerGroup,
    /// Those issuers; none when there are errors.
    pub(super) issuers: Vec<Issuer>,
    /// Whether it can be asked about opaque tokens.
    pub(super) introspects: bool,
    /// Where its logout tokens are sent.
    pub(super) logout: Option<At<Pattern>>,
}

/// All that is in one table.
struct Table<'t> {
    tenants: Tenants<'t>,
    url: Template<'t>,
    keys: KeySource,
    expectations: Expectations,
    freshness: FreshnessPolicy,
    introspection: Option<ReadIntrospection<'t>>,
    logout: Option<Logout>,
}

impl Table<'_> {
    fn issuer(&self, name: &str, tenant: Option<&str>) -> Issuer {
        let expectations = Expectations {
            issuer: self.url.of(tenant),
            ..self.expectations.clone()
        };
        Issuer {
            name: match tenant {
                Some(tenant) => [name, "/", tenant].concat(),
                None => name.to_owned(),
            },
            url: expectations.issuer.clone(),
            audience: expectations.audience.clone(),
            algorithms: expectations.algorithms,
            leeway_s: expectations.leeway_s,
            keys: match &self.keys {
                KeySource::JwksUrl(url) => KeySource::JwksUrl(Template(url).of(tenant)),
                KeySource::JwksFile(path) => KeySource::JwksFile(Template(path).of(tenant)),
                other => other.clone(),
            },
            access_token_profile: expectations.access_token_profile,
            freshness: self.freshness,
            introspection: self.introspection.as_ref().map(|read| read.of(tenant)),
            logout: self.logout.clone(),
            expectations,
        }
    }
}

/// `revocation`: whether the policy has a table of that name.
pub(super) fn read(
    source: &mut Source<'_>,
    root: Fields<'_, '_>,
    revocation: bool,
) -> Vec<ReadIssuer> {
    let Some(value) = root.get("issuer") else {
        return Vec::new();
    };
    let Some(table) = root.table(value) else {
        source.wrong_type(value, "`issuer`", "a table for each issuer");
        return Vec::new();
    };
    if table.entries.len() > ISSUERS_MAX {
        let message = format_args!("there are more than {ISSUERS_MAX} issuers");
        source.find(Code::TooLarge, value.offset, &message);
        return Vec::new();
    }
    let mut issuers: Vec<ReadIssuer> = Vec::new();
    let mut first = 0;
    for entry in table.entries {
        let (name, offset) = (entry.name.value.as_ref(), entry.name.offset);
        check_name(source, name, offset);
        let mut read = ReadIssuer {
            name: name.to_owned(),
            offset,
            url_offset: offset,
            group: IssuerGroup { first, count: 1 },
            issuers: Vec::new(),
            introspects: false,
            logout: None,
        };
        if let Some(mut fields) = table.table(&entry.value) {
            fields.offset = offset;
            source.check_keys(fields, &KEYS, "an issuer");
            read.introspects = fields.get("introspection").is_some();
            if let Some(table) = read_one(source, &mut read, fields, revocation) {
                read.group.count = table.tenants.count() as u32;
                first += read.group.count;
                if first as usize > ISSUERS_IN_ALL_MAX {
                    let message = format_args!(
                        "there are more than {ISSUERS_IN_ALL_MAX} issuers, their tenants counted"
                    );
                    source.find(Code::TooLarge, offset, &message);
                    return issuers;
                }
                let tenants = table.tenants.iter();
                read.issuers = tenants.map(|tenant| table.issuer(name, tenant)).collect();
            }
        } else {
            let what = format!("`issuer.{}`", shown(name));
            source.wrong_type(&entry.value, &what, "a table");
        }
        issuers.push(read);
    }
    issuers
}

fn check_name(source: &mut Source<'_>, name: &str, offset: usize) {
    let good = !name.is_empty()
        && name.len() <= ISSUER_NAME_BYTES_MAX
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if !good {
        let message = format_args!(
            "`{}` is no name for an issuer: use up to {ISSUER_NAME_BYTES_MAX} letters, digits, `-` \
             and `_`",
            shown(name)
        );
        source.find(Code::BadValue, offset, &message);
    }
}

fn read_one<'t>(
    source: &mut Source<'_>,
    read: &mut ReadIssuer,
    fields: Fields<'t, '_>,
    revocation: bool,
) -> Option<Table<'t>> {
    // Everything is read before anything is given up, so that all findings are made at once.
    let name = read.name.as_str();
    let tenants = Tenants::read(source, fields)?;
    let url = url(source, name, fields, &tenants);
    if let Some(value) = fields.get("url") {
        read.url_offset = value.offset;
    }
    let audience = audience(source, name, fields);
    let keys = keys(source, fields, &tenants);
    let algorithms = algorithms(source, fields, &keys);
    let leeway_s = source.seconds(fields, "leeway_s", 0..=LEEWAY_S_MAX, LEEWAY_S_DEFAULT);
    let access_token_profile = match fields.get("access_token_profile") {
        Some(value) => source.boolean(value, "`access_token_profile`"),
        None => Some(false),
    };
    let freshness = freshness(source, fields);
    let introspection = match fields.get("introspection") {
        Some(_) => introspection::read(source, fields, &tenants, keys.as_ref()).map(Some),
        None => Some(None),
    };
    let logout = match fields.get("logout") {
        Some(_) => logout::read(source, fields, revocation).map(Some),
        None => Some(None),
    };
    let logout = logout.map(|logout| {
        let (pattern, logout) = logout?;
        read.logout = Some(pattern);
        Some(logout)
    });
    Some(Table {
        url: url?,
        keys: keys?,
        expectations: Expectations {
            issuer: String::new(),
            audience: audience?,
            algorithms: algorithms?,
            leeway_s: leeway_s?,
            access_token_profile: access_token_profile?,
        },
        freshness: freshness?,
        introspection: introspection?,
        logout: logout?,
        tenants,
    })
}

fn freshness(source: &mut Source<'_>, fields: Fields<'_, '_>) -> Option<FreshnessPolicy> {
    let stale_if_error_s = source.seconds(
        fields,
        "stale_if_error_s",
        0..=STALE_IF_ERROR_S_MAX,
        STALE_IF_ERROR_S_DEFAULT,
    );
    let unknown_key_cooldown_s = source.seconds(
        fields,
        "unknown_key_cooldown_s",
        UNKNOWN_KEY_COOLDOWN_S_MIN..=UNKNOWN_KEY_COOLDOWN_S_MAX,
        UNKNOWN_KEY_COOLDOWN_S_DEFAULT,
    );
    Some(FreshnessPolicy {
        stale_if_error_s: stale_if_error_s?,
        unknown_key_cooldown_s: unknown_key_cooldown_s?,
        ..FreshnessPolicy::default()
    })
}

fn url<'t>(
    source: &mut Source<'_>,
    name: &str,
    fields: Fields<'t, '_>,
    tenants: &Tenants<'t>,
) -> Option<Template<'t>> {
    let Some(value) = fields.get("url") else {
        let message = format_args!("the issuer `{}` has no `url`", shown(name));
        let help = "add the issuer's identifier, as tokens have it in `iss`";
        source.find_with(Code::MissingKey, fields.offset, &message, Some(&help), &[]);
        return None;
    };
    let url = source.string(value, "`url`")?;
    let template = check_addresses(source, "`url`", url, tenants, true)?;
    if url.value.contains('?') {
        // RFC 8414 section 2.
        let message = "an issuer's `url` has no query";
        source.find(Code::BadUrl, url.offset, &message);
        return None;
    }
    Some(template)
}

/// An address, or one for each tenant, that something may be fetched from.
pub(super) fn check_addresses<'t>(
    source: &mut Source<'_>,
    what: &str,
    url: At<&'t str>,
    tenants: &Tenants<'t>,
    each: bool,
) -> Option<Template<'t>> {
    let template = tenants.template(source, what, url, each)?;
    let mut addresses = tenants.iter().map(|tenant| template.of(tenant));
    let wrong = addresses.find_map(|url| Some((check_url(&url).err()?, url)));
    let Some((error, address)) = wrong else {
        return Some(template);
    };
    let help = "https, or http on 127.0.0.1, [::1] or localhost";
    let message = if address == url.value {
        format!("{what} {error}")
    } else {
        format!("{what} {error}: `{}`", shown(&address))
    };
    source.find_with(Code::BadUrl, url.offset, &message, Some(&help), &[]);
    None
}

fn audience(source: &mut Source<'_>, name: &str, fields: Fields<'_, '_>) -> Option<Vec<String>> {
    let Some(value) = fields.get("audience") else {
        let message = format_args!("the issuer `{}` has no `audience`", shown(name));
        let help = "add what its tokens for this application have in `aud`; without that, a token \
                    for any other application would do";
        source.find_with(Code::MissingKey, fields.offset, &message, Some(&help), &[]);
        return None;
    };
    let entries = source.strings(value, "`audience`", AUDIENCE_ENTRIES_MAX)?;
    Some(entries.iter().map(|entry| entry.value.to_owned()).collect())
}

fn keys<'t>(
    source: &mut Source<'_>,
    fields: Fields<'t, '_>,
    tenants: &Tenants<'t>,
) -> Option<KeySource> {
    let given = |after: usize| {
        ["jwks_file", "jwks_url", "secret"]
            .into_iter()
            .filter_map(|key| fields.key_offset(key).map(|offset| (offset, key)))
            .filter(|(offset, _)| *offset > after)
            .min()
    };
    // No key stands at the very beginning, because its table's header does.
    let first = given(0);
    if let Some((first_offset, first)) = first
        && let Some((offset, second)) = given(first_offset)
    {
        let message = format_args!("`{second}` and `{first}` exclude each other");
        let help = "keep one; without either, the keys are found by discovery";
        let here = format_args!("`{first}` is here");
        let related: Related<'_> = &[(first_offset, &here)];
        source.find_with(Code::Conflict, offset, &message, Some(&help), related);
        return None;
    }
    if let Some(value) = fields.get("jwks_url") {
        let url = source.string(value, "`jwks_url`")?;
        check_addresses(source, "`jwks_url`", url, tenants, false)?;
        return Some(KeySource::JwksUrl(url.value.to_owned()));
    }
    if let Some(value) = fields.get("jwks_file") {
        return jwks_file(source, value, tenants);
    }
    if let Some(value) = fields.get("secret") {
        let variable = variable(source, value, "secret")?;
        return Some(KeySource::Secret { variable });
    }
    Some(KeySource::Discovery)
}

fn jwks_file<'t>(
    source: &mut Source<'_>,
    value: &'t At<Value<'_>>,
    tenants: &Tenants<'t>,
) -> Option<KeySource> {
    let path = source.string(value, "`jwks_file`")?;
    tenants.template(source, "`jwks_file`", path, false)?;
    let good = path.value.starts_with('/')
        && path
            .value
            .split('/')
            .skip(1)
            .all(|part| !part.is_empty() && part != "." && part != "..")
        && !path.value.contains(char::is_control);
    if !good {
        let message = "`jwks_file` must be the absolute path of a file";
        let help = "the destination under which `files` mounts it, such as `/keys.json`";
        source.find_with(Code::BadValue, path.offset, &message, Some(&help), &[]);
        return None;
    }
    Some(KeySource::JwksFile(path.value.to_owned()))
}

/// The name of a Spin variable: lower-case letters, digits, single underscores within.
pub(super) fn variable(
    source: &mut Source<'_>,
    value: &At<Value<'_>>,
    key: &str,
) -> Option<String> {
    const VARIABLE_BYTES_MAX: usize = 64;
    let name = source.string(value, &format!("`{key}`"))?;
    let good = name.value.len() <= VARIABLE_BYTES_MAX
        && name
            .value
            .starts_with(|first: char| first.is_ascii_lowercase())
        && name.value.split('_').all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
    if !good {
        // It may be the secret itself, so it is not repeated.
        let message = format_args!("`{key}` is not the name of a Spin variable");
        let help = "a name like `acme_secret`; the secret itself has no place in this file";
        source.find_with(Code::BadValue, name.offset, &message, Some(&help), &[]);
        return None;
    }
    Some(name.value.to_owned())
}

fn algorithms(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    keys: &Option<KeySource>,
) -> Option<AlgorithmSet> {
    let shared_secret = fields.key_offset("secret").is_some();
    let Some(value) = fields.get("algorithms") else {
        return Some(if shared_secret {
            AlgorithmSet::of(&[Algorithm::Hs256])
        } else {
            AlgorithmSet::asymmetric()
        });
    };
    let entries = source.strings(value, "`algorithms`", Algorithm::ALL.len() + 1)?;
    let mut set = AlgorithmSet::EMPTY;
    let mut good = true;
    for entry in entries {
        let Some(algorithm) = Algorithm::from_name(entry.value) else {
            unknown_algorithm(source, entry);
            good = false;
            continue;
        };
        set.insert(algorithm);
        // Invariant: the key fixes the algorithm. A public key never verifies an HMAC.
        if keys.is_some() && algorithm.is_symmetric() != shared_secret {
            let (what, help) = if shared_secret {
                ("does not work with", "list HS256, HS384 or HS512")
            } else {
                ("needs", "list algorithms with a public key")
            };
            let message = format_args!("{algorithm} {what} a `secret`");
            source.find_with(Code::Conflict, entry.offset, &message, Some(&help), &[]);
            good = false;
        }
    }
    good.then_some(set)
}

fn unknown_algorithm(source: &mut Source<'_>, entry: At<&str>) {
    let mut names: Vec<&str> = Algorithm::ALL.iter().map(|known| known.name()).collect();
    names.push("Ed25519");
    let help = suggestion(entry.value, &names, &"there are");
    let message = format_args!("`{}` is no supported algorithm", shown(entry.value));
    source.find_with(Code::BadValue, entry.offset, &message, Some(&help), &[]);
}
