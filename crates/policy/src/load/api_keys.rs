//! `[api_keys]`

use doorward_token::UnixTime;
use doorward_token::api_key::{ApiKeyDigest, KeyRecord, KeyRecordError, SCOPE_BYTES_MAX};

use super::bounds::{API_KEYS_MAX, QUERY_NAME_BYTES_MAX};
use super::date;
use super::identity::check_name;
use super::values::{is_parameter, scope};
use crate::api_keys::{ApiKeys, KeyPlace};
use crate::finding::Code;
use crate::source::{Fields, Related, Source, shown};
use crate::value::Value;

/// The keys, and where in the file each of them is.
pub(super) struct ReadKeys {
    /// Where the table begins.
    pub(super) offset: usize,
    pub(super) api_keys: ApiKeys,
}

pub(super) fn read(source: &mut Source<'_>, root: Fields<'_, '_>) -> Option<ReadKeys> {
    let fields = source.table_of(root, "api_keys")?;
    let store = source.flag(fields, "store", true);
    let place = place(source, fields);
    let keys = keys(source, fields);
    if fields.get("key").is_none() && !store {
        let message = "there are no API keys: none is listed, and the store is not asked";
        let help = "add an `[[api_keys.key]]`, or leave out `store = false`";
        source.find_with(Code::MissingKey, fields.offset, &message, Some(&help), &[]);
    }
    source.finish(fields, "`api_keys`");
    Some(ReadKeys {
        offset: fields.offset,
        api_keys: ApiKeys { place, store, keys },
    })
}

fn place(source: &mut Source<'_>, fields: Fields<'_, '_>) -> Option<KeyPlace> {
    if let (Some(first), Some(second)) = (fields.key_offset("header"), fields.key_offset("query")) {
        let message = "`header` and `query` exclude each other: a key is in one place";
        let related: Related<'_> = &[(first.min(second), &"the other one is here")];
        let at = first.max(second);
        source.find_with(Code::Conflict, at, &message, Some(&"keep one"), related);
    }
    if let Some(name) = source.text(fields, "header") {
        check_name(source, name.value, name.offset, "the header of API keys");
        return Some(KeyPlace::Header(name.value.to_owned()));
    }
    let name = source.text(fields, "query")?;
    if !is_parameter(name.value) {
        let message = format_args!(
            "`{}` is no name for a parameter: up to {QUERY_NAME_BYTES_MAX} letters, digits, `-`, \
             `_`, `.` and `~`",
            shown(name.value)
        );
        source.find(Code::BadValue, name.offset, &message);
    }
    Some(KeyPlace::Query(name.value.to_owned()))
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
    let mut records: Vec<KeyRecord> = Vec::with_capacity(values.len());
    // Where the name and the id of each of them are.
    let mut offsets: Vec<(usize, usize)> = Vec::with_capacity(values.len());
    for value in values {
        let Some(fields) = fields.table(value) else {
            source.wrong_type(value, "an entry of `key`", "a table");
            continue;
        };
        let Some((record, name_offset, id_offset)) = key(source, fields) else {
            continue;
        };
        let same = records.iter().position(|other| other.name == record.name);
        if let Some((other, _)) = same.and_then(|place| offsets.get(place)) {
            let message = format_args!("two API keys have the name `{}`", shown(&record.name));
            let help = "whoever sees the name cannot tell them apart; it is good for replacing one \
                        by the other";
            let other: Related<'_> = &[(*other, &"the other one")];
            let code = Code::SharedKeyName;
            source.find_with(code, name_offset, &message, Some(&help), other);
        }
        match records.binary_search_by(|other| other.id.cmp(&record.id)) {
            Ok(place) => {
                let message = format_args!("two API keys have the id `{}`", shown(&record.id));
                let other = offsets.get(place).map_or(0, |(_, id)| *id);
                let other: Related<'_> = &[(other, &"the other one")];
                source.find_with(Code::Conflict, id_offset, &message, None, other);
            }
            Err(place) => {
                records.insert(place, record);
                offsets.insert(place, (name_offset, id_offset));
            }
        }
    }
    records
}

/// A key of the list, and where its name and its id are.
fn key(source: &mut Source<'_>, fields: Fields<'_, '_>) -> Option<(KeyRecord, usize, usize)> {
    const WHAT: &str = "the API key";
    const HELP: &str = "`doorward key new` prints the whole table";
    let name = source.needed(fields, "name", WHAT, HELP);
    let id = source.needed(fields, "id", WHAT, HELP);
    let hash = source.needed(fields, "hash", WHAT, HELP);
    let scopes = match fields.get("scope") {
        Some(value) => scope(source, value, SCOPE_BYTES_MAX),
        None => Vec::new(),
    };
    let expires_at = date::read(source, fields, "expires");
    source.finish(fields, WHAT);
    let (name, id, hash) = (name?, id?, hash?);
    let Some(digest) = ApiKeyDigest::parse(hash.value) else {
        // It may be the key itself, so it is not repeated.
        not_printed(source, "hash", hash.offset);
        return None;
    };
    let record = KeyRecord {
        id: id.value.to_owned(),
        name: name.value.to_owned(),
        digest,
        scopes,
        created_at: UnixTime(0),
        expires_at,
    };
    // What it says of scopes was found already.
    match record.check() {
        Err(KeyRecordError::Member { name: "id" }) => not_printed(source, "id", id.offset),
        Err(KeyRecordError::Member { name: "name" }) => not_printed(source, "name", name.offset),
        _ => {}
    }
    Some((record, name.offset, id.offset))
}

fn not_printed(source: &mut Source<'_>, key: &'static str, offset: usize) {
    let message = format_args!("this is not the `{key}` of an API key");
    let help = "write it as `doorward key new` prints it; the key itself has no place in this file";
    source.find_with(Code::BadValue, offset, &message, Some(&help), &[]);
}
