//! `token_from` of one table: where tokens are looked for, or from where those of an issuer are believed

use doorward_syntax::tokens::is_tchar;

use super::bounds::COOKIE_NAME_BYTES_MAX;
use super::identity::check_name;
use super::values::is_parameter;
use crate::finding::Code;
use crate::source::{At, Fields, Source, shown, suggestion};
use crate::token_from::{TOKEN_SOURCES_MAX, TokenSource};

/// The key, in a route, in `[defaults]` and in an issuer.
pub(super) const KEY: &str = "token_from";

/// The sources that a table lists.
pub(super) struct ReadSources {
    /// Where the list is.
    pub(super) offset: usize,
    pub(super) sources: Vec<TokenSource>,
    /// Where each of them is.
    pub(super) offsets: Vec<usize>,
}

impl ReadSources {
    pub(super) fn has(&self, wanted: &TokenSource) -> bool {
        self.sources.contains(wanted)
    }
}

/// Those of a table; `None` where it lists none.
pub(super) fn read(source: &mut Source<'_>, fields: Fields<'_, '_>) -> Option<ReadSources> {
    let value = fields.get(KEY)?;
    let entries = source.strings(value, "`token_from`", TOKEN_SOURCES_MAX);
    let mut read = ReadSources {
        offset: value.offset,
        sources: Vec::new(),
        offsets: Vec::new(),
    };
    for text in entries.unwrap_or_default() {
        if let Some(one) = one(source, text) {
            read.sources.push(one);
            read.offsets.push(text.offset);
        }
    }
    // What is wrong with it was found, and says nothing about the rest.
    (!read.sources.is_empty()).then_some(read)
}

fn one(source: &mut Source<'_>, text: At<&str>) -> Option<TokenSource> {
    let offset = text.offset;
    let bad = |source: &mut Source<'_>, what: &str| {
        let message = format_args!("`{}` is no {what}", shown(text.value));
        source.find(Code::BadValue, offset, &message);
        None
    };
    match text.value.split_once(':') {
        None if text.value == "authorization" => Some(TokenSource::Authorization),
        Some(("header", name)) => {
            check_name(source, name, offset, "the header of a token");
            Some(TokenSource::Header(name.to_owned()))
        }
        // RFC 6265 section 4.1.1.
        Some(("cookie", name)) => {
            let good =
                (1..=COOKIE_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_tchar);
            if !good {
                return bad(source, "cookie: a name of up to 64 characters of a token");
            }
            Some(TokenSource::Cookie(name.to_owned()))
        }
        Some(("query", name)) => {
            if !is_parameter(name) {
                return bad(
                    source,
                    "parameter: a name of up to 64 letters, digits, `-`, `_`, `.` and `~`",
                );
            }
            Some(TokenSource::Query(name.to_owned()))
        }
        _ => {
            let known = ["authorization", "header:NAME", "cookie:NAME", "query:NAME"];
            let help = suggestion(text.value, &known, &"there are");
            let message = format_args!("a token cannot be in `{}`", shown(text.value));
            source.find_with(Code::BadValue, offset, &message, Some(&help), &[]);
            None
        }
    }
}
