//! What can be done at which path.

use doorward_service::media::JSON;
use http::StatusCode;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, PathItem, PathItemBuilder};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, Required};

use super::answers::{self, Field};
use super::{parameters, schemas};
use crate::access::{READ_SCOPE, WRITE_SCOPE};
use crate::merge_patch::MERGE_PATCH;
use crate::service::route::Version;

/// What operations about the service itself are listed under.
pub const HEALTH_TAG: &str = "health";

/// What an operation needs of the caller's token.
#[derive(Clone, Copy)]
enum Needs<'s> {
    /// This scope.
    Scope(&'s str),
    /// Nothing: it depends on the user.
    Token,
}

/// Which user it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Id,
    Me,
}

/// What the operations of a version are listed under.
pub fn tag(version: Version) -> &'static str {
    match version {
        Version::V1 => "version 1",
        Version::V2 => "version 2",
    }
}

/// The paths of a version.
pub fn of_version(version: Version) -> [(String, PathItem); 3] {
    let at = version.users();
    let all = PathItemBuilder::new()
        .operation(HttpMethod::Get, list(version))
        .operation(HttpMethod::Post, create(version));
    let one = |which| {
        PathItemBuilder::new()
            .operation(HttpMethod::Get, get(version, which))
            .operation(HttpMethod::Patch, change(version, which))
            .operation(HttpMethod::Delete, delete(version, which))
            .build()
    };
    [
        (at.to_owned(), all.build()),
        (format!("{at}/{{{}}}", parameters::ID), one(Which::Id)),
        (format!("{at}/me"), one(Which::Me)),
    ]
}

/// The paths about the service itself.
pub fn health() -> [(String, PathItem); 2] {
    let operation = |name: &str, summary: &str| {
        let well = answers::with_body("It is.", "Health");
        OperationBuilder::new()
            .operation_id(Some(name))
            .tag(HEALTH_TAG)
            .summary(Some(summary))
            // None, in place of what the whole document says.
            .securities(Some([]))
            .response("200", answers::in_version(Version::V2, well, &[]))
    };
    let at = |operation: OperationBuilder| {
        let item = PathItemBuilder::new();
        item.operation(HttpMethod::Get, operation).build()
    };
    let ready = operation("ready", "Whether it has its database");
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    let ready = ready.response("503", answers::problem(unavailable));
    [
        (
            "/api/health".to_owned(),
            at(operation("health", "Whether it runs")),
        ),
        ("/api/ready".to_owned(), at(ready)),
    ]
}

fn list(version: Version) -> Operation {
    let (summary, asked, answer, fields): (_, _, _, &[Field]) = match version {
        Version::V1 => (
            "A page of all users",
            parameters::of_page(),
            answers::with_body("The page. After the last one it is empty.", "UserPage"),
            &[],
        ),
        Version::V2 => (
            "Users in an order",
            parameters::of_list(),
            answers::with_body("A part of the list.", "UserList"),
            &[Field::Link],
        ),
    };
    let operation = operation(version, "listUsers", summary, Needs::Scope(READ_SCOPE))
        .parameters(Some(asked))
        .response("200", answers::in_version(version, answer, fields));
    refused(operation, &[]).build()
}

fn create(version: Version) -> Operation {
    let created = answers::with_body("The new user.", "User")
        .link("get", answers::link(id(version, "getUser"), false))
        .link("change", answers::link(id(version, "changeUser"), true))
        .link("delete", answers::link(id(version, "deleteUser"), true));
    let fields = [Field::Etag, Field::Location];
    let needs = Needs::Scope(WRITE_SCOPE);
    let operation = operation(version, "createUser", "A new user", needs)
        .parameter(parameters::idempotency_key())
        .request_body(Some(body(JSON, "NewUser")))
        .response("201", answers::in_version(version, created, &fields));
    let refusals = [
        StatusCode::CONFLICT,
        StatusCode::GONE,
        StatusCode::PAYLOAD_TOO_LARGE,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        StatusCode::UNPROCESSABLE_ENTITY,
    ];
    refused(operation, &refusals).build()
}

fn get(version: Version, which: Which) -> Operation {
    let user = answers::with_body("The user.", "User");
    let operation = of_user(version, which, "get", "as they are", Needs::Token);
    let operation = match which {
        Which::Id => {
            let reading = format!("With `{READ_SCOPE}` any user, without it oneself.");
            operation.description(Some(reading))
        }
        Which::Me => operation,
    };
    let same = answers::empty("The client has what `If-None-Match` names already.");
    let operation = operation
        .parameter(parameters::if_none_match())
        .parameter(parameters::if_match_to_read())
        .response("200", answers::in_version(version, user, &[Field::Etag]))
        .response("304", answers::in_version(version, same, &[Field::Etag]));
    let refusals = [StatusCode::NOT_FOUND, StatusCode::PRECONDITION_FAILED];
    refused(operation, &refusals).build()
}

fn change(version: Version, which: Which) -> Operation {
    let user = answers::with_body("The user after it.", "User");
    let changing = format!(
        "A JSON merge patch (RFC 7396): what it does not name stays. With `{WRITE_SCOPE}` all of any user, without it \
         one's own name."
    );
    let unseen = answers::empty("It is done, and the caller may not read the user.");
    let operation = of_user(version, which, "change", "changed", Needs::Token)
        .description(Some(changing))
        .parameter(parameters::if_match())
        .parameter(parameters::if_none_match())
        .request_body(Some(body(MERGE_PATCH, "UserChange")))
        .response("200", answers::in_version(version, user, &[Field::Etag]))
        .response("204", answers::in_version(version, unseen, &[Field::Etag]));
    let refusals = [
        StatusCode::NOT_FOUND,
        StatusCode::CONFLICT,
        StatusCode::PRECONDITION_FAILED,
        StatusCode::PAYLOAD_TOO_LARGE,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        StatusCode::UNPROCESSABLE_ENTITY,
        StatusCode::PRECONDITION_REQUIRED,
    ];
    refused(operation, &refusals).build()
}

fn delete(version: Version, which: Which) -> Operation {
    let gone = answers::empty("The user is gone.");
    let needs = Needs::Scope(WRITE_SCOPE);
    let operation = of_user(version, which, "delete", "deleted", needs)
        .parameter(parameters::if_match())
        .parameter(parameters::if_none_match())
        .response("204", answers::in_version(version, gone, &[]));
    let refusals = [
        StatusCode::NOT_FOUND,
        StatusCode::PRECONDITION_FAILED,
        StatusCode::PRECONDITION_REQUIRED,
    ];
    refused(operation, &refusals).build()
}

/// What a client may send.
fn body(media_type: &str, schema: &str) -> RequestBody {
    let content = ContentBuilder::new().schema(Some(schemas::named(schema)));
    RequestBodyBuilder::new()
        .content(media_type, content.build())
        .required(Some(Required::True))
        .build()
}

fn of_user(
    version: Version,
    which: Which,
    verb: &str,
    done: &str,
    needs: Needs<'_>,
) -> OperationBuilder {
    match which {
        Which::Id => {
            let summary = format!("A user {done}");
            let operation = operation(version, &format!("{verb}User"), &summary, needs);
            operation.parameter(parameters::id())
        }
        Which::Me => {
            let summary = format!("The caller {done}");
            operation(version, &format!("{verb}Me"), &summary, needs)
        }
    }
}

fn operation(version: Version, name: &str, summary: &str, needs: Needs<'_>) -> OperationBuilder {
    let scopes = match needs {
        Needs::Scope(scope) => vec![scope],
        Needs::Token => vec![],
    };
    OperationBuilder::new()
        .operation_id(Some(id(version, name)))
        .tag(tag(version))
        .summary(Some(summary))
        .security(SecurityRequirement::new(parameters::TOKEN, scopes))
}

fn id(version: Version, name: &str) -> String {
    match version {
        Version::V1 => format!("{name}V1"),
        Version::V2 => format!("{name}V2"),
    }
}

/// With the problems that it may have, and those that every operation may have.
fn refused(operation: OperationBuilder, own: &[StatusCode]) -> OperationBuilder {
    let of_all = [
        StatusCode::BAD_REQUEST,
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::NOT_ACCEPTABLE,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    let all = of_all.iter().chain(own);
    all.fold(operation, |operation, status| {
        operation.response(status.as_str(), answers::problem(*status))
    })
}
