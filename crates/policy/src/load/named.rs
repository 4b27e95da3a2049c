//! Tables of tables, each with a name of its own that routes use: `[upstream.NAME]` and its kind.

use super::bounds::TRAFFIC_NAME_BYTES_MAX;
use crate::finding::Code;
use crate::source::{At, Fields, Source, shown, suggestion};
use crate::traffic::Id;

/// What can be named, in the order of [`TableKind::ALL`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TableKind {
    Upstream,
    Cors,
    RateLimit,
    Limits,
    SecurityHeaders,
}

impl TableKind {
    pub(super) const ALL: [Self; 5] = [
        Self::Upstream,
        Self::Cors,
        Self::RateLimit,
        Self::Limits,
        Self::SecurityHeaders,
    ];

    /// The key of its table, and of routes that use one.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Cors => "cors",
            Self::RateLimit => "rate_limit",
            Self::Limits => "limits",
            Self::SecurityHeaders => "security_headers",
        }
    }

    pub(super) fn max(self) -> usize {
        match self {
            Self::Upstream => super::bounds::UPSTREAMS_MAX,
            _ => super::bounds::TRAFFIC_TABLES_MAX,
        }
    }
}

/// A table that has a name. One with errors keeps its name, so that routes which name it are not blamed
/// for it.
#[derive(Clone, Copy)]
pub(super) struct NamedTable<'t, 's> {
    pub(super) name: &'t str,
    pub(super) offset: usize,
    /// `None` where it is no table.
    pub(super) fields: Option<Fields<'t, 's>>,
}

/// The names of each kind.
pub(super) type Names<'t, 's> = [Vec<NamedTable<'t, 's>>; TableKind::ALL.len()];

pub(super) fn read<'t, 's>(source: &mut Source<'_>, root: Fields<'t, 's>) -> Names<'t, 's> {
    TableKind::ALL.map(|kind| of_kind(source, root, kind))
}

/// Those of one kind, in the order of their names. None where there are too many, so that every position
/// is an [`Id`].
fn of_kind<'t, 's>(
    source: &mut Source<'_>,
    root: Fields<'t, 's>,
    kind: TableKind,
) -> Vec<NamedTable<'t, 's>> {
    let key = kind.key();
    let Some(value) = root.get(key) else {
        return Vec::new();
    };
    let Some(table) = root.table(value) else {
        let what = format!("`{key}`");
        source.wrong_type(value, &what, "a table for each name");
        return Vec::new();
    };
    if table.entries.len() > kind.max() {
        let max = kind.max();
        let message = format_args!("there are more than {max} tables `{key}.NAME`");
        source.find(Code::TooLarge, value.offset, &message);
        return Vec::new();
    }
    let mut entries = Vec::with_capacity(table.entries.len());
    for entry in table.entries {
        let (name, offset) = (entry.name.value.as_ref(), entry.name.offset);
        check_name(source, key, name, offset);
        let mut fields = table.table(&entry.value);
        match &mut fields {
            Some(fields) => fields.offset = offset,
            None => {
                let what = format!("`{key}.{}`", shown(name));
                source.wrong_type(&entry.value, &what, "a table");
            }
        }
        entries.push(NamedTable {
            name,
            offset,
            fields,
        });
    }
    entries
}

fn check_name(source: &mut Source<'_>, key: &str, name: &str, offset: usize) {
    let good = (1..=TRAFFIC_NAME_BYTES_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !good {
        let message = format_args!(
            "`{}` is no name for `{key}`: use up to {TRAFFIC_NAME_BYTES_MAX} letters, digits, `-` and \
             `_`",
            shown(name)
        );
        source.find(Code::BadValue, offset, &message);
    }
}

/// The position of what is named.
pub(super) fn find(
    source: &mut Source<'_>,
    names: &Names<'_, '_>,
    kind: TableKind,
    text: At<&str>,
) -> Option<Id> {
    let entries = names.get(kind as usize)?;
    if let Some(place) = entries.iter().position(|entry| entry.name == text.value) {
        return Id::try_from(place).ok();
    }
    let key = kind.key();
    let known: Vec<&str> = entries.iter().map(|entry| entry.name).collect();
    let help = if known.is_empty() {
        format!("add `[{key}.NAME]`")
    } else {
        suggestion(text.value, &known, &"there are")
    };
    let message = format_args!("there is no `{key}.{}`", shown(text.value));
    source.find_with(Code::UnknownName, text.offset, &message, Some(&help), &[]);
    None
}
