//! Which caches keep an answer that is one caller's (RFC 9111).
//!
//! A cache that several callers share keeps no answer to a request with `Authorization`, unless the answer says that
//! it may (section 3.5). Of a credential in a cookie, in a field of its own or in the query it knows nothing, and would
//! hand the answer to the next one who asks: so such an answer says that it is private.
//!
//! 1. `public` and `s-maxage` go, and a `private` that is meant for some fields only; all else stays.
//! 2. What is kept nowhere is left as it is: `no-store` says more than `private`, but with `must-understand`, which
//!    lets some caches leave it aside (section 5.2.2.3).
//! 3. The fields go in which shared caches look instead of `Cache-Control`: those of RFC 9213 and of its predecessors.

use crate::field_list::{FieldList, is_field};

const CACHE_CONTROL: &str = "cache-control";
/// How the fields of RFC 9213 end, those of single vendors too.
const TARGETED: &str = "cdn-cache-control";
/// What shared caches heeded before that.
const BEFORE: [&str; 3] = ["edge-control", "surrogate-control", "x-accel-expires"];

/// Who says whether caches that several callers share may keep an answer to a request whose credential is not in
/// `Authorization`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SharedCache {
    /// Nobody: they may not.
    #[default]
    Never,
    /// The one that answers, where it says `public` or `s-maxage`. Otherwise they may not.
    Origin,
}

/// Makes the answer with these fields one that only the caller's own cache keeps.
pub fn keep_private(fields: &mut FieldList, who_says: SharedCache) {
    let mut left = b"private".to_vec();
    let (mut is_shared, mut is_kept, mut may_be_kept) = (false, true, false);
    for value in fields.values(CACHE_CONTROL) {
        for directive in directives(&value) {
            match &*name(directive) {
                b"public" | b"s-maxage" => is_shared = true,
                b"private" | b"" => {}
                other => {
                    is_kept &= other != b"no-store";
                    may_be_kept |= other == b"must-understand";
                    left.extend_from_slice(b", ");
                    left.extend_from_slice(directive);
                }
            }
        }
    }
    if is_shared && who_says == SharedCache::Origin {
        return;
    }
    fields.retain(|name| {
        let end = name
            .len()
            .checked_sub(TARGETED.len())
            .and_then(|at| name.get(at..));
        !end.is_some_and(|end| is_field(end, TARGETED))
            && !BEFORE.iter().any(|before| is_field(name, before))
    });
    if is_kept || may_be_kept {
        fields.replace(CACHE_CONTROL, left);
    }
}

/// The directives of a value (RFC 9111 section 5.2). A comma within quotes ends none.
fn directives(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut is_quoted = false;
    let ends = move |byte: &u8| {
        is_quoted ^= *byte == b'"';
        *byte == b',' && !is_quoted
    };
    value.split(ends).map(<[u8]>::trim_ascii)
}

/// The name of a directive, in lower case.
fn name(directive: &[u8]) -> Vec<u8> {
    let name = directive.split(|&byte| byte == b'=').next();
    name.unwrap_or_default().trim_ascii().to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
