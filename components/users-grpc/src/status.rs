//! How a call has ended, as its trailers say it.

use doorward_users::grpc::code::Code;
use doorward_users::grpc::head::binary;
use doorward_users::grpc::refusal::{DOMAIN, Refusal};
use http::{HeaderMap, HeaderName, HeaderValue};
use prost::Message;

/// `google.rpc.Status`
#[derive(Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`
#[derive(Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.ErrorInfo`, of which a map is a list of entries.
#[derive(Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Entry>,
}

/// `google.rpc.ErrorInfo.MetadataEntry`
#[derive(Message)]
struct Entry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// `google.rpc.RetryInfo`
#[derive(Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`
#[derive(Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
}

/// `google.rpc.BadRequest`
#[derive(Message)]
struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    field_violations: Vec<FieldViolation>,
}

/// `google.rpc.BadRequest.FieldViolation`
#[derive(Message)]
struct FieldViolation {
    #[prost(string, tag = "1")]
    field: String,
    #[prost(string, tag = "2")]
    description: String,
}

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// The trailers of a call that has been answered.
pub fn ok() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert(STATUS, HeaderValue::from(Code::Ok as u16));
    trailers
}

/// The trailers of a call that gets nothing, or not all.
pub fn refused(refusal: &Refusal, request_id: Option<&str>) -> HeaderMap {
    let told = refusal.told();
    let mut trailers = HeaderMap::new();
    trailers.insert(STATUS, HeaderValue::from(told.code as u16));
    trailers.insert(MESSAGE, HeaderValue::from_static(told.message));
    let status = Status {
        code: told.code as i32,
        message: told.message.to_owned(),
        details: details(refusal, request_id),
    };
    if let Ok(value) = HeaderValue::from_str(&binary(&status.encode_to_vec())) {
        trailers.insert(DETAILS, value);
    }
    trailers
}

fn details(refusal: &Refusal, request_id: Option<&str>) -> Vec<Any> {
    let metadata = request_id.map(|id| Entry {
        key: "request_id".to_owned(),
        value: id.to_owned(),
    });
    let info = ErrorInfo {
        reason: refusal.told().reason.to_owned(),
        domain: DOMAIN.to_owned(),
        metadata: metadata.into_iter().collect(),
    };
    let mut details = vec![any("ErrorInfo", &info)];
    if let Some(seconds) = refusal.retry_after_s() {
        let retry_delay = Some(Delay { seconds });
        details.push(any("RetryInfo", &RetryInfo { retry_delay }));
    }
    let violations = refusal.fields().into_iter().map(|error| FieldViolation {
        field: error.field(),
        description: error.detail().to_owned(),
    });
    let field_violations: Vec<_> = violations.collect();
    if !field_violations.is_empty() {
        details.push(any("BadRequest", &BadRequest { field_violations }));
    }
    details
}

fn any(name: &str, message: &impl Message) -> Any {
    Any {
        type_url: format!("type.googleapis.com/google.rpc.{name}"),
        value: message.encode_to_vec(),
    }
}
