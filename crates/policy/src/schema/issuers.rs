//! `[issuer.NAME]` and `[api_keys]`

use doorward_token::api_key::SCOPE_BYTES_MAX;
use doorward_token::freshness::{STALE_IF_ERROR_S_DEFAULT, UNKNOWN_KEY_COOLDOWN_S_DEFAULT};
use doorward_token::{
    Algorithm, LEEWAY_S_DEFAULT, LEEWAY_S_MAX, TOKEN_BYTES_DEFAULT, TOKEN_BYTES_MAX,
};
use serde_json::{Value, json};

use super::parts::{
    choice, entry, flag, formed, list, number, otherwise, table, tables, text, variable, word,
};
use super::report::{mode, report_until};
use super::routes::token_from;
use crate::load::{
    API_KEYS_MAX, AUDIENCE_ENTRIES_MAX, CACHE_S_MAX, CLIENT_IDS_MAX, ISSUER_SPELLINGS_MAX,
    ISSUERS_IN_ALL_MAX, NEGATIVE_CACHE_S_MAX, SCOPE_CLAIMS_MAX, SCOPE_ENTRIES_MAX,
    STALE_IF_ERROR_S_MAX, TOKEN_BYTES_MAX_MIN, UNKNOWN_KEY_COOLDOWN_S_MAX,
    UNKNOWN_KEY_COOLDOWN_S_MIN,
};

/// The name that RFC 9864 has for `EdDSA` with one of its curves.
const ED25519: &str = "Ed25519";

pub(super) fn issuer() -> Value {
    let mut algorithms: Vec<&str> = Algorithm::ALL.iter().map(|known| known.name()).collect();
    algorithms.push(ED25519);
    table(
        "An issuer of tokens.",
        &["url", "audience"],
        [
            (
                "url",
                text(
                    "Equal to `iss` in its tokens, and where its metadata and keys are found. It must be https; \
                     only a loopback address may be http. Where another key says where the keys are, it can be any \
                     text.",
                ),
            ),
            (
                "audience",
                list(
                    "`aud` of a token must name one of these: a token for another application is refused.",
                    AUDIENCE_ENTRIES_MAX,
                    &entry(),
                ),
            ),
            (
                "algorithms",
                list(
                    "With which algorithms tokens may be signed. Without it: every one with a public key, and with \
                     `secret` HS256.",
                    algorithms.len(),
                    &word(&algorithms),
                ),
            ),
            (
                "leeway_s",
                otherwise(
                    number(
                        "By how much the clocks may differ, in seconds.",
                        0,
                        LEEWAY_S_MAX,
                    ),
                    LEEWAY_S_DEFAULT,
                ),
            ),
            (
                "access_token_profile",
                flag(
                    "Whether its access tokens follow RFC 9068 (`typ` is `at+jwt`).",
                    false,
                ),
            ),
            (
                "tokens",
                choice(
                    "What it sends: access tokens, ID tokens, or both. In no case refresh tokens, logout tokens, \
                     or what is bound to a key.",
                    &["access", "id", "any"],
                ),
            ),
            (
                "token_bytes_max",
                otherwise(
                    number(
                        "The longest token, in bytes: a longer one is a 431, in the query a 414.",
                        TOKEN_BYTES_MAX_MIN,
                        TOKEN_BYTES_MAX as u64,
                    ),
                    TOKEN_BYTES_DEFAULT,
                ),
            ),
            (
                "stale_if_error_s",
                otherwise(
                    number(
                        "For how long its last keys serve while it gives no key set, in seconds; 0: not at all.",
                        0,
                        STALE_IF_ERROR_S_MAX,
                    ),
                    STALE_IF_ERROR_S_DEFAULT,
                ),
            ),
            (
                "unknown_key_cooldown_s",
                otherwise(
                    number(
                        "How old its keys may be, in seconds, for a token with an unknown key to be refused for \
                         good (401); where they are older it is a 503.",
                        UNKNOWN_KEY_COOLDOWN_S_MIN,
                        UNKNOWN_KEY_COOLDOWN_S_MAX,
                    ),
                    UNKNOWN_KEY_COOLDOWN_S_DEFAULT,
                ),
            ),
            (
                "issuer",
                list(
                    "What `iss` may be besides `url`, which stays its name everywhere.",
                    ISSUER_SPELLINGS_MAX,
                    &entry(),
                ),
            ),
            (
                "audience_claim",
                text("What names the audience where `aud` is absent or empty."),
            ),
            (
                "scope_claim",
                list(
                    "What has the scopes, in place of `scope` and `scp`.",
                    SCOPE_CLAIMS_MAX,
                    &entry(),
                ),
            ),
            (
                "token_from",
                token_from(
                    "From where its tokens are believed. Without it: from wherever a route looks.",
                ),
            ),
            (
                "jwks_url",
                text("Where its key set is, in place of discovery."),
            ),
            (
                "jwks_file",
                text(
                    "The file with its key set, in place of discovery, as `files` in spin.toml mounts it: \
                     `/keys.json`.",
                ),
            ),
            (
                "secret",
                variable("The name of a Spin variable with the secret of HS256, HS384 or HS512."),
            ),
            (
                "insecure_http",
                flag(
                    "Whether its keys may come over http from other machines: for a network of your own without \
                     TLS. `doorward check` warns.",
                    false,
                ),
            ),
            (
                "tenants",
                list(
                    "Its tenants, each with an identifier and keys of its own: `{tenant}` in the addresses stands \
                     for them. Or `\"any\"`: then the token's `tid` is the tenant.",
                    ISSUERS_IN_ALL_MAX,
                    &entry(),
                ),
            ),
            ("introspection", introspection()),
            ("logout", logout()),
            (
                "mode",
                mode(
                    "Its tokens are judged as ever and refuse nobody, up to `report_until`. For components with \
                     the feature `report`.",
                ),
            ),
            ("report_until", report_until()),
        ],
    )
}

fn introspection() -> Value {
    table(
        "Where its tokens are opaque, it is asked what they say (RFC 7662).",
        &["client_id"],
        [
            ("client_id", text("As whom it is asked.")),
            (
                "authentication",
                choice(
                    "How the gate proves to be that client.",
                    &[
                        "client_secret_basic",
                        "client_secret_post",
                        "private_key_jwt",
                    ],
                ),
            ),
            (
                "secret",
                variable("The name of a Spin variable with the client's secret."),
            ),
            (
                "key",
                variable(
                    "With `private_key_jwt`, in place of `secret`: the name of a Spin variable with a private JWK.",
                ),
            ),
            (
                "endpoint",
                text("Where it is asked. Without it: where its metadata say."),
            ),
            (
                "cache_s",
                otherwise(
                    number(
                        "For how long an answer is used at most, in seconds.",
                        0,
                        CACHE_S_MAX,
                    ),
                    60,
                ),
            ),
            (
                "negative_cache_s",
                otherwise(
                    number(
                        "The same of a token that is not active.",
                        0,
                        NEGATIVE_CACHE_S_MAX,
                    ),
                    5,
                ),
            ),
            (
                "missing_audience",
                choice(
                    "What becomes of an answer without `aud`. `accept` only where the endpoint answers for tokens \
                     meant for us alone.",
                    &["refuse", "accept"],
                ),
            ),
        ],
    )
}

fn logout() -> Value {
    table(
        "Where it says when somebody logs out (OpenID Connect back-channel logout). Needs `[revocation]`.",
        &["path", "client_id"],
        [
            (
                "path",
                text("The path that it posts to. The gate itself answers there."),
            ),
            (
                "client_id",
                list(
                    "`aud` of a logout token names one of them.",
                    CLIENT_IDS_MAX,
                    &entry(),
                ),
            ),
        ],
    )
}

pub(super) fn api_keys() -> Value {
    table(
        "Keys of machines, as `doorward key new` makes them. A route takes them only if it says so (`accept`).",
        &[],
        [
            (
                "header",
                text(
                    "The header that has the key. Without `header` and `query`: only as the password of Basic.",
                ),
            ),
            (
                "query",
                text("The parameter that has the key, in place of a header."),
            ),
            (
                "store",
                flag("Whether keys are looked for in the store as well.", true),
            ),
            (
                "key",
                tables("The keys that are listed here.", API_KEYS_MAX, &api_key()),
            ),
        ],
    )
}

fn api_key() -> Value {
    let scope = json!({ "type": "string", "minLength": 1, "maxLength": SCOPE_BYTES_MAX });
    table(
        "A key, as `doorward key new --to policy` prints it.",
        &["name", "id", "hash"],
        [
            ("name", text("Its `sub`, and its user name for Basic.")),
            (
                "id",
                text("Which key it is. It is the first part of the key."),
            ),
            ("hash", text("The hash of the key: `sha256:…`.")),
            ("scope", list("What it may do.", SCOPE_ENTRIES_MAX, &scope)),
            (
                "expires",
                formed(
                    "Until when it is good: a time such as `2027-01-01T00:00:00Z`. Without it: for ever.",
                    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
                ),
            ),
        ],
    )
}
