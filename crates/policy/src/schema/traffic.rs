//! `[upstream.NAME]` and what else routes use by name

use doorward_traffic::limits::BodyPace;
use serde_json::{Value, json};

use super::parts::{
    choice, entry, field_name, flag, formed, keyed, list, list_or_none, number, otherwise, table,
    text, variable,
};
use super::report::{mode, report_until};
use crate::load::{
    ATTEMPTS_MAX, BACKOFF_MS_MAX, BACKOFF_MS_MAX_MAX, BODY_BYTES_MAX_MAX, BODY_RATE_MIN_MAX,
    BODY_TIME_MAX_S_MAX, CONNECT_TIMEOUT_MS_MAX, CONTENT_TYPE_BYTES_MAX, CONTENT_TYPES_MAX,
    CORS_FIELDS_MAX, CORS_MAX_AGE_S_MAX, CORS_ORIGINS_MAX, FIELD_EDITS_MAX, FIELD_NAME_BYTES_MAX,
    FIELD_VALUE_BYTES_MAX, HEADER_BYTES_MAX_MAX, HEADER_COUNT_MAX_MAX, RATE_PER_S_MAX,
    RATE_REQUESTS_MAX, TARGETS_MAX, TIMEOUT_MS_MAX,
};
use crate::target::TARGET_BYTES_MAX;

pub(super) fn upstream() -> Value {
    table(
        "A server, or several that are the same.",
        &["url"],
        [
            (
                "url",
                list(
                    "One or more absolute URLs. Among several the less busy of two is asked, and one that fails is \
                     set aside. `allowed_outbound_hosts` in spin.toml has to name them, too.",
                    TARGETS_MAX,
                    &entry(),
                ),
            ),
            (
                "host",
                choice(
                    "Whether it is told the client's `Host`, in `X-Forwarded-Host`.",
                    &["forwarded", "hidden"],
                ),
            ),
            (
                "connect_timeout_ms",
                otherwise(
                    number(
                        "How long a connection may take, in milliseconds.",
                        1,
                        CONNECT_TIMEOUT_MS_MAX,
                    ),
                    1000,
                ),
            ),
            (
                "first_byte_timeout_ms",
                otherwise(
                    number(
                        "How long it may take to begin its answer, in milliseconds, counted from the body's end.",
                        1,
                        TIMEOUT_MS_MAX,
                    ),
                    15_000,
                ),
            ),
            (
                "between_bytes_timeout_ms",
                otherwise(
                    number(
                        "How long it may be silent within its answer, in milliseconds; 0: as long as the client \
                         waits, for streams of events.",
                        0,
                        TIMEOUT_MS_MAX,
                    ),
                    30_000,
                ),
            ),
            (
                "deadline_ms",
                otherwise(
                    number(
                        "How long all attempts may take together, in milliseconds.",
                        1,
                        TIMEOUT_MS_MAX,
                    ),
                    30_000,
                ),
            ),
            (
                "attempts_max",
                otherwise(
                    number(
                        "How often it is asked at most for one request, within 20 % of all requests. The first \
                         time counts.",
                        1,
                        ATTEMPTS_MAX,
                    ),
                    3,
                ),
            ),
            (
                "backoff_ms",
                otherwise(
                    number(
                        "The pause before the second attempt, at random up to this, in milliseconds. It doubles \
                         each time…",
                        1,
                        BACKOFF_MS_MAX,
                    ),
                    25,
                ),
            ),
            (
                "backoff_ms_max",
                number(
                    "…up to this, in milliseconds: `backoff_ms` or more. Without it: 1000, or `backoff_ms` where \
                     that is more.",
                    1,
                    BACKOFF_MS_MAX_MAX,
                ),
            ),
            (
                "breaker",
                flag(
                    "Whether it is left alone for a while when half of all requests fail.",
                    true,
                ),
            ),
            (
                "credential",
                table(
                    "A credential of ours in the place of the client's.",
                    &["secret"],
                    [
                        ("secret", variable("The name of a Spin variable.")),
                        (
                            "header",
                            otherwise(
                                text(
                                    "The field that has it. In another one than `authorization` the secret stands \
                                     alone.",
                                ),
                                "authorization",
                            ),
                        ),
                        (
                            "scheme",
                            choice(
                                "What stands before it in `authorization`.",
                                &["Bearer", "Basic"],
                            ),
                        ),
                    ],
                ),
            ),
            ("request", edits("Fields of requests to it.")),
            ("response", edits("Fields of its responses.")),
        ],
    )
}

fn edits(about: &str) -> Value {
    table(
        about,
        &[],
        [
            ("set", set()),
            ("remove", remove("Fields that are removed.")),
        ],
    )
}

fn set() -> Value {
    let value = format!("^([!-~]([ -~]{{0,{}}}[!-~])?)?$", FIELD_VALUE_BYTES_MAX - 2);
    keyed(
        "Fields that are set, and their values.",
        &field_name(FIELD_NAME_BYTES_MAX),
        FIELD_EDITS_MAX,
        &formed("The value.", &value),
    )
}

fn remove(about: &str) -> Value {
    list_or_none(about, FIELD_EDITS_MAX, &field())
}

fn field() -> Value {
    json!({ "type": "string", "pattern": field_name(FIELD_NAME_BYTES_MAX) })
}

pub(super) fn cors() -> Value {
    table(
        "Which pages may ask, and what they may see.",
        &["origins"],
        [
            (
                "origins",
                list(
                    "Their origins as browsers write them: `https://app.example`, `https://*.app.example`, or `*` \
                     without credentials.",
                    CORS_ORIGINS_MAX,
                    &entry(),
                ),
            ),
            (
                "credentials",
                flag("Whether with cookies and the like.", false),
            ),
            (
                "request_headers",
                list_or_none(
                    "Which fields they may set. Without it: whatever they ask for.",
                    CORS_FIELDS_MAX,
                    &field(),
                ),
            ),
            (
                "exposed_headers",
                list_or_none(
                    "Which fields of a response they may read. Without it: the harmless ones.",
                    CORS_FIELDS_MAX,
                    &field(),
                ),
            ),
            (
                "max_age_s",
                otherwise(
                    number(
                        "For how long a browser remembers the answer, in seconds.",
                        0,
                        CORS_MAX_AGE_S_MAX,
                    ),
                    600,
                ),
            ),
        ],
    )
}

pub(super) fn rate_limit() -> Value {
    table(
        "How often may be asked.",
        &["requests", "per_s"],
        [
            (
                "requests",
                number(
                    "How many requests are let through in `per_s` seconds.",
                    1,
                    RATE_REQUESTS_MAX,
                ),
            ),
            ("per_s", number("In how many seconds.", 1, RATE_PER_S_MAX)),
            (
                "burst",
                number(
                    "How many of them at once. Without it: `requests`.",
                    1,
                    RATE_REQUESTS_MAX,
                ),
            ),
            (
                "key",
                otherwise(
                    formed(
                        "By what it is counted: `client` (the address), `subject`, `api-key`, `header:NAME` or \
                         `claim:NAME`. A client chooses what a header says: beside a limit by something else.",
                        "^(client|subject|api-key|(header|claim):.+)$",
                    ),
                    "client",
                ),
            ),
            (
                "counts",
                choice(
                    "`failed-authentication`: only credentials that prove false, by client or by header.",
                    &["requests", "failed-authentication"],
                ),
            ),
            (
                "shared",
                flag(
                    "Whether all instances count together, in the store; otherwise each alone.",
                    false,
                ),
            ),
            (
                "mode",
                mode(
                    "It counts and refuses nobody, up to `report_until`. For components with the feature `report`.",
                ),
            ),
            ("report_until", report_until()),
        ],
    )
}

pub(super) fn limits() -> Value {
    let media_type =
        json!({ "type": "string", "minLength": 1, "maxLength": CONTENT_TYPE_BYTES_MAX });
    let pace = BodyPace::default();
    let schema = table(
        "What a request may have.",
        &[],
        [
            (
                "header_count_max",
                number(
                    "Most fields of its header; more is a 431. Seven are the host's own.",
                    1,
                    HEADER_COUNT_MAX_MAX,
                ),
            ),
            (
                "header_bytes_max",
                number(
                    "Most bytes of its header; more is a 431.",
                    1,
                    HEADER_BYTES_MAX_MAX,
                ),
            ),
            (
                "target_bytes_max",
                number(
                    "Most bytes of path and query; more is a 414.",
                    1,
                    TARGET_BYTES_MAX as u64,
                ),
            ),
            (
                "body_bytes_max",
                number(
                    "Most bytes of its body; more is a 413.",
                    0,
                    BODY_BYTES_MAX_MAX,
                ),
            ),
            (
                "body_time_max_s",
                otherwise(
                    number(
                        "How long the client may be waited for while its body comes, in seconds; longer is a 408. \
                         0: any time.",
                        0,
                        BODY_TIME_MAX_S_MAX,
                    ),
                    pace.time_max_s,
                ),
            ),
            (
                "body_rate_min",
                otherwise(
                    number(
                        "How many bytes a second have to come meanwhile, 30 seconds of nothing aside; 0: any \
                         number.",
                        0,
                        BODY_RATE_MIN_MAX,
                    ),
                    pace.rate_min,
                ),
            ),
            (
                "content_types",
                list(
                    "Which media types its body may have, such as `application/json` and `image/*`; another one is \
                     a 415.",
                    CONTENT_TYPES_MAX,
                    &media_type,
                ),
            ),
        ],
    );
    with(schema, "minProperties", 1)
}

pub(super) fn security_headers() -> Value {
    table(
        "Fields of responses that tell a browser to be careful.",
        &[],
        [
            (
                "preset",
                choice(
                    "`api`: HSTS, nosniff, no referrer, no frames, a CSP that loads nothing; `web`, for pages; or \
                     nothing.",
                    &["api", "web", "none"],
                ),
            ),
            ("set", set()),
            ("remove", remove("What of the preset is left out.")),
        ],
    )
}

fn with(mut schema: Value, keyword: &str, value: u64) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert(keyword.to_owned(), value.into());
    }
    schema
}
