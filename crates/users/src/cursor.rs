//! Where a list goes on: opaque to clients, and refused where one has changed it.
//!
//! A cursor is the place after which the list goes on, with a MAC over it and the question it belongs to. So it is good
//! for that question only, and nobody can make one.

use doorward_syntax::base64url;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

use crate::query::ListQuery;

/// Longest cursor, in characters: a name of 200 characters of four bytes, an id and a MAC, in base64url.
pub const CURSOR_CHARS_MAX: usize = 1200;
/// How many bytes of the MAC there are. Whoever guesses one sees a part of a list that they may see anyway.
const MAC_BYTES: usize = 16;
/// What else is ever signed by the same key begins otherwise.
const PURPOSE: &[u8] = b"doorward users cursor 1";

/// A place in a list: that of the last user of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What the list is sorted by. Empty where that is the id.
    pub key: String,
    /// The user.
    pub id: Uuid,
}

/// The cursor for this place in the list that was asked for.
pub fn cursor(place: &Place, query: &ListQuery, secret: &str) -> String {
    let mut bytes = place.id.as_bytes().to_vec();
    bytes.extend_from_slice(place.key.as_bytes());
    if let Some(mac) = mac(&bytes, query, secret) {
        let mac = mac.finalize().into_bytes();
        bytes.extend(mac.iter().take(MAC_BYTES));
    }
    base64url::encode(&bytes)
}

/// The place that a cursor stands for. None where it is not one that was made for this question.
pub fn place(cursor: &str, query: &ListQuery, secret: &str) -> Option<Place> {
    if cursor.len() > CURSOR_CHARS_MAX {
        return None;
    }
    let bytes = base64url::decode(cursor.as_bytes())?;
    let (told, its_mac) = bytes.split_last_chunk::<MAC_BYTES>()?;
    // In constant time.
    mac(told, query, secret)?
        .verify_truncated_left(its_mac)
        .ok()?;
    let (id, key) = told.split_first_chunk::<16>()?;
    Some(Place {
        key: String::from_utf8(key.to_vec()).ok()?,
        id: Uuid::from_bytes(*id),
    })
}

fn mac(place: &[u8], query: &ListQuery, secret: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    let question = query.question();
    let parts = [PURPOSE, place]
        .into_iter()
        .chain(question.iter().map(|part| part.as_bytes()));
    for part in parts {
        // With its length, so that no two lists of parts look alike.
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(part);
    }
    Some(mac)
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests")]
mod tests {
    use super::{Place, cursor, place};
    use crate::query::ListQuery;
    use uuid::Uuid;

    #[test]
    fn a_cursor_is_good_for_the_list_that_it_was_made_for() {
        let query = ListQuery::parse("sort=name").expect("it is right").0;
        let last = Place {
            key: "Ada".to_owned(),
            id: Uuid::from_u128(7),
        };
        let made = cursor(&last, &query, "secret");
        assert_eq!(place(&made, &query, "secret"), Some(last));
        for other in [
            "",
            "sort=-name",
            "sort=name&name=Ada",
            "sort=name&email=ada@example.com",
        ] {
            let other = ListQuery::parse(other).expect("it is right").0;
            assert_eq!(place(&made, &other, "secret"), None, "{other:?}");
        }
        assert_eq!(place(&made, &query, "another secret"), None);
        let longer = ListQuery::parse("sort=name&limit=7")
            .expect("it is right")
            .0;
        assert!(
            place(&made, &longer, "secret").is_some(),
            "pages may have any length"
        );
    }

    #[test]
    fn what_somebody_has_changed_is_no_cursor() {
        let query = ListQuery::parse("").expect("it is right").0;
        let last = Place {
            key: String::new(),
            id: Uuid::from_u128(7),
        };
        let made = cursor(&last, &query, "secret");
        for at in 0..made.len() {
            let letter = made.get(at..=at).expect("a letter");
            let other = if letter == "A" { "B" } else { "A" };
            let mut changed = made.clone();
            changed.replace_range(at..=at, other);
            assert_eq!(place(&changed, &query, "secret"), None, "{changed}");
        }
        let longest = "A".repeat(1201);
        for text in ["", "A", "AAAA", "%", "not/base64url", &made[1..], &longest] {
            assert_eq!(place(text, &query, "secret"), None, "{text}");
        }
    }
}
