//! `dependencies.middleware` of a trigger.

use std::collections::BTreeSet;
use std::ops::Range;

use super::model::ConfigurationSet;
use super::reader::{Document, Table, Value};
use super::source::{self, Download, Source};
use crate::nearest::nearest;

/// The ways to name a middleware, each by the keys that make it up.
const FORMS: [&[&str]; 4] = [
    &["component"],
    &["path"],
    &["url", "digest"],
    &["package", "version", "registry"],
];

/// One entry, before its component is found or made.
pub(super) struct ReadMiddleware {
    pub(super) component: NamedBy,
    pub(super) inherit: BTreeSet<ConfigurationSet>,
    pub(super) line: usize,
    /// Where the component is named.
    pub(super) span: Range<usize>,
}

/// How an entry names its component.
pub(super) enum NamedBy {
    /// `{ component = "gate" }`.
    Id(String),
    /// `{ path = … }` and `{ url = …, digest = … }`: a component that is nothing but its file. With it,
    /// what it is called.
    File(String, Source),
}

/// Reads one entry of `dependencies.middleware`.
pub(super) fn read(
    document: &Document<'_>,
    item: &Value<'_>,
    trigger_id: &str,
) -> Option<ReadMiddleware> {
    let place = "an entry of `dependencies.middleware`";
    if let Some(text) = item.get_ref().as_str() {
        document.problem_with_help(
            &item.span(),
            format!("{place} is a table, and not a name"),
            format!("write {{ component = \"{text}\" }}"),
        );
        return None;
    }
    let entry = document.table(item, place)?;
    let inherit = read_inherit(document, &entry);
    let named = read_named(document, &entry, item, trigger_id);
    entry.finish();
    let (component, span) = named?;
    Some(ReadMiddleware {
        component,
        inherit,
        line: document.line(&item.span()),
        span,
    })
}

fn read_named(
    document: &Document<'_>,
    entry: &Table<'_, '_, '_, '_>,
    item: &Value<'_>,
    trigger_id: &str,
) -> Option<(NamedBy, Range<usize>)> {
    let place = "the middleware";
    // Every key is asked for, as each is a known one.
    let mut forms = FORMS
        .into_iter()
        .filter(|keys| keys.iter().filter(|key| entry.get(key).is_some()).count() > 0);
    let form = forms.next();
    if let (Some(first), Some(second)) = (form, forms.next()) {
        let name = |form: &[&str]| {
            form.iter()
                .find(|key| entry.key_span(key).is_some())
                .map_or_else(String::new, |key| format!("`{key}`"))
        };
        document.problem_with_help(
            &item.span(),
            format!(
                "{place} is named twice, by {} and by {}",
                name(first),
                name(second)
            ),
            "which one runs would be a guess: leave one of them",
        );
        return None;
    }
    match form {
        Some(["component"]) => {
            let span = entry.get("component")?.span();
            Some((NamedBy::Id(entry.string("component")?), span))
        }
        Some(["path"]) => {
            let span = entry.get("path")?.span();
            let text = entry.string("path")?;
            let path = source::file(document, &span, &text, &entry.place_of("path"))?;
            let id = format!("{trigger_id}: {text}");
            Some((NamedBy::File(id, Source::File(path)), span))
        }
        Some(["url", "digest"]) => {
            let download = source::download(document, entry, &item.span(), place)?;
            let id = download_id(trigger_id, &download);
            let span = entry.get("url")?.span();
            Some((NamedBy::File(id, Source::Download(download)), span))
        }
        Some(_) => {
            let unserved = source::package(entry, &item.span(), place);
            document.problem_with_help(&unserved.span, unserved.message, unserved.help);
            None
        }
        None => {
            document.problem_with_help(
                &item.span(),
                format!("{place} has no `component`, nor anything else that names one"),
                "name a component of the manifest, { component = \"…\" }, a file, { path = \"…\" }, or a \
                 download, { url = \"https://…\", digest = \"sha256:…\" }",
            );
            None
        }
    }
}

/// What a downloaded middleware is called. The digest is in it: of one address there may be two.
fn download_id(trigger_id: &str, download: &Download) -> String {
    format!("{trigger_id}: {} {}", download.shown(), download.digest())
}

/// `inherit_configuration`: true, false, or the names of sets.
fn read_inherit(
    document: &Document<'_>,
    entry: &Table<'_, '_, '_, '_>,
) -> BTreeSet<ConfigurationSet> {
    let Some(value) = entry.get("inherit_configuration") else {
        return BTreeSet::new();
    };
    if let Some(all) = value.get_ref().as_bool() {
        return ConfigurationSet::ALL.into_iter().filter(|_| all).collect();
    }
    let place = "`inherit_configuration`";
    let mut sets = BTreeSet::new();
    for (span, name) in document.spanned_strings(value, place) {
        match ConfigurationSet::ALL.iter().find(|set| set.name() == name) {
            Some(set) => {
                sets.insert(*set);
            }
            None => {
                let names = ConfigurationSet::ALL.map(ConfigurationSet::name);
                let help = match nearest(&name, names) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the sets are: {}", names.join(", ")),
                };
                document.problem_with_help(
                    &span,
                    format!(
                        "{place} has no set `{name}`; Spin ignores a name that it does not know, \
                         and the middleware would be denied what it needs"
                    ),
                    help,
                );
            }
        }
    }
    sets
}
