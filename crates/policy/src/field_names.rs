//! What the fields of a line of the log are called (`names` of `[log]`): for who writes them, and for who reads them.

/// What a field is called: by us, in the Elastic Common Schema, and by OpenTelemetry.
pub type Names = [&'static str; 3];

/// When it was answered.
pub const TIME: Names = ["time", "@timestamp", "timestamp"];
/// How much it matters.
pub const LEVEL: Names = ["level", "log.level", "severity_text"];
/// What has happened.
pub const EVENT: Names = ["event", "event.action", "event.name"];
/// What the request is called.
pub const REQUEST_ID: Names = ["request_id", "http.request.id", "doorward.request_id"];
/// The trace that what is behind was told.
pub const TRACE_ID: Names = ["trace_id", "trace.id", "trace_id"];
/// The span of it that is ours.
pub const SPAN_ID: Names = ["span_id", "span.id", "span_id"];
/// The trace that somebody who is not trusted has named.
pub const LINKED_TRACE_ID: Names = [
    "linked_trace_id",
    "labels.linked_trace_id",
    "doorward.linked_trace_id",
];
/// Its method.
pub const METHOD: Names = ["method", "http.request.method", "http.request.method"];
/// The path pattern of its rule.
pub const ROUTE: Names = ["route", "labels.route", "http.route"];
/// The number of its rule.
pub const RULE: Names = ["rule", "rule.id", "doorward.rule"];
/// The status of the answer.
pub const STATUS: Names = [
    "status",
    "http.response.status_code",
    "http.response.status_code",
];
/// What was decided.
pub const DECISION: Names = ["decision", "labels.decision", "doorward.decision"];
/// As what it was refused.
pub const CLASS: Names = ["class", "error.type", "error.type"];
/// Why.
pub const REASON: Names = ["reason", "event.reason", "doorward.reason"];
/// Its path, without the query.
pub const PATH: Names = ["path", "url.path", "url.path"];
/// How long it took, in milliseconds; in the Elastic Common Schema, in nanoseconds.
pub const DURATION: Names = ["duration_ms", "event.duration", "doorward.duration_ms"];
/// How old the instance was, in milliseconds.
pub const INSTANCE_AGE_MS: Names = [
    "instance_age_ms",
    "labels.instance_age_ms",
    "doorward.instance_age_ms",
];
/// Bytes of its body.
pub const BYTES_IN: Names = [
    "bytes_in",
    "http.request.body.bytes",
    "http.request.body.size",
];
/// Bytes of the body of the answer.
pub const BYTES_OUT: Names = [
    "bytes_out",
    "http.response.body.bytes",
    "http.response.body.size",
];
/// The kind of its credential.
pub const CREDENTIAL: Names = ["credential", "labels.credential", "doorward.credential"];
/// Whether its token was remembered.
pub const CACHE: Names = ["cache", "labels.cache", "doorward.cache"];
/// Whose word its caller is known by.
pub const ISSUER: Names = ["issuer", "user.domain", "doorward.issuer"];
/// Who its caller is.
pub const SUBJECT: Names = ["subject", "user.id", "user.id"];
/// A hash of both.
pub const PRINCIPAL_HASH: Names = ["principal_hash", "user.hash", "user.hash"];
/// The upstream that was asked last.
pub const UPSTREAM: Names = ["upstream", "labels.upstream", "doorward.upstream"];
/// How often upstreams were asked.
pub const ATTEMPTS: Names = ["attempts", "labels.attempts", "doorward.attempts"];
/// What the decision depended on.
pub const INPUTS: Names = ["inputs", "doorward.inputs", "doorward.inputs"];
