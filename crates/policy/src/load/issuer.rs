//! `[issuer.NAME]`

use doorward_syntax::url::{UrlError, Wire, check_url};
use doorward_token::freshness::{
    FreshnessPolicy, STALE_IF_ERROR_S_DEFAULT, UNKNOWN_KEY_COOLDOWN_S_DEFAULT,
};
use doorward_token::{
    Algorithm, AlgorithmSet, ClaimPath, Expectations, LEEWAY_S_DEFAULT, LEEWAY_S_MAX,
    TOKEN_BYTES_DEFAULT, TOKEN_BYTES_MAX, TokenKinds,
};

use super::bounds::{
    AUDIENCE_ENTRIES_MAX, ISSUER_NAME_BYTES_MAX, ISSUERS_IN_ALL_MAX, ISSUERS_MAX, SCOPE_CLAIMS_MAX,
    STALE_IF_ERROR_S_MAX, TOKEN_BYTES_MAX_MIN, UNKNOWN_KEY_COOLDOWN_S_MAX,
    UNKNOWN_KEY_COOLDOWN_S_MIN,
};
#[cfg(feature = "report")]
use super::report;
use super::tenants::{self, Tenant, address};
use super::token_from::{self, ReadSources};
use super::{introspection, logout, names, values};
use crate::finding::Code;
use crate::policy::{Issuer, IssuerGroup, KeySource};
use crate::source::{At, Fields, Related, Source, concat, shown, suggestion};
use crate::token_from::SourceSet;
use crate::value::Value;

/// An issuer of the file. One with errors keeps its name, so that routes which name it are not
/// blamed for it.
pub(super) struct ReadIssuer {
    pub(super) name: String,
    pub(super) offset: usize,
    /// Where its URL is.
    pub(super) url_offset: usize,
    /// Where its further names are.
    pub(super) spellings_offset: usize,
    /// Where the claim is that names the audience, if there is one.
    pub(super) audience_claim_offset: Option<usize>,
    /// Which issuers of the policy it stands for.
    pub(super) group: IssuerGroup,
    /// Those issuers. Where there are findings, what is in them is of no use.
    pub(super) issuers: Vec<Issuer>,
    /// Where its path for logout tokens is.
    pub(super) logout_offset: usize,
    /// From where its tokens are believed, if it says so.
    pub(super) token_from: Option<ReadSources>,
}

impl ReadIssuer {
    /// What all its issuers have in common.
    pub(super) fn any(&self) -> Option<&Issuer> {
        self.issuers.first()
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
            spellings_offset: offset,
            audience_claim_offset: None,
            group: IssuerGroup { first, count: 1 },
            issuers: Vec::new(),
            logout_offset: offset,
            token_from: None,
        };
        if let Some(mut fields) = table.table(&entry.value) {
            fields.offset = offset;
            read.token_from = token_from::read(source, fields);
            #[cfg(feature = "report")]
            let report = report::until(source, fields);
            let before = source.findings_count();
            let tenants = tenants::read(source, fields);
            read.group.count = tenants.len().max(1) as u32;
            if tenants.is_empty() {
                // What is wrong with the rest depends on whose it is; its keys do not.
                let mut aside = Source::new("");
                read_one(&mut aside, &mut read, fields, Tenant::None, revocation);
                read.issuers.clear();
            }
            for tenant in tenants {
                read_one(source, &mut read, fields, tenant, revocation);
                // What is wrong with one of them is usually wrong with all.
                if source.findings_count() > before {
                    break;
                }
            }
            #[cfg(feature = "report")]
            for issuer in &mut read.issuers {
                issuer.report = report;
            }
            source.finish(fields, "an issuer");
        } else {
            let what = format!("`issuer.{}`", shown(name));
            source.wrong_type(&entry.value, &what, "a table");
        }
        first += read.group.count;
        if first as usize > ISSUERS_IN_ALL_MAX {
            let message =
                format_args!("there are more than {ISSUERS_IN_ALL_MAX} issuers, tenants counted");
            source.find(Code::TooLarge, offset, &message);
            return issuers;
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

/// Reads everything, whatever is wrong with some of it, so that all findings are made at once.
fn read_one(
    source: &mut Source<'_>,
    read: &mut ReadIssuer,
    fields: Fields<'_, '_>,
    tenant: Tenant<'_>,
    revocation: bool,
) {
    let what = format!("the issuer `{}`", shown(&read.name));
    let wire = match source.flag(fields, "insecure_http", false) {
        true => Wire::Open,
        false => Wire::Safe,
    };
    let keys = keys(source, fields, tenant, wire);
    let url = names::url(source, &what, fields, tenant, &keys, wire);
    if let Some(value) = fields.get("url") {
        read.url_offset = value.offset;
    }
    if let Some(value) = fields.get("issuer") {
        read.spellings_offset = value.offset;
    }
    read.audience_claim_offset = fields.key_offset("audience_claim");
    let audience_claim = fields.get("audience_claim").and_then(|value| {
        let claim = source.string(value, "`audience_claim`")?;
        claim_path(source, "`audience_claim`", claim)
    });
    let expectations = Expectations {
        issuer_spellings: names::spellings(source, fields, tenant, &url),
        issuer: url,
        any_tenant: matches!(tenant, Tenant::Any),
        audience: audience(source, &what, fields),
        audience_claim,
        scope_claims: scope_claims(source, fields),
        algorithms: algorithms(source, fields, &keys),
        leeway_s: source.seconds(fields, "leeway_s", 0..=LEEWAY_S_MAX, LEEWAY_S_DEFAULT),
        access_token_profile: source.flag(fields, "access_token_profile", false),
        tokens: kinds(source, fields),
        token_bytes_max: source.number(
            fields,
            "token_bytes_max",
            TOKEN_BYTES_MAX_MIN..=TOKEN_BYTES_MAX as u64,
            TOKEN_BYTES_DEFAULT as u64,
        ) as usize,
    };
    let freshness = FreshnessPolicy {
        stale_if_error_s: source.seconds(
            fields,
            "stale_if_error_s",
            0..=STALE_IF_ERROR_S_MAX,
            STALE_IF_ERROR_S_DEFAULT,
        ),
        unknown_key_cooldown_s: source.seconds(
            fields,
            "unknown_key_cooldown_s",
            UNKNOWN_KEY_COOLDOWN_S_MIN..=UNKNOWN_KEY_COOLDOWN_S_MAX,
            UNKNOWN_KEY_COOLDOWN_S_DEFAULT,
        ),
        ..FreshnessPolicy::default()
    };
    if matches!(tenant, Tenant::Any) {
        for key in ["introspection", "logout"] {
            if let Some(offset) = fields.key_offset(key) {
                let message =
                    format_args!("`{key}` is each tenant's own, and `tenants` is \"any\"");
                let help = "list the tenants, or leave it out";
                source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
            }
        }
    }
    let open = wire == Wire::Open && check_url(&expectations.issuer) == Err(UrlError::NotEncrypted);
    let introspection = introspection::read(source, fields, tenant, &keys, open);
    let logout = logout::read(source, fields, revocation);
    if let Some(logout) = &logout {
        read.logout_offset = logout.offset;
    }
    read.issuers.push(Issuer {
        name: match tenant {
            Tenant::Named(tenant) => concat(&[&read.name, "/", tenant]),
            Tenant::None | Tenant::Any => read.name.clone(),
        },
        id: read.group.first as usize + read.issuers.len(),
        url: expectations.issuer.clone(),
        audience: expectations.audience.clone(),
        algorithms: expectations.algorithms,
        leeway_s: expectations.leeway_s,
        keys,
        wire,
        access_token_profile: expectations.access_token_profile,
        freshness,
        introspection,
        logout: logout.map(|logout| logout.value),
        believed: SourceSet::ALL,
        #[cfg(feature = "report")]
        report: None,
        expectations,
    });
}

/// Which kinds of tokens it sends. RFC 9068 is about access tokens.
fn kinds(source: &mut Source<'_>, fields: Fields<'_, '_>) -> TokenKinds {
    let kinds = match source.choice(fields, "tokens", &["access", "id", "any"]) {
        0 => return TokenKinds::Access,
        1 => TokenKinds::Id,
        _ => TokenKinds::Any,
    };
    if let Some(profile) = fields.get("access_token_profile")
        && matches!(profile.value, Value::Boolean(true))
        && let Some(offset) = fields.key_offset("tokens")
    {
        let message =
            "`access_token_profile` accepts access tokens only, and `tokens` something else";
        let help = "leave out one of them";
        let related: Related<'_> = &[(profile.offset, &"`access_token_profile` is here")];
        source.find_with(Code::Conflict, offset, &message, Some(&help), related);
    }
    kinds
}

fn scope_claims(source: &mut Source<'_>, fields: Fields<'_, '_>) -> Vec<ClaimPath> {
    const WHAT: &str = "`scope_claim`";
    let value = fields.get("scope_claim");
    let entries = value.and_then(|value| source.strings(value, WHAT, SCOPE_CLAIMS_MAX));
    let mut claims = Vec::new();
    for entry in entries.unwrap_or_default() {
        claims.extend(claim_path(source, WHAT, entry));
    }
    claims
}

fn claim_path(source: &mut Source<'_>, what: &str, claim: At<&str>) -> Option<ClaimPath> {
    let path = ClaimPath::parse(claim.value);
    if let Err(error) = &path {
        let message = format_args!("{what}: `{}` {error}", shown(claim.value));
        source.find(Code::BadValue, claim.offset, &message);
    }
    path.ok()
}

fn audience(source: &mut Source<'_>, what: &str, fields: Fields<'_, '_>) -> Vec<String> {
    let help = "add what its tokens for this application have in `aud`; without that, a token for \
                any other application would do";
    source.is_there(fields, "audience", what, help);
    let value = fields.get("audience");
    let entries = value.and_then(|value| source.strings(value, "`audience`", AUDIENCE_ENTRIES_MAX));
    let entries = entries.unwrap_or_default();
    entries.iter().map(|entry| entry.value.to_owned()).collect()
}

fn keys(
    source: &mut Source<'_>,
    fields: Fields<'_, '_>,
    tenant: Tenant<'_>,
    wire: Wire,
) -> KeySource {
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
    }
    if let Some(url) = source.text(fields, "jwks_url") {
        let url = address(source, "`jwks_url`", url, tenant, false, Some(wire));
        return KeySource::JwksUrl(url);
    }
    if let Some(path) = source.text(fields, "jwks_file") {
        return KeySource::JwksFile(file(source, path, tenant));
    }
    if fields.get("secret").is_some() {
        let variable = values::variable(source, fields, "secret");
        return KeySource::Secret { variable };
    }
    KeySource::Discovery
}

fn file(source: &mut Source<'_>, path: At<&str>, tenant: Tenant<'_>) -> String {
    let file = tenants::fill(source, "`jwks_file`", path, tenant, false);
    if !values::is_mounted(path.value) {
        let message = "`jwks_file` must be the absolute path of a file";
        let help = "the destination under which `files` mounts it, such as `/keys.json`";
        source.find_with(Code::BadValue, path.offset, &message, Some(&help), &[]);
    }
    file
}

fn algorithms(source: &mut Source<'_>, fields: Fields<'_, '_>, keys: &KeySource) -> AlgorithmSet {
    let shared_secret = matches!(keys, KeySource::Secret { .. });
    let Some(value) = fields.get("algorithms") else {
        return if shared_secret {
            AlgorithmSet::of(&[Algorithm::Hs256])
        } else {
            AlgorithmSet::asymmetric()
        };
    };
    let entries = source.strings(value, "`algorithms`", Algorithm::ALL.len() + 1);
    let mut set = AlgorithmSet::EMPTY;
    for entry in entries.unwrap_or_default() {
        let Some(algorithm) = Algorithm::from_name(entry.value) else {
            unknown_algorithm(source, entry);
            continue;
        };
        set.insert(algorithm);
        // Invariant: the key fixes the algorithm. A public key never verifies an HMAC.
        if algorithm.is_symmetric() != shared_secret {
            let (what, help) = if shared_secret {
                ("does not work with", "list HS256, HS384 or HS512")
            } else {
                ("needs", "list algorithms with a public key")
            };
            let message = format_args!("{algorithm} {what} a `secret`");
            source.find_with(Code::Conflict, entry.offset, &message, Some(&help), &[]);
        }
    }
    set
}

fn unknown_algorithm(source: &mut Source<'_>, entry: At<&str>) {
    let mut names: Vec<&str> = Algorithm::ALL.iter().map(|known| known.name()).collect();
    names.push("Ed25519");
    let help = suggestion(entry.value, &names, &"there are");
    let message = format_args!("`{}` is no supported algorithm", shown(entry.value));
    source.find_with(Code::BadValue, entry.offset, &message, Some(&help), &[]);
}
