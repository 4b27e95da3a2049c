//! `[api_keys]`

use doorward_token::UnixTime;
use doorward_token::api_key::{KeyDigest, KeyRecord, KeyRecordError, SCOPE_BYTES_MAX};

use super::identity::check_name;
use super::route::scope;
use super::{API_KEYS_MAX, QUERY_NAME_BYTES_MAX, date};
use crate::api_keys::{ApiKeys, KeyPlace};
use crate::document::Value;
use crate::finding::Code;
use crate::source::{At, Fields, Related, Source, shown};

/// The keys, and where in the file each of them is.
pub(super) struct ReadKeys {
    /// Where the table begins.
    pub(super) offset: usize,
    pub(super) api_keys: ApiKeys,
}

pub(super) fn read(source: &mut Source<'_>, root: Fields<'_, '_>) -> Option<ReadKeys> {
    let fields = source.table_of(root, "api_keys")?;
    source.check_keys(fields, &["header", "key", "query", "store"], "`api_keys`");
    let store = match fields.get("store") {
        Some(value) => source.boolean(value, "`store`").unwrap_or(true),
        None => true,
    };
    let place = place(source, fields);
    let keys = keys(source, fields);
    if fields.get("key").is_none() && !store {
        let message = "there are no API keys: none is listed, and the store is not asked";
        let help = "add an `[[api_keys.key]]`, or leave out `store = false`";
        source.find_with(Code::MissingKey, fields.offset, &message, Some(&help), &[]);
    }
    Some(ReadKeys {
        offset: fields.offset,
        api_keys: ApiKeys { place, store, keys },
    })
}

fn place(source: &mut Source<'_>, fields: Fields<'_, '_>) -> Option<KeyPlace> {
    let header = fields.get("header");
    let query = fields.get("query");
    if let (Some(first), Some(second)) = (fields.key_offset("header"), fields.key_offset("query")) {
        let message = "`header` and `query` exclude each other: a key is in one place";
        let related: Related<'_> = &[(first.min(second), &"the other one is here")];
        let at = first.max(second);
        source.find_with(Code::Conflict, at, &message, Some(&"keep one"), related);
        return None;
    }
    if let Some(value) = header {
        let name = source.string(value, "`header`")?;
        return check_name(source, name.value, name.offset, "the header of API keys")
            .then(|| KeyPlace::Header(name.value.to_owned()));
    }
    let name = source.string(query?, "`query`")?;
    let good = (1..=QUERY_NAME_BYTES_MAX).contains(&name.value.len())
        && name
            .value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
    if !good {
        let message = format_args!(
            "`{}` is no name for a parameter: up to {QUERY_NAME_BYTES_MAX} letters, digits, `-`, \
             `_`, `.` and `~`",
            shown(name.value)
        );
        source.find(Code::BadValue, name.offset, &message);
        return None;
    }
    Some(KeyPlace::Query(name.value.to_owned()))
}

/// A key of the list, with the places of what must not be there twice.
struct Listed {
    record: KeyRecord,
    id_offset: usize,
    name_offset: usize,
}

fn keys(source: &mut Source<'_>, fields: Fields<'_, '_>) -> Vec<KeyRecord> {
    let Some(value) = fields.get("key") else {
        return Vec::new();
    };
    let Value::Array { values, .. } = &value.value else {
        source.wrong_type(
            value,
            "`key`",
            "a list of tables, each under `[[api_keys.key]]`",
        );
        return Vec::new();
    };
    if values.len() > API_KEYS_MAX {
        let message = format_args!("there are more than {API_KEYS_MAX} API keys");
        source.find(Code::TooLarge, value.offset, &message);
        return Vec::new();
    }
    let mut listed = Vec::with_capacity(values.len());
    for value in values {
        match fields.table(value) {
            Some(fields) => listed.extend(key(source, fields)),
            None => source.wrong_type(value, "an entry of `key`", "a table"),
        }
    }
    listed.sort_by(|a, b| (&a.record.name, a.name_offset).cmp(&(&b.record.name, b.name_offset)));
    for pair in listed.windows(2) {
        if let [a, b] = pair
            && a.record.name == b.record.name
        {
            let message = format_args!("two API keys have the name `{}`", shown(&b.record.name));
            let help = "whoever sees the name cannot tell them apart; it is good for replacing one \
                        by the other";
            let other: Related<'_> = &[(a.name_offset, &"the other one")];
            let code = Code::SharedKeyName;
            source.find_with(code, b.name_offset, &message, Some(&help), other);
        }
    }
    listed.sort_by(|a, b| (&a.record.id, a.id_offset).cmp(&(&b.record.id, b.id_offset)));
    for pair in listed.windows(2) {
        if let [a, b] = pair
            && a.record.id == b.record.id
        {
            let message = format_args!("two API keys have the id `{}`", shown(&b.record.id));
            let other: Related<'_> = &[(a.id_offset, &"the other one")];
            source.find_with(Code::Conflict, b.id_offset, &message, None, other);
        }
    }
    listed.into_iter().map(|listed| listed.record).collect()
}

fn key(source: &mut Source<'_>, fields: Fields<'_, '_>) -> Option<Listed> {
    const KEYS: [&str; 5] = ["expires", "hash", "id", "name", "scope"];
    source.check_keys(fields, &KEYS, "an API key");
    let name = needed(source, fields, "name");
    let name = name.filter(|name| {
        let good = KeyRecord::is_name(name.value);
        if !good {
            let message = format_args!(
                "`{}` is no name for an API key: printable ASCII without spaces and `:`",
                shown(name.value)
            );
            source.find(Code::BadValue, name.offset, &message);
        }
        good
    });
    let id = needed(source, fields, "id");
    let digest = needed(source, fields, "hash").and_then(|hash| {
        let digest = KeyDigest::parse(hash.value);
        if digest.is_none() {
            // It may be the key itself, so it is not repeated.
            let message = "`hash` is not the hash of an API key";
            let help = "`sha256:…`, as `doorward key new` prints it; the key itself has no place in \
                        this file";
            source.find_with(Code::BadValue, hash.offset, &message, Some(&help), &[]);
        }
        digest
    });
    let scopes = match fields.get("scope") {
        Some(value) => scope(source, value, SCOPE_BYTES_MAX),
        None => Vec::new(),
    };
    let expires_at = match fields.get("expires") {
        Some(value) => date::read(source, value, "`expires`").map(Some),
        None => Some(None),
    };
    let (name, id) = (name?, id?);
    let record = KeyRecord {
        id: id.value.to_owned(),
        name: name.value.to_owned(),
        digest: digest?,
        scopes,
        created_at: UnixTime(0),
        expires_at: expires_at?,
    };
    // All else was looked at already.
    if let Err(KeyRecordError::Member { name: "id" }) = record.check() {
        let message = "`id` is not the id of an API key";
        let help = "as `doorward key new` prints it; the key itself has no place in this file";
        source.find_with(Code::BadValue, id.offset, &message, Some(&help), &[]);
        return None;
    }
    Some(Listed {
        record,
        id_offset: id.offset,
        name_offset: name.offset,
    })
}

fn needed<'t>(source: &mut Source<'_>, fields: Fields<'t, '_>, key: &str) -> Option<At<&'t str>> {
    let Some(value) = fields.get(key) else {
        let message = format_args!("the API key has no `{key}`");
        let help = "`doorward key new` prints the whole table";
        source.find_with(Code::MissingKey, fields.offset, &message, Some(&help), &[]);
        return None;
    };
    source.string(value, &format!("`{key}`"))
}
