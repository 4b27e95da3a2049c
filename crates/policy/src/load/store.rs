//! `[store]` and `[revocation]`

use super::bounds::{
    STORE_NAME_BYTES_MAX, STORE_REFRESH_S_MAX, STORE_REFRESH_S_MIN, STORE_STALE_IF_ERROR_S_MAX,
    TOKEN_LIFETIME_MAX_S_MAX, TOKEN_LIFETIME_MAX_S_MIN,
};
use crate::finding::Code;
use crate::source::{Fields, Source, shown};
use crate::store::{RevocationRule, STORE_NAME_DEFAULT, StoreRule, TOKEN_LIFETIME_MAX_S_DEFAULT};

pub(super) fn store(source: &mut Source<'_>, root: Fields<'_, '_>) -> StoreRule {
    let mut rule = StoreRule::default();
    let Some(fields) = source.table_of(root, "store") else {
        return rule;
    };
    rule.name = label(source, fields, "name");
    let refresh_s = STORE_REFRESH_S_MIN..=STORE_REFRESH_S_MAX;
    rule.refresh_s = source.seconds(fields, "refresh_s", refresh_s, rule.refresh_s);
    let stale_s = 0..=STORE_STALE_IF_ERROR_S_MAX;
    rule.stale_if_error_s =
        source.seconds(fields, "stale_if_error_s", stale_s, rule.stale_if_error_s);
    source.finish(fields, "`store`");
    rule
}

/// The label of a store under a key; the one of all components where there is none.
pub(super) fn label(source: &mut Source<'_>, fields: Fields<'_, '_>, key: &'static str) -> String {
    let Some(name) = source.text(fields, key) else {
        return STORE_NAME_DEFAULT.to_owned();
    };
    let good = (1..=STORE_NAME_BYTES_MAX).contains(&name.value.len())
        && name
            .value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !good {
        let message = format_args!(
            "`{}` is no name for a store: use up to {STORE_NAME_BYTES_MAX} letters, digits, `-` and `_`",
            shown(name.value)
        );
        source.find(Code::BadValue, name.offset, &message);
    }
    name.value.to_owned()
}

pub(super) fn revocation(source: &mut Source<'_>, root: Fields<'_, '_>) -> Option<RevocationRule> {
    let fields = source.table_of(root, "revocation")?;
    let token_lifetime_max_s = source.seconds(
        fields,
        "token_lifetime_max_s",
        TOKEN_LIFETIME_MAX_S_MIN..=TOKEN_LIFETIME_MAX_S_MAX,
        TOKEN_LIFETIME_MAX_S_DEFAULT,
    );
    source.finish(fields, "`revocation`");
    Some(RevocationRule {
        token_lifetime_max_s,
    })
}
