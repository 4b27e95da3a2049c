//! `[store]`, `[revocation]` and `[proxy]`

use doorward_traffic::address::{HOPS_MAX, NETWORKS_MAX};
use serde_json::Value;

use super::parts::{entry, formed, list, number, otherwise, table, text};
use crate::load::{
    PROXY_IDENTITY_HEADERS_MAX, STORE_NAME_BYTES_MAX, STORE_REFRESH_S_MAX, STORE_REFRESH_S_MIN,
    STORE_STALE_IF_ERROR_S_MAX, TOKEN_LIFETIME_MAX_S_MAX, TOKEN_LIFETIME_MAX_S_MIN,
};
use crate::store::{
    STORE_NAME_DEFAULT, STORE_REFRESH_S_DEFAULT, STORE_STALE_IF_ERROR_S_DEFAULT,
    TOKEN_LIFETIME_MAX_S_DEFAULT,
};
use crate::traffic::PROXY_NAME_DEFAULT;

pub(super) fn store() -> Value {
    let name = format!("^[A-Za-z0-9_-]{{1,{STORE_NAME_BYTES_MAX}}}$");
    table(
        "The key-value store that instances share.",
        &[],
        [
            (
                "name",
                otherwise(
                    formed("Its label in `key_value_stores` of spin.toml.", &name),
                    STORE_NAME_DEFAULT,
                ),
            ),
            (
                "refresh_s",
                otherwise(
                    number(
                        "How soon every instance sees what was written, in seconds.",
                        STORE_REFRESH_S_MIN,
                        STORE_REFRESH_S_MAX,
                    ),
                    STORE_REFRESH_S_DEFAULT,
                ),
            ),
            (
                "stale_if_error_s",
                otherwise(
                    number(
                        "For how long it is done without when the store fails, in seconds.",
                        0,
                        STORE_STALE_IF_ERROR_S_MAX,
                    ),
                    STORE_STALE_IF_ERROR_S_DEFAULT,
                ),
            ),
        ],
    )
}

pub(super) fn revocation() -> Value {
    table(
        "With this table tokens can be taken back: `doorward revoke` and logout have an effect. What is revoked is \
         in the store, and without the store no token is accepted.",
        &[],
        [(
            "token_lifetime_max_s",
            otherwise(
                number(
                    "A token must say when it was issued and live no longer than this, in seconds: what revokes it \
                     is kept for so long.",
                    TOKEN_LIFETIME_MAX_S_MIN,
                    TOKEN_LIFETIME_MAX_S_MAX,
                ),
                TOKEN_LIFETIME_MAX_S_DEFAULT,
            ),
        )],
    )
}

pub(super) fn proxy() -> Value {
    table(
        "What stands between clients, the gate and upstreams.",
        &[],
        [
            (
                "name",
                otherwise(
                    text(
                        "What it calls itself in `Via` and `CDN-Loop`. A request that comes back to the same name \
                         is a loop, 508.",
                    ),
                    PROXY_NAME_DEFAULT,
                ),
            ),
            (
                "trusted_hops",
                otherwise(
                    number(
                        "How many proxies in a row in front are believed when they say who the client is; 0: \
                         nobody is.",
                        0,
                        u64::from(HOPS_MAX),
                    ),
                    0,
                ),
            ),
            (
                "trusted_networks",
                list(
                    "Where the nearest of those proxies is: addresses, or networks such as `10.0.0.0/8`. Without \
                     it, anywhere.",
                    NETWORKS_MAX,
                    &entry(),
                ),
            ),
            (
                "identity_headers",
                list(
                    "In which fields proxies in the trusted networks may say who calls, such as \
                     `x-forwarded-user`. Nobody else ever may.",
                    PROXY_IDENTITY_HEADERS_MAX,
                    &entry(),
                ),
            ),
        ],
    )
}
