//! `[issuer.NAME.logout]`

use super::bounds::CLIENT_IDS_MAX;
use super::values::{client_id, one_path};
use crate::finding::Code;
use crate::policy::Logout;
use crate::source::{At, Fields, Source};

const WHAT: &str = "`logout`";

/// `issuer` is the table of the issuer, which has `logout`. Also gives where the path is.
pub(super) fn read(
    source: &mut Source<'_>,
    issuer: Fields<'_, '_>,
    revocation: bool,
) -> Option<At<Logout>> {
    let fields = source.table_of(issuer, "logout")?;
    if !revocation {
        let message = "`logout` needs `[revocation]`: nothing else remembers who has logged out";
        let help = "add `[revocation]`, if only that line";
        source.find_with(Code::MissingKey, fields.offset, &message, Some(&help), &[]);
    }
    let help = "add the path that the issuer posts to";
    let path = source.needed(fields, "path", WHAT, help);
    if let Some(path) = path {
        one_path(source, "`path` of `logout`", path);
    }
    let help = "add whom the issuer sends its logout tokens: the clients that log people in";
    source.is_there(fields, "client_id", WHAT, help);
    let ids = fields.get("client_id");
    let ids = ids.and_then(|value| source.strings(value, "`client_id`", CLIENT_IDS_MAX));
    let mut client_ids = Vec::new();
    for id in ids.unwrap_or_default() {
        client_ids.push(client_id(source, id));
    }
    source.finish(fields, WHAT);
    let At { offset, value } = path?;
    let path = value.to_owned();
    let value = Logout { path, client_ids };
    Some(At { offset, value })
}
