//! `doorward.users.v1.UsersService`.

use doorward_service::problem::FieldError;
use doorward_service_spin::{now_ms, random};
use doorward_users::access;
use doorward_users::conditions::etag;
use doorward_users::cursor::Place;
use doorward_users::grpc::refusal::Refusal;
use doorward_users::idempotency::{Once, answer_of, text_of};
use doorward_users::input::details;
use doorward_users::operations::{self, Outcome, Which};
use doorward_users::query::{Filters, LIMIT_MAX, ListQuery, SortKey};
use doorward_users::store::StoreError;
use doorward_users::user;
use doorward_users_spin::{nudge_outbox, open_store};
use futures::stream::{Stream, try_unfold};
use http::Method;
use prost::Message as _;
use prost_types::Timestamp;
use serde_json::json;

use crate::pb::users::{
    CreateUserRequest, GetUserRequest, Identity, ListUsersRequest, Order, User,
};
use crate::wire::{Call, Incoming, Messages, framed};

/// How it is called.
pub const SERVICE: &str = "doorward.users.v1.UsersService";
/// The path of calls that create, to which their keys belong.
const CREATE_PATH: &str = "/doorward.users.v1.UsersService/CreateUser";

/// Answers a call of a method.
pub async fn answer(method: &str, call: &Call, incoming: Incoming) -> Result<Messages, Refusal> {
    match method {
        "GetUser" => Ok(Messages::one(&get(call, incoming.single().await?).await?)),
        "ListUsers" => list(call, incoming.single().await?).await,
        "CreateUser" => Ok(Messages::one(
            &create(call, incoming.single().await?).await?,
        )),
        _ => Err(Refusal::NoMethod),
    }
}

async fn get(call: &Call, request: GetUserRequest) -> Result<User, Refusal> {
    let caller = call.caller()?;
    let Some(which) = Which::of(&request.id) else {
        let error = FieldError::query("id", "is neither a UUID nor `me`");
        return Err(Refusal::Invalid(vec![error]));
    };
    let store = open_store().await?;
    let user = operations::get(&store, &caller, which).await?;
    Ok(message(&user))
}

async fn list(call: &Call, request: ListUsersRequest) -> Result<Messages, Refusal> {
    if !access::may_list(&call.caller()?) {
        return Err(Refusal::Forbidden);
    }
    let left = match usize::try_from(request.limit) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(limit) => limit,
    };
    let query = query(request)?;
    Ok(Messages::many(users(Listing {
        query,
        after: None,
        left,
    })))
}

/// A list under way.
struct Listing {
    query: ListQuery,
    /// After which user it goes on.
    after: Option<Place>,
    /// How many users it may have yet.
    left: usize,
}

/// A part of the list after the other, each when the one before is gone: so no more than one is in memory. Each opens the
/// store anew, so that a client who reads slowly keeps no connection from others.
fn users(listing: Listing) -> impl Stream<Item = Result<Vec<u8>, Refusal>> {
    try_unfold(Some(listing), |listing| async {
        let Some(mut listing) = listing else {
            return Ok(None);
        };
        let store = open_store().await?;
        let after = listing.after.as_ref();
        let part = operations::part(&store, &listing.query, after).await?;
        drop(store);
        let users: Vec<_> = part.users.iter().take(listing.left).map(message).collect();
        listing.left -= users.len();
        listing.after = part.next;
        let has_more = listing.after.is_some() && listing.left > 0;
        Ok(Some((framed(&users), has_more.then_some(listing))))
    })
}

fn query(request: ListUsersRequest) -> Result<ListQuery, Refusal> {
    let mut errors = Vec::new();
    let sort = match request.order() {
        Order::Unspecified | Order::CreatedAt => SortKey::Created,
        Order::Name => SortKey::Name,
        Order::Email => SortKey::Email,
    };
    if Order::try_from(request.order).is_err() {
        errors.push(FieldError::query("order", "is not known here"));
    }
    let limit = match u64::from(request.limit) {
        0 => LIMIT_MAX,
        limit => limit.min(LIMIT_MAX),
    };
    let order = (sort, request.descending);
    let filters = Filters {
        name: request.name,
        email: request.email,
        issuer: request.issuer,
        subject: request.subject,
    };
    let query = ListQuery::of(limit, order, filters, |name, detail| {
        errors.push(FieldError::query(name, detail));
    });
    match errors.is_empty() {
        true => Ok(query),
        false => Err(Refusal::Invalid(errors)),
    }
}

async fn create(call: &Call, request: CreateUserRequest) -> Result<User, Refusal> {
    let caller = call.caller()?;
    if !access::may_write(&caller) {
        return Err(Refusal::Forbidden);
    }
    let once = Once::of(
        &call.headers,
        &caller.identity,
        Method::POST.as_str(),
        CREATE_PATH,
        // As we would write it: the same message may be written in several ways.
        &request.encode_to_vec(),
    );
    let once = once.map_err(|_| Refusal::NoKey)?;
    let identity = request.identity.as_ref();
    let identity =
        identity.map(|identity| json!({ "issuer": identity.issuer, "subject": identity.subject }));
    let document = json!({ "name": request.name, "email": request.email, "identity": identity });
    let details = details(document).map_err(Refusal::Invalid)?;
    let (now_ms, random) = (now_ms(), random());
    let user = user::User::new(details, now_ms, &random);
    let answer = text_of(&message(&user).encode_to_vec());
    let store = open_store().await?;
    match operations::create(&store, &user, once.as_ref(), answer).await? {
        Outcome::Created { answer, .. } => {
            nudge_outbox(true, &call.headers);
            kept(&answer)
        }
        Outcome::OtherBody => Err(Refusal::OtherBody),
        Outcome::Deleted => Err(Refusal::Deleted),
        Outcome::Running => Err(Refusal::Running),
        Outcome::Taken(taken) => Err(Refusal::Taken(taken)),
    }
}

/// The answer that was kept.
fn kept(answer: &str) -> Result<User, Refusal> {
    let read = answer_of(answer).and_then(|bytes| User::decode(bytes.as_slice()).ok());
    read.ok_or(Refusal::Store(StoreError::Unreadable("an answer")))
}

/// A user as a client sees it.
fn message(user: &user::User) -> User {
    let details = &user.details;
    let identity = details.identity.as_ref().map(|identity| Identity {
        issuer: identity.issuer.clone(),
        subject: identity.subject.clone(),
    });
    User {
        id: user.id.to_string(),
        name: details.name.clone(),
        email: details.email.as_str().to_owned(),
        identity,
        created_at: Some(timestamp(user.created_at_ms)),
        updated_at: Some(timestamp(user.updated_at_ms)),
        etag: etag(user.id, user.version),
    }
}

fn timestamp(ms: u64) -> Timestamp {
    Timestamp {
        seconds: i64::try_from(ms / 1000).unwrap_or(i64::MAX),
        // Below 1,000,000,000.
        nanos: i32::try_from(ms % 1000).unwrap_or_default() * 1_000_000,
    }
}
