//! The OpenAPI document of the service (OpenAPI 3.1), made of its types and bounds.
//!
//! | module | what it has |
//! |---|---|
//! | `schemas` | what is sent and accepted, as types whose rules are the constants by which the service asks |
//! | `parameters` | what a request has besides its body |
//! | `answers` | responses, their fields, and the problem for each status |
//! | `operations` | which of these belong together |
//!
//! `tests/tests/openapi.rs` holds the committed document to it, and `components/users-docs` serves that.

mod answers;
mod operations;
mod parameters;
mod schemas;

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, ComponentsBuilder, ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi,
    OpenApiBuilder, PathsBuilder, ServerBuilder,
};

use crate::access::{READ_SCOPE, WRITE_SCOPE};
use crate::idempotency::KEY_TIME_MS;
use crate::service::route::Version;

/// The document.
pub fn document() -> OpenApi {
    let description = format!(
        "Users by REST, on SQLite or PostgreSQL. A gate stands in front and looks at the token; what it refuses is \
         answered by it, with a problem document as well, and may have a status that is not listed here (429 where \
         its policy limits requests, for one).\n\n\
         **Problems** are documents of RFC 9457 with everything in them that is wrong.\n\n\
         **A change** says in `If-Match` which version it changes, by the `ETag` of any answer with the user.\n\n\
         **Version 1 will go**: once it is known when, each of its answers has `Deprecation` (RFC 9745) and `Sunset` \
         (RFC 8594).\n\n\
         **A request that may be sent twice** has an `Idempotency-Key`, which is remembered for {} hours.",
        KEY_TIME_MS / (60 * 60 * 1000)
    );
    let info = InfoBuilder::new()
        .title("Users")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(description))
        .contact(Some(ContactBuilder::new().name(Some("Doorward")).build()))
        .license(Some(
            LicenseBuilder::new()
                .name("Apache-2.0")
                .identifier(Some("Apache-2.0"))
                .build(),
        ));
    let tag = |name, description: &str| {
        let tag = TagBuilder::new().name(name);
        tag.description(Some(description)).build()
    };
    OpenApiBuilder::new()
        .info(info.build())
        // Wherever the document is served.
        .servers(Some([ServerBuilder::new().url("/").build()]))
        .paths(paths())
        .components(Some(components()))
        .tags(Some([
            tag(
                operations::tag(Version::V2),
                "Users in an order, by filters, and from one cursor to the next.",
            ),
            tag(
                operations::tag(Version::V1),
                "The same users, by pages with numbers.",
            ),
            tag(operations::HEALTH_TAG, "Whether the service runs."),
        ]))
        .build()
}

fn paths() -> PathsBuilder {
    let of_users = [Version::V1, Version::V2].into_iter();
    let of_users = of_users.flat_map(operations::of_version);
    let all = of_users.chain(operations::health());
    all.fold(PathsBuilder::new(), |paths, (path, item)| {
        paths.path(path, item)
    })
}

fn components() -> Components {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(format!(
            "An access token of an issuer that the gate's policy names. `{READ_SCOPE}` lets read all users, \
             `{WRITE_SCOPE}` lets write them. Without these scopes callers read themselves, and change their own name."
        )))
        .build();
    let components =
        ComponentsBuilder::new().security_scheme(parameters::TOKEN, SecurityScheme::Http(token));
    let components = schemas::add_to(components);
    answers::add_to(components).build()
}
