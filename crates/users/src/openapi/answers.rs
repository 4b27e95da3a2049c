//! Responses, their fields, and the problem for each status.

use doorward_service::media::{JSON, PROBLEM};
use http::StatusCode;
use serde_json::json;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::link::{Link, LinkBuilder};
use utoipa::openapi::schema::ComponentsBuilder;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use super::{parameters, schemas};
use crate::merge_patch::MERGE_PATCH;
use crate::service::BODY_BYTES_MAX;
use crate::service::route::Version;

/// A field of a response.
#[derive(Clone, Copy, Debug)]
pub enum Field {
    /// Which version of a user it is.
    Etag,
    /// Where a new user is.
    Location,
    /// Where other parts of a list are.
    Link,
}

/// A response with this body.
pub fn with_body(description: &str, schema: &str) -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(schemas::named(schema)));
    ResponseBuilder::new()
        .description(description)
        .content(JSON, content.build())
}

/// A response without a body.
pub fn empty(description: &str) -> ResponseBuilder {
    ResponseBuilder::new().description(description)
}

/// The response of this version with these fields, and with those that each of its answers has.
pub fn in_version(version: Version, response: ResponseBuilder, fields: &[Field]) -> Response {
    let of_version: &[&str] = match version {
        Version::V1 => &["Deprecation", "Sunset"],
        Version::V2 => &[],
    };
    let fields = fields.iter().map(|field| field.name());
    let all = ["Cache-Control"].into_iter().chain(fields);
    all.chain(of_version.iter().copied())
        .fold(response, |response, name| {
            response.header_ref(name, Ref::new(format!("#/components/headers/{name}")))
        })
        .build()
}

/// Where one goes from a user: the operation of this name is on the same one.
pub fn link(operation: String, is_change: bool) -> Link {
    let link = LinkBuilder::new()
        .operation_id(operation)
        .parameter(parameters::ID, "$response.body#/id");
    match is_change {
        true => link.parameter(parameters::IF_MATCH, "$response.header.ETag"),
        false => link,
    }
    .build()
}

/// The problem of this status.
pub fn problem(status: StatusCode) -> RefOr<Response> {
    RefOr::Ref(Ref::from_response_name(problem_name(status)))
}

/// What several responses have.
pub fn add_to(components: ComponentsBuilder) -> ComponentsBuilder {
    let components = PROBLEMS.iter().fold(components, |components, status| {
        components.response(problem_name(*status), problem_response(*status))
    });
    let etag = "Which version of the user this is. It is another one after each change.";
    let etag = field(etag, schemas::text()).example(Some(parameters::etag()));
    let link = "Where the first part of the list is, and the next one (RFC 8288).";
    let deprecated = "Since when version 1 is deprecated, where that is known: `@` and seconds since 1970 (RFC 9745).";
    let sunset = "When version 1 goes, where that is known (RFC 8594).";
    let location = "Where the new user is.";
    components
        .header("ETag", etag.build())
        .header(
            "Location",
            field(location, schemas::formatted("uri-reference")).build(),
        )
        .header("Link", field(link, schemas::text()).build())
        .header(
            "Deprecation",
            field(deprecated, schemas::text().pattern(Some("^@[0-9]+$"))).build(),
        )
        .header("Sunset", field(sunset, schemas::text()).build())
        .header(
            "Cache-Control",
            field("How it may be kept.", schemas::text()).build(),
        )
}

impl Field {
    fn name(self) -> &'static str {
        match self {
            Self::Etag => "ETag",
            Self::Location => "Location",
            Self::Link => "Link",
        }
    }
}

/// What may be wrong with a request.
const PROBLEMS: [StatusCode; 13] = [
    StatusCode::BAD_REQUEST,
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
    StatusCode::NOT_ACCEPTABLE,
    StatusCode::CONFLICT,
    StatusCode::GONE,
    StatusCode::PRECONDITION_FAILED,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::UNPROCESSABLE_ENTITY,
    StatusCode::PRECONDITION_REQUIRED,
    StatusCode::SERVICE_UNAVAILABLE,
];

fn problem_name(status: StatusCode) -> String {
    let words = status.canonical_reason().unwrap_or_default();
    words.replace(' ', "")
}

fn problem_response(status: StatusCode) -> Response {
    let content = ContentBuilder::new().schema(Some(schemas::named("Problem")));
    let response = ResponseBuilder::new()
        .description(meaning(status))
        .content(PROBLEM, content.build())
        .header_ref(
            "Cache-Control",
            Ref::new("#/components/headers/Cache-Control"),
        );
    let response = match status {
        StatusCode::UNAUTHORIZED => {
            let description = "How to say who one is (RFC 9110 §11.6.1).";
            let challenge = field(description, schemas::text());
            response.header("WWW-Authenticate", challenge.build())
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            let description = "Of a change: what it is to be.";
            let accepted = field(
                description,
                schemas::text().enum_values(Some([MERGE_PATCH])),
            );
            response.header("Accept-Patch", accepted.build())
        }
        StatusCode::CONFLICT | StatusCode::SERVICE_UNAVAILABLE => {
            let description = "After how many seconds it may be tried again, where it may.";
            response.header(
                "Retry-After",
                field(description, schemas::number(0, None))
                    .example(Some(json!(1)))
                    .build(),
            )
        }
        _ => response,
    };
    response.build()
}

fn meaning(status: StatusCode) -> String {
    match status {
        StatusCode::BAD_REQUEST => {
            "The request cannot be read: its target, its `Idempotency-Key`, or a body that is no JSON."
        }
        StatusCode::UNAUTHORIZED => "There is no token, or none that the gate believes.",
        StatusCode::FORBIDDEN => "It takes another scope, or is not the caller's.",
        StatusCode::NOT_FOUND => "There is no such user.",
        StatusCode::NOT_ACCEPTABLE => "`Accept` does not have `application/json`.",
        StatusCode::CONFLICT => {
            "Another user has what only one may have, or a request with the same `Idempotency-Key` is under way; that \
             one has `Retry-After`."
        }
        StatusCode::GONE => "The user that this `Idempotency-Key` created was deleted.",
        StatusCode::PRECONDITION_FAILED => "The user is not in the version that `If-Match` names.",
        StatusCode::PAYLOAD_TOO_LARGE => {
            return format!("The body has more than {BODY_BYTES_MAX} bytes.");
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "The body is of another type.",
        StatusCode::UNPROCESSABLE_ENTITY => {
            "Something in the body is wrong, or its `Idempotency-Key` came before with another one."
        }
        StatusCode::PRECONDITION_REQUIRED => "`If-Match` is missing.",
        StatusCode::SERVICE_UNAVAILABLE => "The database cannot be had at the moment.",
        other => other.canonical_reason().unwrap_or_default(),
    }
    .to_owned()
}

fn field(description: &str, schema: impl Into<RefOr<utoipa::openapi::Schema>>) -> HeaderBuilder {
    HeaderBuilder::from(Header::new(schema)).description(Some(description))
}
