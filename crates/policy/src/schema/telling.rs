//! `[log]`, `[health]` and `[telemetry]`

use serde_json::{Value, json};

use super::parts::{
    choice, day, field_name, flag, formed, keyed, list, number, otherwise, table, text, variable,
    word,
};
use crate::load::{
    FIELD_NAME_BYTES_MAX, HEALTH_REQUIRE_MAX, SERVICE_NAME_BYTES_MAX, TELEMETRY_HEADERS_MAX,
    TRACE_ONE_IN_MAX,
};
use crate::log::LogRule;

pub(super) fn log() -> Value {
    table(
        "With this table each request has a line in the log, beside refusals and failures. For components with the \
         feature `access-log`.",
        &[],
        [
            (
                "admitted_percent",
                otherwise(
                    number(
                        "Of how many in a hundred that were admitted there is a line. Refused and failed ones have \
                         one.",
                        0,
                        100,
                    ),
                    100,
                ),
            ),
            (
                "principal",
                choice(
                    "What is said of the caller: issuer and subject, a hash of both with a key, or nothing.",
                    &["plain", "hash", "none"],
                ),
            ),
            (
                "secret",
                variable("With `principal = \"hash\"`: the name of a Spin variable with its key."),
            ),
            (
                "names",
                choice(
                    "What fields are called: by names of our own, of the Elastic Common Schema, or of \
                     OpenTelemetry.",
                    &["own", "ecs", "otel"],
                ),
            ),
            (
                "level_variable",
                variable(
                    "The name of a Spin variable that says which events there are, as RUST_LOG does.",
                ),
            ),
            (
                "fields",
                list(
                    "Which of the fields that can be left out a line has. Without it: all.",
                    LogRule::FIELDS.len(),
                    &word(&LogRule::FIELDS),
                ),
            ),
            (
                "decision_inputs",
                flag(
                    "Whether lines have what the decision depended on, for `doorward replay`: paths, and the \
                     claims that rules name. That is data of people, so it needs `decision_inputs_until`.",
                    false,
                ),
            ),
            (
                "decision_inputs_until",
                day("When that ends: a day, or a time, in UTC; 400 days ahead at most."),
            ),
        ],
    )
}

pub(super) fn health() -> Value {
    let required = json!({
        "anyOf": [word(&["store"]), { "type": "string", "pattern": "^(upstream|issuer):." }]
    });
    table(
        "With this table the gate itself answers at these paths, without a credential. For components with the \
         feature `health`.",
        &[],
        [
            (
                "ready",
                text("Where it says whether requests can be decided: 200, or 503."),
            ),
            ("live", text("Where it says that it runs: 200.")),
            (
                "require",
                list(
                    "Without what it is not ready: `store`, `upstream:NAME`, `issuer:NAME`. Without an issuer in \
                     it, also those whose signed tokens routes accept.",
                    HEALTH_REQUIRE_MAX,
                    &required,
                ),
            ),
            (
                "details",
                choice(
                    "Who is told what is wrong: nobody, peers in `trusted_networks` of `[proxy]`, or everybody.",
                    &["none", "trusted", "all"],
                ),
            ),
        ],
    )
}

pub(super) fn telemetry() -> Value {
    let field = field_name(FIELD_NAME_BYTES_MAX);
    let service = format!("^[!-~]{{1,{SERVICE_NAME_BYTES_MAX}}}$");
    table(
        "Where numbers and spans go. For components with the feature `otlp` or `ops`.",
        &[],
        [
            (
                "otlp",
                text(
                    "Where OTLP is taken over HTTP, such as `https://collector.example:4318`. `/v1/metrics` and \
                     `/v1/traces` are added.",
                ),
            ),
            (
                "headers",
                keyed(
                    "What is sent there: header fields, and the Spin variables that have their values.",
                    &field,
                    TELEMETRY_HEADERS_MAX,
                    &variable("The name of a Spin variable."),
                ),
            ),
            (
                "service_name",
                otherwise(
                    formed("`service.name` of what is sent.", &service),
                    "doorward",
                ),
            ),
            ("metrics", flag("Whether numbers are sent.", true)),
            (
                "trace_one_in",
                otherwise(
                    number(
                        "Of how many requests one has its spans sent; 0: none. A trusted peer decides itself.",
                        0,
                        TRACE_ONE_IN_MAX,
                    ),
                    100,
                ),
            ),
            (
                "insecure_http",
                flag("Whether it may be http to other machines, too.", false),
            ),
            (
                "in_store",
                flag(
                    "Whether numbers are left in the store, for the component `ops`.",
                    false,
                ),
            ),
        ],
    )
}
