//! Finding the one credential of a request.

use doorward_syntax::field_name::same_when_folded;
use doorward_traffic::field_list::FieldList;

use super::error::CredentialError;
use super::place::CredentialPlace;
use super::{cookie, query};
use crate::api_keys::KeyPlace;
use crate::head::RequestHead;
use crate::policy::Policy;
use crate::token_from::{SourceId, TokenFrom, TokenSource};

/// What there is of credentials in a request, unread.
#[derive(Clone, Copy)]
pub(crate) enum Presented<'r> {
    Nothing,
    Authorization(&'r [u8]),
    /// What stands where a token is expected, and nothing else.
    Token(&'r [u8]),
    ApiKey(&'r [u8]),
}

/// The credential of a request, unread, and where it was.
pub(crate) struct Found<'r> {
    pub(crate) presented: Presented<'r>,
    pub(crate) place: CredentialPlace,
    /// Which source it was, if it is a token.
    pub(crate) source: SourceId,
}

/// Finds the one credential of a request: the API key in its place, or what is in the first of the sources
/// that there is.
pub(crate) fn find<'r>(
    head: &RequestHead<'r>,
    target: &'r str,
    policy: &Policy,
    from: TokenFrom,
) -> Result<Found<'r>, CredentialError> {
    let field = match head.authorization {
        [] => None,
        [field] => Some(field.as_slice()),
        fields => {
            return Err(CredentialError::Repeated {
                fields: fields.len(),
            });
        }
    };
    let key = match policy.key_place() {
        None => None,
        Some(KeyPlace::Header(_)) => match head.api_key {
            [] => None,
            [key] => Some((key.as_slice(), CredentialPlace::Header)),
            _ => return Err(CredentialError::RepeatedKey),
        },
        Some(KeyPlace::Query(name)) => query::find(target, name, CredentialError::RepeatedKey)?
            .map(|key| (key.as_bytes(), CredentialPlace::Query)),
    };
    if field.is_some() && key.is_some() {
        return Err(CredentialError::Two);
    }
    let token = if from == TokenFrom::AUTHORIZATION {
        field.map(|field| of_authorization(field, 0))
    } else {
        first(head, field, target, policy, from)?
    };
    match (token, key) {
        (Some(_), Some(_)) => Err(CredentialError::Two),
        (Some(token), None) => Ok(token),
        (None, key) => Ok(Found {
            presented: key.map_or(Presented::Nothing, |(key, _)| Presented::ApiKey(key)),
            place: key.map_or(CredentialPlace::Authorization, |(_, place)| place),
            source: 0,
        }),
    }
}

fn of_authorization(field: &[u8], source: SourceId) -> Found<'_> {
    Found {
        presented: Presented::Authorization(field),
        place: CredentialPlace::Authorization,
        source,
    }
}

/// What is in the first source that there is. Those after it are not looked at.
fn first<'r>(
    head: &RequestHead<'r>,
    field: Option<&'r [u8]>,
    target: &'r str,
    policy: &Policy,
    from: TokenFrom,
) -> Result<Option<Found<'r>>, CredentialError> {
    for source in from.iter() {
        let (token, place) = match policy.sources.get(source) {
            TokenSource::Authorization => match field {
                Some(field) => return Ok(Some(of_authorization(field, source))),
                None => continue,
            },
            TokenSource::Header(name) => (header(head.fields, name)?, CredentialPlace::Header),
            TokenSource::Cookie(name) => {
                (cookie::find(head.fields, name)?, CredentialPlace::Cookie)
            }
            TokenSource::Query(name) => {
                let place = CredentialPlace::Query;
                let value = query::find(target, name, CredentialError::RepeatedToken(place))?;
                (value.map(str::as_bytes), place)
            }
        };
        if let Some(token) = token {
            return Ok(Some(Found {
                presented: Presented::Token(token),
                place,
                source,
            }));
        }
    }
    Ok(None)
}

/// The value of the one field with this name. A field that an upstream could take for it is a second one.
fn header<'r>(fields: &'r FieldList, name: &str) -> Result<Option<&'r [u8]>, CredentialError> {
    let mut alike = fields
        .iter()
        .filter(|(field, _)| same_when_folded(field, name));
    let first = alike.next();
    if alike.next().is_some() {
        return Err(CredentialError::RepeatedToken(CredentialPlace::Header));
    }
    match first {
        None => Ok(None),
        Some((field, value)) if field.eq_ignore_ascii_case(name) => Ok(Some(value)),
        Some(_) => Err(CredentialError::TokenSpelling(CredentialPlace::Header)),
    }
}
