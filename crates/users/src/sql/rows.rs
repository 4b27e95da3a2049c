//! Rows as what they mean, and the other way round.

use doorward_service::database::{Row, Value};
use doorward_service::rows::{id, number, optional_text, text};

use crate::email::Email;
use crate::outbox::{Event, Happened, Waiting};
use crate::store::{KeptAnswer, Page, StoreError, Taken};
use crate::user::{Details, Identity, User};

/// The columns of a user, in the order of [`user`] and [`values`].
pub const USER_COLUMNS: &str = "id, name, email, issuer, subject, created_at, updated_at, version";

/// A user as parameters.
pub fn values(user: &User) -> Vec<Value> {
    let identity = user.details.identity.as_ref();
    vec![
        user.id.into(),
        user.details.name.as_str().into(),
        user.details.email.as_str().into(),
        identity.map(|identity| identity.issuer.as_str()).into(),
        identity.map(|identity| identity.subject.as_str()).into(),
        user.created_at_ms.into(),
        user.updated_at_ms.into(),
        user.version.into(),
    ]
}

/// The id of a user and what no other one may have: e-mail address, issuer and subject.
pub fn unique_values(user: &User) -> Vec<Value> {
    let identity = user.details.identity.as_ref();
    vec![
        user.id.into(),
        user.details.email.as_str().into(),
        identity.map(|identity| identity.issuer.as_str()).into(),
        identity.map(|identity| identity.subject.as_str()).into(),
    ]
}

/// The user of the first row, if there is one.
pub fn first_user(rows: Vec<Row>) -> Result<Option<User>, StoreError> {
    rows.into_iter().next().map(user).transpose()
}

/// All users of the rows.
pub fn users(rows: Vec<Row>) -> Result<Vec<User>, StoreError> {
    rows.into_iter().map(user).collect()
}

/// A page, of rows that have the total number before the columns of a user, which are `NULL` where the page is empty.
pub fn page(rows: Vec<Row>) -> Result<Page, StoreError> {
    let mut page = Page {
        users: Vec::new(),
        total: 0,
    };
    for mut row in rows {
        if row.is_empty() {
            return Err(StoreError::Unreadable("an empty row"));
        }
        page.total = number(Some(row.remove(0)))?;
        if row.first() != Some(&Value::Null) {
            page.users.push(user(row)?);
        }
    }
    Ok(page)
}

/// The answer that was kept, if there is one: `fingerprint, user_id, answer, expires_at`.
pub fn first_answer(rows: Vec<Row>) -> Result<Option<KeptAnswer>, StoreError> {
    let Some(row) = rows.into_iter().next() else {
        return Ok(None);
    };
    let mut values = row.into_iter();
    Ok(Some(KeptAnswer {
        fingerprint: text(values.next())?,
        user_id: id(values.next())?,
        body: optional_text(values.next())?,
        expires_at_ms: number(values.next())?,
    }))
}

/// What is taken, of a row with two truths.
pub fn taken(rows: Vec<Row>) -> Result<Taken, StoreError> {
    let mut values = rows.into_iter().next().unwrap_or_default().into_iter();
    Ok(Taken {
        email: number(values.next())? != 0,
        identity: number(values.next())? != 0,
    })
}

/// Events that wait: `position, failures, happened, at` and the columns of a user.
pub fn waiting(rows: Vec<Row>) -> Result<Vec<Waiting>, StoreError> {
    let waiting = |mut row: Row| {
        if row.len() < 4 {
            return Err(StoreError::Unreadable("a short row"));
        }
        let rest = row.split_off(4);
        let mut values = row.into_iter();
        Ok(Waiting {
            position: number(values.next())?,
            failures: u32::try_from(number(values.next())?).unwrap_or(u32::MAX),
            event: Event {
                happened: happened(&text(values.next())?, rest)?,
                at_ms: number(values.next())?,
            },
        })
    };
    rows.into_iter().map(waiting).collect()
}

/// What happened, by the word that migrations have for it.
fn happened(word: &str, columns: Row) -> Result<Happened, StoreError> {
    match word {
        "created" => Ok(Happened::Created(user(columns)?)),
        "changed" => Ok(Happened::Changed(user(columns)?)),
        "deleted" => Ok(Happened::Deleted {
            id: id(columns.first().cloned())?,
            version: number(columns.last().cloned())?,
        }),
        _ => Err(StoreError::Unreadable("an event")),
    }
}

fn user(row: Row) -> Result<User, StoreError> {
    let mut values = row.into_iter();
    let id = id(values.next())?;
    let name = text(values.next())?;
    let email = Email::kept(text(values.next())?);
    let issuer = optional_text(values.next())?;
    let subject = optional_text(values.next())?;
    let identity = issuer
        .zip(subject)
        .map(|(issuer, subject)| Identity { issuer, subject });
    Ok(User {
        id,
        details: Details {
            name,
            email,
            identity,
        },
        created_at_ms: number(values.next())?,
        updated_at_ms: number(values.next())?,
        version: number(values.next())?,
    })
}
