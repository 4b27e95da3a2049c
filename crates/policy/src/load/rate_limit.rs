//! `[rate_limit.NAME]`

use doorward_token::ClaimPath;
use doorward_traffic::rate::{Counts, RateKey, RateLimit};

use super::bounds::{RATE_PER_S_MAX, RATE_REQUESTS_MAX};
use super::{fields, values};
use crate::finding::Code;
use crate::source::{At, Fields, Related, Source, shown, suggestion};

const WHAT: &str = "`rate_limit`";

/// Fields that hold a credential: what is counted by is kept, and may be shared.
const SECRETS: [&str; 4] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
];

/// A limit, and where the claim is that it counts by, if it counts by one. `key_header` is the name of the
/// header that API keys are in.
pub(super) fn read(
    source: &mut Source<'_>,
    name: &str,
    fields: Fields<'_, '_>,
    key_header: Option<&str>,
) -> (RateLimit, Option<ClaimPath>) {
    let help = "say how many requests are let through in `per_s` seconds";
    source.is_there(fields, "requests", WHAT, help);
    let help = "say in how many seconds so many `requests` are let through";
    source.is_there(fields, "per_s", WHAT, help);
    let requests = source.number(fields, "requests", 1..=RATE_REQUESTS_MAX, 1);
    let per_s = source.seconds(fields, "per_s", 1..=RATE_PER_S_MAX, 1);
    let burst = source.number(fields, "burst", 1..=RATE_REQUESTS_MAX, requests);
    let (key, claim) = match source.text(fields, "key") {
        Some(text) => key(source, text, key_header),
        None => (RateKey::Client, None),
    };
    let counts = match source.choice(fields, "counts", &["requests", "failed-authentication"]) {
        0 => Counts::Requests,
        _ => Counts::FailedAuthentication,
    };
    if counts == Counts::FailedAuthentication
        && is_of_credential(&key)
        && let (Some(offset), Some(counts)) =
            (fields.key_offset("key"), fields.key_offset("counts"))
    {
        let message = "a credential that proves false does not say whose it is";
        let help = "count failed authentication by `client` or by a header";
        let related: Related<'_> = &[(counts, &"it counts failed authentication")];
        source.find_with(Code::Conflict, offset, &message, Some(&help), related);
    }
    let small = |number: u64| u32::try_from(number).unwrap_or(1);
    let limit = RateLimit {
        name: name.to_owned(),
        requests: small(requests),
        per_s: small(per_s),
        burst: small(burst),
        key,
        counts,
        shared: source.flag(fields, "shared", false),
    };
    source.finish(fields, WHAT);
    (limit, claim)
}

/// Whether only a credential says what is counted by.
pub(super) fn is_of_credential(key: &RateKey) -> bool {
    match key {
        RateKey::Client | RateKey::Header(_) => false,
        RateKey::Subject | RateKey::ApiKey | RateKey::Claim(_) => true,
    }
}

fn key(
    source: &mut Source<'_>,
    text: At<&str>,
    key_header: Option<&str>,
) -> (RateKey, Option<ClaimPath>) {
    match text.value.split_once(':') {
        None if text.value == "client" => return (RateKey::Client, None),
        None if text.value == "subject" => return (RateKey::Subject, None),
        None if text.value == "api-key" => return (RateKey::ApiKey, None),
        Some(("header", name)) => {
            let (offset, value) = (text.offset, name);
            let name = At { offset, value };
            if fields::name(source, name) && (SECRETS.contains(&value) || key_header == Some(value))
            {
                let message = format_args!("`{value}` holds a credential");
                let help = "count by `subject` or by `api-key`";
                source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
            }
            return (RateKey::Header(value.to_owned()), None);
        }
        Some(("claim", name)) if !name.is_empty() => {
            let (offset, value) = (text.offset, name);
            let path = values::claim(source, At { offset, value });
            return (RateKey::Claim(name.to_owned()), path);
        }
        _ => {}
    }
    let known = ["client", "subject", "api-key", "header:NAME", "claim:NAME"];
    let help = suggestion(text.value, &known, &"there are");
    let message = format_args!("`key` cannot be `{}`", shown(text.value));
    source.find_with(Code::BadValue, text.offset, &message, Some(&help), &[]);
    (RateKey::Client, None)
}
