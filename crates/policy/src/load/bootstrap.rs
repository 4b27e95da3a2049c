//! `[bundle]`

use doorward_syntax::url::check_url;
use doorward_token::bundle::{
    APPLICATION_BYTES_MAX, BUNDLE_KEYS_MAX, BundleKeys, SEQUENCE_MAX, is_application,
};

use super::bounds::{BUNDLE_REFRESH_S_MAX, BUNDLE_REFRESH_S_MIN};
use super::store;
use crate::bootstrap::{BUNDLE_MINIMUM_DEFAULT, BUNDLE_REFRESH_S_DEFAULT, Bootstrap};
use crate::finding::Code;
use crate::source::{At, Fields, Source, shown};

const KEY: &str = "bundle";
const WHAT: &str = "`bundle`";

/// What a file says of where its policy is fetched; `None` where it says nothing of that.
pub(super) fn mounted(source: &mut Source<'_>, root: Fields<'_, '_>) -> Option<Option<Bootstrap>> {
    root.get(KEY).map(|_| read(source, root))
}

/// Whether something that has to be a policy says where one is fetched, which is found then.
pub(super) fn is_there(source: &mut Source<'_>, root: Fields<'_, '_>) -> bool {
    let Some(offset) = root.key_offset(KEY) else {
        return false;
    };
    if root
        .get(KEY)
        .is_some_and(|value| root.table(value).is_some())
    {
        let message =
            "`[bundle]` says where a policy is fetched, and this has to be the policy itself";
        let help = "name the policy that is signed; `[bundle]` is in the file that is mounted into the component, alone";
        source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
    }
    let _ = read(source, root);
    true
}

fn read(source: &mut Source<'_>, root: Fields<'_, '_>) -> Option<Bootstrap> {
    for entry in root.entries {
        if entry.name.value != KEY {
            let message = format_args!(
                "`{}` is beside `[bundle]`, where nothing else can be",
                shown(&entry.name.value)
            );
            let help = "the policy that is fetched has everything else: move it there";
            let offset = entry.name.offset;
            source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
        }
    }
    let fields = source.table_of(root, KEY)?;
    let url = url(source, fields);
    let application = application(source, fields);
    let keys = keys(source, fields);
    let refresh_s = source.seconds(
        fields,
        "refresh_s",
        BUNDLE_REFRESH_S_MIN..=BUNDLE_REFRESH_S_MAX,
        BUNDLE_REFRESH_S_DEFAULT,
    );
    let minimum = source.number(fields, "minimum", 1..=SEQUENCE_MAX, BUNDLE_MINIMUM_DEFAULT);
    let store = store::label(source, fields, "store");
    source.finish(fields, WHAT);
    let (keys, keys_count) = keys?;
    Some(Bootstrap {
        url: url?,
        application: application?,
        keys,
        keys_count,
        refresh_s,
        minimum,
        store,
    })
}

fn url(source: &mut Source<'_>, fields: Fields<'_, '_>) -> Option<String> {
    let help = "say where the signed policy is: `url = \"https://policies.example/shop.jws\"`";
    let url = source.needed(fields, "url", WHAT, help)?;
    if let Err(error) = check_url(url.value) {
        let message = format_args!("`url` of `bundle` {error}");
        source.find(Code::BadUrl, url.offset, &message);
    }
    Some(url.value.to_owned())
}

fn application(source: &mut Source<'_>, fields: Fields<'_, '_>) -> Option<String> {
    let help =
        "say whose policy it is: `application = \"shop\"`, as `doorward bundle sign` is told";
    let name = source.needed(fields, "application", WHAT, help)?;
    if !is_application(name.value) {
        let message = format_args!(
            "`{}` is no name for an application: use up to {APPLICATION_BYTES_MAX} letters, digits, `-`, `_` and `.`",
            shown(name.value)
        );
        source.find(Code::BadValue, name.offset, &message);
    }
    Some(name.value.to_owned())
}

fn keys(source: &mut Source<'_>, fields: Fields<'_, '_>) -> Option<(BundleKeys, usize)> {
    let help =
        "say whose signature it has to have: `keys = [\"…\"]`, as `doorward bundle key` prints it";
    if !source.is_there(fields, "keys", WHAT, help) {
        return None;
    }
    let value = fields.get("keys")?;
    let listed = source.strings(value, "`keys`", BUNDLE_KEYS_MAX)?;
    let texts: Vec<&str> = listed.iter().map(|At { value, .. }| *value).collect();
    match BundleKeys::new(&texts) {
        Ok(keys) => Some((keys, texts.len())),
        Err((place, error)) => {
            let offset = listed.get(place).map_or(value.offset, |key| key.offset);
            let message = format_args!("an entry of `keys` {error}");
            let help = "`doorward bundle key` prints it; it is also the member `x` of a JWK";
            source.find_with(Code::BadValue, offset, &message, Some(&help), &[]);
            None
        }
    }
}
