//! `[bundle]`

use doorward_token::bundle::{APPLICATION_BYTES_MAX, BUNDLE_KEYS_MAX, SEQUENCE_MAX};
use serde_json::{Value, json};

use super::parts::{formed, list, number, otherwise, table, text};
use crate::bootstrap::{BUNDLE_MINIMUM_DEFAULT, BUNDLE_REFRESH_S_DEFAULT};
use crate::load::{BUNDLE_REFRESH_S_MAX, BUNDLE_REFRESH_S_MIN, STORE_NAME_BYTES_MAX};
use crate::store::STORE_NAME_DEFAULT;

pub(super) fn bundle() -> Value {
    let application = format!("^[A-Za-z0-9._-]{{1,{APPLICATION_BYTES_MAX}}}$");
    let store = format!("^[A-Za-z0-9_-]{{1,{STORE_NAME_BYTES_MAX}}}$");
    // 32 bytes in base64url: of the last character only four bits count.
    let key = json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$" });
    table(
        "Where the policy is fetched, which `doorward bundle sign` has signed. Nothing else can be in this file. For \
         components with the feature `bundle`.",
        &["url", "application", "keys"],
        [
            (
                "url",
                text("Where it is: https, or http on a loopback address."),
            ),
            (
                "application",
                formed(
                    "The name that it is signed for. A policy for another application is refused.",
                    &application,
                ),
            ),
            (
                "keys",
                list(
                    "Whose signature it has to have: Ed25519 public keys, as `doorward bundle key` prints them. Two \
                     while one takes the place of the other.",
                    BUNDLE_KEYS_MAX,
                    &key,
                ),
            ),
            (
                "refresh_s",
                otherwise(
                    number(
                        "How often it is asked for, in seconds, by all instances together.",
                        BUNDLE_REFRESH_S_MIN,
                        BUNDLE_REFRESH_S_MAX,
                    ),
                    BUNDLE_REFRESH_S_DEFAULT,
                ),
            ),
            (
                "minimum",
                otherwise(
                    number(
                        "The lowest sequence number that is accepted, whatever is in the store.",
                        1,
                        SEQUENCE_MAX,
                    ),
                    BUNDLE_MINIMUM_DEFAULT,
                ),
            ),
            (
                "store",
                otherwise(
                    formed(
                        "The label of the key-value store that keeps the last one.",
                        &store,
                    ),
                    STORE_NAME_DEFAULT,
                ),
            ),
        ],
    )
}
