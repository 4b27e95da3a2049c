//! `[[route]]`, `[defaults]` and `[identity]`

use doorward_traffic::spoofing::method_fields;
use serde_json::{Value, json};

use super::parts::{
    choice, entry, flag, formed, keyed, list, list_or_false, number, one_of, otherwise, table,
    tables, text, text_or_false, token_without, word,
};
use super::report::report_until;
use crate::claim::{CLAIM_VALUES_MAX, CLAIMS_MAX};
use crate::credential::CredentialKind;
use crate::identity::{Format, IDENTITY_HEADERS_MAX, IDENTITY_NAME_BYTES_MAX};
use crate::load::{
    ALTERNATIVES_MAX, ISSUERS_IN_ALL_MAX, METHODS_PER_PATTERN_MAX, RATE_LIMITS_PER_ROUTE_MAX,
    REGISTERED_METHODS, RETRY_REASONS, SCOPE_BYTES_MAX, SCOPE_ENTRIES_MAX,
};
use crate::token_from::TOKEN_SOURCES_MAX;

pub(super) fn route() -> Value {
    let method = json!({
            "anyOf": [
                word(&REGISTERED_METHODS),
    { "type": "string", "pattern": format!("^{}+$", token_without(&(b'a'..=b'z'))) }
            ]
        });
    let overriding: Vec<&str> = method_fields().collect();
    table(
        "A rule: who may make which requests.",
        &["path"],
        [
            (
                "path",
                text(
                    "The path that it is for. `{name}` stands for one segment, `**` at the end for the rest, or \
                     nothing.",
                ),
            ),
            (
                "methods",
                list(
                    "For which methods. Without it: all but CONNECT and TRACE.",
                    METHODS_PER_PATTERN_MAX,
                    &method,
                ),
            ),
            (
                "public",
                flag("Whether no credential is asked for, or looked at.", false),
            ),
            (
                "auth",
                choice(
                    "`optional`: without a credential a request passes as nobody's. A credential that is wrong is \
                     refused all the same.",
                    &["required", "optional"],
                ),
            ),
            ("issuer", issuer()),
            ("accept", accept()),
            ("scope", scope()),
            ("claims", claims()),
            (
                "allow",
                tables(
                    "Alternatives, each complete: one has to hold as a whole, and what they say is not said on the \
                     route.",
                    ALTERNATIVES_MAX,
                    &alternative(),
                ),
            ),
            (
                "token_from",
                token_from(
                    "Where the token is. The first place that has one decides, and what any route lists is removed \
                     on every route.",
                ),
            ),
            (
                "credential",
                choice(
                    "Whether what is behind the gate sees the credential.",
                    &["strip", "forward"],
                ),
            ),
            (
                "escapes",
                choice(
                    "`forward`: what stands for `{name}` and `**` goes on byte for byte, for origins that take \
                     `%2F` for a part of a name (GitLab, npm, S3).",
                    &["canonical", "forward"],
                ),
            ),
            (
                "public_options",
                flag(
                    "Whether OPTIONS goes on without a credential: for a service that answers preflights itself.",
                    false,
                ),
            ),
            (
                "override_headers",
                list(
                    "Fields that may ask for another method. Only without `methods`.",
                    overriding.len(),
                    &word(&overriding),
                ),
            ),
            (
                "cors",
                text_or_false(
                    "Which `[cors.NAME]` it has; `false`: none, whatever `[defaults]` says.",
                ),
            ),
            (
                "rate_limit",
                list_or_false(
                    "Which `[rate_limit.NAME]` it has; `false`: none, whatever `[defaults]` says.",
                    RATE_LIMITS_PER_ROUTE_MAX,
                    &entry(),
                ),
            ),
            (
                "limits",
                text_or_false(
                    "Which `[limits.NAME]` it has; `false`: none, whatever `[defaults]` says.",
                ),
            ),
            (
                "security_headers",
                text_or_false(
                    "Which `[security_headers.NAME]` it has; `false`: none, whatever `[defaults]` says.",
                ),
            ),
            (
                "upstream",
                text_or_false(
                    "Which `[upstream.NAME]` the gateway asks; `false`: none, whatever `[defaults]` says.",
                ),
            ),
            (
                "strip_prefix",
                text(
                    "What the upstream does not see of the path: whole segments that every path of the route \
                     begins with.",
                ),
            ),
            (
                "replace",
                table(
                    "A prefix of the path, and what the upstream sees in its place.",
                    &["prefix", "with"],
                    [
                        ("prefix", text("What every path of the route begins with.")),
                        (
                            "with",
                            text("What it begins with for the upstream; `/` is nothing."),
                        ),
                    ],
                ),
            ),
            (
                "rewrite_response",
                flag(
                    "Whether paths in responses, `Location` and cookies above all, are moved back.",
                    true,
                ),
            ),
            (
                "retry_on",
                list(
                    "After what a request is sent again whatever its method: only where doing it twice is the same \
                     as once.",
                    RETRY_REASONS.len(),
                    &word(&RETRY_REASONS),
                ),
            ),
            (
                "mirror",
                text(
                    "Which `[upstream.NAME]` gets a copy of each request, whose answer nobody waits for.",
                ),
            ),
            ("split", split()),
            (
                "shared_cache",
                choice(
                    "`origin`: whether caches that several callers share may keep answers is for the origin to \
                     say. Only where the answer is the same for every caller.",
                    &["never", "origin"],
                ),
            ),
            (
                "mode",
                one_of(
                    "`report`: the route judges as ever and refuses nobody, up to `report_until`. `enforce`: it \
                     refuses although the whole policy is in report mode. For components with the feature `report`.",
                    &["report", "enforce"],
                ),
            ),
            ("report_until", report_until()),
        ],
    )
}

fn alternative() -> Value {
    table(
        "An alternative.",
        &[],
        [
            ("issuer", issuer()),
            ("accept", accept()),
            ("scope", scope()),
            ("claims", claims()),
        ],
    )
}

fn issuer() -> Value {
    list(
        "Whose tokens are accepted: `NAME`, with all its tenants, or `NAME/TENANT`. It can be left out where there \
         is only one issuer.",
        ISSUERS_IN_ALL_MAX,
        &entry(),
    )
}

fn accept() -> Value {
    let kinds = CredentialKind::ALL.map(CredentialKind::name);
    list(
        "Which kinds of credential are accepted, in the order of challenges. Without it: `jwt`, then `opaque` if \
         an issuer can be asked.",
        kinds.len(),
        &word(&kinds),
    )
}

fn scope() -> Value {
    let entry = json!({ "type": "string", "minLength": 1, "maxLength": SCOPE_BYTES_MAX });
    list(
        "The scopes that it takes, all of them.",
        SCOPE_ENTRIES_MAX,
        &entry,
    )
}

fn claims() -> Value {
    let scalar = json!({ "type": ["string", "integer", "boolean"] });
    let several =
        json!({ "type": "array", "items": scalar, "minItems": 1, "maxItems": CLAIM_VALUES_MAX });
    let values = |about: &str| json!({ "description": about, "anyOf": [scalar, several] });
    let only = |about: &str| json!({ "description": about, "type": "boolean", "enum": [true] });
    let conditions = table(
        "What has to hold of the claim, all of it.",
        &[],
        [
            ("any", values("It has one of these.")),
            ("all", values("It has each of these.")),
            (
                "none",
                values("It has none of these; a claim of another type is refused."),
            ),
            ("present", only("It is there.")),
            ("absent", only("It is not there, or `null`.")),
            (
                "equals",
                formed(
                    "It is the string that stands for this parameter of the path: `{id}`.",
                    "^\\{.*\\}$",
                ),
            ),
            ("keys", only("It is an object whose keys are the values.")),
        ],
    );
    json!({
        "description": "Which claims it asks for. A dot goes one level down into an object; a segment with a dot \
                        itself is in double quotes.",
        "type": "object",
        "minProperties": 1,
        "maxProperties": CLAIMS_MAX,
        "additionalProperties": { "anyOf": [scalar, several, conditions] }
    })
}

pub(super) fn token_from(about: &str) -> Value {
    let place = json!({
        "anyOf": [
            word(&["authorization"]),
            { "type": "string", "pattern": "^(header|cookie|query):." }
        ]
    });
    let about = format!("{about} `authorization`, `header:NAME`, `cookie:NAME` or `query:NAME`.");
    list(&about, TOKEN_SOURCES_MAX, &place)
}

fn split() -> Value {
    let pair = |about: &str| {
        table(
            about,
            &["name", "value"],
            [("name", text("Its name.")), ("value", text("Its value."))],
        )
    };
    table(
        "Who goes to a second upstream instead.",
        &["to"],
        [
            ("to", text("Which `[upstream.NAME]` that is.")),
            (
                "percent",
                otherwise(
                    number(
                        "How many of a hundred callers, always the same ones.",
                        0,
                        100,
                    ),
                    0,
                ),
            ),
            (
                "by",
                choice("What makes a caller the same.", &["subject", "client"]),
            ),
            (
                "header",
                pair("Who has this header goes there in any case."),
            ),
            (
                "cookie",
                pair("Who has this cookie goes there in any case."),
            ),
            (
                "fallback",
                flag("Whether the first one is asked where it fails.", false),
            ),
        ],
    )
}

pub(super) fn defaults() -> Value {
    table(
        "What holds for every route that does not say itself.",
        &[],
        [
            ("cors", text("Which `[cors.NAME]`.")),
            (
                "rate_limit",
                list(
                    "Which `[rate_limit.NAME]`.",
                    RATE_LIMITS_PER_ROUTE_MAX,
                    &entry(),
                ),
            ),
            ("limits", text("Which `[limits.NAME]`.")),
            ("security_headers", text("Which `[security_headers.NAME]`.")),
            ("upstream", text("Which `[upstream.NAME]`.")),
            ("token_from", token_from("Where tokens are looked for.")),
        ],
    )
}

pub(super) fn identity() -> Value {
    let formats = Format::ALL.map(Format::name);
    let told = table(
        "A claim, and how it is told.",
        &["claim"],
        [
            ("claim", text("The claim.")),
            ("format", choice("How it is written.", &formats)),
            (
                "keys",
                flag("Whether it is an object whose keys are the values.", false),
            ),
        ],
    );
    let more = IDENTITY_NAME_BYTES_MAX - 1;
    keyed(
        "What your component is told: a header for each claim. Every one of them is removed from every request \
         before.",
        &format!("^[a-z][a-z0-9-]{{0,{more}}}$"),
        IDENTITY_HEADERS_MAX,
        &json!({ "anyOf": [{ "type": "string", "description": "The claim." }, told] }),
    )
}
