//! Fields that are removed because a client could pass for another request or somebody else with them
//! ([`doorward_traffic::spoofing`]): each is told once for the life of an instance, so that whoever misses one
//! finds out why, and nobody can fill the log.

use crate::log::{self, Level};
use doorward_traffic::spoofing::{Says, spoofing};
use std::cell::RefCell;

thread_local! {
    /// The entries that were told: no more than there are, and nothing of a request.
    static TOLD: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// Tells that a field of this name was removed, unless it is an ordinary one or was told before.
pub(crate) fn tell(name: &str) {
    let Some(found) = spoofing(name) else {
        return;
    };
    let is_new = TOLD.with(|told| {
        let mut told = told.borrow_mut();
        let is_new = !told.contains(&found.entry);
        if is_new {
            told.push(found.entry);
        }
        is_new
    });
    if !is_new {
        return;
    }
    let help = match found.says {
        Says::Method => {
            "a client asks for another method with it: a route without `methods` can let it through \
             with `override_headers`"
        }
        Says::Path => "a client asks for another path with it: no route could decide on that",
        Says::Prefix => {
            "it says what was taken off the path: only trusted proxies are believed, see \
             `trusted_hops` of `[proxy]`"
        }
        Says::Identity => {
            "it says who the caller is: `identity_headers` of `[proxy]` keeps it where it comes from \
             `trusted_networks`, and `[identity]` sets it"
        }
    };
    let family = if found.is_family { "*" } else { "" };
    let field = format_args!("{}{family}", found.entry);
    log::event(
        Level::Warn,
        "field-removed",
        &[("field", &field), ("help", &help)],
    );
}
