//! What is done with users.

use doorward_service::caller::Caller;
use doorward_service::media::JSON;
use doorward_service::problem::{FieldError, Problem};
use http::{Request, Response, StatusCode};

use super::parts::{Moment, Refusal, check_body};
use super::response;
use super::route::{Action, Version};
use crate::access;
use crate::conditions::{changed_meanwhile, check_change, check_if_match, etag};
use crate::cursor::{cursor, place};
use crate::idempotency::Once;
use crate::input::{changed_user, new_user};
use crate::merge_patch::MERGE_PATCH;
use crate::operations::{self, Outcome, Which};
use crate::problem::{unavailable, unsupported_patch};
use crate::query::{ListQuery, PageQuery};
use crate::store::{Change, Store, Taken};
use crate::user::User;

/// A request of somebody.
pub struct Asked<'r> {
    pub request: &'r Request<Vec<u8>>,
    pub version: Version,
    pub caller: Caller,
    pub moment: Moment,
}

impl Asked<'_> {
    /// What can be said without the store: what this caller may never do, and what is in no right request.
    pub fn check(&self, action: Action) -> Result<(), Problem> {
        let is_allowed = match action {
            Action::List | Action::Search => access::may_list(&self.caller),
            Action::Create | Action::Delete(_) => access::may_write(&self.caller),
            // It depends on the user.
            Action::Get(_) | Action::Change(_) => true,
        };
        if !is_allowed {
            return Err(Problem::forbidden());
        }
        match action {
            Action::Create => check_body(self.request, JSON, not_json()),
            Action::Change(_) => check_body(self.request, MERGE_PATCH, unsupported_patch()),
            Action::List | Action::Search | Action::Get(_) | Action::Delete(_) => Ok(()),
        }
    }

    /// Does what is asked for.
    pub async fn answer<S: Store>(
        &self,
        action: Action,
        store: &S,
    ) -> Result<Response<String>, Refusal> {
        match action {
            Action::List => self.list(store).await,
            Action::Search => self.search(store).await,
            Action::Create => self.create(store).await,
            Action::Get(which) => self.get(which, store).await,
            Action::Change(which) => self.change(which, store).await,
            Action::Delete(which) => self.delete(which, store).await,
        }
    }

    async fn list<S: Store>(&self, store: &S) -> Result<Response<String>, Refusal> {
        let query = PageQuery::parse(self.request.uri().query().unwrap_or_default())?;
        let page = store.page(query.offset(), query.limit).await?;
        Ok(response::page(&page, query))
    }

    async fn search<S: Store>(&self, store: &S) -> Result<Response<String>, Refusal> {
        let (query, given) = ListQuery::parse(self.request.uri().query().unwrap_or_default())?;
        let secret = store.cursor_secret().await?;
        let after = match &given {
            None => None,
            Some(given) => Some(place(given, &query, &secret).ok_or_else(no_cursor)?),
        };
        let part = operations::part(store, &query, after.as_ref()).await?;
        let next = part.next.map(|next| cursor(&next, &query, &secret));
        Ok(response::list(&part.users, &query, next.as_deref()))
    }

    async fn get<S: Store>(&self, which: Which, store: &S) -> Result<Response<String>, Refusal> {
        let user = operations::get(store, &self.caller, which).await?;
        check_if_match(self.request.headers(), &etag(user.id, user.version))?;
        Ok(response::user(&user, self.request.headers()))
    }

    async fn create<S: Store>(&self, store: &S) -> Result<Response<String>, Refusal> {
        let body = self.request.body();
        let once = Once::of(
            self.request.headers(),
            &self.caller.identity,
            self.request.method().as_str(),
            self.request.uri().path(),
            body,
        )?;
        let details = new_user(body)?;
        let user = User::new(details, self.moment.now_ms, &self.moment.random);
        let shown = response::user_body(&user);
        match operations::create(store, &user, once.as_ref(), shown).await? {
            Outcome::Created { id, answer } => Ok(response::created(self.version, id, answer)),
            Outcome::OtherBody => Err(other_body().into()),
            Outcome::Deleted => Err(deleted_since().into()),
            Outcome::Running => Err(still_running().into()),
            Outcome::Taken(taken) => Err(conflict(taken).into()),
        }
    }

    async fn change<S: Store>(&self, which: Which, store: &S) -> Result<Response<String>, Refusal> {
        let user = operations::find(store, &self.caller, which).await?;
        if !access::may_begin_change(&self.caller, user.as_ref()) && which != Which::Me {
            return Err(Problem::forbidden().into());
        }
        let before = user.ok_or_else(Problem::not_found)?;
        check_change(self.request.headers(), &etag(before.id, before.version))?;
        let details = changed_user(&before.details, self.request.body())?;
        if !access::may_change(&self.caller, &before, &details) {
            return Err(Problem::forbidden().into());
        }
        if details == before.details {
            return Ok(self.changed(&before));
        }
        let user = before.changed(details, self.moment.now_ms);
        match store.change(&user).await? {
            Change::Changed => Ok(self.changed(&user)),
            Change::Stale => Err(changed_meanwhile().into()),
            Change::Taken(taken) => Err(conflict(taken).into()),
        }
    }

    /// A user after a change, as far as the caller may read it.
    fn changed(&self, user: &User) -> Response<String> {
        match access::may_read(&self.caller, Some(user)) {
            true => response::changed(user),
            false => response::changed_unseen(user),
        }
    }

    async fn delete<S: Store>(&self, which: Which, store: &S) -> Result<Response<String>, Refusal> {
        let user = operations::find(store, &self.caller, which).await?;
        let user = user.ok_or_else(Problem::not_found)?;
        check_change(self.request.headers(), &etag(user.id, user.version))?;
        match store.delete(user.id, user.version).await? {
            true => Ok(response::deleted()),
            false => Err(changed_meanwhile().into()),
        }
    }
}

fn no_cursor() -> Problem {
    let detail = "is none that was made for this order and these filters";
    Problem::invalid_query(vec![FieldError::query("cursor", detail)])
}

fn other_body() -> Problem {
    let detail = "This Idempotency-Key came before, with another body.";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

fn deleted_since() -> Problem {
    let detail = "The user that this Idempotency-Key created was deleted.";
    Problem::new(StatusCode::GONE, detail)
}

fn still_running() -> Problem {
    let detail = "A request with this Idempotency-Key is under way.";
    Problem::new(StatusCode::CONFLICT, detail).to_be_tried_again()
}

/// Another user has it already.
fn conflict(taken: Taken) -> Problem {
    let errors = taken.errors();
    // It was another user's, who is gone by now.
    if errors.is_empty() {
        return unavailable();
    }
    let detail = "Another user has what only one may have: each entry of `errors` says what.";
    Problem::new(StatusCode::CONFLICT, detail).with_errors(errors)
}

fn not_json() -> Problem {
    let detail = "A user has the Content-Type application/json.";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
}
