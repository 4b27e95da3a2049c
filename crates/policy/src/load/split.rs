//! `[route.split]`

use doorward_syntax::tokens::is_tchar;
use doorward_traffic::split::{Split, SplitKey};
use doorward_traffic::upstream::UpstreamId;

use super::bounds::{COOKIE_NAME_BYTES_MAX, FIELD_VALUE_BYTES_MAX};
use super::fields;
use super::named::{self, Names, TableKind};
use crate::finding::Code;
use crate::source::{At, Fields, Source, shown};

const WHAT: &str = "`split`";

/// `upstream`: that of the route, where it is known.
pub(super) fn read(
    source: &mut Source<'_>,
    route: Fields<'_, '_>,
    names: &Names<'_, '_>,
    upstream: Option<UpstreamId>,
) -> Option<Split> {
    let fields = source.table_of(route, "split")?;
    let percent = source.number(fields, "percent", 0..=100, 0);
    let by = match source.choice(fields, "by", &["subject", "client"]) {
        0 => SplitKey::Subject,
        _ => SplitKey::Client,
    };
    let header = pair(source, fields, "header");
    if let Some((name, value)) = header {
        fields::name(source, name);
        fields::value(source, value);
    }
    let cookie = pair(source, fields, "cookie");
    if let Some((name, value)) = cookie {
        check_cookie(source, name, value);
    }
    let fallback = source.flag(fields, "fallback", false);
    let to = source.needed(fields, "to", WHAT, "name the second upstream");
    source.finish(fields, WHAT);
    let to = to?;
    let id = named::find(source, names, TableKind::Upstream, to)?;
    if Some(id) == upstream {
        let message = "`to` is the upstream of the route already";
        let help = "name the other one, or leave `split` out";
        source.find_with(Code::Conflict, to.offset, &message, Some(&help), &[]);
    }
    let owned =
        |(name, value): (At<&str>, At<&str>)| (name.value.to_owned(), value.value.to_owned());
    Some(Split {
        to: id,
        percent: u8::try_from(percent).unwrap_or_default(),
        by,
        header: header.map(owned),
        cookie: cookie.map(owned),
        fallback,
    })
}

/// A table with `name` and `value`.
fn pair<'t>(
    source: &mut Source<'_>,
    split: Fields<'t, '_>,
    key: &'static str,
) -> Option<(At<&'t str>, At<&'t str>)> {
    let fields = source.table_of(split, key)?;
    let what = format!("`{key}`");
    let help = "say which one, and with which value, goes to the second upstream";
    let name = source.needed(fields, "name", &what, help);
    let value = source.needed(fields, "value", &what, help);
    source.finish(fields, &what);
    Some((name?, value?))
}

/// RFC 6265 section 4.1.1: `cookie-name` and `cookie-octet`.
fn check_cookie(source: &mut Source<'_>, name: At<&str>, value: At<&str>) {
    let good =
        (1..=COOKIE_NAME_BYTES_MAX).contains(&name.value.len()) && name.value.bytes().all(is_tchar);
    if !good {
        let message = format_args!("`{}` is no name of a cookie", shown(name.value));
        source.find(Code::BadValue, name.offset, &message);
    }
    let good = value.value.len() <= FIELD_VALUE_BYTES_MAX
        && value
            .value
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte));
    if !good {
        let message = "this is no value of a cookie: printable ASCII without spaces, `\"`, `,`, `;` \
                       and `\\`";
        source.find(Code::BadValue, value.offset, &message);
    }
}
