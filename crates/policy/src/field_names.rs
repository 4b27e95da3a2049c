//! What the fields of a line of the log are called (`names` of `[log]`): for who writes them, and for who reads them.

/// What a field is called: by us, in the Elastic Common Schema, and by OpenTelemetry.
pub type Names = [&'static str; 3];

/// A field of a line.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// What it is called.
    pub names: Names,
    /// The same, as it stands before a text in a line: to put that together costs more than all else of a field.
    pub openings: Names,
}

macro_rules! fields {
    ($($(#[$doc:meta])+ $field:ident = [$($name:literal),+];)+) => {$(
        $(#[$doc])+
        pub const $field: &Field = &Field {
            names: [$($name),+],
            openings: [$(concat!(",\"", $name, "\":\"")),+],
        };
    )+};
}

fields! {
    /// When it was answered.
    TIME = ["time", "@timestamp", "timestamp"];
    /// How much it matters.
    LEVEL = ["level", "log.level", "severity_text"];
    /// What has happened.
    EVENT = ["event", "event.action", "event.name"];
    /// What the request is called.
    REQUEST_ID = ["request_id", "http.request.id", "doorward.request_id"];
    /// The trace that what is behind was told.
    TRACE_ID = ["trace_id", "trace.id", "trace_id"];
    /// The span of it that is ours.
    SPAN_ID = ["span_id", "span.id", "span_id"];
    /// The trace that somebody who is not trusted has named.
    LINKED_TRACE_ID = ["linked_trace_id", "labels.linked_trace_id", "doorward.linked_trace_id"];
    /// Its method.
    METHOD = ["method", "http.request.method", "http.request.method"];
    /// The path pattern of its rule.
    ROUTE = ["route", "labels.route", "http.route"];
    /// The number of its rule.
    RULE = ["rule", "rule.id", "doorward.rule"];
    /// The status of the answer.
    STATUS = ["status", "http.response.status_code", "http.response.status_code"];
    /// What was decided.
    DECISION = ["decision", "labels.decision", "doorward.decision"];
    /// As what it was refused.
    CLASS = ["class", "error.type", "error.type"];
    /// Why.
    REASON = ["reason", "event.reason", "doorward.reason"];
    /// Its path, without the query.
    PATH = ["path", "url.path", "url.path"];
    /// How long it took, in milliseconds; in the Elastic Common Schema, in nanoseconds.
    DURATION = ["duration_ms", "event.duration", "doorward.duration_ms"];
    /// How old the instance was, in milliseconds.
    INSTANCE_AGE_MS = ["instance_age_ms", "labels.instance_age_ms", "doorward.instance_age_ms"];
    /// Bytes of its body.
    BYTES_IN = ["bytes_in", "http.request.body.bytes", "http.request.body.size"];
    /// Bytes of the body of the answer.
    BYTES_OUT = ["bytes_out", "http.response.body.bytes", "http.response.body.size"];
    /// The kind of its credential.
    CREDENTIAL = ["credential", "labels.credential", "doorward.credential"];
    /// Whether its token was remembered.
    CACHE = ["cache", "labels.cache", "doorward.cache"];
    /// Whose word its caller is known by.
    ISSUER = ["issuer", "user.domain", "doorward.issuer"];
    /// Who its caller is.
    SUBJECT = ["subject", "user.id", "user.id"];
    /// A hash of both.
    PRINCIPAL_HASH = ["principal_hash", "user.hash", "user.hash"];
    /// The upstream that was asked last.
    UPSTREAM = ["upstream", "labels.upstream", "doorward.upstream"];
    /// How often upstreams were asked.
    ATTEMPTS = ["attempts", "labels.attempts", "doorward.attempts"];
    /// What the decision depended on.
    INPUTS = ["inputs", "doorward.inputs", "doorward.inputs"];
}
