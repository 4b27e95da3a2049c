//! What a client may write of a user: a new one, or a change.
//!
//! Every member that is wrong is told at once, so what is read here takes anything: a member that has another type than
//! it should is `Given::Wrong`, and one that nobody knows is kept under `unknown`. Then the rules are asked.

use doorward_service::problem::{FieldError, Problem};
use garde::{Path, Report, Validate};
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::email::Email;
use crate::json;
use crate::merge_patch::merged;
use crate::user::{
    Details, ISSUER_CHARS_MAX, Identity, NAME_CHARS_MAX, SUBJECT_CHARS_MAX, shown_identity,
};

/// What only the service writes.
const READ_ONLY: [&str; 3] = ["id", "created_at", "updated_at"];

/// What a client writes of a user.
#[derive(Debug, Validate)]
struct UserInput {
    #[garde(custom(check_name))]
    name: Given<String>,
    #[garde(custom(check_email))]
    email: Given<String>,
    #[garde(dive)]
    identity: Given<IdentityInput>,
    #[garde(skip)]
    unknown: Map<String, Value>,
}

/// What a client writes of a user's identity.
#[derive(Debug, Validate)]
struct IdentityInput {
    #[garde(custom(check_issuer))]
    issuer: Given<String>,
    #[garde(custom(check_subject))]
    subject: Given<String>,
    #[garde(skip)]
    unknown: Map<String, Value>,
}

/// A member as a client gave it.
#[derive(Debug)]
enum Given<T> {
    /// It is not there, or `null`.
    Absent,
    /// It has another type.
    Wrong,
    /// It can be read.
    Value(T),
}

impl UserInput {
    fn of(mut members: Map<String, Value>) -> Self {
        Self {
            name: Given::text(&mut members, "name"),
            email: Given::text(&mut members, "email"),
            identity: match members.remove("identity") {
                None | Some(Value::Null) => Given::Absent,
                Some(Value::Object(identity)) => Given::Value(IdentityInput::of(identity)),
                Some(_) => Given::Wrong,
            },
            unknown: members,
        }
    }
}

impl IdentityInput {
    fn of(mut members: Map<String, Value>) -> Self {
        Self {
            issuer: Given::text(&mut members, "issuer"),
            subject: Given::text(&mut members, "subject"),
            unknown: members,
        }
    }
}

impl Given<String> {
    /// The member of this name, which is taken out.
    fn text(members: &mut Map<String, Value>, name: &str) -> Self {
        match members.remove(name) {
            None | Some(Value::Null) => Self::Absent,
            Some(Value::String(text)) => Self::Value(text),
            Some(_) => Self::Wrong,
        }
    }
}

/// What is not a text is looked into; without it there is nothing to look into.
impl<T: Validate> Validate for Given<T> {
    type Context = T::Context;

    fn validate_into(&self, context: &T::Context, at: &mut dyn FnMut() -> Path, all: &mut Report) {
        match self {
            Self::Absent => {}
            Self::Wrong => all.append(at(), garde::Error::new("has to be an object")),
            Self::Value(value) => value.validate_into(context, at, all),
        }
    }
}

/// Members that nobody knows of which a problem tells. A body has room for thousands.
const UNKNOWN_MEMBERS_MAX: usize = 100;

/// The details of a new user.
///
/// # Errors
/// 400 where the body is no JSON, 422 with everything that is wrong in it.
pub fn new_user(body: &[u8]) -> Result<Details, Problem> {
    details(document(body)?).map_err(Problem::invalid_fields)
}

/// What a user's details are after a change by a merge patch (RFC 7396).
///
/// # Errors
/// As for a new user.
pub fn changed_user(before: &Details, body: &[u8]) -> Result<Details, Problem> {
    let patch = document(body)?;
    // A member that nobody knows is refused although it is `null` and changes nothing.
    let mut errors = unknown_members(&patch);
    let shown = json!({
        "name": before.name,
        "email": before.email.as_str(),
        "identity": before.identity.as_ref().map(shown_identity),
    });
    match details(merged(shown, patch)) {
        Ok(details) if errors.is_empty() => Ok(details),
        Ok(_) => Err(Problem::invalid_fields(errors)),
        Err(more) => {
            let new = more.into_iter().filter(|error| !errors.contains(error));
            errors.extend(new.collect::<Vec<_>>());
            Err(Problem::invalid_fields(errors))
        }
    }
}

fn document(body: &[u8]) -> Result<Value, Problem> {
    let detail = "The body is no JSON, or an object in it has the same member twice.";
    json::parse(body).ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, detail))
}

/// The details of a new user from a document that was read before.
///
/// # Errors
/// Everything that is wrong in it.
pub fn details(document: Value) -> Result<Details, Vec<FieldError>> {
    let Value::Object(members) = document else {
        return Err(vec![FieldError::body("", "has to be a JSON object")]);
    };
    let input = UserInput::of(members);
    let mut errors: Vec<FieldError> = match input.validate() {
        Ok(()) => Vec::new(),
        Err(report) => report.iter().map(field_error).collect(),
    };
    errors.extend(unknown_of(&input));
    if !errors.is_empty() {
        return Err(errors);
    }
    // What the rules have passed is there and can be read.
    let details = || {
        Some(Details {
            name: input.name.value()?,
            email: Email::parse(&input.email.value()?).ok()?,
            identity: match input.identity.value() {
                None => None,
                Some(identity) => Some(Identity {
                    issuer: identity.issuer.value()?,
                    subject: identity.subject.value()?,
                }),
            },
        })
    };
    details().ok_or_else(Vec::new)
}

impl<T> Given<T> {
    fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Wrong => None,
        }
    }
}

/// A finding of `garde`. Its paths are names with a dot between two, and none of our names has one.
fn field_error((path, error): &(Path, garde::Error)) -> FieldError {
    let pointer = format!("/{}", path.to_string().replace('.', "/"));
    FieldError::body(pointer, error.message())
}

fn unknown_members(document: &Value) -> Vec<FieldError> {
    let members = document.as_object().cloned();
    unknown_of(&UserInput::of(members.unwrap_or_default()))
}

fn unknown_of(input: &UserInput) -> Vec<FieldError> {
    let of_user = input.unknown.keys().map(|name| ("", name));
    let of_identity = match &input.identity {
        Given::Value(identity) => Some(&identity.unknown),
        Given::Absent | Given::Wrong => None,
    };
    let of_identity = of_identity.into_iter().flat_map(Map::keys);
    let all = of_user.chain(of_identity.map(|name| ("/identity", name)));
    let told = all.take(UNKNOWN_MEMBERS_MAX);
    told.map(|(parent, name)| unknown(parent, name)).collect()
}

fn unknown(parent: &str, name: &str) -> FieldError {
    let detail = match parent.is_empty() && READ_ONLY.contains(&name) {
        true => "is written by the service only",
        false => "is not known here",
    };
    // RFC 6901 §3.
    let escaped = name.replace('~', "~0").replace('/', "~1");
    FieldError::body(format!("{parent}/{escaped}"), detail)
}

fn check_name(name: &Given<String>, (): &()) -> garde::Result {
    let name = text(name)?;
    match name.chars().count() {
        _ if name.trim().is_empty() => Err(garde::Error::new("is empty")),
        1..=NAME_CHARS_MAX => visible(name),
        _ => Err(too_long(NAME_CHARS_MAX)),
    }
}

fn check_email(email: &Given<String>, (): &()) -> garde::Result {
    Email::parse(text(email)?).map_err(garde::Error::new)?;
    Ok(())
}

fn check_issuer(issuer: &Given<String>, (): &()) -> garde::Result {
    check_id(issuer, ISSUER_CHARS_MAX)
}

fn check_subject(subject: &Given<String>, (): &()) -> garde::Result {
    check_id(subject, SUBJECT_CHARS_MAX)
}

fn check_id(id: &Given<String>, chars_max: usize) -> garde::Result {
    let id = text(id)?;
    match id.chars().count() {
        0 => Err(garde::Error::new("is empty")),
        chars if chars > chars_max => Err(too_long(chars_max)),
        _ => visible(id),
    }
}

fn text(given: &Given<String>) -> Result<&str, garde::Error> {
    match given {
        Given::Absent => Err(garde::Error::new("is missing")),
        Given::Wrong => Err(garde::Error::new("has to be a text")),
        Given::Value(text) => Ok(text),
    }
}

/// Control characters are in no name, and U+0000 is in no text of PostgreSQL.
fn visible(text: &str) -> garde::Result {
    match text.chars().any(char::is_control) {
        true => Err(garde::Error::new("has a control character")),
        false => Ok(()),
    }
}

fn too_long(chars_max: usize) -> garde::Error {
    garde::Error::new(format!("is longer than {chars_max} characters"))
}

#[cfg(test)]
#[expect(clippy::expect_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
