//! The statement of a list: parts that are written here, put together. What a client says is a parameter of it.

use doorward_service::database::Value;

use super::rows::USER_COLUMNS;
use crate::cursor::Place;
use crate::email::Email;
use crate::query::{ListQuery, SortKey};

/// The statement, whose parameters have this sign before their numbers, and the parameters. One user more than a page has
/// tells whether there is another page.
pub fn statement(sign: char, query: &ListQuery, after: Option<&Place>) -> (String, Vec<Value>) {
    let mut given: Vec<Value> = Vec::new();
    let mut conditions: Vec<String> = Vec::new();
    let mut parameter = |value: Value| {
        given.push(value);
        format!("{sign}{}", given.len())
    };
    for (column, value) in [
        ("name", query.name.as_deref()),
        ("email", query.email.as_ref().map(Email::as_str)),
        ("issuer", query.issuer.as_deref()),
        ("subject", query.subject.as_deref()),
    ] {
        if let Some(value) = value {
            conditions.push(format!("{column} = {}", parameter(value.into())));
        }
    }
    let (order, beyond) = match query.is_descending {
        false => ("ASC", '>'),
        true => ("DESC", '<'),
    };
    let key = match query.sort {
        SortKey::Created => None,
        SortKey::Name => Some("name"),
        SortKey::Email => Some("email"),
    };
    if let Some(place) = after {
        conditions.push(match key {
            None => format!("id {beyond} {}", parameter(place.id.into())),
            Some(key) => format!(
                "({key}, id) {beyond} ({}, {})",
                parameter(place.key.as_str().into()),
                parameter(place.id.into())
            ),
        });
    }
    let limit = parameter(query.limit.saturating_add(1).into());
    let condition = match conditions.is_empty() {
        true => String::new(),
        false => format!("WHERE {}", conditions.join(" AND ")),
    };
    let sorted = match key {
        None => format!("id {order}"),
        Some(key) => format!("{key} {order}, id {order}"),
    };
    let statement =
        format!("SELECT {USER_COLUMNS} FROM users {condition} ORDER BY {sorted} LIMIT {limit}");
    (statement, given)
}
