//! The policy file as a JSON Schema (draft 7), for editors: which keys there are, of which type, and what each means.
//!
//! It refuses no policy that [`Policy::parse`](crate::Policy::parse) accepts. The other way round it says only what a
//! schema can say of one value: that two keys contradict each other, or that a name is nobody's, is found by
//! `doorward check`. The reader does not use it, so that its messages can say more; tests compare the two key by key.

mod around;
mod bundle;
mod issuers;
mod parts;
mod report;
mod routes;
mod telling;
mod traffic;

use serde_json::{Value, json};

use self::parts::{named, tables, text};
use self::report::{mode, report_until};
use crate::load::{
    ISSUER_NAME_BYTES_MAX, ISSUERS_MAX, ROUTES_MAX, TRAFFIC_NAME_BYTES_MAX, TRAFFIC_TABLES_MAX,
    UPSTREAMS_MAX,
};

/// Which JSON Schema it is: the draft that all editors of TOML know.
const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// The schema.
#[must_use]
pub fn schema() -> Value {
    let of_traffic =
        |about: &str, each: &Value| named(about, TRAFFIC_TABLES_MAX, TRAFFIC_NAME_BYTES_MAX, each);
    let mut schema = parts::table(
        "Who may do what. What no route lists is refused.",
        &[],
        [
            ("bundle", bundle::bundle()),
            (
                "mode",
                mode(
                    "Judges as ever and refuses nobody: everything is in report mode, up to `report_until`. For \
                     components with the feature `report`.",
                ),
            ),
            ("report_until", report_until()),
            (
                "candidate",
                text(
                    "A mounted file with a policy that decides beside this one without any effect: where it says \
                     something else, the log has `candidate-differs`. For components with the feature `report`.",
                ),
            ),
            (
                "issuer",
                named(
                    "Whose tokens are believed. The name is your own: routes and the log use it.",
                    ISSUERS_MAX,
                    ISSUER_NAME_BYTES_MAX,
                    &issuers::issuer(),
                ),
            ),
            ("api_keys", issuers::api_keys()),
            ("store", around::store()),
            ("revocation", around::revocation()),
            ("log", telling::log()),
            ("health", telling::health()),
            ("telemetry", telling::telemetry()),
            ("proxy", around::proxy()),
            (
                "upstream",
                named(
                    "Where the gateway sends requests. The name is your own: routes use it.",
                    UPSTREAMS_MAX,
                    TRAFFIC_NAME_BYTES_MAX,
                    &traffic::upstream(),
                ),
            ),
            (
                "cors",
                of_traffic(
                    "Which pages of other origins may ask (the Fetch standard).",
                    &traffic::cors(),
                ),
            ),
            (
                "rate_limit",
                of_traffic("How often may be asked.", &traffic::rate_limit()),
            ),
            (
                "limits",
                of_traffic(
                    "How large a request may be, and how slow. What is left out has no limit here.",
                    &traffic::limits(),
                ),
            ),
            (
                "security_headers",
                of_traffic("What is added to responses.", &traffic::security_headers()),
            ),
            ("defaults", routes::defaults()),
            ("identity", routes::identity()),
            (
                "route",
                tables(
                    "Which request needs what. Of several patterns that match the most specific one decides.",
                    ROUTES_MAX,
                    &routes::route(),
                ),
            ),
        ],
    );
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("$schema".to_owned(), json!(DRAFT));
        // A policy, or where one is fetched.
        let forms = json!([
            { "required": ["route"], "not": { "required": ["bundle"] } },
            { "required": ["bundle"], "maxProperties": 1 }
        ]);
        schema.insert("oneOf".to_owned(), forms);
        schema.insert("title".to_owned(), json!("A policy of Doorward"));
    }
    schema
}
