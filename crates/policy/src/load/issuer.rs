//! `[issuer.NAME]`

use doorward_token::freshness::FreshnessPolicy;
use doorward_token::metadata::check_url;
use doorward_token::{Algorithm, AlgorithmSet, Expectations, LEEWAY_S_DEFAULT, LEEWAY_S_MAX};

use super::{AUDIENCE_ENTRIES_MAX, ISSUER_NAME_BYTES_MAX, ISSUERS_MAX};
use crate::document::Value;
use crate::finding::Code;
use crate::policy::{Issuer, KeySource};
use crate::source::{At, Fields, Related, Source, shown, suggestion};

const KEYS: [&str; 8] = [
    "access_token_profile",
    "algorithms",
    "audience",
    "jwks_file",
    "jwks_url",
    "leeway_s",
    "secret",
    "url",
];

/// An issuer of the file. One with errors keeps its name, so that routes which name it are not
/// blamed for it.
pub(super) struct ReadIssuer {
    pub(super) name: String,
    pub(super) offset: usize,
    pub(super) issuer: Option<Issuer>,
}

pub(super) fn read(source: &mut Source<'_>, root: Fields<'_, '_>) -> Vec<ReadIssuer> {
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
    let mut urls: Vec<At<&str>> = Vec::new();
    for entry in table.entries {
        let (name, offset) = (entry.name.value.as_ref(), entry.name.offset);
        check_name(source, name, offset);
        let issuer = if let Some(mut fields) = table.table(&entry.value) {
            fields.offset = offset;
            source.check_keys(fields, &KEYS, "an issuer");
            read_one(source, name, fields, &mut urls)
        } else {
            let what = format!("`issuer.{}`", shown(name));
            source.wrong_type(&entry.value, &what, "a table");
            None
        };
        issuers.push(ReadIssuer {
            name: name.to_owned(),
            offset,
            issuer,
        });
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
    name: &str,
    fields: Fields<'t, '_>,
    urls: &mut Vec<At<&'t str>>,
) -> Option<Issuer> {
    // Everything is read before anything is given up, so that all findings are made at once.
    let url = url(source, name, fields, urls);
    let audience = audience(source, name, fields);
    let keys = keys(source, fields);
    let algorithms = algorithms(source, fields, &keys);
    let leeway_s = leeway_s(source, fields);
    let access_token_profile = match fields.get("access_token_profile") {
        Some(value) => source.boolean(value, "`access_token_profile`"),
        None => Some(false),
    };
    let expectations = Expectations {
        issuer: url?,
        audience: audience?,
        algorithms: algorithms?,
        leeway_s: leeway_s?,
        access_token_profile: access_token_profile?,
    };
    Some(Issuer {
        name: name.to_owned(),
        url: expectations.issuer.clone(),
        audience: expectations.audience.clone(),
        algorithms: expectations.algorithms,
        leeway_s: expectations.leeway_s,
        keys: keys?,
        access_token_profile: expectations.access_token_profile,
        freshness: FreshnessPolicy::default(),
        introspection: None,
        logout: None,
        expectations,
    })
}

fn url<'t>(
    source: &mut Source<'_>,
    name: &str,
    fields: Fields<'t, '_>,
    urls: &mut Vec<At<&'t str>>,
) -> Option<String> {
    let Some(value) = fields.get("url") else {
        let message = format_args!("the issuer `{}` has no `url`", shown(name));
        let help = "add the issuer's identifier, as tokens have it in `iss`";
        source.find_with(Code::MissingKey, fields.offset, &message, Some(&help), &[]);
        return None;
    };
    let url = source.string(value, "`url`")?;
    check_https(source, "`url`", url)?;
    if url.value.contains('?') {
        // RFC 8414 section 2.
        let message = "an issuer's `url` has no query";
        source.find(Code::BadUrl, url.offset, &message);
        return None;
    }
    if let Some(earlier) = urls.iter().find(|earlier| earlier.value == url.value) {
        let message = "two issuers have the same `url`: a token would not say whose it is";
        source.find_with(
            Code::Conflict,
            url.offset,
            &message,
            None,
            &[(earlier.offset, &"the other one")],
        );
        return None;
    }
    urls.push(url);
    Some(url.value.to_owned())
}

fn check_https(source: &mut Source<'_>, what: &str, url: At<&str>) -> Option<()> {
    match check_url(url.value) {
        Ok(()) => Some(()),
        Err(error) => {
            let help = "https, or http on 127.0.0.1, [::1] or localhost";
            let message = format_args!("{what} {error}");
            source.find_with(Code::BadUrl, url.offset, &message, Some(&help), &[]);
            None
        }
    }
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

fn keys(source: &mut Source<'_>, fields: Fields<'_, '_>) -> Option<KeySource> {
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
        check_https(source, "`jwks_url`", url)?;
        return Some(KeySource::JwksUrl(url.value.to_owned()));
    }
    if let Some(value) = fields.get("jwks_file") {
        return jwks_file(source, value);
    }
    if let Some(value) = fields.get("secret") {
        return secret(source, value);
    }
    Some(KeySource::Discovery)
}

fn jwks_file(source: &mut Source<'_>, value: &At<Value<'_>>) -> Option<KeySource> {
    let path = source.string(value, "`jwks_file`")?;
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
fn secret(source: &mut Source<'_>, value: &At<Value<'_>>) -> Option<KeySource> {
    const VARIABLE_BYTES_MAX: usize = 64;
    let name = source.string(value, "`secret`")?;
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
        let message = "`secret` is not the name of a Spin variable";
        let help = "a name like `acme_secret`; the secret itself has no place in this file";
        source.find_with(Code::BadValue, name.offset, &message, Some(&help), &[]);
        return None;
    }
    Some(KeySource::Secret {
        variable: name.value.to_owned(),
    })
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

fn leeway_s(source: &mut Source<'_>, fields: Fields<'_, '_>) -> Option<u64> {
    let Some(value) = fields.get("leeway_s") else {
        return Some(LEEWAY_S_DEFAULT);
    };
    let leeway_s = source.integer(value, "`leeway_s`")?;
    match u64::try_from(leeway_s.value) {
        Ok(seconds) if seconds <= LEEWAY_S_MAX => Some(seconds),
        _ => {
            let message = format_args!("`leeway_s` must be between 0 and {LEEWAY_S_MAX} seconds");
            source.find(Code::BadValue, leeway_s.offset, &message);
            None
        }
    }
}
