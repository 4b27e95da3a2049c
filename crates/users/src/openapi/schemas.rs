//! What is sent and accepted.
//!
//! A user is shown by [`crate::user::User::shown`] and read by [`crate::input`], member by member, so that all that is
//! wrong is told at once. The types here stand for the two, and each bound is the constant by which the service asks.

use serde_json::{Value, json};
use utoipa::openapi::schema::Array;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ComponentsBuilder, ObjectBuilder, OneOfBuilder,
    SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{Object, Ref, RefOr, Schema};
use utoipa::{PartialSchema as _, ToSchema};

use crate::email::EMAIL_BYTES_MAX;
use crate::query::{LIMIT_MAX, PAGE_MAX};
use crate::user::{ISSUER_CHARS_MAX, NAME_CHARS_MAX, SUBJECT_CHARS_MAX};

/// A text without control characters (`char::is_control`).
pub const VISIBLE: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";
/// The same, with something besides white space (`str::trim`).
const NOT_BLANK: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*\
                         [^\\u0000-\\u0020\\u007f-\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]\
                         [^\\u0000-\\u001f\\u007f-\\u009f]*$";
/// A UUID as an example.
pub const ID: &str = "0197f6a0-3c1e-7d52-a7f1-5b1e0c9d8a42";
const AT: &str = "2027-01-31T12:00:00.123Z";

/// A user.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is there for what is derived of it")]
struct User {
    #[schema(schema_with = id)]
    id: String,
    #[schema(schema_with = name)]
    name: String,
    #[schema(schema_with = shown_email)]
    email: String,
    #[schema(schema_with = shown_identity, required = false)]
    identity: Identity,
    #[schema(schema_with = created_at)]
    created_at: String,
    #[schema(schema_with = updated_at)]
    updated_at: String,
}

/// By whom and as whom somebody logs in: only both together say it. No two users have the same.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is there for what is derived of it")]
struct Identity {
    #[schema(schema_with = issuer)]
    issuer: String,
    #[schema(schema_with = subject)]
    subject: String,
}

/// A new user.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is there for what is derived of it")]
struct NewUser {
    #[schema(schema_with = name)]
    name: String,
    #[schema(schema_with = email)]
    email: String,
    #[schema(schema_with = new_identity, required = false)]
    identity: Identity,
}

/// A change of a user (RFC 7396): what it does not name stays.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is there for what is derived of it")]
struct UserChange {
    #[schema(schema_with = name, required = false)]
    name: String,
    #[schema(schema_with = email, required = false)]
    email: String,
    #[schema(schema_with = identity_change, required = false)]
    identity: Identity,
}

/// A change of an identity. Of a user who has none it has both members.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is there for what is derived of it")]
struct IdentityChange {
    #[schema(schema_with = issuer, required = false)]
    issuer: String,
    #[schema(schema_with = subject, required = false)]
    subject: String,
}

/// A page of all users, in the order in which they were created.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is there for what is derived of it")]
struct UserPage {
    #[schema(schema_with = users)]
    users: Vec<User>,
    #[schema(schema_with = page_number)]
    page: u64,
    #[schema(schema_with = limit)]
    limit: u64,
    #[schema(schema_with = total)]
    total: u64,
}

/// A part of a list of users.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is there for what is derived of it")]
struct UserList {
    #[schema(schema_with = users)]
    users: Vec<User>,
    #[schema(schema_with = next, required = false)]
    next: String,
}

/// That the service is well.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is there for what is derived of it")]
struct Health {
    #[schema(schema_with = pass)]
    status: String,
}

/// What is wrong with a request (RFC 9457).
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is there for what is derived of it")]
struct Problem {
    #[schema(schema_with = problem_type)]
    r#type: String,
    #[schema(schema_with = problem_title)]
    title: String,
    #[schema(schema_with = problem_status)]
    status: u16,
    #[schema(schema_with = problem_detail, required = false)]
    detail: String,
    #[schema(schema_with = problem_errors, required = false)]
    errors: Vec<FieldError>,
    #[schema(schema_with = problem_request, required = false)]
    request_id: String,
}

/// What is wrong in one place.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is there for what is derived of it")]
struct FieldError {
    #[schema(schema_with = error_pointer, required = false)]
    pointer: String,
    #[schema(schema_with = error_parameter, required = false)]
    parameter: String,
    #[schema(schema_with = error_detail)]
    detail: String,
}

/// All of them, by their names.
pub fn add_to(components: ComponentsBuilder) -> ComponentsBuilder {
    let shown = json!({
        "id": ID,
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "identity": { "issuer": "https://login.example", "subject": "ada" },
        "created_at": AT,
        "updated_at": AT,
    });
    let new = json!({ "name": "Ada Lovelace", "email": "ada@example.com" });
    let problem = json!({
        "type": "about:blank",
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "Each entry of `errors` says where the body is wrong, and how.",
        "errors": [{ "pointer": "#/email", "detail": "is missing" }],
    });
    components
        .schema("User", with_example(User::schema(), shown))
        .schema("Identity", Identity::schema())
        .schema("NewUser", closed(with_example(NewUser::schema(), new)))
        .schema("NewIdentity", closed(Identity::schema()))
        .schema(
            "UserChange",
            closed(with_example(
                UserChange::schema(),
                json!({ "name": "Augusta Ada King" }),
            )),
        )
        .schema("IdentityChange", closed(IdentityChange::schema()))
        .schema("UserPage", UserPage::schema())
        .schema("UserList", UserList::schema())
        .schema("Health", Health::schema())
        .schema("Problem", with_example(Problem::schema(), problem))
        .schema("FieldError", FieldError::schema())
}

/// The schema with this name.
pub fn named(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}

/// What has no members but those that are named.
fn closed(schema: RefOr<Schema>) -> RefOr<Schema> {
    changed(schema, |object| {
        object.additional_properties(Some(AdditionalProperties::FreeForm(false)))
    })
}

fn with_example(schema: RefOr<Schema>, example: Value) -> RefOr<Schema> {
    changed(schema, |object| object.examples([example]))
}

fn changed(
    schema: RefOr<Schema>,
    change: impl FnOnce(ObjectBuilder) -> ObjectBuilder,
) -> RefOr<Schema> {
    match schema {
        RefOr::T(Schema::Object(object)) => change(object.into()).build().into(),
        other => other,
    }
}

/// A text.
pub fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// A text of this format of JSON Schema.
pub fn formatted(format: &str) -> ObjectBuilder {
    text().format(Some(SchemaFormat::Custom(format.to_owned())))
}

/// A whole number from `min` to `max`.
pub fn number(min: u64, max: Option<u64>) -> ObjectBuilder {
    let bound = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(bound(min)))
        .maximum(max.map(bound))
}

/// A user's id.
pub fn id() -> Object {
    let id = formatted("uuid");
    id.description(Some(
        "A UUID of version 7: in the order in which users were created.",
    ))
    .build()
}

/// A user's name.
pub fn name() -> Object {
    text()
        .min_length(Some(1))
        .max_length(Some(NAME_CHARS_MAX))
        .pattern(Some(NOT_BLANK))
        .description(Some(
            "As people call them: no control characters, and not only white space.",
        ))
        .build()
}

/// An e-mail address as a client may write it. It is an address of the whole world: `format` has them all (RFC 6531),
/// and no pattern the rules for domains.
pub fn email() -> Object {
    formatted("idn-email")
        .max_length(Some(EMAIL_BYTES_MAX))
        .description(Some(
            "No two users have the same one. Quoted local parts and addresses of machines in brackets are refused; \
             there are at most 64 bytes before the `@` and 254 in all.",
        ))
        .build()
}

fn shown_email() -> Object {
    formatted("idn-email")
        .max_length(Some(EMAIL_BYTES_MAX))
        .description(Some(
            "The domain as A-labels (`xn--…`), what is before the `@` in NFC and with ASCII letters in lower case.",
        ))
        .build()
}

/// `iss` of somebody's tokens.
pub fn issuer() -> Object {
    visible(ISSUER_CHARS_MAX, "`iss` of their tokens.")
}

/// `sub` of somebody's tokens.
pub fn subject() -> Object {
    visible(SUBJECT_CHARS_MAX, "`sub` of their tokens.")
}

fn visible(chars_max: usize, description: &str) -> Object {
    text()
        .min_length(Some(1))
        .max_length(Some(chars_max))
        .pattern(Some(VISIBLE))
        .description(Some(description))
        .build()
}

fn shown_identity() -> RefOr<Schema> {
    named("Identity")
}

/// `null` is the same as none.
fn new_identity() -> Schema {
    or_null("NewIdentity")
}

/// `null` takes it away.
fn identity_change() -> Schema {
    or_null("IdentityChange")
}

fn or_null(name: &str) -> Schema {
    let null = ObjectBuilder::new().schema_type(Type::Null);
    let one = OneOfBuilder::new();
    let one = one.schema_type(SchemaType::AnyValue);
    one.item(named(name)).item(null).build().into()
}

fn created_at() -> Object {
    time("When the user was created.")
}

fn updated_at() -> Object {
    time("When the user was changed last.")
}

fn time(description: &str) -> Object {
    let time = formatted("date-time");
    time.description(Some(description)).build()
}

fn users() -> Array {
    ArrayBuilder::new()
        .items(named("User"))
        .max_items(usize::try_from(LIMIT_MAX).ok())
        .build()
}

fn page_number() -> Object {
    number(1, Some(PAGE_MAX)).build()
}

/// How many users a page has at most.
fn limit() -> Object {
    number(1, Some(LIMIT_MAX)).build()
}

fn total() -> Object {
    let total = number(0, None);
    total
        .description(Some("How many users there are in all."))
        .build()
}

fn next() -> Object {
    let next = formatted("uri-reference");
    let description = "Where the next part is. It is not there after the last one.";
    next.description(Some(description)).build()
}

fn pass() -> Object {
    text().enum_values(Some(["pass"])).build()
}

fn problem_type() -> Object {
    let uri = formatted("uri-reference");
    uri.description(Some("`about:blank`: the status says it."))
        .build()
}

fn problem_title() -> Object {
    text().description(Some("The status in words.")).build()
}

fn problem_status() -> Object {
    number(400, Some(599)).build()
}

fn problem_detail() -> Object {
    let description = "For who wrote the client. It may be worded otherwise tomorrow.";
    text().description(Some(description)).build()
}

fn problem_errors() -> Array {
    ArrayBuilder::new()
        .items(named("FieldError"))
        .min_items(Some(1))
        .description(Some("Every place in which the request is wrong."))
        .build()
}

fn problem_request() -> Object {
    let description = "What the log calls the request.";
    text().description(Some(description)).build()
}

fn error_pointer() -> Object {
    let description =
        "Where in the body: a JSON pointer (RFC 6901) as a fragment, `#` for the body itself.";
    text().description(Some(description)).build()
}

fn error_parameter() -> Object {
    let description = "Which parameter of the query, in place of `pointer`.";
    text().description(Some(description)).build()
}

fn error_detail() -> Object {
    text().description(Some("What is wrong there.")).build()
}
